"""From a story to the NewsItem that it would be on the wire, and to the digest that approvals are bound to.

One function for the preview, the checks, the approval and the release, so that all four speak of the
same text.
"""

import base64
import hashlib
import html
from datetime import date, datetime
from typing import Any

import msgspec
from django.conf import settings

from dateline.desk import blocks, topics
from dateline.news import body
from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.dateline import Dateline, print_dateline
from dateline.news.formats import ninjs
from dateline.news.item import NewsItem
from dateline.news.renditions import FORMATS, rendition_path

# Widths of the renditions that readers get, px: a phone, a phone's sharp screen, a column, a wide screen.
WIDTHS = (480, 800, 1280, 1920)


def item_of(story: Any, today: date) -> NewsItem:
    """Return the item that a story is, complete or not; `today` dates a dateline that names no day."""
    agency: Agency = settings.AGENCY
    credit = story.credit.strip() or agency.credit
    places = places_in(story.place)
    printed = printed_dateline(places, story.dateline_date, credit, today)
    parts: list[str] = []
    pictures: dict[str, dict[str, Any]] = {}
    for block in story.body:
        figure = ""
        if block.block_type == "picture":
            picture = block.value.get("picture")
            if picture is None:
                continue
            figure = _figure(picture, block.value)
            pictures[picture.digest] = _association(picture, block.value)
        parts.append(blocks.markup_of(block.block_type, block.value, figure))
    rest: dict[str, Any] = {}
    if found := topics.subjects_of(story.topics):
        rest["subjects"] = found
    if pictures:
        rest["associations"] = list(pictures.values())
    return NewsItem(
        uri=story.uri,
        headline=" ".join(story.headline.split()),
        slugline=story.slugline.strip(),
        section=" ".join(story.section.split()),
        byline=story.byline.strip(),
        ednote=" ".join(story.ednote.split()),
        credit=credit,
        dateline=printed,
        located=places,
        urgency=story.urgency,
        language=story.language or agency.language,
        embargoed=story.embargoed,
        content_created=story.dated,
        day_only=story.day_only,
        body=body.without_empty_blocks(body.clean("\n".join(parts))),
        rest=rest,
    )


def pictures_of(story: Any) -> list[Any]:
    """Return the pictures that a story shows, in their order."""
    return [block.value["picture"] for block in story.body if block.block_type == "picture" and block.value["picture"]]


def places_in(text: str) -> tuple[str, ...]:
    """Return the places in a field's text, with slashes between them."""
    return tuple(part.strip() for part in text.split("/") if part.strip())


def printed_dateline(places: tuple[str, ...], day: date | None, credit: str, today: date) -> str:
    """Return the dateline as readers see it; `today` stands where no day is given. '' without place and day."""
    if not places and day is None:
        return ""
    day = day or today
    line = Dateline(places=places, month=day.month, day=day.day, credit=credit)
    return print_dateline(line, settings.AGENCY.dateline_style)


def digest_of(act: Act, note: str, item: NewsItem) -> str:
    """Return what an approval is bound to: the act, its note, and the item to the last byte (sha256, hex)."""
    data = msgspec.json.encode([str(act), " ".join(note.split()), ninjs.encode(item).decode()])
    return hashlib.sha256(data).hexdigest()


def text_digest(item: NewsItem) -> str:
    """Return the digest of a text alone: what someone who looked at it has seen."""
    return hashlib.sha256(ninjs.encode(item)).hexdigest()


def same_text(one: NewsItem, other: NewsItem) -> bool:
    """Whether two items would read the same on the wire."""
    return ninjs.encode(one) == ninjs.encode(other)


def local_day(now: datetime) -> date:
    """Return the agency's date at an instant."""
    agency: Agency = settings.AGENCY
    return agency.local(now).date()


def widths_of(picture: Any) -> list[int]:
    """Return the widths in which readers get a picture: never wider than it is."""
    fitting = [width for width in WIDTHS if width < picture.width]
    return [*fitting, min(picture.width, WIDTHS[-1])] if len(fitting) < len(WIDTHS) else fitting


def _figure(picture: Any, value: Any) -> str:
    width = widths_of(picture)[-1]
    height = round(picture.height * width / picture.width)
    alt = html.escape(value.get("alt") or picture.alt)
    caption = html.escape(value.get("caption") or picture.caption, quote=False).strip()
    credit = html.escape(picture.credit, quote=False).strip()
    words = " ".join(part for part in (caption, f"<cite>{credit}</cite>" if credit else "") if part)
    src = rendition_path(picture.digest, width, "jpg")
    legend = f"<figcaption>{words}</figcaption>" if words else ""
    return f'<figure><img src="{src}" alt="{alt}" width="{width}" height="{height}">{legend}</figure>'


def _association(picture: Any, value: Any) -> dict[str, Any]:
    agency: Agency = settings.AGENCY
    renditions = [
        {
            "name": f"{width}.{kind}",
            "href": agency.url + rendition_path(picture.digest, width, kind),
            "contentType": media_type,
            "width": width,
            "height": round(picture.height * width / picture.width),
        }
        for kind, media_type in FORMATS.items()
        for width in widths_of(picture)
    ]
    found: dict[str, Any] = {
        "name": picture.title,
        "rel": "picture",
        "type": "picture",
        "uri": ni_uri(picture.digest),
        "renditions": renditions,
    }
    if caption := (value.get("caption") or picture.caption):
        found["descriptions"] = [{"role": "caption", "contentType": "text/plain", "value": caption}]
    if picture.credit:
        found["infoSources"] = [{"role": "credit", "name": picture.credit}]
    if picture.rights:
        found["usageTerms"] = picture.rights
    return found


def ni_uri(digest: str) -> str:
    """Return the name of bytes by their sha256 digest (hex): an `ni` URI, RFC 6920 section 3."""
    name = base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()
    return f"ni:///sha-256;{name}"
