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


class Around(msgspec.Struct, frozen=True):
    """What other pages show of an item's sections and day, beside the item itself.

    `headings` has how the menu prints each section (None: it shows nothing), by slug; `has_day` says whether the
    day is shown, to which the days beside it lead.
    """

    headings: dict[str, str | None]
    has_day: bool


def changed_pages(before: store.Row | None, after: store.Row, was: Around, now: Around) -> set[str]:
    """Return the names of the pages that a change of one item changes.

    A section that comes, goes or is spelled anew changes every page with the menu; a day that comes or goes the
    days before and after it.
    """
    pages = {"front", f"item:{after.uri}", f"day:{after.day}"}
    slugs = {after.slug} | ({before.slug} if before else set())
    pages |= {f"section:{slug}" for slug in slugs if slug}
    if was.headings != now.headings:
        pages |= {"sections"} | {f"section:{slug}" for slug, _ in store.sections()}
    if was.has_day != now.has_day:
        pages |= {f"day:{day}" for day in store.neighbours(after.day) if day}
    return pages


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
        slugs = {after.slug, before.slug if before else ""} - {""}
        was = _around(slugs, after.day)
        store.write_row(after)
        for slug in slugs:
            store.touch_section(slug, dispatch.seq)
        store.write_version(
            store.Version(
                item.uri, item.version, dispatch.seq, dispatch.sent, str(dispatch.act), item.ednote, after.shown
            )
        )
        now = was if _leaves_all_around(before, after, was) else _around(slugs, after.day)
        # A kill or a hold jumps every queue.
        store.mark_dirty(changed_pages(before, after, was, now), dispatch.seq, jumps=shown != store.SHOWN)

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

    def forget(self) -> None:
        """Drop the newsfeed."""
        store.forget()


def _around(slugs: set[str], day: str) -> Around:
    return Around({slug: store.heading_of(slug) for slug in slugs}, not store.day_is_empty(day))


def _leaves_all_around(before: store.Row | None, after: store.Row, was: Around) -> bool:
    """Whether it is plain, without asking again, that an item has changed nothing around it.

    So it is with most: they join a section that is printed as they spell it, on a day that is shown already.
    """
    stays = before is None or (before.shown == store.SHOWN and before.slug == after.slug)
    spelled = all(heading == after.heading for heading in was.headings.values())
    return stays and after.shown == store.SHOWN and spelled and was.has_day
