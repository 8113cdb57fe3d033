"""A part of the newsfeed: as many elements as a page shows, as HTML and as JSON, and where older ones are.

The same elements in both: what a browser adds to its page from JSON is what the page itself would have shown.
"""

from functools import lru_cache
from urllib.parse import quote

import msgspec
from django.conf import settings
from django.template.loader import get_template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from dateline.news.codes import URGENCY_LABELS
from dateline.news.element import Element
from dateline.site import store

# Some thousand elements cover every list that is rendered again and again.
_KEPT = 8192


class Part(msgspec.Struct, frozen=True):
    """Rows, newest first, of the section `slug` or (None) of all; `more`: older ones follow."""

    rows: list[store.Listed]
    more: bool
    slug: str | None

    @property
    def path(self) -> str:
        """The address of the list that this is a part of."""
        return f"/sections/{quote(self.slug)}/" if self.slug else "/"

    @property
    def older_page(self) -> str:
        """The address of the page that follows, for who has no scripts; nothing where none does."""
        return f"{self.path}?before={self.rows[-1].place}" if self.more else ""

    @property
    def older_elements(self) -> str:
        """The address of the elements that follow, for the page's own template; nothing where none do."""
        section = f"section={quote(self.slug)}&" if self.slug else ""
        return f"/newsfeed.json?{section}before={self.rows[-1].place}" if self.more else ""


def read_part(*, slug: str | None = None, before: int | None = None) -> Part:
    """Return the newest items, or those that follow the one whose place is `before`."""
    count = settings.FRONT_ELEMENTS
    rows = store.newest(count + 1, slug=slug, before=before)
    return Part(rows[:count], bool(rows[count:]), slug)


def to_json(part: Part) -> bytes:
    """Return the elements and the addresses of what follows, as JSON."""
    elements = b",".join(_element_json(row.element, row.place) for row in part.rows)
    rest = msgspec.json.encode({"more": part.older_elements or None, "older": part.older_page or None})
    return b'{"elements":[' + elements + b"]," + rest[1:]


def to_html(rows: list[store.Listed]) -> str:
    """Return the elements as they stand in a page's list."""
    return "".join(_element_html(row.element, row.place) for row in rows)


@lru_cache(maxsize=_KEPT)
def _element_json(data: bytes, place: int) -> bytes:
    # Decoded and encoded again: what an older release folded may lack a field.
    return msgspec.json.encode(msgspec.to_builtins(msgspec.json.decode(data, type=Element)) | {"place": place})


@lru_cache(maxsize=_KEPT)
def _element_html(data: bytes, place: int) -> str:
    element = msgspec.json.decode(data, type=Element)
    label = URGENCY_LABELS.get(element.urgency, "")
    html = _element_shell(bool(label), bool(element.heading), bool(element.mark))
    for name, value in (*msgspec.structs.asdict(element).items(), ("place", place), ("label", label)):
        html = html.replace(_standing_for(name), escape(value))
    return html


@lru_cache(maxsize=8)
def _element_shell(label: bool, heading: bool, mark: bool) -> str:
    """Return the element template with marks for its values. What is empty, and so hidden, decides what else it has.

    Filling in a shell takes a third of what rendering the template takes, and a flash waits for it.
    """
    names: dict[str, str] = {field.name: _standing_for(field.name) for field in msgspec.structs.fields(Element)}
    names |= {"heading": names["heading"] if heading else "", "mark": names["mark"] if mark else ""}
    context = {"element": names, "place": _standing_for("place"), "label": _standing_for("label") if label else ""}
    return get_template("site/_element.html").render(context)


def _standing_for(name: str) -> SafeString:
    """Return what stands for a value until it is put in. No value can look so: whatever is printed is escaped."""
    return mark_safe(f"<!--{name}-->")  # noqa: S308


@lru_cache(maxsize=1)
def blank_element() -> SafeString:
    """Return the element template with nothing in it, for the browser to fill."""
    blank = Element("", "", "", "", "", "", "", "", 9)
    return mark_safe(get_template("site/_element.html").render({"element": blank, "place": "", "label": ""}))  # noqa: S308
