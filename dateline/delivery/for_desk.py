"""What the desk has of this room, by `settings.SUBSCRIBERS`: the desk says what it needs (`desk.subscribers.Room`) and
knows nothing of who answers; the answers are values.

A secret leaves this module once, when it is made.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from django.db import transaction

from dateline.delivery import ledger, standing, store, subscribing
from dateline.delivery.errors import BadEndpoint, UnknownSubscription
from dateline.delivery.filter import in_words
from dateline.delivery.ledger import Again, Holder, Kept, Receiver
from dateline.delivery.standing import Kind, Standing, kind_of, read_stalled, read_standings
from dateline.delivery.store import Subscription
from dateline.delivery.subscribing import Terms
from dateline.delivery.ways.choose import WEBHOOKS, scheme_of
from dateline.delivery.wishes import Wishes, server_of, terms_from, way_of, wishes_of
from dateline.wire.dispatch import Dispatch

_TROUBLE = (Kind.STALLED, Kind.FAILING)
_ORDER = {kind: place for place, kind in enumerate(Kind)}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as lists show it; instants are RFC 3339 or ''. `server`: where it goes, without its path.

    `kind` and `state`: how it does, as a word for machines and a sentence for people; `trouble`: it needs someone.
    """

    id: int
    name: str
    contact: str
    way: str
    server: str
    gets: str
    headlines: bool
    kind: str
    state: str
    trouble: bool
    waits: str
    waits_since: str
    failures: str
    cursor: int
    seen: str
    tokens: int
    used: str
    paused: str


class Token(msgspec.Struct, frozen=True):
    """A token that was given: how it begins, when it was made, ends and was used last (RFC 3339, or '')."""

    hint: str
    made: str
    ends: str
    used: str
    is_valid: bool


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page of one subscription shows, without any secret."""

    line: Line
    wishes: Wishes
    tokens: list[Token]
    secrets: int
    since: int
    made: str
    last_success: str
    first_waiting: int


class Made(msgspec.Struct, frozen=True):
    """A subscription that was made, with its secrets, this once; `secret` '' where its way has none."""

    id: int
    token: str
    secret: str


class Stalled(msgspec.Struct, frozen=True):
    """A subscription that has stalled, and how."""

    id: int
    name: str
    state: str


def _line(found: Standing, now: datetime, names: Mapping[str, str]) -> Line:
    one, kind = found.subscription, kind_of(found, now)
    return Line(
        id=one.id, name=one.name, contact=one.contact, way=way_of(one.url), server=server_of(one.url),
        gets=in_words(found.wanted, names), headlines=bool(one.headlines), kind=kind,
        state=standing.in_words(found, now), trouble=kind in _TROUBLE,
        waits=standing.number(found.waits, standing.MOST_WAITING) if found.waits else "",
        waits_since=found.sent if found.waits else "",
        failures=standing.number(found.failures, standing.MOST_FAILURES) if found.failures else "",
        cursor=one.cursor, seen=one.seen, tokens=found.tokens, used=found.used, paused=one.paused,
    )  # fmt: skip


def lines(names: Mapping[str, str]) -> Sequence[Line]:
    """Return every subscription, those first who need someone, then by name; `names` as in `filter.in_words`."""
    now = datetime.now(UTC)
    found = [_line(one, now, names) for one in read_standings(now)]
    return sorted(found, key=lambda line: _ORDER[Kind(line.kind)])


def stalled() -> Sequence[Stalled]:
    """Return who has stalled, by name (`standing.kind_of`)."""
    now = datetime.now(UTC)
    return [
        Stalled(one.subscription.id, one.subscription.name, standing.in_words(one, now)) for one in read_stalled(now)
    ]


def _find(key: int) -> Subscription:
    for found in store.subscriptions("id = ?", (key,)):
        return found
    raise UnknownSubscription("There is no such subscription; the list of subscribers has them all.", key)


def details(key: int, names: Mapping[str, str]) -> Details:
    """Return all about one. Raises UnknownSubscription."""
    found, now = _find(key), datetime.now(UTC)
    facts, at = read_standings(now, "s.id = ?", (key,))[0], subscribing.now_text()
    return Details(
        line=_line(facts, now, names), wishes=wishes_of(found),
        tokens=[Token(*row, is_valid=not row[2] or row[2] > at) for row in store.read_tokens(key)],
        secrets=len(found.secrets.split()) if scheme_of(found.url) in WEBHOOKS else 0, since=found.since,
        made=found.made, last_success=store.last_success(key) if found.url else found.seen, first_waiting=facts.first,
    )  # fmt: skip


def read_ledger(key: int, before: int, limit: int) -> Sequence[Kept]:
    """Return attempts, the newest first, before a place in the ledger (0: the last ones)."""
    return ledger.read_ledger(key, before, limit)


def wishes(
    *, contact: str, sections: tuple[str, ...], topics: tuple[str, ...], languages: tuple[str, ...], urgency: int,
    embargoed: bool, archive: bool, headlines: bool, way: str, address: str, options: dict[str, str], form: str,
    begins: str, ends: str,
) -> Wishes:  # fmt: skip
    """Return wishes; see `Wishes`."""
    return Wishes(
        contact=contact, sections=sections, topics=topics, languages=languages, urgency=urgency, embargoed=embargoed,
        archive=archive, headlines=headlines, way=way, address=address, options=options, form=form, begins=begins,
        ends=ends,
    )  # fmt: skip


def mark(key: int) -> str:
    """Return a mark of what a subscription is now; it changes with any of it. Raises UnknownSubscription."""
    found = _find(key)
    text = msgspec.json.encode([found.name, subscribing.terms_of(found)], order="sorted")
    return hashlib.sha256(text).hexdigest()[:32]


def words(wanted: Wishes, names: Mapping[str, str]) -> str:
    """Return what wishes mean, as a sentence."""
    said = in_words(wanted.wanted, names)
    return f"{said} Headlines only, without the texts." if wanted.headlines else said


def would_have_matched(wanted: Wishes) -> Sequence[Dispatch]:
    """Return which dispatches of the last day the wishes' filter gets, the newest first, 20 at most."""
    return subscribing.would_have_matched(wanted.wanted)


def make(name: str, wanted: Wishes, *, from_start: bool, paused: str) -> Made:
    """Make a subscription, with its first token. Raises as `subscribing.subscribe` does."""
    with transaction.atomic():
        found = subscribing.subscribe(name, terms_from(wanted, Terms()), from_start=from_start)
        if paused:
            subscribing.pause(found, paused)
        return Made(found.id, subscribing.issue_token(found), found.secrets)


def change(key: int, name: str, wanted: Wishes) -> str:
    """Change a subscription; return its new signing secret if it had none, else ''. Raises likewise."""
    with transaction.atomic():
        before = _find(key)
        terms = terms_from(wanted, subscribing.terms_of(before))
        found = subscribing.change(subscribing.rename(before, name), terms)
    return "" if before.secrets else found.secrets


def issue_token(key: int, overlap: timedelta) -> str:
    """Return a new token, this once; the ones before it end after `overlap`."""
    return subscribing.issue_token(_find(key), overlap=overlap)


def revoke_tokens(key: int) -> int:
    """End every token at once; return how many."""
    return subscribing.revoke_tokens(_find(key))


def rotate_secret(key: int) -> str:
    """Return a new signing secret, this once. Raises BadEndpoint where nothing is signed."""
    found = _find(key)
    if scheme_of(found.url) not in WEBHOOKS:
        raise BadEndpoint(f"{found.name} gets no webhooks, so nothing is signed for it.", found.name)
    return subscribing.rotate_secret(found)


def pause(key: int, why: str) -> None:
    """Send nothing until it is resumed; nothing is dropped."""
    subscribing.pause(_find(key), why)


def resume(key: int) -> None:
    """Go on where it stopped."""
    subscribing.resume(_find(key))


def would_send_again(first: int, last: int | None, key: int = 0) -> Sequence[Again]:
    """Return what `send_again` would send to one subscription, or (0) to each that is pushed to and has any of it."""
    found = ledger.would_send_again(first, last, subscribing.now_text(), key)
    return [one for one in found if key or one.count or one.to_come]


def read_range(key: int, first: int, last: int | None, limit: int) -> Sequence[Dispatch]:
    """Return the first dispatches of a range that a subscription gets."""
    return ledger.read_range(_find(key), first, last, limit)


def send_again(key: int, first: int, last: int | None) -> int:
    """Send once more; return how many dispatches. Raises DeliveryError for who pulls."""
    return subscribing.send_again(_find(key), first, last)


def who_has(uri: str) -> Sequence[Holder]:
    """Return every subscriber that acknowledged any dispatch of an item, by name."""
    return ledger.who_has(uri)


def who_gets(seq: int) -> Sequence[Receiver]:
    """Return every subscriber that a dispatch is for, those first who lack it."""
    return ledger.who_gets(seq)
