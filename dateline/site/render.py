"""Renders the newsfeed's pages: from a page's name to the bytes at each of its addresses.

Every page is a function of the folded state and the settings, never of the clock, so that a rebuild gives
the same bytes. Page names: front, sections, section:SLUG, day:2026-11-25, item:URI.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import msgspec
from django.conf import settings
from django.template.loader import get_template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from dateline.news import body
from dateline.news.acts import Act
from dateline.news.agency import Agency, Section
from dateline.news.codes import URGENCY_LABELS, parse_instant, rfc3339
from dateline.news.element import MARKS, Element, element_of, machine_date
from dateline.news.item import NewsItem
from dateline.pages.ready import Page
from dateline.site import assets, part, store
from dateline.site.pictures import with_pictures
from dateline.wire import store as wire
from dateline.wire.export import export_item
from dateline.wire.identity import wire_id

HTML = "text/html; charset=utf-8"
_JSON = "application/json; charset=utf-8"
# What a page is at each of its addresses; None: nothing is there (any more).
Pages = dict[str, Page | None]
_DESCRIPTION_CHARS = 200
_START = datetime(2026, 1, 1, tzinfo=UTC)


def render(name: str) -> Pages:
    """Return the pages that a page name stands for, by path."""
    kind, _, key = name.partition(":")
    renderers: dict[str, Callable[[], Pages]] = {
        "front": _front,
        "sections": lambda: {"/sections/": _sections(), "/not-found.html": notice_page(404, *NOT_FOUND)},
        "section": lambda: {f"/sections/{key}/": _section(key)},
        "day": lambda: {day_path(key): _day(key)},
        "item": lambda: _item(key),
    }
    return renderers[kind]()


NOT_FOUND = ("There is no such page", ["The address may be mistyped, or it never was one of ours."])
NO_SUCH_PLACE = (
    "There is no such part of the newsfeed",
    ["The address asks for what came before an item that is not there. Begin at the newsfeed and press “Older”."],
)
_WITHHELD = ("This item is withheld", ["It was published and is being checked. It may come back, or be corrected."])


def day_path(day: str) -> str:
    """Return the address of a day, `2026-11-25`."""
    return f"/{day.replace('-', '/')}/"


# Stand in the newsfeed's template for what a dispatch changes, which is put in when the rest is rendered. Nothing
# else in a page can look so: the template escapes whatever is printed.
_ELEMENTS = "<!--elements-->"
_SEQ, _OLDER, _MORE = mark_safe("<!--seq-->"), mark_safe("<!--older-->"), mark_safe("<!--more-->")


def _html(template: str, context: dict[str, Any]) -> str:
    agency: Agency = settings.AGENCY
    shared = {
        "agency": agency, "assets": assets.base(), "zone": agency.timezone.replace("_", " "), "wire": wire_id(),
        "alerts": bool(settings.OPTIONS["SMTP"]),
    }  # fmt: skip
    text = get_template(template).render({**shared, **context})
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"


def framed(template: str, context: dict[str, Any]) -> bytes:
    """Return a page in the newsfeed's frame, of a template that extends `site/base.html`; another room's, too."""
    return _html(template, context).encode()


def _page(template: str, context: dict[str, Any], seq: int, status: int = 200) -> Page:
    return Page(HTML, _html(f"site/{template}", context).encode(), _sent(seq), status)


# The front page, the sections, the days around now: what is rendered again and again. A dispatch changes its
# elements, and seldom anything else of the page.
@lru_cache(maxsize=512)
def _newsfeed_shell(agency: Agency, context: tuple[tuple[str, Any], ...]) -> str:
    """Return a newsfeed's page but for its elements. `agency`, from the settings, is part of what it depends on."""
    return _html("site/newsfeed.html", {**dict(context), "blank_element": part.blank_element(), "last_seq": _SEQ})


def _newsfeed(rows: list[store.Listed], seq: int, context: dict[str, Any], *, older: str = "", more: str = "") -> Page:
    """Return a page of the newsfeed with these rows; the values of `context` can be hashed."""
    context |= {
        "has_elements": bool(rows),
        "older": older and _OLDER,
        "more": more and _MORE,
    }
    shell = _newsfeed_shell(settings.AGENCY, tuple(context.items()))
    elements = part.to_html(rows)
    for mark, value in ((_SEQ, str(seq)), (_OLDER, escape(older)), (_MORE, escape(more)), (_ELEMENTS, elements)):
        shell = shell.replace(mark, value)
    return Page(HTML, shell.encode(), _sent(seq))


def _sent(seq: int) -> datetime:
    sent = wire.read_sent(seq) if seq else None
    # HTTP dates have whole seconds.
    return sent.replace(microsecond=0) if sent else _START


def menu() -> list[Section]:
    """Return the sections that have something to show: those of the settings first, then by name."""
    wanted = {Section.named(name).slug: number for number, name in enumerate(settings.AGENCY.sections)}
    found = [Section(name=heading, slug=slug) for slug, heading in store.sections()]
    return sorted(found, key=lambda section: (wanted.get(section.slug, len(wanted)), section.name))


def _front() -> Pages:
    """The front page, and the same elements for machines."""
    newest = part.read_part()
    page = _list_page(newest)
    return {"/": page, "/newsfeed.json": Page(_JSON, part.to_json(newest), page.modified)}


def newsfeed_page(*, slug: str | None = None, before: int | None = None) -> Page | None:
    """Return the front page or a section's; `before`, a place, gives the older part that follows it.

    None for a section that has nothing to show.
    """
    found = part.read_part(slug=slug, before=before)
    if not found.rows and slug is not None and before is None:
        return None
    return _list_page(found, older=before is not None)


def _list_page(found: part.Part, *, older: bool = False) -> Page:
    agency: Agency = settings.AGENCY
    rows, slug = found.rows, found.slug
    heading = next((row.heading for row in rows), slug) if slug else "Newsfeed"
    seq = store.last_seq(slug=slug)
    context = {
        "title": f"{heading} – {agency.name}" if slug else agency.name,
        "heading": f"{heading}, older" if older else heading,
        "description": f"The newsfeed of {agency.name}" + (f": {heading}." if slug else "."),
        "path": found.path,
        "feeds": found.path if slug else "",
        "page": slug or "front",
        "sections": tuple(menu()),
        "section": slug or "",
        "unlisted": older,
    }
    return _newsfeed(rows, seq, context, older=found.older_page, more=found.older_elements)


def _section(slug: str) -> Page | None:
    return newsfeed_page(slug=slug)


def _sections() -> Page:
    context = {"title": f"Sections – {settings.AGENCY.name}", "sections": menu(), "page": "sections"}
    return _page("sections.html", context, store.last_seq())


def _day(day: str) -> Page | None:
    agency: Agency = settings.AGENCY
    rows = store.of_day(day)
    if not rows:
        return None
    earlier, later = store.neighbours(day)
    name = agency.print_day(date.fromisoformat(day))
    seq = store.last_seq(day=day)
    context = {
        "title": f"{name} – {agency.name}",
        "heading": name,
        "description": f"What {agency.name} published on {name}.",
        "path": day_path(day),
        "day": day,
        "page": "day",
        "sections": (),
        "earlier_day": _day_link(earlier),
        "later_day": _day_link(later),
    }
    return _newsfeed(rows, seq, context)


class _DayLink(msgspec.Struct, frozen=True):
    path: str
    name: str


def _day_link(day: str | None) -> _DayLink | None:
    return _DayLink(day_path(day), settings.AGENCY.print_day(date.fromisoformat(day))) if day else None


def notice_page(status: int, heading: str, lines: list[str], seq: int = 0) -> Page:
    """Return a page that says why there is nothing to read here."""
    context = {"title": f"{heading} – {settings.AGENCY.name}", "heading": heading, "lines": lines}
    return _page("notice.html", context, seq, status)


def _item(uri: str) -> Pages:
    row = store.read_row(uri)
    if row is None:
        return {}
    versions = store.read_versions(uri)
    older = [version for version in versions[:-1] if version.shown == store.SHOWN and version.seq != row.seq]
    proof = row.path + "dispatch.ndjson"
    if row.shown != store.SHOWN:
        if row.shown == store.KILLED:
            notice = notice_page(410, "This item was withdrawn", [versions[-1].note], row.seq)
        else:
            notice = notice_page(404, *_WITHHELD, row.seq)
        return {row.path: notice, proof: None, **{_version_path(row, version): notice for version in older}}
    saved = [dispatch for dispatch in wire.read_versions(uri) if dispatch.news.is_public]
    pages: Pages = {
        row.path: _version_page(row, versions, versions[-1]),
        proof: Page("application/x-ndjson", export_item(saved), _sent(row.seq)),
    }
    for version in older:
        pages[_version_path(row, version)] = _version_page(row, versions, version)
    return pages


def _version_path(row: store.Row, version: store.Version) -> str:
    return f"{row.path}v{version.version}/"


def _version_page(row: store.Row, versions: list[store.Version], version: store.Version) -> Page:
    """Return the page of one version of an item; the last of `versions` is the current one."""
    agency: Agency = settings.AGENCY
    item = wire.read_item(version.seq)
    shown = [other for other in versions if other.shown == store.SHOWN]
    superseded = version is not versions[-1]
    element = element_of(item, "" if superseded else row.mark, agency)
    so_far = [other for other in shown if other.version <= version.version]
    reading = _reading(item, element, agency)
    context = {
        **reading,
        "modified": {"machine": version.sent},
        "notes": [_note(other, agency) for other in so_far if Act(other.act) in MARKS][::-1],
        "versions": [_version_link(row, other, versions[-1], agency) for other in shown][::-1] if shown[1:] else [],
        "superseded": superseded,
        "json_ld": _json_ld(item, element, version, reading["description"], agency),
        "last_seq": version.seq,
    }
    return _page("item.html", context, version.seq)


def _reading(item: NewsItem, element: Element, agency: Agency) -> dict[str, Any]:
    """Return what the item's template prints of the item itself."""
    paragraphs = body.to_paragraphs(item.body)
    return {
        "title": f"{item.headline} – {agency.name}",
        "item": item,
        "element": element,
        "section": item.heading,
        "label": URGENCY_LABELS.get(item.urgency or 9, ""),
        "description": _shorten(paragraphs[0]) if paragraphs else item.headline,
        "published": {"machine": element.datetime, "printed": _printed(item, agency)},
        # Both parts were cleaned at the wire's door, or are escaped here.
        "body_html": mark_safe(body.with_dateline(with_pictures(item), item.dateline, marked=True)),  # noqa: S308
    }


def preview_page(item: NewsItem) -> bytes:
    """Return the page that an item would have if it were public now; it needs its `content_created`.

    The desk shows it before a release. Nothing is read from the wire, and nothing kept.
    """
    agency: Agency = settings.AGENCY
    context = {**_reading(item, element_of(item, "", agency), agency), "preview": True}
    return _page("item.html", context, 0).body


def _printed(item: NewsItem, agency: Agency) -> str:
    """The date of an item's own page: in full, as it may be read years later."""
    assert item.content_created is not None
    local = agency.local(item.content_created)
    day = agency.print_day(local.date())
    return day if item.day_only else f"{day}, {local:%H:%M}"


def _note(version: store.Version, agency: Agency) -> dict[str, str]:
    return {
        "label": MARKS[Act(version.act)],
        "text": version.note,
        "machine": version.sent,
        "printed": agency.print_date(parse_instant(version.sent)),
    }


_VERSION_LABELS = {Act.PUBLISH: "Published", Act.ARCHIVE: "From the archive", Act.RELEASE: "Released"} | MARKS


def _version_link(row: store.Row, version: store.Version, current: store.Version, agency: Agency) -> dict[str, str]:
    return {
        "href": "" if version is current else _version_path(row, version),
        "label": f"{version.version}. {_VERSION_LABELS[Act(version.act)]}",
        "machine": version.sent,
        "printed": agency.print_date(parse_instant(version.sent)),
    }


def _shorten(text: str) -> str:
    if len(text) <= _DESCRIPTION_CHARS:
        return text
    return text[:_DESCRIPTION_CHARS].rpartition(" ")[0] + " …"


def _json_ld(item: NewsItem, element: Element, version: store.Version, description: str, agency: Agency) -> SafeString:
    """schema.org NewsArticle as JSON-LD."""
    address = agency.url + item.path
    article: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": item.headline,
        "description": description,
        "url": address,
        "mainEntityOfPage": address,
        "identifier": item.uri,
        "inLanguage": item.language,
        "datePublished": machine_date(item, agency),
        "dateModified": rfc3339(parse_instant(version.sent)),
        "dateline": item.dateline or None,
        "articleSection": item.section or None,
        "wordCount": body.count_words(item.body) or None,
        "author": {"@type": "Person", "name": item.byline}
        if item.byline
        else {"@type": "NewsMediaOrganization", "name": agency.name},
        "publisher": {"@type": "NewsMediaOrganization", "name": agency.name, "url": agency.url},
    }
    text = json.dumps({key: value for key, value in article.items() if value is not None}, ensure_ascii=False)
    # Inside a script element only "<" could end the block or open a comment.
    return mark_safe(text.replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S308
