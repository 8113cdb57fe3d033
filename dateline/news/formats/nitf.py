"""NITF 3.6 (News Industry Text Format, IPTC).

What has no place in it: the day-only mark, the page's address, the version's instants but the last.
"""

import html
from datetime import datetime
from typing import Any

from lxml import etree

from dateline.news import body
from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.codes import MEDIA_TOPIC, parse_instant, rfc3339
from dateline.news.errors import BadItem
from dateline.news.formats.xml import add, dump, every, first, fragment, parse, text_of
from dateline.news.item import NewsItem, PubStatus

NAMESPACE = "http://iptc.org/std/NITF/2006-10-18/"
MEDIA_TYPE = "text/vnd.iptc.nitf"
_DEFAULT: Any = {None: NAMESPACE}
_STATUS = {PubStatus.USABLE: "usable", PubStatus.WITHHELD: "withheld", PubStatus.CANCELED: "canceled"}
_STATUS_BACK = {"withheld": PubStatus.WITHHELD, "canceled": PubStatus.CANCELED, "cancelled": PubStatus.CANCELED}
# NITF's ed-urg runs from 1 to 8.
_LEAST_URGENT = 8
_INLINE = {"strong": "em", "em": "em", "cite": "em", "br": "br"}


def encode(item: NewsItem, agency: Agency, act: Act | None = None) -> bytes:
    """Return the item as an NITF document."""
    root = etree.Element(f"{{{NAMESPACE}}}nitf", nsmap=_DEFAULT)
    head = add(root, "head")
    add(head, "title", item.headline)
    if item.section:
        add(head, "meta", name="section", content=item.section)
    tobject = add(head, "tobject", **{"tobject.type": "news"})
    for subject in item.rest.get("subjects", []):
        uri = str(subject.get("uri", ""))
        if uri.startswith(MEDIA_TOPIC):
            # IPTC: the eight digits of a subject reference are those of a media topic.
            add(tobject, "tobject.subject", **{
                "tobject.subject.refnum": uri.removeprefix(MEDIA_TOPIC),
                "tobject.subject.type": str(subject.get("name", "")),
            })  # fmt: skip
    _docdata(head, item, agency)
    _text(add(root, "body"), item, agency)
    return dump(root)


def _docdata(head: Any, item: NewsItem, agency: Agency) -> None:
    status = (
        "embargoed" if item.embargoed is not None and item.pubstatus is PubStatus.USABLE else _STATUS[item.pubstatus]
    )
    data = add(head, "docdata", **{"management-status": status})
    # The order is free in NITF; ours is that of the DTD's list.
    add(data, "doc-id", **{"id-string": item.uri, "regsrc": agency.domain})
    if item.urgency is not None:
        add(data, "urgency", **{"ed-urg": str(min(item.urgency, _LEAST_URGENT))})
    if item.content_created is not None:
        add(data, "date.issue", norm=_norm(item.content_created))
    if item.embargoed is not None:
        add(data, "date.release", norm=_norm(item.embargoed))
    if item.slugline:
        add(data, "du-key", key=item.slugline, version=str(item.version or 1))
    elif item.version:
        add(data, "du-key", key="", version=str(item.version))
    add(data, "doc.copyright", holder=agency.name)
    if item.ednote:
        add(data, "ed-msg", info=item.ednote)


def _norm(instant: datetime) -> str:
    """Return an instant as ISO 8601 basic format, as NITF's `norm` wants it."""
    return rfc3339(instant).replace("-", "").replace(":", "")


def _text(parent: Any, item: NewsItem, agency: Agency) -> None:
    head = add(parent, "body.head")
    add(add(head, "hedline"), "hl1", item.headline)
    if item.byline:
        add(head, "byline", item.byline)
    if item.credit:
        add(head, "distributor", item.credit)
    if item.dateline:
        line = add(head, "dateline")
        for place in item.located:
            add(line, "location", place)
        add(line, "story.date", item.dateline)
    content = add(parent, "body.content")
    if item.body:
        for element in fragment(item.body):
            _block(content, element, agency)
    add(parent, "body.end")


def _block(parent: Any, element: Any, agency: Agency) -> None:
    match element.tag:
        case "p":
            _inline(add(parent, "p"), element, agency)
        case "h2" | "h3":
            _inline(add(parent, "hl2"), element, agency)
        case "ul" | "ol":
            made = add(parent, element.tag)
            for entry in element.iterchildren("li"):
                _inline(add(made, "li"), entry, agency)
        case "blockquote":
            quote = add(parent, "bq")
            block = add(quote, "block")
            for part in element if len(element) else [element]:
                cite = part.find("cite")
                if cite is not None and not (part.text or "").strip():
                    add(quote, "credit", text_of(cite))
                else:
                    _inline(add(block, "p"), part, agency)
        case "table":
            _table(parent, element, agency)
        case "figure":
            _picture(parent, element, agency)
        case _:
            add(parent, "p", text_of(element))


def _inline(made: Any, element: Any, agency: Agency) -> None:
    """Copy text with its emphasis, links and line breaks."""
    made.text = element.text
    for child in element:
        if child.tag == "a" and child.get("href"):
            href = child.get("href")
            inner = add(made, "a", href=agency.url + href if href.startswith("/") else href)
        elif child.tag in _INLINE:
            inner = add(made, _INLINE[child.tag])
        else:
            inner = add(made, "em")
        _inline(inner, child, agency)
        inner.tail = child.tail


def _table(parent: Any, element: Any, agency: Agency) -> None:
    made = add(parent, "table")
    caption = element.find("caption")
    if caption is not None:
        _inline(add(made, "caption"), caption, agency)
    for part in ("thead", "tbody"):
        rows = [row for group in element.iterchildren(part) for row in group.iterchildren("tr")]
        if part == "tbody":
            rows += list(element.iterchildren("tr"))
        if not rows:
            continue
        group = add(made, part)
        for row in rows:
            line = add(group, "tr")
            for cell in row.iterchildren("th", "td"):
                _inline(add(line, cell.tag), cell, agency)


def _picture(parent: Any, element: Any, agency: Agency) -> None:
    image = element.find(".//img")
    if image is None or not image.get("src"):
        return
    media = add(parent, "media", **{"media-type": "image"})
    source = image.get("src")
    sizes = {name: image.get(name) for name in ("width", "height") if (image.get(name) or "").isdigit()}
    add(media, "media-reference", **{
        "source": agency.url + source if source.startswith("/") else source, "mime-type": "image/jpeg",
        "alternate-text": image.get("alt", ""), **sizes,
    })  # fmt: skip
    caption = element.find("figcaption")
    if caption is not None:
        cite = caption.find("cite")
        add(media, "media-caption", " ".join((caption.text or "").split()))
        if cite is not None:
            add(media, "media-producer", text_of(cite))


def decode(data: bytes) -> NewsItem:
    """Return the item that an NITF document holds. Raises BadItem with a sentence."""
    root = parse(data, "an NITF document")
    if etree.QName(root).localname != "nitf":
        raise BadItem("This XML is no NITF document: its root is not `nitf`.")
    try:
        return _item(root)
    except ValueError as error:
        raise BadItem(f"This document is not as NITF says: {error}.") from error


def _item(root: Any) -> NewsItem:
    data, head = first(root, "head", "docdata"), first(root, "body", "body.head")
    meta = {one.get("name", ""): one.get("content", "") for one in every(first(root, "head"), "meta")}
    key, urgency = first(data, "du-key"), first(data, "urgency")
    rest: dict[str, Any] = {}
    subjects = [
        {"name": one.get("tobject.subject.type", ""), "rel": "about", "uri": MEDIA_TOPIC + code}
        for one in every(first(root, "head", "tobject"), "tobject.subject")
        if (code := one.get("tobject.subject.refnum", "")).isdigit()
    ]
    if subjects:
        rest["subjects"] = [{name: value for name, value in one.items() if value} for one in subjects]
    release = _instant(first(data, "date.release"))
    status = (data.get("management-status", "") if data is not None else "").lower()
    hedline = first(head, "hedline", "hl1")
    line = first(head, "dateline")
    date = text_of(first(line, "story.date"))
    places = tuple(filter(None, map(text_of, every(line, "location"))))
    return NewsItem(
        uri=_attribute(first(data, "doc-id"), "id-string"),
        version=int(_attribute(key, "version") or 0) if _attribute(key, "version").isdigit() else 0,
        pubstatus=_STATUS_BACK.get(status, PubStatus.USABLE),
        headline=text_of(hedline) or text_of(first(root, "head", "title")),
        body=body_of(root),
        dateline=date if places and date.startswith(places[0]) else text_of(line),
        located=places,
        section=meta.get("section", ""),
        slugline=_attribute(key, "key"),
        byline=text_of(first(head, "byline")).removeprefix("By ").strip(),
        credit=text_of(first(head, "distributor")),
        ednote=_attribute(first(data, "ed-msg"), "info"),
        urgency=int(_attribute(urgency, "ed-urg")) if _attribute(urgency, "ed-urg").isdigit() else None,
        embargoed=release if status == "embargoed" else None,
        content_created=_instant(first(data, "date.issue")),
        rest=rest,
    )


def _attribute(element: Any, name: str) -> str:
    return "" if element is None else str(element.get(name, ""))


def _instant(element: Any) -> datetime | None:
    """Read a `norm`: ISO 8601, basic or extended, UTC where no offset stands; None for what is none."""
    text = _attribute(element, "norm")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return parse_instant(moment.isoformat() if moment.tzinfo else f"{moment.isoformat()}+00:00")


def body_of(root: Any) -> str:
    """Return the text of an NITF document as a body of our subset."""
    content = first(root, "body", "body.content")
    if content is None:
        return ""
    return body.clean("\n".join(filter(None, (_markup(child) for child in content if isinstance(child.tag, str)))))


def _markup(element: Any) -> str:
    name = etree.QName(element).localname
    if name in ("p", "hl2", "li", "td", "th", "caption", "credit"):
        return f"<{_BACK.get(name, name)}>{_inner(element)}</{_BACK.get(name, name)}>"
    if name == "block":
        return "\n".join(_markup(child) for child in element if isinstance(child.tag, str))
    if name in ("ul", "ol", "table", "thead", "tbody", "tr"):
        inside = "".join(_markup(child) for child in element if isinstance(child.tag, str))
        return f"<{name}>{inside}</{name}>"
    if name == "bq":
        credit = text_of(first(element, "credit"))
        parts = [
            _markup(child)
            for child in element
            if isinstance(child.tag, str) and etree.QName(child).localname != "credit"
        ]
        source = f"<p><cite>{html.escape(credit, quote=False)}</cite></p>" if credit else ""
        return f"<blockquote>{''.join(parts) or '<p>' + _inner(element) + '</p>'}{source}</blockquote>"
    if name in ("media", "nitf-table", "hr"):
        return ""
    text = _inner(element)
    return f"<p>{text}</p>" if text.strip() else ""


_BACK = {"hl2": "h2", "credit": "p"}


def _inner(element: Any) -> str:
    parts = [html.escape(element.text or "", quote=False)]
    for child in element:
        if isinstance(child.tag, str):
            name, inside = etree.QName(child).localname, _inner(child)
            if name == "br":
                inside = "<br>"
            elif name == "em":
                inside = f"<em>{inside}</em>"
            elif name == "a" and child.get("href"):
                inside = f'<a href="{html.escape(child.get("href"))}">{inside}</a>'
            parts.append(inside)
        parts.append(html.escape(child.tail or "", quote=False))
    return "".join(parts)
