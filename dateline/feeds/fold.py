"""The fold of the feeds: which items are in them, in which order."""

import msgspec
from django.conf import settings

from dateline.news.codes import rfc3339
from dateline.news.element import Change
from dateline.wire.dispatch import Dispatch
from dateline.wire.store import sql


class Entry(msgspec.Struct, frozen=True):
    """One item of the feeds: `place` orders it after `published`, `seq` is its latest public dispatch."""

    uri: str
    place: int
    seq: int
    shown: int
    published: str
    slug: str


class FeedsFold:
    """The feeds as a projection of the wire. `touched` collects the slugs of sections that changed."""

    name = "feeds"

    def __init__(self) -> None:
        self.touched: set[str] = set()

    def apply(self, dispatch: Dispatch) -> None:
        """Fold one dispatch."""
        change = dispatch.change
        before = read_entry(dispatch.uri)
        if change is Change.NOTHING or (before is None and change is not Change.SHOW):
            return
        if change is Change.SHOW:
            item = dispatch.news
            section = item.heading
            assert item.content_created is not None
            after = Entry(
                uri=dispatch.uri,
                place=before.place if before else dispatch.seq,
                seq=dispatch.seq,
                shown=1,
                published=rfc3339(item.content_created, micros=True),
                slug=section.slug if section else "",
            )
        else:
            assert before is not None
            after = msgspec.structs.replace(before, seq=dispatch.seq, shown=0)
        sql().execute(
            "INSERT INTO feeds_entry VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (uri) DO UPDATE SET seq = excluded.seq, "
            "shown = excluded.shown, slug = excluded.slug",
            msgspec.structs.astuple(after),
        )
        changed = {"", after.slug, before.slug if before else ""}
        sql().executemany(
            "INSERT INTO feeds_feed VALUES (?, ?) ON CONFLICT (slug) DO UPDATE SET seq = excluded.seq",
            [(slug, dispatch.seq) for slug in changed],
        )
        self.touched |= changed

    def forget(self) -> None:
        """Drop the feeds."""
        sql().execute("DELETE FROM feeds_entry")
        sql().execute("DELETE FROM feeds_feed")


def read_entry(uri: str) -> Entry | None:
    """Return an item's entry, or None if it was never public."""
    row = sql().execute("SELECT * FROM feeds_entry WHERE uri = ?", (uri,)).fetchone()
    return Entry(*row) if row else None


def newest(slug: str = "") -> list[Entry]:
    """Return the entries of a section's feed, or of the feed of all, newest first."""
    where, values = ("AND slug = ?", (slug,)) if slug else ("", ())
    rows = sql().execute(
        f"SELECT * FROM feeds_entry WHERE shown = 1 {where} ORDER BY published DESC, place DESC LIMIT ?",
        (*values, settings.FRONT_ELEMENTS),
    )
    return [Entry(*row) for row in rows]


def last_seq(slug: str = "") -> int:
    """Return the seq of the last dispatch that changed a feed; what left it changed it too."""
    row = sql().execute("SELECT seq FROM feeds_feed WHERE slug = ?", (slug,)).fetchone()
    return row[0] if row else 0


def slugs() -> list[str]:
    """Return the slug of every section that ever had an entry; its feed stays, if empty."""
    return [row[0] for row in sql().execute("SELECT slug FROM feeds_feed WHERE slug != '' ORDER BY slug")]


def recent(hours: int, limit: int) -> list[int]:
    """Return the seq of each entry of the last `hours` before the newest one, newest first."""
    rows = sql().execute(
        "SELECT seq FROM feeds_entry WHERE shown = 1 AND published >= (SELECT strftime('%Y-%m-%dT%H:%M:%S', "
        "max(published), ?) FROM feeds_entry WHERE shown = 1) ORDER BY published DESC, place DESC LIMIT ?",
        (f"-{hours} hours", limit),
    )
    return [row[0] for row in rows]
