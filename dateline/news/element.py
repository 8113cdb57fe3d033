"""The newsfeed element, and what a dispatch changes for the public.

Every outlet asks the same question, "what does this dispatch change for a reader?", and must give
the same answer (WIRE, promise 1); the answer stands here once, as a function of the dispatch alone.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.codes import rfc3339, short_id
from dateline.news.item import NewsItem, PubStatus


class Change(StrEnum):
    """What a dispatch changes for the public."""

    SHOW = "show"  # the item appears, or its new version does
    WITHHOLD = "withhold"  # it goes, and may come back
    KILL = "kill"  # it goes for good
    NOTHING = "nothing"


def public_change(act: Act, item: NewsItem) -> Change:
    """Return what a dispatch changes for the public.

    An item under an embargo has never been public, whatever the act: it changes nothing.
    """
    if act is Act.ADVISORY or item.embargoed is not None:
        return Change.NOTHING
    if item.pubstatus is PubStatus.CANCELED:
        return Change.KILL
    if item.pubstatus is PubStatus.WITHHELD:
        return Change.WITHHOLD
    return Change.SHOW


MARKS = {Act.CORRECT: "Corrected", Act.UPDATE: "Updated", Act.REFILE: "Refiled"}


def next_mark(mark: str | None, act: Act) -> str:
    """Return the mark after one more public act; `mark` is None if this is the item's first.

    Once corrected, an item stays marked so: a reader who saw the error must not miss it.
    """
    if mark is None:
        return ""
    corrected = MARKS[Act.CORRECT]
    return mark if mark == corrected else MARKS.get(act, mark)


class Element(msgspec.Struct, frozen=True):
    """One element of the newsfeed, as the page's template, /newsfeed.json and /live have it.

    `title`, `heading` and `date` are what it prints; `datetime` is the RFC 3339 instant (or the
    day alone) behind `date`; `day` its day in the agency's zone; `url` and `heading_url` are absolute
    paths; `mark` says that the item was corrected, updated or refiled since; `urgency` is 1 to 9.
    """

    id: str
    title: str
    heading: str
    heading_url: str
    date: str
    datetime: str
    day: str
    url: str
    urgency: int
    mark: str = ""


def element_of(item: NewsItem, mark: str, agency: Agency) -> Element:
    """Return the newsfeed element of an item that is, or was, public."""
    section = item.heading
    return Element(
        id=short_id(item.uri),
        title=item.headline,
        heading=section.name if section else "",
        heading_url=f"/sections/{section.slug}/" if section else "",
        date=agency.print_date(_dated(item), day_only=item.day_only),
        datetime=machine_date(item, agency),
        day=item.public_day(agency.zone).isoformat(),
        url=item.path,
        urgency=item.urgency or 9,
        mark=mark,
    )


def machine_date(item: NewsItem, agency: Agency) -> str:
    """Return the item's date for machines: an RFC 3339 instant, or the day where only that is known."""
    if item.day_only:
        return agency.local(_dated(item)).date().isoformat()
    return rfc3339(_dated(item))


def _dated(item: NewsItem) -> datetime:
    if item.content_created is None:
        raise ValueError("an item that was never public has no newsfeed element")
    return item.content_created
