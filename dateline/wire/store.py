"""The log's SQL, all of it, in one place.

Plain SQL on the connection that Django manages: an ORM costs five times what the append itself does
(docs/decisions/0002), and the desk's own rows can be written in the same transaction.
"""

import json
import sqlite3
import threading
from asyncio import _get_running_loop
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property

import msgspec
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from dateline.news.acts import Act
from dateline.news.codes import is_letters, parse_instant
from dateline.news.formats import ninjs
from dateline.news.item import NewsItem
from dateline.wire.dispatch import Dispatch
from dateline.wire.merkle import HASH_BYTES, TILE_WIDTH, root_of_leaves

_COLUMNS = "seq, sent, act, uri, version, item, salt, leaf"


class Head(msgspec.Struct, frozen=True):
    """The end of the log: its last seq and sent, the tree's frontier, the signed checkpoint."""

    seq: int = 0
    sent: str = ""
    frontier: tuple[bytes, ...] = ()
    checkpoint: str = ""


class ItemState(msgspec.Struct, frozen=True):
    """Where an item stands: its last dispatch, its status, its embargo (RFC 3339, or None)."""

    uri: str
    path: str
    seq: int
    act: str
    version: int
    pubstatus: str
    embargoed: str | None


class _OfThread(threading.local):
    """The connection that Django manages for this thread, which stays the same one: to ask Django takes 4 µs."""

    @cached_property
    def wrapper(self) -> BaseDatabaseWrapper:
        return connections[DEFAULT_DB_ALIAS]


_OF_THREAD = _OfThread()


def connection() -> BaseDatabaseWrapper:
    """Return this thread's connection as Django manages it. In an event loop that is one which refuses to open."""
    return _OF_THREAD.wrapper if _get_running_loop() is None else connections[DEFAULT_DB_ALIAS]


def sql() -> sqlite3.Connection:
    """Return the raw connection of this thread; inside `transaction.atomic` it is in that transaction."""
    wrapper = connection()
    if wrapper.connection is None:
        wrapper.ensure_connection()
    raw = wrapper.connection
    if not isinstance(raw, sqlite3.Connection):
        raise TypeError("the wire is kept in SQLite")
    return raw


def is_ready() -> bool:
    """Whether the log's tables are there."""
    return sql().execute("SELECT 1 FROM sqlite_master WHERE name = 'wire_cursor'").fetchone() is not None


def read_head() -> Head:
    """Return the head of the log; an empty log has seq 0."""
    row = sql().execute("SELECT seq, sent, frontier, checkpoint FROM wire_head WHERE id = 1").fetchone()
    if row is None:
        return Head()
    frontier = tuple(row[2][at : at + HASH_BYTES] for at in range(0, len(row[2]), HASH_BYTES))
    return Head(row[0], row[1], frontier, row[3])


def write_head(head: Head) -> None:
    """Move the head forward."""
    sql().execute(
        "INSERT INTO wire_head (id, seq, sent, frontier, checkpoint) VALUES (1, ?, ?, ?, ?) ON CONFLICT (id) "
        "DO UPDATE SET seq = excluded.seq, sent = excluded.sent, frontier = excluded.frontier, "
        "checkpoint = excluded.checkpoint",
        (head.seq, head.sent, b"".join(head.frontier), head.checkpoint),
    )


def head_seq() -> int:
    """Return the last seq of the log, 0 if it is empty."""
    row = sql().execute("SELECT seq FROM wire_head WHERE id = 1").fetchone()
    return row[0] if row else 0


def insert_dispatch(dispatch: Dispatch, state: ItemState) -> None:
    """Write the next row of the log and where it leaves its item."""
    sql().execute(
        f"INSERT INTO wire_dispatch ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            dispatch.seq, dispatch.sent, str(dispatch.act), dispatch.uri, dispatch.version,
            dispatch.item, dispatch.salt, dispatch.leaf,
        ),
    )  # fmt: skip
    sql().execute(
        "INSERT INTO wire_item (uri, path, seq, act, version, pubstatus, embargoed) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (uri) DO UPDATE SET seq = excluded.seq, act = excluded.act, version = excluded.version, "
        "pubstatus = excluded.pubstatus, embargoed = excluded.embargoed",
        (state.uri, state.path, state.seq, state.act, state.version, state.pubstatus, state.embargoed),
    )


def read_state(uri: str) -> ItemState | None:
    """Return where an item stands, or None if the uri is new."""
    row = (
        sql()
        .execute("SELECT uri, path, seq, act, version, pubstatus, embargoed FROM wire_item WHERE uri = ?", (uri,))
        .fetchone()
    )
    return ItemState(*row) if row else None


def read_states(uris: list[str]) -> dict[str, ItemState]:
    """Return where several items stand, by uri; one that is new is not among them."""
    marks = ", ".join("?" * len(uris))
    query = f"SELECT uri, path, seq, act, version, pubstatus, embargoed FROM wire_item WHERE uri IN ({marks})"
    return {row[0]: ItemState(*row) for row in sql().execute(query, uris)}


def find_uri(text: str) -> str | None:
    """Return the uri of the item that a uri, an address or the end of one names, or None."""
    row = sql().execute("SELECT uri FROM wire_item WHERE uri = ? OR path = ?", (text, text)).fetchone()
    tail = text.rstrip("/").rpartition("-")[2]
    if row is None and is_letters(tail) and (minted := _find_minted(tail)):
        return minted
    if row is None and len(tail) >= 8:
        # Of an item with another's uri the address tells; all of them are looked through.
        query = "SELECT uri FROM wire_item WHERE substr(path, -?) = ? LIMIT 2"
        found = sql().execute(query, (len(tail) + 2, f"-{tail}/")).fetchall()
        row = found[0] if len(found) == 1 else None
    return row[0] if row else None


# An agency's uris differ before their letters in the year only.
_MOST_PREFIXES = 200


def _find_minted(letters: str) -> str | None:
    """Return the tag uri that ends in these letters, or None: asks once for each domain and year, not each item."""
    after = "tag:"
    for _ in range(_MOST_PREFIXES):
        query = "SELECT uri FROM wire_item WHERE uri > ? AND uri < 'tag;' ORDER BY uri LIMIT 1"
        row = sql().execute(query, (after,)).fetchone()
        if row is None:
            return None
        prefix = row[0].rpartition(":")[0]
        if sql().execute("SELECT 1 FROM wire_item WHERE uri = ?", (f"{prefix}:{letters}",)).fetchone():
            return f"{prefix}:{letters}"
        after = f"{prefix};"  # the character after the colon
    return None


def is_taken(uri: str, path: str) -> bool:
    """Whether an item has this uri or this address already."""
    return sql().execute("SELECT 1 FROM wire_item WHERE uri = ? OR path = ?", (uri, path)).fetchone() is not None


def _dispatch(row: tuple[int, str, str, str, int, bytes, bytes, bytes]) -> Dispatch:
    return Dispatch(row[0], row[1], Act(row[2]), *row[3:])


def read_rows(after: int, limit: int) -> list[Dispatch]:
    """Return up to `limit` dispatches that follow seq `after`, in order."""
    rows = sql().execute(
        f"SELECT {_COLUMNS} FROM wire_dispatch WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, limit),
    )
    return [_dispatch(row) for row in rows]


def read_dispatch(seq: int) -> Dispatch | None:
    """Return one dispatch, or None if the wire has no such seq."""
    row = sql().execute(f"SELECT {_COLUMNS} FROM wire_dispatch WHERE seq = ?", (seq,)).fetchone()
    return _dispatch(row) if row else None


# seq, act, sent, uri, version, salt, item, and the seq of the kill that withdrew the item after it, or 0.
RawRow = tuple[int, str, str, str, int, bytes, bytes, int]


def read_raw(seqs: list[int]) -> list[RawRow]:
    """Return these dispatches as they are stored, in order, each with what became of its item, in one query.

    A tuple a row, not a Dispatch: a replay of the whole wire makes nothing of them but bytes.
    """
    return (
        sql()
        .execute(
            "SELECT d.seq, d.act, d.sent, d.uri, d.version, d.salt, d.item, "
            "CASE WHEN i.act = 'kill' AND d.act <> 'kill' THEN i.seq ELSE 0 END "
            "FROM json_each(?) wanted JOIN wire_dispatch d ON d.seq = wanted.value JOIN wire_item i ON i.uri = d.uri "
            "ORDER BY d.seq",
            (json.dumps(seqs),),
        )
        .fetchall()
    )


def read_sizes(seqs: list[int]) -> list[int]:
    """Return how long the items of these dispatches are, bytes, in order; reads none of them."""
    query = "SELECT length(d.item) FROM json_each(?) wanted JOIN wire_dispatch d ON d.seq = wanted.value ORDER BY d.seq"
    return [row[0] for row in sql().execute(query, (json.dumps(seqs),))]


@contextmanager
def snapshot() -> Iterator[None]:
    """Let all that is read inside be of one moment; nothing may be written there, and no transaction be open."""
    sql().execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        sql().execute("ROLLBACK")


def data_version() -> int:
    """Return a number that changes with every commit of another connection; it is this connection's own."""
    return int(sql().execute("PRAGMA data_version").fetchone()[0])


def last_kill() -> int:
    """Return the seq of the last kill, 0 if there was none."""
    return int(sql().execute("SELECT coalesce(max(seq), 0) FROM wire_item WHERE act = 'kill'").fetchone()[0])


def is_killed_after(seq: int, first: int, last: int) -> bool:
    """Whether a kill after `seq` withdrew any of the dispatches `first` to `last`."""
    # CROSS JOIN: the kills first, which are few. `first` to `last` can be most of the wire.
    query = (
        "SELECT 1 FROM wire_item i CROSS JOIN wire_dispatch d ON d.uri = i.uri "
        "WHERE i.act = 'kill' AND i.seq > ? AND d.seq BETWEEN ? AND ? AND d.act <> 'kill' LIMIT 1"
    )
    return sql().execute(query, (seq, first, last)).fetchone() is not None


def seqs_of(uri: str) -> list[int]:
    """Return the seqs of every dispatch of an item, in order."""
    rows = sql().execute("SELECT seq FROM wire_dispatch WHERE uri = ? ORDER BY version", (uri,))
    return [row[0] for row in rows]


def read_sents(seqs: Collection[int]) -> dict[int, str]:
    """Return when each of some dispatches was sent, by seq."""
    marks = ", ".join("?" * len(seqs))
    return dict(sql().execute(f"SELECT seq, sent FROM wire_dispatch WHERE seq IN ({marks})", tuple(seqs)))


def last_before(sent: str) -> int:
    """Return the seq of the last dispatch that was sent before an instant (RFC 3339 with microseconds), 0 if none was.

    `sent` never decreases along the wire, so that a search by halves needs no index of it.
    """
    low, high = 0, head_seq()
    while low < high:
        middle = (low + high + 1) // 2
        row = sql().execute("SELECT sent < ? FROM wire_dispatch WHERE seq = ?", (sent, middle)).fetchone()
        low, high = (middle, high) if row[0] else (low, middle - 1)
    return low


def read_sent(seq: int) -> datetime | None:
    """Return when a dispatch was sent, or None if the wire has no such seq."""
    row = sql().execute("SELECT sent FROM wire_dispatch WHERE seq = ?", (seq,)).fetchone()
    return parse_instant(row[0]) if row else None


def read_versions(uri: str) -> list[Dispatch]:
    """Return every dispatch of one item, oldest first."""
    rows = sql().execute(
        f"SELECT {_COLUMNS} FROM wire_dispatch WHERE uri = ? ORDER BY version",
        (uri,),
    )
    return [_dispatch(row) for row in rows]


def read_item(seq: int) -> NewsItem:
    """Return the item that the dispatch with this seq carried."""
    row = sql().execute("SELECT item FROM wire_dispatch WHERE seq = ?", (seq,)).fetchone()
    return ninjs.decode(row[0])


def iterate(after: int = 0, until: int | None = None, batch: int = 500) -> Iterator[Dispatch]:
    """Yield the dispatches after a seq, up to and with `until` (default: the head), in constant memory."""
    until = head_seq() if until is None else until
    while after < until:
        rows = read_rows(after, min(batch, until - after))
        if not rows:
            return
        yield from rows
        after = rows[-1].seq


def read_leaves(begin: int, end: int) -> list[bytes]:
    """Return the leaf hashes of the leaves begin…end-1, counted from 0."""
    rows = sql().execute("SELECT leaf FROM wire_dispatch WHERE seq > ? AND seq <= ? ORDER BY seq", (begin, end))
    return [row[0] for row in rows]


def insert_tile(level: int, place: int, hashes: list[bytes]) -> None:
    """Keep a full tile of the tree."""
    sql().execute(
        "INSERT INTO wire_tile (level, place, hashes, root) VALUES (?, ?, ?, ?)",
        (level, place, b"".join(hashes), root_of_leaves(hashes)),
    )


def read_tile_roots(level: int, begin: int, end: int) -> list[bytes]:
    """Return the roots of the full tiles begin…end-1 of a level."""
    rows = sql().execute(
        "SELECT root FROM wire_tile WHERE level = ? AND place >= ? AND place < ? ORDER BY place",
        (level, begin, end),
    )
    return [row[0] for row in rows]


def read_tile(level: int, place: int) -> list[bytes] | None:
    """Return the hashes of a full tile, or None if it is not full yet."""
    row = sql().execute("SELECT hashes FROM wire_tile WHERE level = ? AND place = ?", (level, place)).fetchone()
    if row is None:
        return None
    return [row[0][at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(TILE_WIDTH)]


def read_cursor(projection: str) -> int:
    """Return the last seq that a projection has folded, 0 if none."""
    row = sql().execute("SELECT seq FROM wire_cursor WHERE projection = ?", (projection,)).fetchone()
    return row[0] if row else 0


def write_cursor(projection: str, seq: int) -> None:
    """Say how far a projection has folded."""
    sql().execute(
        "INSERT INTO wire_cursor (projection, seq) VALUES (?, ?) ON CONFLICT (projection) "
        "DO UPDATE SET seq = excluded.seq",
        (projection, seq),
    )


def read_embargoes() -> list[tuple[str, str]]:
    """Return (instant, uri) of every usable item that is under an embargo, soonest first."""
    return (
        sql()
        .execute(
            "SELECT embargoed, uri FROM wire_item WHERE embargoed IS NOT NULL AND pubstatus = 'usable' "
            "ORDER BY embargoed"
        )
        .fetchall()
    )
