"""How the desk speaks of subscriptions: of ways, forms, sections and topics; of what someone changed."""

from collections import ChainMap
from collections.abc import Mapping
from functools import lru_cache

from django.conf import settings

from dateline.desk import topics
from dateline.desk.subscribers import Wishes, room
from dateline.desk.widgets import known_sections
from dateline.news.agency import Section
from dateline.wire import store

WAYS = {
    "pull": "Pull: the subscriber asks", "webhook": "Webhook", "mail": "E-mail", "sftp": "SFTP",
    "ftps": "FTP with TLS", "ftp": "FTP, in the clear", "s3": "S3", "folder": "A folder of this server",
}  # fmt: skip
SHORT = {**WAYS, "pull": "Pull", "ftp": "FTP", "folder": "Folder"}
FORMS = {
    "": "The way’s own: ninjs 3.1; text in a mail", "ninjs": "ninjs 3.1", "ninjs-2.2": "ninjs 2.2",
    "ninjs-1.6": "ninjs 1.6", "newsml-g2": "NewsML-G2 2.35", "nitf": "NITF", "text": "Plain text",
    "iptc7901": "IPTC 7901",
}  # fmt: skip
# What each way needs besides its address, in the order of the form.
OPTIONS = {
    "sftp": ("password", "host_key"), "ftps": ("password",), "ftp": ("password",),
    "s3": ("key", "secret", "endpoint_url", "region"),
}  # fmt: skip
SECRETS = ("password", "key", "secret")
# So many of the latest dispatches say which sections the wire has; older ones are typed.
_LATEST = 300


def sections_at_hand() -> dict[str, str]:
    """Return the sections to pick from, by slug: the settings', the desk's, and those of the latest dispatches."""
    found = dict(_on_the_wire(store.head_seq())) | {Section.named(name).slug: name for name in known_sections()}
    return dict(sorted(found.items(), key=lambda pair: pair[1].casefold()))


# Reading them takes longer than all else that the list of subscribers shows; with the same head they are the same.
@lru_cache(maxsize=1)
def _on_the_wire(head: int) -> tuple[tuple[str, str], ...]:
    rows = store.read_rows(max(0, head - _LATEST), _LATEST)
    return tuple((heading.slug, heading.name) for row in rows if (heading := row.news.heading) is not None)


@lru_cache(maxsize=1)
def _topics() -> dict[str, str]:
    return {code: topic.name for code, topic in topics.vocabulary().items()}


def names(sections: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return the names of topics by code, and of sections by slug."""
    own = {Section.named(name).slug: name for name in settings.AGENCY.sections} if sections is None else sections
    return ChainMap(dict(own), _topics())


def nothing() -> Wishes:
    """Return the wishes of a subscription that says nothing: what a new one is compared with, for the history."""
    wishes: Wishes = room().wishes(
        contact="", sections=(), topics=(), languages=(), urgency=9, embargoed=False, archive=False, headlines=False,
        way="", address="", options={}, form="", begins="", ends="",
    )  # fmt: skip
    return wishes


def changes(before: Wishes, after: Wishes, server: str) -> str:
    """Return what differs, for the history: never a secret, nor the path of an address, which can be one."""
    said = [
        f"{label}: {_said(getattr(after, field))}"
        for field, label in _FIELDS.items()
        if getattr(before, field) != getattr(after, field)
    ]
    if before.way != after.way:
        said.append(f"way: {SHORT[after.way]}")
    if (before.way, before.address) != (after.way, after.address) and server:
        said.append(f"goes to another address at {server}")
    for name in OPTIONS.get(after.way, ()):
        typed, had = after.options.get(name, ""), before.options.get(name, "")
        if name in SECRETS and typed:
            said.append(f"{name}: a new one")
        elif name not in SECRETS and typed != had:
            said.append(f"{name}: {'changed' if typed else 'none'}")
    return "; ".join(said)


_FIELDS = {
    "contact": "contact", "sections": "sections", "topics": "topics", "languages": "languages", "urgency": "urgency",
    "embargoed": "entitled to embargoed items", "archive": "archive items", "headlines": "headlines only",
    "form": "form", "begins": "from", "ends": "until",
}  # fmt: skip


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(map(str, value)) or "all") if isinstance(value, tuple) else str(value) or "none"
