"""The fold of the newsfeed: dispatches in, items and the pages they change out."""

import msgspec
from django.conf import settings

from dateline.news.codes import rfc3339
from dateline.news.element import Change, element_of, next_mark
from dateline.news.item import NewsItem
from dateline.site import store
from dateline.wire.dispatch import Dispatch

_ENCODE = msgspec.json.Encoder().encode
_SHOWN = {Change.SHOW: store.SHOWN, Change.WITHHOLD: store.WITHHELD, Change.KILL: store.KILLED}


def changed_pages(before: store.Row | None, after: store.Row, *, opened: set[str], closed: set[str]) -> set[str]:
    """Return the names of the pages that a change of one item changes.

    `opened` and `closed` are the sections and days ("slug", "2026-11-25") that got their first shown
    item, or lost their last, by it: those change the menus and the ways from day to day.
    """
    pages = {"front", f"item:{after.uri}", f"day:{after.day}"}
    slugs = {after.slug} | ({before.slug} if before else set())
    pages |= {f"section:{slug}" for slug in slugs if slug}
    return pages | opened | closed


class SiteFold:
    """The newsfeed as a projection of the wire."""

    name = "site"

    def apply(self, dispatch: Dispatch) -> None:
        """Fold one dispatch."""
        change = dispatch.change
        before = store.read_row(dispatch.uri)
        if change is Change.NOTHING or (before is None and change is not Change.SHOW):
            return  # never public, and not made so
        item = dispatch.news
        shown = _SHOWN[change]
        after = self._row(dispatch, item, before, shown)
        opened = self._around(before, after)
        headings = self._headings(before, after)
        store.write_row(after)
        for slug in {after.slug, before.slug if before else ""} - {""}:
            store.touch_section(slug, dispatch.seq)
        store.write_version(
            store.Version(
                item.uri, item.version, dispatch.seq, dispatch.sent, str(dispatch.act), item.ednote, after.shown
            )
        )
        # A kill or a hold jumps every queue.
        pages = changed_pages(before, after, opened=opened, closed=self._around(before, after))
        if self._headings(before, after) != headings:
            pages |= self._menus()
        store.mark_dirty(pages, dispatch.seq, jumps=shown != store.SHOWN)

    def _row(self, dispatch: Dispatch, item: NewsItem, before: store.Row | None, shown: int) -> store.Row:
        if shown != store.SHOWN and before is not None:
            return msgspec.structs.replace(before, seq=dispatch.seq, shown=shown)
        agency = settings.AGENCY
        mark = next_mark(before.mark if before else None, dispatch.act)
        section = item.heading
        assert item.content_created is not None
        return store.Row(
            uri=item.uri,
            path=item.path,
            place=before.place if before else dispatch.seq,
            seq=dispatch.seq,
            shown=shown,
            published=rfc3339(item.content_created, micros=True),
            day=item.public_day(agency.zone).isoformat(),
            slug=section.slug if section else "",
            heading=section.name if section else "",
            mark=mark,
            element=_ENCODE(element_of(item, mark, agency)),
        )

    def _around(self, before: store.Row | None, after: store.Row) -> set[str]:
        """Return the pages that depend on whether this item's sections and day have anything to show.

        Asked before and after the row is written: an answer that differs is a change. A section or a
        day that is not empty for other reasons changes nothing around it.
        """
        pages: set[str] = set()
        slugs = {after.slug} | ({before.slug} if before else set())
        if any(slug and store.section_is_empty(slug) for slug in slugs):
            pages |= self._menus()
        if store.day_is_empty(after.day):
            pages |= {f"day:{day}" for day in store.neighbours(after.day) if day}
        return pages

    def _headings(self, before: store.Row | None, after: store.Row) -> list[str]:
        """Return how the menu prints the sections that an item is in: as their newest item spells them."""
        slugs = sorted({after.slug, before.slug if before else ""} - {""})
        return [row.heading for slug in slugs for row in store.newest(1, slug=slug)]

    def _menus(self) -> set[str]:
        """Return the pages that have the menu of sections, but the front, which changes anyway."""
        return {"sections"} | {f"section:{slug}" for slug, _ in store.sections()}

    def forget(self) -> None:
        """Drop the newsfeed."""
        store.forget()
