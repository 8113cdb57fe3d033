"""What a subscriber asks of the hub (W3C WebSub, section 5.1): read and judged, purely."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec
from yarl import URL

from dateline.delivery.endpoint import check_address
from dateline.delivery.errors import BadEndpoint, DeliveryError

MODES = ("subscribe", "unsubscribe")
# How long a subscription lasts where nothing else is asked for: ten days, the specification's own example. Shorter
# than five minutes is a mistake; after thirty days a subscriber shows that it is still there.
_LEASE_S, _SHORTEST_S, _LONGEST_S = 10 * 86_400, 300, 30 * 86_400
# Section 5.1: "less than 200 bytes in length".
_SECRET_BYTES = 200
# Longer addresses fail in clients and proxies anyway.
_ADDRESS_CHARS = 2048
_FEED = re.compile(r"/(?:sections/[^/]+/)?feed\.(?:atom|rss|json)")


class BadHubRequest(DeliveryError):
    """The hub cannot do what it was asked; the sentence is the answer's body."""

    code = "bad-hub-request"


class Asked(msgspec.Struct, frozen=True):
    """A request: `callback` and `topic` as they came, `path` the feed's, `lease_s` within bounds.

    `sent`: the ETag of the content that the subscriber may have seen when it asked.
    """

    mode: str
    callback: str
    topic: str
    path: str
    lease_s: int = _LEASE_S
    secret: str = ""
    sent: str = ""

    @property
    def host(self) -> str:
        """The callback's host: what subscriptions are counted by."""
        return host_of(self.callback)


def host_of(callback: str) -> str:
    """Return an address's host, as the client that asks it (`post`) reads it. Raises ValueError where it reads none."""
    return (URL(callback).raw_host or "").rstrip(".")


def read_asked(fields: Mapping[str, str], url: str) -> Asked:
    """Return what a form asks of the hub of the newsfeed at `url`. Raises BadHubRequest with a sentence."""
    mode = fields.get("hub.mode", "")
    if mode not in MODES:
        raise BadHubRequest(
            "hub.mode is subscribe or unsubscribe; what is published the hub hears from the wire itself.", mode
        )
    callback, topic = fields.get("hub.callback", ""), fields.get("hub.topic", "")
    _check_callback(callback)
    secret = fields.get("hub.secret", "")
    if len(secret.encode()) >= _SECRET_BYTES:
        raise BadHubRequest("hub.secret has 199 bytes at most.")
    return Asked(
        mode=mode, callback=callback, topic=topic, path=_path(topic, url),
        lease_s=_lease(fields.get("hub.lease_seconds", "")), secret=secret,
    )  # fmt: skip


def _check_callback(callback: str) -> None:
    if not callback:
        raise BadHubRequest("hub.callback is missing: the https address that the feed is posted to.")
    if len(callback) > _ADDRESS_CHARS or not callback.isascii() or not callback.isprintable() or " " in callback:
        raise BadHubRequest(f"hub.callback is an address of {_ADDRESS_CHARS} ASCII characters at most, without spaces.")
    try:
        check_address(callback)
        host_of(callback)  # as the client that will ask it reads it, or not
    except BadEndpoint as error:
        raise BadHubRequest(f"hub.callback: {error}", callback) from error
    except ValueError as error:
        raise BadHubRequest(
            f"{callback!r} is no callback; it is an https address without a password, such as "
            "https://reader.example.org/websub.", callback
        ) from error  # fmt: skip
    if "#" in callback:
        raise BadHubRequest("hub.callback has no fragment (#…).", callback)


def _path(topic: str, url: str) -> str:
    path = unquote(topic.removeprefix(url)) if topic.startswith(url + "/") else ""
    if len(topic) > _ADDRESS_CHARS or not topic.isprintable() or not _FEED.fullmatch(path):
        raise BadHubRequest(
            f"hub.topic is the address of one of our feeds: {url}/feed.atom, feed.rss or feed.json, or a section's.",
            topic,
        )
    return path


def _lease(text: str) -> int:
    if not text:
        return _LEASE_S
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise BadHubRequest("hub.lease_seconds is a whole number.", text)
    # Section 5.1: the hub may choose; what it chose stands in the verification.
    return min(max(int(text), _SHORTEST_S), _LONGEST_S)
