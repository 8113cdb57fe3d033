"""The quarantine's SQL. On the wire's connection, so that a release is marked in its own transaction."""

from collections.abc import Iterable

import msgspec

from dateline.intake.reading import Line
from dateline.wire.store import sql


class Waiting(msgspec.Struct, frozen=True):
    """One item of the quarantine.

    `key` is what makes it the same item when it comes again; `item` ninjs bytes; `doubts` what the
    text leaves open, a line each; `seq` its dispatch once it was released.
    """

    key: str
    digest: str
    line: int
    uri: str
    item: bytes
    doubts: str
    seq: int | None


def read_item(key: str) -> Waiting | None:
    """Return the item with this key, or None."""
    row = sql().execute("SELECT * FROM intake_item WHERE key = ?", (key,)).fetchone()
    return Waiting(*row) if row else None


def write_item(item: Waiting) -> None:
    """Keep an item, or what is newly known of it; one that was released stays as it is."""
    sql().execute(
        "INSERT INTO intake_item VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET item = excluded.item, "
        "doubts = excluded.doubts WHERE seq IS NULL",
        msgspec.structs.astuple(item),
    )


def mark_released(key: str, seq: int) -> None:
    """Say which dispatch an item became."""
    sql().execute("UPDATE intake_item SET seq = ? WHERE key = ?", (seq, key))


def write_source(digest: str, name: str, taken: str, rest: Iterable[Line]) -> None:
    """Keep a file's name and the lines of it that were not recognised."""
    sql().execute("INSERT INTO intake_source VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (digest, name, taken))
    sql().execute("DELETE FROM intake_line WHERE digest = ?", (digest,))
    sql().executemany("INSERT INTO intake_line VALUES (?, ?, ?)", [(digest, line.number, line.text) for line in rest])


def knows(uri: str) -> bool:
    """Whether an item of the quarantine has this uri."""
    return sql().execute("SELECT 1 FROM intake_item WHERE uri = ?", (uri,)).fetchone() is not None


def count_waiting(where: str = "1") -> int:
    """Return how many items (`i`) wait for release; `where` is SQL that narrows it."""
    return int(sql().execute(f"SELECT count(*) FROM intake_item i WHERE i.seq IS NULL AND {where}").fetchone()[0])


def read_waiting(limit: int, where: str = "1") -> list[tuple[Waiting, str]]:
    """Return what waits, the latest first, each with the name of the file that it came in; `where` as above."""
    rows = sql().execute(
        "SELECT i.*, s.name FROM intake_item i JOIN intake_source s ON s.digest = i.digest "
        f"WHERE i.seq IS NULL AND {where} ORDER BY i.rowid DESC LIMIT ?",
        (limit,),
    )
    return [(Waiting(*row[:-1]), row[-1]) for row in rows]
