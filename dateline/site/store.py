"""The newsfeed's SQL: the folded items and versions, and the pages that wait to be rendered.

On the wire's connection, so that a fold and its cursor are one transaction.
"""

from collections.abc import Iterable

import msgspec

from dateline.wire.store import sql

SHOWN, WITHHELD, KILLED = 1, 0, -1
_COLUMNS = "uri, path, place, seq, shown, published, day, slug, heading, mark, element"
_LISTED = "place, heading, element"


class Row(msgspec.Struct, frozen=True):
    """One item of the newsfeed.

    `place` is the seq that brought it to the public and, after `published`, its order; `seq` the last
    dispatch that changed it; `day` its day in the agency's zone; `element` the Element as JSON.
    """

    uri: str
    path: str
    place: int
    seq: int
    shown: int
    published: str
    day: str
    slug: str
    heading: str
    mark: str
    element: bytes


class Listed(msgspec.Struct, frozen=True):
    """What a list of the newsfeed shows of an item: its place, its section's name, its Element as JSON."""

    place: int
    heading: str
    element: bytes


class Version(msgspec.Struct, frozen=True):
    """One dispatch of an item that was public at some time."""

    uri: str
    version: int
    seq: int
    sent: str
    act: str
    note: str
    shown: int


def read_row(uri: str) -> Row | None:
    """Return an item's row, or None if it was never public."""
    row = sql().execute(f"SELECT {_COLUMNS} FROM site_item WHERE uri = ?", (uri,)).fetchone()
    return Row(*row) if row else None


def write_row(row: Row) -> None:
    """Write an item's row."""
    sql().execute(
        f"INSERT INTO site_item ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uri) DO UPDATE SET "
        "seq = excluded.seq, shown = excluded.shown, slug = excluded.slug, heading = excluded.heading, "
        "mark = excluded.mark, element = excluded.element",
        msgspec.structs.astuple(row),
    )


def write_version(version: Version) -> None:
    """Write one version of an item."""
    sql().execute("INSERT INTO site_version VALUES (?, ?, ?, ?, ?, ?, ?)", msgspec.structs.astuple(version))


def read_versions(uri: str) -> list[Version]:
    """Return an item's versions, oldest first."""
    rows = sql().execute("SELECT * FROM site_version WHERE uri = ? ORDER BY version", (uri,))
    return [Version(*row) for row in rows]


def newest(limit: int, *, slug: str | None = None, before: int | None = None) -> list[Listed]:
    """Return the newest shown items, of a section or of all; `before` is the place of the last one seen."""
    where, values = ["shown = 1"], []
    if slug is not None:
        where.append("slug = ?")
        values.append(slug)
    if before is not None:
        where.append("(published, place) < (SELECT published, place FROM site_item WHERE place = ?)")
        values.append(before)  # type: ignore[arg-type]
    rows = sql().execute(
        f"SELECT {_LISTED} FROM site_item WHERE {' AND '.join(where)} ORDER BY published DESC, place DESC LIMIT ?",
        (*values, limit),
    )
    return [Listed(*row) for row in rows]


def of_day(day: str) -> list[Listed]:
    """Return every shown item of a day, newest first."""
    rows = sql().execute(
        f"SELECT {_LISTED} FROM site_item WHERE shown = 1 AND day = ? ORDER BY published DESC, place DESC", (day,)
    )
    return [Listed(*row) for row in rows]


def heading_of(slug: str) -> str | None:
    """Return how the newest shown item of a section spells its name, or None where the section shows nothing."""
    row = (
        sql()
        .execute(
            "SELECT heading FROM site_item WHERE shown = 1 AND slug = ? ORDER BY published DESC, place DESC LIMIT 1",
            (slug,),
        )
        .fetchone()
    )
    return row[0] if row else None


def day_is_empty(day: str) -> bool:
    """Whether no shown item has this day."""
    return sql().execute("SELECT 1 FROM site_item WHERE shown = 1 AND day = ? LIMIT 1", (day,)).fetchone() is None


def neighbours(day: str) -> tuple[str | None, str | None]:
    """Return the last day before, and the first day after, that has shown items."""
    earlier = sql().execute("SELECT max(day) FROM site_item WHERE shown = 1 AND day < ?", (day,)).fetchone()[0]
    later = sql().execute("SELECT min(day) FROM site_item WHERE shown = 1 AND day > ?", (day,)).fetchone()[0]
    return earlier, later


def sections() -> list[tuple[str, str]]:
    """Return (slug, heading) of every section with shown items, by slug.

    Walks the index from one section to the next, so that it costs a look-up a section, not a row. Of two spellings
    with one slug the latest is printed.
    """
    rows = sql().execute(
        "WITH RECURSIVE found(slug) AS (SELECT min(slug) FROM site_item WHERE shown = 1 AND slug > '' UNION ALL "
        "SELECT (SELECT min(slug) FROM site_item WHERE shown = 1 AND slug > found.slug) FROM found "
        "WHERE found.slug IS NOT NULL) SELECT slug, (SELECT heading FROM site_item WHERE shown = 1 "
        "AND slug = found.slug ORDER BY published DESC, place DESC LIMIT 1) FROM found WHERE slug IS NOT NULL"
    )
    return rows.fetchall()


def last_seq(*, slug: str | None = None, day: str | None = None) -> int:
    """Return the last seq that changed the newsfeed, one section of it, or one day.

    What left a section, or was killed, changed it too: a page's date never goes back.
    """
    query = "SELECT max(seq) FROM site_item"
    values: tuple[str, ...] = ()
    if slug is not None:
        query, values = "SELECT seq FROM site_section WHERE slug = ?", (slug,)
    elif day is not None:
        query, values = "SELECT max(seq) FROM site_item WHERE day = ?", (day,)
    row = sql().execute(query, values).fetchone()
    return int(row[0] or 0) if row else 0


def touch_section(slug: str, seq: int) -> None:
    """Say that a dispatch changed a section."""
    sql().execute(
        "INSERT INTO site_section VALUES (?, ?) ON CONFLICT (slug) DO UPDATE SET seq = excluded.seq", (slug, seq)
    )


def every_page() -> Iterable[str]:
    """Yield the name of every page that the newsfeed has now."""
    yield from every_list()
    for (uri,) in sql().execute("SELECT uri FROM site_item ORDER BY place"):
        yield f"item:{uri}"


def every_list() -> Iterable[str]:
    """Yield the name of every page that is a list: the front, the sections, the days."""
    yield "front"
    yield "sections"
    for (slug,) in sql().execute("SELECT slug FROM site_section ORDER BY slug").fetchall():
        yield f"section:{slug}"
    # From one day to the next in the index: a look-up a day, not a row an item.
    days = sql().execute(
        "WITH RECURSIVE found(day) AS (SELECT min(day) FROM site_item UNION ALL "
        "SELECT (SELECT min(day) FROM site_item WHERE day > found.day) FROM found WHERE found.day IS NOT NULL) "
        "SELECT day FROM found WHERE day IS NOT NULL"
    )
    for (day,) in days.fetchall():
        yield f"day:{day}"


# What most readers look at is rendered first.
_JUMPS = -1
_RANKS = {"front": 0, "item": 1, "section": 2, "sections": 2, "day": 3}


def mark_dirty(pages: Iterable[str], seq: int, *, jumps: bool = False) -> None:
    """Mark pages to be rendered anew, because of this seq; `jumps` puts them before all others."""
    sql().executemany(
        "INSERT INTO site_dirty VALUES (?, ?, ?) ON CONFLICT (page) DO UPDATE SET seq = max(seq, excluded.seq), "
        "rank = min(rank, excluded.rank)",
        ((page, _JUMPS if jumps else _RANKS[page.partition(":")[0]], seq) for page in pages),
    )


def read_dirty(limit: int) -> list[tuple[str, int]]:
    """Return (page, seq) of pages that wait: what was withdrawn, the front, the newest items, sections, days."""
    rows = sql().execute("SELECT page, seq FROM site_dirty ORDER BY rank, seq DESC LIMIT ?", (limit,))
    return rows.fetchall()


def read_dirty_first() -> list[tuple[str, int]]:
    """Return (page, seq) of the pages that nothing may delay: those of withdrawn items, and the front."""
    rows = sql().execute("SELECT page, seq FROM site_dirty WHERE rank <= 0 ORDER BY rank, seq DESC")
    return rows.fetchall()


def clear_dirty(rendered: Iterable[tuple[str, int]]) -> None:
    """Say that pages are rendered and on the disk, unless a later seq marked them again."""
    sql().executemany("DELETE FROM site_dirty WHERE page = ? AND seq <= ?", list(rendered))


# The stamp that says down from which place items are still to be marked.
_AGAIN = "again"


def mark_all() -> None:
    """Mark every page to be rendered anew: the lists now, the items by `mark_again`, some at a time.

    So a start costs the same at a thousand items and at a million.
    """
    mark_dirty(every_list(), 0)
    (last,) = sql().execute("SELECT max(place) FROM site_item").fetchone()
    write_stamp(_AGAIN, str((last or 0) + 1))


def has_unmarked() -> bool:
    """Whether `mark_all` left items that are still to be marked."""
    return bool(read_stamp(_AGAIN))


def mark_again(limit: int) -> bool:
    """Mark the next items that `mark_all` left, newest first; return whether there were any."""
    before = read_stamp(_AGAIN)
    if not before:
        return False
    rows = sql().execute(
        "SELECT uri, place FROM site_item WHERE place < ? ORDER BY place DESC LIMIT ?", (int(before), limit)
    )
    found = rows.fetchall()
    mark_dirty((f"item:{uri}" for uri, _ in found), 0)
    write_stamp(_AGAIN, str(found[-1][1]) if found else "")
    return bool(found)


def read_stamp(name: str) -> str:
    """Return a stamp (what the pages were last rendered with), or nothing."""
    row = sql().execute("SELECT value FROM site_stamp WHERE name = ?", (name,)).fetchone()
    return row[0] if row else ""


def write_stamp(name: str, value: str) -> None:
    """Write a stamp."""
    sql().execute(
        "INSERT INTO site_stamp VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
    )


def forget() -> None:
    """Drop the whole newsfeed, to fold it anew."""
    for table in ("site_item", "site_version", "site_section", "site_dirty"):
        sql().execute(f"DELETE FROM {table}")
    write_stamp(_AGAIN, "")


def has_place(place: int) -> bool:
    """Whether an element of the newsfeed, shown or not, has this place."""
    return sql().execute("SELECT 1 FROM site_item WHERE place = ?", (place,)).fetchone() is not None
