"""One item as the three feed formats have it, made once a version and kept.

lxml writes the XML. `publish` remembers the fragments, so that a feed that gains one item costs one item.
"""

import re
from email.utils import format_datetime
from typing import Any

import msgspec
from django.conf import settings
from lxml import etree
from lxml import html as lxml_html
from lxml.builder import ElementMaker

from dateline.news import body
from dateline.news.agency import Agency
from dateline.news.codes import rfc3339
from dateline.news.formats.plain import to_text
from dateline.news.item import NewsItem
from dateline.wire import store as wire

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
NEWS = "http://www.google.com/schemas/sitemap-news/0.9"
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# lxml takes None for the default namespace; its stubs do not know that.
ATOM_MAP: Any = {None: ATOM}
SITEMAP_MAP: Any = {None: SITEMAP, "news": NEWS}

_atom = ElementMaker(namespace=ATOM, nsmap=ATOM_MAP)
_rss = ElementMaker(nsmap={"content": CONTENT, "dc": DC})
_sitemap = ElementMaker(namespace=SITEMAP, nsmap=SITEMAP_MAP)
_news = ElementMaker(namespace=NEWS, nsmap={"news": NEWS})


class Fragments(msgspec.Struct, frozen=True):
    """One item in each format."""

    atom: bytes
    rss: bytes
    json: bytes
    sitemap: bytes


def fragments(seq: int) -> Fragments:
    """Return the fragments of the item version that the dispatch with this seq carried."""
    dispatch = wire.read_dispatch(seq)
    assert dispatch is not None
    agency: Agency = settings.AGENCY
    item = dispatch.news
    content = full_text(item, agency)
    return Fragments(
        atom=_serialize(_atom_entry(item, content, dispatch.sent, agency)),
        rss=_serialize(_rss_item(item, content, agency)),
        json=msgspec.json.encode(_json_item(item, content, dispatch.sent, agency)),
        sitemap=_serialize(_sitemap_url(item, agency)),
    )


def _serialize(element: etree._Element) -> bytes:
    return etree.tostring(element, encoding="utf-8")


def full_text(item: NewsItem, agency: Agency) -> str:
    """Return the item's text as HTML: dateline first, addresses made absolute."""
    markup = body.with_dateline(item.body, item.dateline)
    if 'href="/' in markup or 'src="/' in markup:
        root = lxml_html.fragment_fromstring(markup, create_parent="div")
        root.make_links_absolute(agency.url + "/")
        whole = lxml_html.tostring(root, encoding="unicode")
        markup = whole.removeprefix("<div>").removesuffix("</div>")
    return markup


def _xml_text(text: str) -> str:
    """Drop the characters that XML 1.0 cannot hold."""
    return _NOT_XML.sub("", text)


def _atom_entry(item: NewsItem, content: str, sent: str, agency: Agency) -> etree._Element:
    assert item.content_created is not None
    address = agency.url + item.path
    entry: etree._Element = _atom.entry(
        _atom.id(item.uri),
        _atom.title(_xml_text(item.headline)),
        _atom.published(rfc3339(item.content_created)),
        _atom.updated(sent),
        _atom.link(rel="alternate", type="text/html", href=address),
        _atom.author(_atom.name(_xml_text(item.byline or agency.name))),
    )
    if item.section:
        entry.append(_atom.category(term=item.heading.slug if item.heading else "", label=_xml_text(item.section)))
    if content:
        entry.append(_atom.content(_xml_text(content), type="html"))
    else:
        entry.append(_atom.summary(_xml_text(item.headline)))
    return entry


def _rss_item(item: NewsItem, content: str, agency: Agency) -> etree._Element:
    assert item.content_created is not None
    entry: etree._Element = _rss.item(
        _rss.title(_xml_text(item.headline)),
        _rss.link(agency.url + item.path),
        _rss.guid(item.uri, isPermaLink="false"),
        _rss.pubDate(format_datetime(item.content_created, usegmt=True)),
        _rss.description(_xml_text(to_text(item).partition("\n\n")[0] or item.headline)),
    )
    if item.section:
        entry.append(_rss.category(_xml_text(item.section)))
    if item.byline:
        creator = etree.SubElement(entry, f"{{{DC}}}creator")
        creator.text = _xml_text(item.byline)
    if content:
        encoded = etree.SubElement(entry, f"{{{CONTENT}}}encoded")
        encoded.text = _xml_text(content)
    return entry


def _json_item(item: NewsItem, content: str, sent: str, agency: Agency) -> dict[str, Any]:
    """JSON Feed 1.1: id is a string, and one of content_html and content_text is a must."""
    assert item.content_created is not None
    entry: dict[str, Any] = {
        "id": item.uri,
        "url": agency.url + item.path,
        "title": item.headline,
        "date_published": rfc3339(item.content_created),
        "date_modified": sent,
        "language": item.language,
        "authors": [{"name": item.byline or agency.name}],
    }
    if item.section:
        entry["tags"] = [item.section]
    return entry | ({"content_html": content} if content else {"content_text": item.headline})


def _sitemap_url(item: NewsItem, agency: Agency) -> etree._Element:
    """Google's news sitemap: language is ISO 639, zh-cn and zh-tw apart."""
    assert item.content_created is not None
    language = item.language.lower()
    entry: etree._Element = _sitemap.url(
        _sitemap.loc(agency.url + item.path),
        _news.news(
            _news.publication(
                _news.name(_xml_text(agency.name)),
                _news.language(language if language in ("zh-cn", "zh-tw") else language.partition("-")[0]),
            ),
            _news.publication_date(rfc3339(item.content_created)),
            _news.title(_xml_text(item.headline)),
        ),
    )
    return entry
