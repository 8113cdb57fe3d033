"""From what was recognised to items of the quarantine: dates, headlines, identities, doubts.

Nothing is invented. What the text does not say is asked for (the year), derived and marked in the
item's ednote (a headline from the first sentence), or left as a doubt that keeps the item waiting.
"""

import hashlib
import re
from datetime import date, datetime

import msgspec

from dateline.intake.dispatches import FoundDispatch
from dateline.intake.elements import FoundElement
from dateline.intake.page_text import Recognised
from dateline.intake.stamps import Stamp, moment
from dateline.intake.years import year_near, years_of
from dateline.intake.zones import in_zone
from dateline.news import body
from dateline.news.agency import Agency
from dateline.news.item import NewsItem

# A derived headline is cut at a word here; a newsfeed prints one to two lines.
_HEADLINE_CHARS = 140
_NO_YEAR = "its date has no year; say it with --year"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An item as far as the text tells: `key` its identity, `lines` where it stood, `doubts` what is open."""

    key: str
    lines: list[int]
    item: NewsItem
    doubts: list[str]
    notes: list[str]


def draft_all(found: Recognised, agency: Agency, said_year: int | None) -> list[Draft]:
    """Return a draft of each element and dispatch, in the page's order.

    A dispatch under the very headline of one of the page's elements is that element's text.
    """
    years = years_of([element.stamp for element in found.elements], said_year)
    days = [
        day
        for element, year in zip(found.elements, years, strict=True)
        if year is not None and (day := element.stamp.on(year)) is not None
    ]
    texts = {dispatch.headline.casefold(): dispatch for dispatch in found.dispatches if dispatch.headline}
    drafts = []
    for element, year in zip(found.elements, years, strict=True):
        text = texts.pop(element.title.casefold(), None)
        drafts.append(_element(element, year, agency, said_year, text))
    for dispatch in found.dispatches:
        if not dispatch.headline or dispatch.headline.casefold() in texts:
            drafts.append(_dispatch(dispatch, days, agency, said_year))
    return sorted(drafts, key=lambda draft: draft.lines[0])


def _key(*evidence: str) -> str:
    folded = "\x1f".join(" ".join(text.casefold().split()) for text in evidence)
    return hashlib.sha256(folded.encode()).hexdigest()


def _element(
    element: FoundElement, year: int | None, agency: Agency, said_year: int | None, text: FoundDispatch | None
) -> Draft:
    doubts, notes = list(element.doubts), []
    created = _moment(element.stamp, year, agency, doubts)
    if not element.stamp.year and year is not None:
        notes.append("year: as given" if year == said_year else "year: counted across a New Year")
    item = NewsItem(
        headline=element.title,
        section=element.heading,
        content_created=created,
        day_only=created is not None and element.stamp.clock is None,
    )
    if text is not None:
        item = msgspec.structs.replace(item, **_text(text))
    # By its own words, not by how they were parted: what parts them may be known better the next time.
    return Draft(
        key=_key("element", element.source, f"{element.stamp.month}-{element.stamp.day}"),
        lines=sorted([*element.lines, *(text.lines if text else [])]),
        item=_noted(item, notes),
        doubts=doubts,
        notes=notes,
    )


def _text(dispatch: FoundDispatch) -> dict[str, object]:
    return {
        "body": body.from_paragraphs(dispatch.paragraphs),
        "dateline": dispatch.printed,
        "located": dispatch.dateline.places,
        "credit": dispatch.dateline.credit,
    }


def _dispatch(dispatch: FoundDispatch, days: list[date], agency: Agency, said_year: int | None) -> Draft:
    doubts: list[str] = []
    notes: list[str] = []
    line, stamp = dispatch.dateline, dispatch.stamp
    if stamp is None or stamp.day is None:
        clock = stamp.clock if stamp else None
        stamp = Stamp(start=0, end=0, year=line.year, month=line.month, day=line.day, clock=clock)
    year = stamp.year or line.year
    if year is None and stamp.month and stamp.day:
        year = year_near(stamp.month, stamp.day, days)
        if year is not None:
            notes.append("year: from the page's other dates")
        elif said_year is not None:
            year = said_year
            notes.append("year: as given")
    headline = dispatch.headline
    if not headline:
        headline = derive_headline(dispatch.paragraphs[0])
        notes.append("headline: derived from the first sentence")
    created = _moment(stamp, year, agency, doubts)
    item = NewsItem(
        headline=headline,
        content_created=created,
        day_only=created is not None and stamp.clock is None,
    )
    item = msgspec.structs.replace(item, **_text(dispatch))
    return Draft(
        key=_key("dispatch", dispatch.printed, dispatch.paragraphs[0]),
        lines=dispatch.lines,
        item=_noted(item, notes),
        doubts=doubts,
        notes=notes,
    )


def _noted(item: NewsItem, notes: list[str]) -> NewsItem:
    return msgspec.structs.replace(item, ednote="; ".join(["imported from page text", *notes]))


def _moment(stamp: Stamp, year: int | None, agency: Agency, doubts: list[str]) -> datetime | None:
    """Return the instant of a stamp in the agency's time zone; None, and a doubt, where it stays open."""
    if stamp.day is None or stamp.month is None:
        doubts.append(_no_day(stamp))
        return None
    if year is None:
        doubts.append(_NO_YEAR)
        return None
    if stamp.ambiguous:
        doubts.append(f"day and month of its date may be swapped ({stamp.day} and {stamp.month})")
    day = stamp.on(year)
    if day is None:
        doubts.append(f"there is no day {stamp.day} in month {stamp.month} of {year}")
        return None
    if stamp.clock is None:
        return moment(day, None).replace(tzinfo=agency.zone)
    created = in_zone(moment(day, stamp.clock), stamp.zone, agency.zone)
    if created is None:
        doubts.append(f"“{stamp.zone}” is used for more than one time zone")
    return created


def _no_day(stamp: Stamp) -> str:
    if stamp.ago:
        return f"its date is printed as “{stamp.ago}”, and the page does not say when it was saved"
    if stamp.days_ago is not None:
        return "its date is printed as a word for today or yesterday, and the page does not say when it was saved"
    return "it has a time but no day" if stamp.clock else "it has no date"


_SENTENCE_END = re.compile(r"[.!?…][\"”’»]?(?=\s+[\"“‘«]?[A-ZÀ-ÖØ-ÞА-Я0-9])")
_ABBREVIATION = re.compile(r"(?:^|\s)(?:[^\W\d_]|[A-Z][^\W\d_]{1,3}|(?:\w\.)+\w)$")


def derive_headline(paragraph: str) -> str:
    """Return the first sentence of a paragraph, cut at a word where it is long."""
    sentence = paragraph
    for end in _SENTENCE_END.finditer(paragraph):
        before = paragraph[: end.start()]
        if end.group().startswith(".") and _ABBREVIATION.search(before):
            continue
        sentence = paragraph[: end.end()]
        break
    sentence = re.sub(r"(?<!\.)\.$", "", sentence)
    if len(sentence) <= _HEADLINE_CHARS:
        return sentence
    return sentence[:_HEADLINE_CHARS].rpartition(" ")[0].rstrip(",;:") + " …"
