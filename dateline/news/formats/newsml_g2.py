"""NewsML-G2 2.35 (IPTC), power conformance: a newsItem with the text as XHTML.

What has no place in it: the day-only mark, the page's address but as a link, ninjs properties that came along.
Corrections and updates are signals (`sig:`), kills and holds the pubStatus (`stat:`).
"""

import html
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from dateline.news import body
from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.codes import MEDIA_TOPIC, parse_instant, rfc3339
from dateline.news.errors import BadItem
from dateline.news.formats import nitf
from dateline.news.formats.xml import XHTML, add, dump, every, first, fragment, parse, text_of
from dateline.news.item import NewsItem, PubStatus

NAMESPACE = "http://iptc.org/std/nar/2006-10-01/"
MEDIA_TYPE = "application/vnd.iptc.g2.newsitem+xml"
_DEFAULT: Any = {None: NAMESPACE}
_DEFAULT_XHTML: Any = {None: XHTML}
_CATALOG = "http://www.iptc.org/std/catalog/catalog.IPTC-G2-Standards_39.xml"
# IPTC's signal NewsCodes.
_SIGNALS = {Act.UPDATE: "sig:update", Act.CORRECT: "sig:correction", Act.REFILE: "sig:correction"}


def encode(item: NewsItem, agency: Agency, act: Act | None = None) -> bytes:
    """Return the item as a newsItem; `act` is what the dispatch with it did."""
    root = etree.Element(f"{{{NAMESPACE}}}newsItem", nsmap=_DEFAULT)
    for name, value in {
        "guid": item.uri, "version": str(item.version or 1), "standard": "NewsML-G2", "standardversion": "2.35",
        "conformance": "power",
    }.items():  # fmt: skip
        root.set(name, value)
    root.set("{http://www.w3.org/XML/1998/namespace}lang", item.language or agency.language)
    add(root, "catalogRef", href=_CATALOG)
    holder = add(add(root, "rightsInfo"), "copyrightHolder", literal=agency.name)
    add(holder, "name", agency.name)
    _item_meta(add(root, "itemMeta"), item, agency, act)
    _content_meta(add(root, "contentMeta"), item, agency)
    if item.body:
        inline = add(add(root, "contentSet"), "inlineXML", contenttype="application/xhtml+xml")
        inline.append(_xhtml(item, agency))
    return dump(root)


def _item_meta(meta: Any, item: NewsItem, agency: Agency, act: Act | None) -> None:
    add(meta, "itemClass", qcode="ninat:text")
    add(add(meta, "provider", uri=agency.url), "name", agency.name)
    add(meta, "versionCreated", rfc3339(item.version_created or item.content_created or datetime.now(UTC)))
    if item.first_created is not None:
        add(meta, "firstCreated", rfc3339(item.first_created))
    if item.embargoed is not None:
        add(meta, "embargoed", rfc3339(item.embargoed))
    add(meta, "pubStatus", qcode=f"stat:{item.pubstatus}")
    if item.section:
        service = add(meta, "service", uri=f"{agency.url}/sections/{item.heading.slug if item.heading else ''}/")
        add(service, "name", item.section)
    if item.ednote:
        add(meta, "edNote", item.ednote)
    if act in _SIGNALS:
        add(meta, "signal", qcode=_SIGNALS[act])
    if item.path:
        add(meta, "link", rel="irel:seeAlso", href=agency.url + item.path, contenttype="text/html")


def _content_meta(meta: Any, item: NewsItem, agency: Agency) -> None:
    if item.urgency is not None:
        add(meta, "urgency", str(item.urgency))
    if item.content_created is not None:
        add(meta, "contentCreated", rfc3339(item.content_created))
    for place in item.located:
        add(add(meta, "located", literal=place), "name", place)
    add(meta, "language", tag=item.language or agency.language)
    for subject in item.rest.get("subjects", []):
        uri, name = str(subject.get("uri", "")), str(subject.get("name", ""))
        named = {"qcode": f"medtop:{uri.removeprefix(MEDIA_TOPIC)}"} if uri.startswith(MEDIA_TOPIC) else {"uri": uri}
        if uri or name:
            found = add(meta, "subject", **(named if uri else {"literal": name}))
            if name:
                add(found, "name", name)
    for name, value in {
        "slugline": item.slugline, "headline": item.headline, "dateline": item.dateline, "by": item.byline,
        "creditline": item.credit,
    }.items():  # fmt: skip
        if value:
            add(meta, name, value)


def _xhtml(item: NewsItem, agency: Agency) -> Any:
    page = etree.Element(f"{{{XHTML}}}html", nsmap=_DEFAULT_XHTML)
    add(add(page, "head"), "title", item.headline)
    page.append(_renamed(fragment(item.body), agency, "body"))
    return page


def _renamed(element: Any, agency: Agency, name: str = "") -> Any:
    """Return HTML as XHTML; pictures and links get whole addresses."""
    made = etree.Element(f"{{{XHTML}}}{name or element.tag}")
    for key, value in element.attrib.items():
        made.set(key, agency.url + value if key in ("src", "href") and value.startswith("/") else value)
    made.text, made.tail = element.text, element.tail
    for child in element:
        made.append(_renamed(child, agency))
    return made


def decode(data: bytes) -> NewsItem:
    """Return the first news item of a NewsML-G2 document. Raises BadItem with a sentence."""
    root = parse(data, "a NewsML-G2 document")
    item = root if etree.QName(root).localname == "newsItem" else root.find(f".//{{{NAMESPACE}}}newsItem")
    if item is None or etree.QName(item).namespace != NAMESPACE:
        raise BadItem("This XML holds no NewsML-G2 newsItem.")
    meta, content = first(item, "itemMeta"), first(item, "contentMeta")
    try:
        return _item(item, meta, content)
    except ValueError as error:
        raise BadItem(f"This newsItem is not as NewsML-G2 says: {error}.") from error


def _item(item: Any, meta: Any, content: Any) -> NewsItem:
    status = _code(first(meta, "pubStatus")) or "usable"
    rest: dict[str, Any] = {}
    if subjects := [found for one in every(content, "subject") if (found := _subject(one))]:
        rest["subjects"] = subjects
    language = first(content, "language")
    text = _text(first(item, "contentSet"))
    urgency = text_of(first(content, "urgency"))
    return NewsItem(
        uri=item.get("guid", ""),
        version=int(item.get("version") or 0),
        pubstatus=PubStatus(status),
        headline=text_of(first(content, "headline")) or text_of(first(meta, "title")),
        body=text,
        dateline=text_of(first(content, "dateline")),
        located=tuple(filter(None, (_name(one) for one in every(content, "located")))),
        section=_name(first(meta, "service")),
        slugline=text_of(first(content, "slugline")),
        byline=text_of(first(content, "by")),
        credit=text_of(first(content, "creditline")),
        ednote=text_of(first(meta, "edNote")),
        urgency=int(urgency) if urgency else None,
        language=(language.get("tag", "") if language is not None else "") or item.get(_LANG, ""),
        embargoed=_instant(first(meta, "embargoed")),
        first_created=_instant(first(meta, "firstCreated")),
        version_created=_instant(first(meta, "versionCreated")),
        content_created=_instant(first(content, "contentCreated")),
        rest=rest,
    )


_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def _code(element: Any) -> str:
    """Return what a qcode or a uri ends in: `usable` of `stat:usable`."""
    if element is None:
        return ""
    return str(element.get("qcode") or element.get("uri") or "").rpartition(":")[2].rpartition("/")[2]


def _name(element: Any) -> str:
    if element is None:
        return ""
    return text_of(first(element, "name")) or element.get("literal", "")


def _subject(element: Any) -> dict[str, str]:
    qcode, name = element.get("qcode", ""), _name(element)
    uri = element.get("uri", "") or (MEDIA_TOPIC + qcode.partition(":")[2] if qcode.startswith("medtop:") else "")
    found = {"name": name, "rel": "about", "uri": uri}
    return {key: value for key, value in found.items() if value} if uri or name else {}


def _instant(element: Any) -> datetime | None:
    text = text_of(element)
    return parse_instant(text) if text else None


def _text(content: Any) -> str:
    if content is None:
        return ""
    inline = first(content, "inlineXML")
    if inline is not None and len(inline):
        inner = inline[0]
        if etree.QName(inner).localname == "nitf":
            return nitf.body_of(inner)
        shown = first(inner, "body") if etree.QName(inner).localname == "html" else inner
        if shown is not None:
            for part in shown.iter():
                if isinstance(part.tag, str):
                    part.tag = etree.QName(part).localname
            etree.cleanup_namespaces(shown)
            inside = "".join(etree.tostring(part, encoding="unicode", method="html") for part in shown)
            return body.clean(html.escape((shown.text or "").strip(), quote=False) + inside)
    data = first(content, "inlineData")
    return (
        body.from_paragraphs(filter(None, map(str.strip, (data.text or "").split("\n\n")))) if data is not None else ""
    )
