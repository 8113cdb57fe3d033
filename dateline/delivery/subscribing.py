"""Subscriptions: made, shown, paused, ended; their tokens, shown once and kept as digests."""

import base64
import hashlib
import secrets
from datetime import UTC, date, datetime, time, timedelta

import msgspec
from django.db import transaction

from dateline.delivery import store
from dateline.delivery.endpoint import check_address
from dateline.delivery.errors import DeliveryError, UnknownSubscription
from dateline.delivery.filter import Filter, wants
from dateline.delivery.store import Subscription
from dateline.news.agency import Agency
from dateline.news.codes import rfc3339
from dateline.wire import bell
from dateline.wire import store as wire
from dateline.wire.dispatch import Dispatch

_TOKEN_BYTES = 24
# Standard Webhooks 1.0, "Signature scheme": between 24 and 64 bytes.
_SECRET_BYTES = 32
_LOOK_BACK = timedelta(days=1)


def now_text() -> str:
    """Return the present instant as the room keeps it."""
    return rfc3339(datetime.now(UTC), micros=True)


def end_of_day(text: str, agency: Agency) -> str:
    """Return the end of a day in the agency's time zone, as an instant. Raises DeliveryError for what is no day."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise DeliveryError(f"{text!r} is not a day; write it as 2027-12-31.", text) from error
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=agency.zone)
    return rfc3339(midnight.astimezone(UTC), micros=True)


def subscribe(
    name: str, wanted: Filter, *, contact: str = "", url: str = "", headlines: bool = False, ends: str = "",
    from_start: bool = False,
) -> Subscription:  # fmt: skip
    """Make a subscription; it begins with the next dispatch, or with the first (`from_start`).

    Raises DeliveryError where the name is taken, BadEndpoint for an address that nothing is sent to.
    """
    name = " ".join(name.split())
    lists = {field: tuple(sorted(set(getattr(wanted, field)))) for field in ("sections", "topics", "languages")}
    wanted = msgspec.structs.replace(wanted, **lists)
    if not name:
        raise DeliveryError("A subscription needs a name: the subscriber's, as the desk knows it.")
    if url:
        check_address(url)
    with transaction.atomic():
        if store.subscriptions("name = ?", (name,)):
            raise DeliveryError(f"There is a subscription {name!r} already.", name)
        since = 0 if from_start else wire.head_seq()
        found = Subscription(
            id=0, name=name, contact=contact, stream=store.stream_of(wanted), since=since, ends=ends,
            headlines=int(headlines), url=url, secrets=_new_secret() if url else "", paused="", cursor=since, seen="",
            made=now_text(),
        )  # fmt: skip
        store.insert_subscription(found)
    bell.ring()
    return find(name)


def find(name: str) -> Subscription:
    """Return a subscription by its name. Raises UnknownSubscription."""
    found = store.subscriptions("name = ?", (name,))
    if not found:
        known = ", ".join(other.name for other in store.subscriptions()) or "none yet"
        raise UnknownSubscription(f"There is no subscription {name!r}. There are: {known}.", name)
    return found[0]


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def issue_token(found: Subscription, *, overlap: timedelta = timedelta(0)) -> str:
    """Return a new token, shown this once; the ones before it end after `overlap`."""
    token = f"dl_{secrets.token_urlsafe(_TOKEN_BYTES)}"
    with transaction.atomic():
        store.end_tokens(found.id, rfc3339(datetime.now(UTC) + overlap, micros=True))
        store.insert_token(found.id, digest_of(token), token[:7], now_text())
    return token


def revoke_tokens(found: Subscription) -> int:
    """End every token of a subscription at once; return how many."""
    with transaction.atomic():
        return store.end_tokens(found.id, now_text())


def digest_of(token: str) -> str:
    """Return what is kept of a token. 192 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def rotate_secret(found: Subscription) -> str:
    """Return a new signing secret; deliveries are signed with the one before it, too, until the next rotation."""
    secret = _new_secret()
    kept = " ".join([secret, *found.secrets.split()[:1]])
    with transaction.atomic():
        store.set_fields(found.id, secrets=kept)
    bell.ring()
    return secret


def pause(found: Subscription, why: str) -> None:
    """Send nothing until it is resumed; nothing is dropped."""
    with transaction.atomic():
        store.set_fields(found.id, paused=why or "paused by an operator")
    bell.ring()


def resume(found: Subscription) -> None:
    """Go on where it stopped."""
    with transaction.atomic():
        store.set_fields(found.id, paused="")
    bell.ring()


def send_again(found: Subscription, after: int) -> None:
    """Put a subscriber's cursor back, so that everything after a seq is sent once more, with the same keys."""
    with transaction.atomic():
        now = store.subscriptions("id = ?", (found.id,))[0]
        store.put_back(found.id, max(now.since, min(after, now.cursor)))
    bell.ring()


def would_have_matched(wanted: Filter, limit: int = 20) -> list[Dispatch]:
    """Return which dispatches of the last day a filter gets, the newest first, at most `limit`."""
    since = rfc3339(datetime.now(UTC) - _LOOK_BACK, micros=True)
    first = wire.sql().execute("SELECT min(seq) FROM wire_dispatch WHERE sent >= ?", (since,)).fetchone()[0]
    if first is None:
        return []
    found: list[Dispatch] = []
    got: set[str] = set()
    for row in wire.iterate(first - 1):
        if wants(wanted, row.act, row.news, has_it=row.uri in got):
            got.add(row.uri)
            found.append(row)
    return found[: -limit - 1 : -1]
