"""The delivery room's SQL, all of it. On the wire's connection, so that a fold's state and cursor commit together."""

import json
from collections.abc import Iterable

import msgspec

from dateline.delivery.filter import Filter, Period, read_periods, write_periods
from dateline.wire.store import sql

_SUBSCRIPTION = (
    "id, name, contact, stream, since, ends, headlines, url, secrets, paused, cursor, seen, made, epoch, form, begins, "
    "options"
)


class Stream(msgspec.Struct, frozen=True):
    """What one filter gets, or several one after the other; folded up to `cursor`, its last row is that of `last`."""

    id: int
    filter: str
    cursor: int
    last: int

    @property
    def wanted(self) -> Filter:
        """The filter that holds now."""
        return read_periods(self.filter)[-1].wanted


class Row(msgspec.Struct, frozen=True):
    """A dispatch that a stream has: its seq and the seq before it on the same stream (0: none)."""

    seq: int
    prev: int


class Subscription(msgspec.Struct, frozen=True):
    """A subscriber's subscription.

    `since`: it begins after this seq; `begins`: the instant (RFC 3339) that it waits for before it begins, or '';
    `ends`: likewise. `headlines`: without the texts. `url`: where it is pushed to (`ways.choose`), '' means that the
    subscriber pulls; `form`: what is pushed, by its name in `news.formats.outgoing`; `options`: what the way needs
    besides, JSON. `secrets`: signing secrets, the newest first, spaces between. `paused`: why, or ''. `cursor`: the
    last seq that it acknowledged; `epoch` counts how often an operator put it back.
    """

    id: int
    name: str
    contact: str
    stream: int
    since: int
    ends: str
    headlines: int
    url: str
    secrets: str
    paused: str
    cursor: int
    seen: str
    made: str
    epoch: int = 0
    form: str = ""
    begins: str = ""
    options: str = "{}"

    def has_ended(self, now: str) -> bool:
        """Whether it is over at an instant (RFC 3339 with microseconds)."""
        return bool(self.ends) and self.ends <= now

    @property
    def way(self) -> dict[str, str]:
        """What the way needs beside its address, by name."""
        return msgspec.json.decode(self.options, type=dict[str, str])


class Attempt(msgspec.Struct, frozen=True):
    """One attempt to hand over a dispatch. `status` is the HTTP status, 0 where none came; `outcome` '' is success."""

    subscription: int
    seq: int
    at: str
    ms: int
    status: int
    outcome: str


def streams() -> list[Stream]:
    """Return every stream."""
    return [Stream(*row) for row in sql().execute("SELECT id, filter, cursor, last FROM delivery_stream ORDER BY id")]


def read_stream(stream: int) -> Stream:
    """Return a stream."""
    row = sql().execute("SELECT id, filter, cursor, last FROM delivery_stream WHERE id = ?", (stream,)).fetchone()
    return Stream(*row)


def stands(stream: Stream) -> bool:
    """Whether a stream is still as it was read."""
    query = "SELECT 1 FROM delivery_stream WHERE (id, filter, cursor, last) = (?, ?, ?, ?)"
    return sql().execute(query, msgspec.structs.astuple(stream)).fetchone() is not None


def stream_of(wanted: Filter) -> int:
    """Return the id of a filter's stream, made if there is none."""
    return _stream_with(write_periods((Period(wanted),)))


def stream_after(stream: int, wanted: Filter, seq: int) -> int:
    """Return the id of the stream that is another's up to a seq, and a filter's from then on."""
    *before, last = read_periods(read_stream(stream).filter)
    if last.wanted == wanted:
        return stream
    # What was never in force is nothing of the stream's.
    if seq > (before[-1].until if before else 0):
        before.append(Period(last.wanted, seq))
    text = write_periods((*before, Period(wanted)))
    shared = sql().execute("SELECT count(*) FROM delivery_subscription WHERE stream = ?", (stream,)).fetchone()[0] > 1
    if sql().execute("SELECT 1 FROM delivery_stream WHERE filter = ?", (text,)).fetchone():
        return _stream_with(text)
    if not shared:
        sql().execute("UPDATE delivery_stream SET filter = ? WHERE id = ?", (text, stream))
        return stream
    # The rows so far are the same: copied, so that who has what, and what waits, is never out of sight.
    made = _stream_with(text)
    sql().execute(
        "UPDATE delivery_stream SET (cursor, last) = (SELECT cursor, last FROM delivery_stream WHERE id = ?) "
        "WHERE id = ?",
        (stream, made),
    )
    sql().execute(
        "INSERT INTO delivery_row SELECT ?, seq, prev, withdraws FROM delivery_row WHERE stream = ?", (made, stream)
    )
    sql().execute("INSERT INTO delivery_item SELECT ?, uri, first FROM delivery_item WHERE stream = ?", (made, stream))
    return made


def forget_unused() -> None:
    """Forget the streams that no subscription has any more."""
    unused = "SELECT id FROM delivery_stream WHERE id NOT IN (SELECT stream FROM delivery_subscription)"
    for table, column in (("row", "stream"), ("item", "stream"), ("stream", "id")):
        sql().execute(f"DELETE FROM delivery_{table} WHERE {column} IN ({unused})")


def _stream_with(text: str) -> int:
    sql().execute("INSERT INTO delivery_stream (filter) VALUES (?) ON CONFLICT DO NOTHING", (text,))
    return int(sql().execute("SELECT id FROM delivery_stream WHERE filter = ?", (text,)).fetchone()[0])


def items_in(stream: int, uris: Iterable[str]) -> set[str]:
    """Return those of some items of which a stream has any dispatch."""
    query = "SELECT i.uri FROM json_each(?) w CROSS JOIN delivery_item i ON i.stream = ? AND i.uri = w.value"
    return {row[0] for row in sql().execute(query, (json.dumps(list(uris)), stream))}


def streams_with(uri: str) -> set[int]:
    """Return the streams that have any dispatch of an item."""
    return {row[0] for row in sql().execute("SELECT stream FROM delivery_item WHERE uri = ?", (uri,))}


def first_of(stream: int, uri: str) -> int | None:
    """Return the seq of the first dispatch of an item that a stream has."""
    row = sql().execute("SELECT first FROM delivery_item WHERE stream = ? AND uri = ?", (stream, uri)).fetchone()
    return row[0] if row else None


def add_row(stream: Stream, seq: int, uri: str, *, withdraws: bool) -> None:
    """Put a dispatch at the end of a stream; `withdraws`: a kill or a hold."""
    add_rows(stream, [(seq, uri, withdraws)])


def add_rows(stream: Stream, rows: list[tuple[int, str, bool]]) -> None:
    """Put several dispatches at the end of a stream, in order, each by its seq, its uri, and whether it withdraws."""
    if not rows:
        return
    prevs = [stream.last, *(seq for seq, _, _ in rows)]
    sql().executemany(
        "INSERT INTO delivery_row VALUES (?, ?, ?, ?)",
        [(stream.id, seq, prev, int(withdraws)) for (seq, _, withdraws), prev in zip(rows, prevs, strict=False)],
    )
    sql().executemany(
        "INSERT INTO delivery_item VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(stream.id, uri, seq) for seq, uri, _ in rows],
    )
    sql().execute("UPDATE delivery_stream SET last = ? WHERE id = ?", (rows[-1][0], stream.id))


def move_streams(seq: int) -> None:
    """Move every stream that stands before a dispatch past it."""
    sql().execute("UPDATE delivery_stream SET cursor = ? WHERE cursor = ?", (seq, seq - 1))


def move_stream(stream: int, cursor: int) -> None:
    """Say how far a stream is folded."""
    sql().execute("UPDATE delivery_stream SET cursor = ? WHERE id = ?", (cursor, stream))


def forget_streams() -> None:
    """Drop what was folded; the filters stay."""
    sql().execute("DELETE FROM delivery_row")
    sql().execute("DELETE FROM delivery_item")
    sql().execute("UPDATE delivery_stream SET cursor = 0, last = 0")


def read_rows(stream: int, after: int, limit: int) -> list[Row]:
    """Return the next rows of a stream after a seq."""
    found = sql().execute(
        "SELECT seq, prev FROM delivery_row WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?", (stream, after, limit)
    )
    return [Row(*row) for row in found]


def read_due(subscription: Subscription, limit: int) -> list[Row]:
    """Return what a subscription is to be pushed next, in order: what it has not acknowledged yet."""
    return _unacknowledged(subscription, "", limit)


def read_jumps(subscription: Subscription) -> list[Row]:
    """Return the kills and holds that a subscription has not acknowledged."""
    return _unacknowledged(subscription, "AND withdraws = 1", -1)


def _unacknowledged(subscription: Subscription, where: str, limit: int) -> list[Row]:
    found = sql().execute(
        f"SELECT seq, prev FROM delivery_row r WHERE stream = ? AND seq > ? {where} AND NOT EXISTS "
        "(SELECT 1 FROM delivery_ahead a WHERE a.subscription = ? AND a.seq = r.seq) ORDER BY seq LIMIT ?",
        (subscription.stream, subscription.cursor, subscription.id, limit),
    )
    return [Row(*row) for row in found]


def ask_again(subscription: int, first: int, last: int) -> int:
    """Keep what a subscriber acknowledged of seq `first` to `last` to be sent once more; return how many there are."""
    done = sql().execute(
        "INSERT INTO delivery_again SELECT s.id, r.seq FROM delivery_subscription s JOIN delivery_row r "
        "ON r.stream = s.stream WHERE s.id = ? AND r.seq > s.since AND r.seq BETWEEN ? AND ? AND (r.seq <= s.cursor OR "
        "r.seq IN (SELECT seq FROM delivery_ahead WHERE subscription = s.id)) ON CONFLICT DO NOTHING",
        (subscription, first, last),
    )
    return done.rowcount


def read_again(subscription: Subscription, limit: int) -> list[Row]:
    """Return what a subscription is to be sent once more, in order."""
    found = sql().execute(
        "SELECT r.seq, r.prev FROM delivery_again a JOIN delivery_row r ON r.stream = ? AND r.seq = a.seq "
        "WHERE a.subscription = ? ORDER BY a.seq LIMIT ?",
        (subscription.stream, subscription.id, limit),
    )
    return [Row(*row) for row in found]


def end_again(subscription: int, seq: int) -> bool:
    """Say that a dispatch was sent once more; return whether it was asked for."""
    done = sql().execute("DELETE FROM delivery_again WHERE subscription = ? AND seq = ?", (subscription, seq))
    return done.rowcount > 0


def last_success(subscription: int) -> str:
    """Return when a delivery to a subscription was acknowledged last, '' for never."""
    row = sql().execute(
        "SELECT at FROM delivery_attempt WHERE subscription = ? AND outcome = '' ORDER BY id DESC LIMIT 1",
        (subscription,),
    ).fetchone()  # fmt: skip
    return str(row[0]) if row else ""


def last_before(stream: int, seq: int) -> int:
    """Return the seq of the last row of a stream at or before a seq, 0 if there is none."""
    row = sql().execute("SELECT max(seq) FROM delivery_row WHERE stream = ? AND seq <= ?", (stream, seq)).fetchone()
    return row[0] or 0


def count_rows(stream: int, after: int) -> int:
    """Return how many rows of a stream lie after a seq."""
    row = sql().execute("SELECT count(*) FROM delivery_row WHERE stream = ? AND seq > ?", (stream, after)).fetchone()
    return int(row[0])


def insert_subscription(found: Subscription) -> int:
    """Keep a new subscription; return its id."""
    values = msgspec.structs.astuple(found)[1:]
    cursor = sql().execute(
        f"INSERT INTO delivery_subscription ({_SUBSCRIPTION.removeprefix('id, ')}) "
        f"VALUES ({', '.join('?' * len(values))})",
        values,
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def subscriptions(where: str = "1", values: tuple[object, ...] = ()) -> list[Subscription]:
    """Return the subscriptions for which a condition holds, by name."""
    rows = sql().execute(f"SELECT {_SUBSCRIPTION} FROM delivery_subscription WHERE {where} ORDER BY name", values)
    return [Subscription(*row) for row in rows]


def set_fields(subscription: int, **fields: object) -> None:
    """Change fields of a subscription."""
    names = ", ".join(f"{name} = ?" for name in fields)
    sql().execute(f"UPDATE delivery_subscription SET {names} WHERE id = ?", (*fields.values(), subscription))


def move_cursor(subscription: int, seq: int, at: str, epoch: int | None = None) -> None:
    """Say what a subscriber has acknowledged; a cursor never goes back by itself.

    `epoch`: of the reading that was acknowledged; one from before an operator put the cursor back counts no more.
    """
    moved = sql().execute(
        "UPDATE delivery_subscription SET seen = ?, cursor = max(cursor, ?) "
        "WHERE id = ? AND epoch = coalesce(?, epoch)",
        (at, seq, subscription, epoch),
    )
    if moved.rowcount:
        sql().execute("DELETE FROM delivery_ahead WHERE subscription = ? AND seq <= ?", (subscription, seq))


def put_back(subscription: int, cursor: int) -> None:
    """Put a cursor back; what was acknowledged after it counts no more."""
    sql().execute("UPDATE delivery_subscription SET cursor = ?, epoch = epoch + 1 WHERE id = ?", (cursor, subscription))
    # What is to come anyway is not sent once more besides.
    for table in ("ahead", "again"):
        sql().execute(f"DELETE FROM delivery_{table} WHERE subscription = ? AND seq > ?", (subscription, cursor))


def insert_token(subscription: int, digest: str, hint: str, made: str) -> None:
    """Keep a token's digest."""
    sql().execute(
        "INSERT INTO delivery_token (subscription, digest, hint, made) VALUES (?, ?, ?, ?)",
        (subscription, digest, hint, made),
    )


def end_tokens(subscription: int, ends: str) -> int:
    """Let every token of a subscription that lasts longer end at an instant; return how many."""
    done = sql().execute(
        "UPDATE delivery_token SET ends = ? WHERE subscription = ? AND (ends = '' OR ends > ?)",
        (ends, subscription, ends),
    )
    return done.rowcount


def find_token(digest: str, now: str) -> Subscription | None:
    """Return whose token this is, None if it is nobody's, or has ended."""
    row = (
        sql()
        .execute("SELECT subscription FROM delivery_token WHERE digest = ? AND (ends = '' OR ends > ?)", (digest, now))
        .fetchone()
    )
    return subscriptions("id = ?", (row[0],))[0] if row else None


def touch_token(digest: str, now: str) -> None:
    """Say when a token was used last."""
    sql().execute("UPDATE delivery_token SET used = ? WHERE digest = ?", (now, digest))


def last_use(digest: str) -> str:
    """Return when a token was used last, '' for never."""
    row = sql().execute("SELECT used FROM delivery_token WHERE digest = ?", (digest,)).fetchone()
    return str(row[0]) if row else ""


def read_tokens(subscription: int) -> list[tuple[str, str, str, str]]:
    """Return hint, made, ends and used of a subscription's tokens, the newest first."""
    rows = sql().execute(
        "SELECT hint, made, ends, used FROM delivery_token WHERE subscription = ? ORDER BY id DESC", (subscription,)
    )
    return list(rows)


def insert_attempts(attempts: Iterable[Attempt]) -> None:
    """Write to the ledger."""
    sql().executemany(
        "INSERT INTO delivery_attempt (subscription, seq, at, ms, status, outcome) VALUES (?, ?, ?, ?, ?, ?)",
        [msgspec.structs.astuple(attempt) for attempt in attempts],
    )


def read_attempts(subscription: int, limit: int) -> list[Attempt]:
    """Return the last attempts for a subscription, the newest first."""
    rows = sql().execute(
        "SELECT subscription, seq, at, ms, status, outcome FROM delivery_attempt WHERE subscription = ? "
        "ORDER BY id DESC LIMIT ?",
        (subscription, limit),
    )
    return [Attempt(*row) for row in rows]


def keep_ahead(subscription: int, seq: int, epoch: int | None = None) -> None:
    """Say that a kill or a hold was acknowledged out of turn, ahead of the cursor; `epoch` as in `move_cursor`."""
    sql().execute(
        "INSERT INTO delivery_ahead SELECT s.id, r.seq FROM delivery_subscription s JOIN delivery_row r "
        "ON r.stream = s.stream WHERE s.id = ? AND r.seq = ? AND r.withdraws = 1 AND s.cursor < r.seq "
        "AND s.epoch = coalesce(?, s.epoch) ON CONFLICT DO NOTHING",
        (subscription, seq, epoch),
    )


def read_ahead(subscription: int) -> set[int]:
    """Return what was acknowledged ahead of the cursor."""
    return {row[0] for row in sql().execute("SELECT seq FROM delivery_ahead WHERE subscription = ?", (subscription,))}


def has_row(stream: int, seq: int) -> bool:
    """Whether a stream has a dispatch."""
    row = sql().execute("SELECT 1 FROM delivery_row WHERE stream = ? AND seq = ?", (stream, seq)).fetchone()
    return row is not None
