"""What the ledger and the cursors say: who has an item, who has its last word, what an attempt came to.

Each question costs as many queries however many subscriptions there are.
"""

import msgspec

from dateline.delivery import store
from dateline.delivery.store import Attempt, Subscription
from dateline.delivery.ways.choose import in_words as way_in_words
from dateline.wire import store as wire
from dateline.wire.dispatch import Dispatch
from dateline.wire.store import sql


class Holder(msgspec.Struct, frozen=True):
    """A subscriber that got an item: the last version that it acknowledged, and whether that is the last there is."""

    id: int
    name: str
    version: int
    is_last: bool
    trouble: str


class Receiver(msgspec.Struct, frozen=True):
    """A subscriber that a dispatch is for.

    `has_it`: it acknowledged it; `at`: when, where the ledger knows ('' for who pulls). `attempts`: how often it was
    tried; `said`: what came of the last one. `paused`: why nothing is sent to it, or ''.
    """

    id: int
    name: str
    way: str
    paused: str
    has_it: bool
    at: str
    attempts: int
    said: str


class Kept(msgspec.Struct, frozen=True):
    """An attempt and its place in the ledger."""

    id: int
    attempt: Attempt


def who_has(uri: str) -> list[Holder]:
    """Return every subscriber that acknowledged any dispatch of an item, by name."""
    dispatches = {row.seq: row for row in wire.read_versions(uri)}
    marks = ", ".join("?" * len(dispatches))
    streams: dict[int, list[int]] = {}
    for stream, seq in sql().execute(
        f"SELECT r.stream, r.seq FROM delivery_item i JOIN delivery_row r ON r.stream = i.stream "
        f"WHERE i.uri = ? AND r.seq IN ({marks}) ORDER BY r.seq",
        (uri, *dispatches),
    ):
        streams.setdefault(stream, []).append(seq)
    ahead = set(
        sql().execute(f"SELECT subscription, seq FROM delivery_ahead WHERE seq IN ({marks})", tuple(dispatches))
    )
    said = _last_said()
    found = []
    for one in store.subscriptions():
        sent = [seq for seq in streams.get(one.stream, []) if seq > one.since]
        got = [dispatches[seq] for seq in sent if seq <= one.cursor or (one.id, seq) in ahead]
        if got:
            found.append(_holder(one, got[-1], got[-1].seq == sent[-1], said.get(one.id, "")))
    return found


def _holder(one: Subscription, last: Dispatch, is_last: bool, said: str) -> Holder:
    trouble = f"paused: {one.paused}" if one.paused else "" if is_last else said
    return Holder(one.id, one.name, last.version, is_last, trouble)


def _last_said() -> dict[int, str]:
    """Return what came of the last attempt for each subscription."""
    return dict(
        sql().execute(
            "SELECT a.subscription, a.outcome FROM delivery_subscription s JOIN delivery_attempt a "
            "ON a.id = (SELECT max(id) FROM delivery_attempt WHERE subscription = s.id)"
        )
    )


def who_gets(seq: int) -> list[Receiver]:
    """Return every subscriber that a dispatch is for, those first who lack it, then by name."""
    rows = sql().execute(
        """
        SELECT s.id, s.name, s.url, s.paused,
          s.cursor >= r.seq OR EXISTS (SELECT 1 FROM delivery_ahead x WHERE x.subscription = s.id AND x.seq = r.seq),
          coalesce(a.at, ''), coalesce(a.attempts, 0), coalesce(l.outcome, '')
        FROM delivery_row r JOIN delivery_subscription s ON s.stream = r.stream AND s.since < r.seq AND s.begins = ''
        LEFT JOIN (
            SELECT subscription, count(*) AS attempts, min(CASE WHEN outcome = '' THEN at END) AS at, max(id) AS last
            FROM delivery_attempt WHERE seq = ? GROUP BY subscription) a ON a.subscription = s.id
        LEFT JOIN delivery_attempt l ON l.id = a.last
        WHERE r.seq = ? AND r.stream IN (SELECT id FROM delivery_stream) ORDER BY 5, s.name
        """,
        (seq, seq),
    )
    return [
        Receiver(key, name, way_in_words(url), paused, bool(has_it), at, attempts, said)
        for key, name, url, paused, has_it, at, attempts, said in rows
    ]


def read_ledger(subscription: int, before: int, limit: int) -> list[Kept]:
    """Return attempts for a subscription, the newest first: those before a place in the ledger (0: the last ones)."""
    rows = sql().execute(
        "SELECT id, subscription, seq, at, ms, status, outcome FROM delivery_attempt "
        "WHERE subscription = ? AND id < ? ORDER BY id DESC LIMIT ?",
        (subscription, before or 2**62, limit),
    )
    return [Kept(row[0], Attempt(*row[1:])) for row in rows]


class Again(msgspec.Struct, frozen=True):
    """What would be sent to a subscription once more.

    `count`: dispatches that it has acknowledged; `to_come`: dispatches of the same range that still wait for it.
    `paused`: why they wait until it is resumed, or ''.
    """

    id: int
    name: str
    count: int
    to_come: int
    paused: str


def would_send_again(first: int, last: int | None, now: str, subscription: int = 0) -> list[Again]:
    """Return what `subscribing.send_again` would send at an instant to one subscription, or (0) to each pushed to."""
    rows = sql().execute(
        """
        SELECT s.id, s.name, coalesce(sum(r.seq <= s.cursor), 0), coalesce(sum(r.seq > s.cursor), 0), s.paused
        FROM delivery_subscription s LEFT JOIN delivery_row r ON r.stream = s.stream AND r.seq > s.since
          AND r.seq BETWEEN ? AND ?
        WHERE s.url <> '' AND s.begins = '' AND (s.ends = '' OR s.ends > ?) AND ? IN (0, s.id)
        GROUP BY s.id ORDER BY s.name
        """,
        (first, 2**62 if last is None else last, now, subscription),
    )
    return [Again(*row) for row in rows]


def read_range(subscription: Subscription, first: int, last: int | None, limit: int) -> list[Dispatch]:
    """Return the first dispatches of a range that a subscription has in its stream."""
    rows = store.read_rows(subscription.stream, max(first - 1, subscription.since), limit)
    found = [wire.read_dispatch(row.seq) for row in rows if last is None or row.seq <= last]
    return [dispatch for dispatch in found if dispatch is not None]
