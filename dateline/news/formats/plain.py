"""Plain-text dispatches: a short header, a blank line, the text.

    Headline: Harbour of Port Ellis reopens after the storm
    Section: Economy
    Urgency: 3

    PORT ELLIS, November 25. /Tidewater/. The harbour …

The header is an RFC 5322 one (read by the standard library); docs/formats.md lists its fields. The
text opens with its dateline, or the header names Place; what follows is CommonMark without HTML.
"""

import email.parser
import email.policy
from datetime import UTC, datetime
from typing import Any

import msgspec

from dateline.news import body
from dateline.news.agency import Agency
from dateline.news.codes import rfc3339
from dateline.news.dateline import Dateline, parse, print_dateline
from dateline.news.errors import BadItem
from dateline.news.item import NewsItem

# Header field -> field of NewsItem, for those that are plain text.
_TEXTS = {
    "headline": "headline", "section": "section", "slugline": "slugline", "byline": "byline",
    "credit": "credit", "ednote": "ednote", "language": "language", "uri": "uri",
}  # fmt: skip
FIELDS = (*_TEXTS, "urgency", "embargo", "date", "place")


def decode(text: str, agency: Agency, now: datetime) -> NewsItem:
    """Return the item that a plain-text dispatch describes.

    `now` dates a dateline that the header asks for (Place) and the text does not have.
    Raises BadItem with a sentence that names the field and what to write instead.
    """
    text = text.lstrip("\ufeff").replace("\r\n", "\n")
    head, _, rest = text.lstrip("\n").partition("\n\n")
    fields = _header(head)
    texts: dict[str, Any] = {_TEXTS[name]: value for name, value in fields.items() if name in _TEXTS}
    item = NewsItem(
        **texts,
        urgency=_urgency(fields.get("urgency")),
        embargoed=_instant("Embargo", fields.get("embargo"), agency),
        content_created=_instant("Date", fields.get("date"), agency),
        day_only=_is_day(fields.get("date")),
    )
    return _with_text(item, rest.strip("\n"), fields.get("place", ""), agency, now)


def _header(head: str) -> dict[str, str]:
    message = email.parser.HeaderParser(policy=email.policy.compat32).parsestr(head + "\n\n")
    names = {name.lower() for name in message}
    if len(names) < len(message.keys()):
        twice = next(name for name in message if [*map(str.lower, message)].count(name.lower()) > 1)
        raise BadItem(f"The header has {twice} twice; leave the one that is meant.", twice)
    if "headline" not in names and not names & set(FIELDS):
        raise BadItem(
            "The file does not open with a header. A dispatch begins with lines such as "
            "'Headline: …' and 'Section: …', then a blank line, then the text.",
            head[:80],
        )
    if unknown := sorted(names - set(FIELDS)):
        raise BadItem(
            f"The header has a field that is not known: {unknown[0]}. "
            f"Known are {', '.join(name.capitalize() for name in FIELDS)}.",
            unknown[0],
        )
    if payload := str(message.get_payload()).strip():
        raise BadItem(
            f"The header has a line without a field name: {payload.splitlines()[0][:80]!r}. "
            "A blank line must stand between the header and the text.",
            payload[:80],
        )
    return {name.lower(): " ".join(str(value).split()) for name, value in message.items()}


def _urgency(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isdigit() and 1 <= int(text) <= 9):
        raise BadItem(f"Urgency: {text!r} is not a number from 1 (flash) to 9.", text)
    return int(text)


def _is_day(text: str | None) -> bool:
    return bool(text) and len(str(text)) == len("2026-11-25")


def _instant(field: str, text: str | None, agency: Agency) -> datetime | None:
    """Read an instant; without an offset it is the agency's own time."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadItem(
            f"{field}: {text!r} is not a time. Write it as 2026-12-01T10:00 (the agency's time zone, "
            f"{agency.timezone}) or with an offset, 2026-12-01T10:00+01:00.",
            text,
        ) from error
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=agency.zone)).astimezone(UTC)
    except OverflowError as error:
        raise BadItem(f"{field}: {text!r} lies beyond the calendar.", text) from error


def _with_text(item: NewsItem, text: str, place: str, agency: Agency, now: datetime) -> NewsItem:
    """Take the dateline out of the text, or make the one that the header asks for."""
    found = parse(text)
    if found is not None:
        line, text = found.dateline, found.text
        printed = print_dateline(line, agency.dateline_style) or found.printed
    elif place:
        local = agency.local(item.content_created or now)
        line = Dateline(
            places=tuple(part.strip() for part in place.split("/") if part.strip()),
            month=local.month,
            day=local.day,
            credit=item.credit or agency.credit,
        )
        printed = print_dateline(line, agency.dateline_style)
    else:
        return msgspec.structs.replace(item, body=body.from_plain(text))
    return msgspec.structs.replace(
        item,
        body=body.from_plain(text),
        dateline=printed,
        located=line.places,
        credit=item.credit or line.credit or agency.credit,
    )


def encode(item: NewsItem) -> str:
    """Return the item as a plain-text dispatch: header, blank line, dateline and text.

    Links, media topics and pictures do not travel.
    """
    lines = [f"{field.capitalize()}: {getattr(item, name)}" for field, name in _TEXTS.items() if getattr(item, name)]
    if item.urgency is not None:
        lines.append(f"Urgency: {item.urgency}")
    if item.embargoed is not None:
        lines.append(f"Embargo: {rfc3339(item.embargoed)}")
    return "\n".join(lines) + "\n\n" + _opened(item, body.to_plain(item.body)) + "\n"


def to_text(item: NewsItem) -> str:
    """Return dateline and paragraphs as text, blank lines between them."""
    return _opened(item, body.to_paragraphs(item.body))


def _opened(item: NewsItem, paragraphs: list[str]) -> str:
    if item.dateline:
        paragraphs[:1] = [" ".join([item.dateline, *paragraphs[:1]])]
    return "\n\n".join(paragraphs)
