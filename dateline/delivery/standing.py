"""How each subscription does: what waits for it and since when, what failed, and whether someone has to look.

The rule that decides is pure (`kind_of`); what it decides over is read for all subscriptions at once, in three
queries, each bounded for each of them.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from dateline.delivery.filter import Filter, read_periods
from dateline.delivery.store import Subscription
from dateline.news.codes import rfc3339
from dateline.wire import store as wire
from dateline.wire.store import sql

# A push is tried again after ten minutes at the latest: by now one more attempt has failed than a restart takes.
PUSH_STALLS_AFTER = timedelta(minutes=15)
# Some clients pull by night only; one that is not there for a day has missed a paper.
PULL_STALLS_AFTER = timedelta(days=1)
# More that wait, or failed, are said to be that many or more: counting on costs, and tells nobody more.
MOST_WAITING = 1000
MOST_FAILURES = 100


class Kind(StrEnum):
    """How a subscription does, those first who need someone."""

    # Paused by trouble, or nothing was taken for too long.
    STALLED = "stalled"
    # The last attempt failed; it is tried again.
    FAILING = "failing"
    # By a person, with a reason.
    PAUSED = "paused"
    WAITING = "waiting"
    FINE = "fine"
    TO_BEGIN = "to-begin"
    ENDED = "ended"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription, and how far it is.

    `waits`: how many dispatches it has not acknowledged, MOST_WAITING at most; `first`: the seq of the first of them,
    0 for none; `sent`: when that went out. `failures`: attempts in a row that failed, MOST_FAILURES at most. `tried`,
    `said`: when the last attempt was, and what came of it ('' is success). `tokens`: how many are valid; `used`: when
    one was used last. Instants are RFC 3339 with microseconds, '' for never.
    """

    subscription: Subscription
    wanted: Filter
    waits: int = 0
    first: int = 0
    sent: str = ""
    failures: int = 0
    tried: str = ""
    said: str = ""
    tokens: int = 0
    used: str = ""

    @property
    def paused_by_trouble(self) -> bool:
        """Whether an attempt that cannot succeed paused it, not a person: the pause says what that attempt said."""
        return bool(self.subscription.paused) and self.subscription.paused == self.said

    @property
    def waits_since(self) -> str:
        """Since when it takes nothing although something waits: since that was sent, or it took something later."""
        return max(self.sent, self.subscription.seen, self.subscription.made) if self.waits else ""


def kind_of(found: Standing, now: datetime) -> Kind:
    """Return how a subscription does: the one rule of who has stalled, for the desk, the lists and the status."""
    one, at = found.subscription, rfc3339(now, micros=True)
    if one.has_ended(at):
        return Kind.ENDED
    if one.paused:
        return Kind.STALLED if found.paused_by_trouble else Kind.PAUSED
    if one.begins:
        return Kind.TO_BEGIN
    if not found.waits:
        return Kind.FINE
    limit = PUSH_STALLS_AFTER if one.url else PULL_STALLS_AFTER
    if found.waits_since <= rfc3339(now - limit, micros=True):
        return Kind.STALLED
    return Kind.FAILING if one.url and found.said else Kind.WAITING


def in_words(found: Standing, now: datetime) -> str:
    """Return how a subscription does, in a sentence without its stop."""
    one, kind = found.subscription, kind_of(found, now)
    if one.paused and kind is not Kind.ENDED:
        return f"{'stopped' if kind is Kind.STALLED else 'paused'}: {one.paused.rstrip('.')}"
    if kind is Kind.TO_BEGIN:
        return f"begins at {shown(one.begins)}"
    if kind is Kind.ENDED:
        return f"ended at {shown(one.ends)}"
    if kind is Kind.FINE:
        return "up to date"
    words = f"{number(found.waits, MOST_WAITING)} wait{'s' if found.waits == 1 else ''}"
    if kind is Kind.STALLED:
        words = f"took nothing since {shown(found.waits_since)}; {words}"
    return f"{words}; the last attempt: {found.said.rstrip('.')}" if one.url and found.said else words


def shown(instant: str) -> str:
    """Return an instant as an operator reads it."""
    return f"{instant[:10]} {instant[11:16]} UTC"


def number(count: int, most: int) -> str:
    """Return a count that was ended at `most`."""
    return f"{count}" if count < most else f"{most} or more"


_LACKS = (
    "r.stream = s.stream AND r.seq > s.cursor AND NOT EXISTS "
    "(SELECT 1 FROM delivery_ahead x WHERE x.subscription = s.id AND x.seq = r.seq)"
)
_RECENT = f"SELECT id, outcome FROM delivery_attempt WHERE subscription = s.id ORDER BY id DESC LIMIT {MOST_FAILURES}"
_WAITS = (
    "SELECT count(*) FROM (SELECT 1 FROM delivery_row r WHERE r.stream = s.stream AND r.seq > s.cursor "
    f"LIMIT {MOST_WAITING})"
)
# Of the last attempts, those after the last one that did not fail.
_FAILURES = (
    "coalesce((SELECT min(place) - 1 FROM (SELECT row_number() OVER (ORDER BY id DESC) AS place, outcome "
    f"FROM ({_RECENT})) WHERE outcome = ''), (SELECT count(*) FROM ({_RECENT})))"
)


def _facts(where: str, *, counted: bool) -> str:
    return f"""
    SELECT {", ".join(f"s.{name}" for name in Subscription.__struct_fields__)}, t.filter,
      {f"({_WAITS})" if counted else "s.cursor < t.last"},
      (SELECT count(*) FROM delivery_ahead x WHERE x.subscription = s.id AND x.seq > s.cursor),
      coalesce((SELECT r.seq FROM delivery_row r WHERE {_LACKS} ORDER BY r.seq LIMIT 1), 0),
      {f"CASE WHEN coalesce(a.outcome, '') = '' THEN 0 ELSE {_FAILURES} END" if counted else "0"},
      coalesce(a.at, ''), coalesce(a.outcome, '')
    FROM delivery_subscription s JOIN delivery_stream t ON t.id = s.stream
    LEFT JOIN delivery_attempt a ON a.id = (SELECT max(id) FROM delivery_attempt WHERE subscription = s.id)
    WHERE {where} ORDER BY s.name
    """


_OF = len(Subscription.__struct_fields__)


def read_standings(now: datetime, where: str = "1", values: tuple[object, ...] = ()) -> list[Standing]:
    """Return how the subscriptions (`s`) do for which a condition holds, by name."""
    tokens = {
        row[0]: row[1:]
        for row in sql().execute(
            "SELECT subscription, sum(ends = '' OR ends > ?), max(used) FROM delivery_token GROUP BY subscription",
            (rfc3339(now, micros=True),),
        )
    }
    return _read(_facts(where, counted=True), values, tokens)


def read_stalled(now: datetime) -> list[Standing]:
    """Return those that have stalled, by name. The desk's queue asks at every change, so only they are counted out."""
    likely = _read(_facts("s.paused <> '' OR s.cursor < t.last", counted=False), (), {})
    stalled = [found.subscription.id for found in likely if kind_of(found, now) is Kind.STALLED]
    marks = ", ".join("?" * len(stalled))
    return _read(_facts(f"s.id IN ({marks})", counted=True), tuple(stalled), {}) if stalled else []


def _read(query: str, values: tuple[object, ...], tokens: dict[int, tuple[int, str]]) -> list[Standing]:
    rows = sql().execute(query, values).fetchall()
    sent = wire.read_sents({row[_OF + 3] for row in rows if row[_OF + 3]})
    return [_standing(row, sent, tokens.get(row[0], (0, ""))) for row in rows]


def _standing(row: tuple[Any, ...], sent: dict[int, str], token: tuple[int, str]) -> Standing:
    one = Subscription(*row[:_OF])
    text, rows, ahead, first, failures, tried, said = row[_OF:]
    # Before it begins nothing is for it yet, whatever its stream has.
    if one.begins:
        first = 0
    waits = 0 if not first else rows if rows >= MOST_WAITING else max(1, rows - ahead)
    return Standing(
        subscription=one, wanted=read_periods(text)[-1].wanted, waits=waits, first=first, sent=sent.get(first, ""),
        failures=failures, tried=tried, said=said, tokens=token[0], used=token[1],
    )  # fmt: skip
