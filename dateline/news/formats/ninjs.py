"""ninjs 3.1 (IPTC News in JSON), the canonical form of a NewsItem on the wire.

Canonical means: the keys of every object sorted, no white space, UTF-8, nothing empty, our own entry
first in each list that we share with others. Encoding what was decoded gives the same bytes.

Where a NewsItem's fields stand (docs/formats.md has the table): the section is the subject with rel
`section`; the dateline is the description with role `dateline`; a date known to the day only is the
description with role `contentDate`; the credit is the infoSource with role `credit`; the address is
the altId with role `path`. The places of the dateline are `located`, joined by slashes.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from dateline.news.body import from_paragraphs
from dateline.news.codes import parse_instant
from dateline.news.errors import BadItem
from dateline.news.item import NewsItem, PubStatus

STANDARD = {
    "name": "ninjs",
    "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json",
    "version": "3.1",
}

_ENCODER = msgspec.json.Encoder(order="sorted")
# Fields that stand in ninjs under their own name, as text.
_TEXTS = {
    "uri": "uri", "byline": "by", "slugline": "slugline", "ednote": "edNote", "language": "language",
}  # fmt: skip
_INSTANTS = {
    "embargoed": "embargoedUntil", "first_created": "firstCreated",
    "version_created": "versionCreated", "content_created": "contentCreated",
}  # fmt: skip


def encode(item: NewsItem) -> bytes:
    """Return the canonical ninjs 3.1 bytes of the item."""
    news: dict[str, Any] = {key: value for key, value in item.rest.items() if value not in (None, "", [], {})}
    for field, name in _TEXTS.items():
        if value := getattr(item, field):
            news[name] = value
    for field, name in _INSTANTS.items():
        if (instant := getattr(item, field)) is not None:
            news[name] = instant.astimezone(UTC)  # which msgspec writes as `codes.rfc3339` does, in a third of the time
    news["pubStatus"] = str(item.pubstatus)
    news.setdefault("type", "text")
    news["standard"] = STANDARD
    if item.version:
        news["version"] = str(item.version)
    if item.urgency is not None:
        news["urgency"] = item.urgency
    if item.located:
        news["located"] = "/".join(item.located)
    _add(
        news,
        "headlines",
        item.headline,
        {"contentType": "text/plain", "role": "main", "value": item.headline},
    )
    _add(news, "bodies", item.body, {"contentType": "text/html", "role": "main", "value": item.body})
    if item.day_only and item.content_created is not None:
        _add(news, "descriptions", "day", {"role": "contentDate", "value": "day"})
    _add(
        news,
        "descriptions",
        item.dateline,
        {"contentType": "text/plain", "role": "dateline", "value": item.dateline},
    )
    _add(news, "subjects", item.section, {"name": item.section, "rel": "section"})
    _add(news, "infoSources", item.credit, {"name": item.credit, "role": "credit"})
    _add(news, "altIds", item.path, {"role": "path", "value": item.path})
    return _ENCODER.encode(news)


def _add(news: dict[str, Any], name: str, value: str, entry: dict[str, str]) -> None:
    if value:
        news[name] = [entry, *news.get(name, [])]


def decode(data: bytes) -> NewsItem:
    """Return the NewsItem that ninjs 3.x bytes hold.

    Raises BadItem with a sentence where the bytes are not JSON or not shaped as ninjs.
    """
    try:
        news = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadItem(f"This is not a ninjs item: {error}.") from error
    try:
        return _item(news)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise BadItem(f"This ninjs item is not shaped as IPTC's ninjs 3.1 says: {error}.") from error


def _item(news: dict[str, Any]) -> NewsItem:
    fields: dict[str, Any] = {field: str(news.pop(name, "") or "") for field, name in _TEXTS.items()}
    for field, name in _INSTANTS.items():
        fields[field] = _instant(name, news.pop(name, None))
    news.pop("standard", None)
    if news.get("type") == "text":
        del news["type"]
    fields["version"] = int(news.pop("version", 0) or 0)
    fields["urgency"] = news.pop("urgency", None)
    fields["pubstatus"] = PubStatus(news.pop("pubStatus", "usable"))
    fields["located"] = tuple(part for part in str(news.pop("located", "")).split("/") if part)
    fields["headline"] = _take(news, "headlines", role="main") or _take_any(news, "headlines")
    fields["body"] = _take_body(news)
    fields["day_only"] = bool(_take(news, "descriptions", role="contentDate"))
    fields["dateline"] = _take(news, "descriptions", role="dateline")
    fields["section"] = _take(news, "subjects", rel="section")
    fields["credit"] = _take(news, "infoSources", role="credit")
    fields["path"] = _take(news, "altIds", role="path")
    return NewsItem(**fields, rest={key: value for key, value in news.items() if value not in (None, "", [], {})})


def _instant(name: str, text: object) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(str(text))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _take(news: dict[str, Any], name: str, **wanted: str) -> str:
    """Take the first entry with this role or rel out of a list; return its value or name."""
    entries: list[dict[str, Any]] = news.get(name, [])
    for place, entry in enumerate(entries):
        if all(entry.get(key) == value for key, value in wanted.items()):
            news[name] = entries[:place] + entries[place + 1 :]
            return str(entry.get("value") or entry.get("name") or "")
    return ""


def _take_any(news: dict[str, Any], name: str) -> str:
    entries: list[dict[str, Any]] = news.get(name, [])
    if not entries:
        return ""
    news[name] = entries[1:]
    return str(entries[0].get("value", ""))


def _take_body(news: dict[str, Any]) -> str:
    """Take the main body, whatever its role: HTML before plain text, which becomes paragraphs."""
    entries: list[dict[str, Any]] = news.get("bodies", [])

    def rank(entry: dict[str, Any]) -> tuple[bool, bool]:
        return entry.get("role") != "main", "html" not in str(entry.get("contentType", "text/plain"))

    if not entries:
        return ""
    best = min(entries, key=rank)
    news["bodies"] = [entry for entry in entries if entry is not best]
    value = str(best.get("value", ""))
    if "html" in str(best.get("contentType", "text/html")):
        return value
    return from_paragraphs(part for part in value.split("\n\n") if part.strip())
