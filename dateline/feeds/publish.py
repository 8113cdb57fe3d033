"""Puts the feeds together from their entries, as ready pages."""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from django.conf import settings
from lxml import etree
from lxml.builder import E

from dateline.feeds import fold
from dateline.feeds.entry import ATOM, ATOM_MAP, CONTENT, DC, SITEMAP, SITEMAP_MAP, Fragments, fragments
from dateline.feeds.fold import FeedsFold
from dateline.feeds.links import HUB
from dateline.news.agency import Agency
from dateline.pages.ready import Page
from dateline.pages.store import PageStore, media_type_of
from dateline.wire import store as wire

log = logging.getLogger(__name__)
# Google takes items of the last two days, at most 1,000 a sitemap.
_SITEMAP_HOURS = 48
_SITEMAP_ITEMS = 1000
_START = datetime(2026, 1, 1, tzinfo=UTC)


class FeedsPublisher:
    """Keeps the feeds' files in step with their fold."""

    def __init__(self, fold_: FeedsFold, pages: PageStore) -> None:
        self._fold = fold_
        self._pages = pages
        # A dispatch never changes; the feed of all and the sections' share most of their items.
        self._fragments = lru_cache(maxsize=4096)(fragments)
        self._sitemap_waits = False

    def start(self) -> None:
        """Render every feed; there are few, and a crash may have come before their last rendering."""
        self._fold.touched = {"", *fold.slugs()}
        self.publish()
        self.publish_sitemap()

    def publish(self) -> list[str]:
        """Render the feeds that changed since the last time; return their paths."""
        touched = set(self._fold.touched)
        paths: list[str] = []
        for slug in sorted(touched):
            try:
                feeds = render_feeds(slug, self._fragments)
            except Exception:
                # One item that a feed cannot hold must not hold up the other feeds, nor a start.
                log.exception("The feeds of %s could not be rendered", slug or "all sections")
                continue
            for path, page in feeds.items():
                self._pages.put(path, page)
                paths.append(path)
        # Only now: a rendering that failed is tried again with the next step.
        self._fold.touched -= touched
        self._sitemap_waits |= bool(touched)
        return paths

    def publish_sitemap(self) -> None:
        """Render the sitemap if a feed changed; last, as search engines come for it in minutes, not milliseconds.

        With a large agency's thousand items it costs more than all feeds together.
        """
        if self._sitemap_waits:
            self._pages.put("/news-sitemap.xml", render_sitemap(self._fragments))
            self._pages.put("/robots.txt", _robots())
            self._sitemap_waits = False

    def all_paths(self) -> Iterable[str]:
        """Return the path of every feed that there is."""
        for slug in ["", *fold.slugs()]:
            yield from (f"{feed_base(slug)}feed.{kind}" for kind in ("atom", "rss", "json"))
        yield from ("/news-sitemap.xml", "/robots.txt")


def feed_base(slug: str) -> str:
    """Return the folder that a feed lies in: of all, or of a section."""
    return f"/sections/{slug}/" if slug else "/"


def render_feeds(slug: str, fragments_of: Callable[[int], Fragments]) -> dict[str, Page]:
    """Return the three feeds of a section (or of all) by path, from the fragments of each seq."""
    agency: Agency = settings.AGENCY
    entries = fold.newest(slug)
    parts = [fragments_of(entry.seq) for entry in entries]
    name = (wire.read_item(entries[0].seq).section or slug) if slug and entries else slug
    title = f"{agency.name}: {name}" if slug else agency.name
    seq = fold.last_seq(slug)
    updated = (wire.read_sent(seq) if seq else None) or _START
    base = feed_base(slug)
    bodies = {
        f"{base}feed.atom": _atom(agency, title, base, updated, [part.atom for part in parts]),
        f"{base}feed.rss": _rss(agency, title, base, updated, [part.rss for part in parts]),
        f"{base}feed.json": _json(agency, title, base, [part.json for part in parts]),
    }
    modified = updated.replace(microsecond=0)
    return {path: Page(media_type_of(path), body, modified) for path, body in bodies.items()}


def _filled(root: etree._Element, parts: list[bytes]) -> bytes:
    """Return the document with the parts in the place of its comment."""
    shell = etree.tostring(root, xml_declaration=True, encoding="utf-8")
    head, _, tail = shell.partition(b"<!--entries-->")
    return b"".join((head, b"\n".join([b"", *parts, b""]), tail, b"\n"))


def _atom(agency: Agency, title: str, base: str, updated: datetime, parts: list[bytes]) -> bytes:
    """RFC 4287."""
    make = etree.Element(f"{{{ATOM}}}feed", nsmap=ATOM_MAP)
    make.set("{http://www.w3.org/XML/1998/namespace}lang", agency.language)
    sub: Callable[..., etree._Element] = etree.SubElement
    for name, text in (
        ("id", f"{agency.url}{base}feed.atom"),
        ("title", title),
        ("updated", updated.isoformat().replace("+00:00", "Z")),
    ):
        sub(make, f"{{{ATOM}}}{name}").text = text
    sub(make, f"{{{ATOM}}}link", rel="self", type="application/atom+xml", href=f"{agency.url}{base}feed.atom")
    sub(make, f"{{{ATOM}}}link", rel="hub", href=agency.url + HUB)
    sub(make, f"{{{ATOM}}}link", rel="alternate", type="text/html", href=agency.url + base)
    sub(sub(make, f"{{{ATOM}}}author"), f"{{{ATOM}}}name").text = agency.name
    sub(make, f"{{{ATOM}}}generator").text = "Dateline"
    make.append(etree.Comment("entries"))
    return _filled(make, parts)


def _rss(agency: Agency, title: str, base: str, updated: datetime, parts: list[bytes]) -> bytes:
    """RSS 2.0, with the full text as content:encoded."""
    root = etree.Element("rss", nsmap={"content": CONTENT, "dc": DC, "atom": ATOM}, version="2.0")
    channel = etree.SubElement(root, "channel")
    for name, text in (
        ("title", title),
        ("link", agency.url + base),
        ("description", f"The newsfeed of {agency.name}"),
        ("language", agency.language),
        ("lastBuildDate", updated.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    ):
        channel.append(E(name, text))
    self_link = etree.SubElement(channel, f"{{{ATOM}}}link", rel="self", type="application/rss+xml")
    self_link.set("href", f"{agency.url}{base}feed.rss")
    etree.SubElement(channel, f"{{{ATOM}}}link", rel="hub", href=agency.url + HUB)
    channel.append(etree.Comment("entries"))
    return _filled(root, parts)


def _json(agency: Agency, title: str, base: str, parts: list[bytes]) -> bytes:
    """JSON Feed 1.1."""
    head = msgspec.json.encode(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": title,
            "home_page_url": agency.url + base,
            "feed_url": f"{agency.url}{base}feed.json",
            "hubs": [{"type": "WebSub", "url": agency.url + HUB}],
            "language": agency.language,
            "authors": [{"name": agency.name, "url": agency.url}],
        }
    )
    return head[:-1] + b',"items":[\n' + b",\n".join(parts) + b"\n]}\n"


def render_sitemap(fragments_of: Callable[[int], Fragments]) -> Page:
    """Return the news sitemap: what was published in the two days before the newest item."""
    seqs = fold.recent(_SITEMAP_HOURS, _SITEMAP_ITEMS)
    root = etree.Element(f"{{{SITEMAP}}}urlset", nsmap=SITEMAP_MAP)
    root.append(etree.Comment("entries"))
    modified = (wire.read_sent(fold.last_seq()) or _START).replace(microsecond=0)
    body = _filled(root, [fragments_of(seq).sitemap for seq in seqs])
    return Page(media_type_of("/news-sitemap.xml"), body, modified)


def _robots() -> Page:
    text = f"User-agent: *\nDisallow: /newsfeed.json\nSitemap: {settings.AGENCY.url}/news-sitemap.xml\n"
    return Page(media_type_of("/robots.txt"), text.encode(), _START)
