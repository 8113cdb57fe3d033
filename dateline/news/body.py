"""The body of a news item: a small HTML subset, the ways into it and out of it.

The subset (docs/formats.md): p, h2, h3, blockquote with cite, ul, ol, li, table with caption, thead,
tbody, tr, th, td, figure with img and figcaption, a, strong, em, br. Whatever else comes in is taken
out by ammonia (nh3), scripts with their content, unknown tags without it. Pictures come from the
agency's own host only: a page of ours asks no other host for anything.
"""

import html
import itertools
import re
from collections.abc import Iterable
from typing import Any

import nh3
from lxml import html as lxml_html
from markdown_it import MarkdownIt

TAGS = frozenset(
    [
        "p",
        "h2",
        "h3",
        "blockquote",
        "cite",
        "ul",
        "ol",
        "li",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "figure",
        "img",
        "figcaption",
        "a",
        "strong",
        "em",
        "br",
    ]
)
_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "th": {"scope", "colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
}
# Tags that mean what one of the subset means.
_SAID_OTHERWISE = {"b": "strong", "i": "em"}
_OTHER_TAG = re.compile(r"<(/?)([bi])>")
_EMPTY_BLOCK = re.compile(r"<(p|h2|h3)>(?:\s|&nbsp;|<br>|<(?:strong|em)>\s*</(?:strong|em)>)*</\1>\n?")
_LINK_SCHEMES = {"http", "https", "mailto"}
_BLOCKS = frozenset(["p", "h2", "h3", "li", "blockquote", "tr", "caption", "figcaption"])
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f]")
_OWN_PICTURE = re.compile(r"/(?!/)[^\\\x00-\x20]*")

_MARKDOWN = MarkdownIt("zero", {"html": False}).enable(
    ["heading", "blockquote", "list", "table", "link", "emphasis", "escape", "entity", "autolink"]
)


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "img" and name == "src" and not _OWN_PICTURE.fullmatch(value):
        return None
    return value


# Made once: nh3.clean makes its configuration anew at each call, which takes it longer than the text does.
_CLEANER = nh3.Cleaner(
    tags=set(TAGS | _SAID_OTHERWISE.keys()),
    attributes=_ATTRIBUTES,
    url_schemes=_LINK_SCHEMES,
    link_rel=None,
    attribute_filter=_keep_attribute,
    clean_content_tags={"script", "style"},
)


def clean(markup: str) -> str:
    """Return the markup reduced to the subset; the same text back if it is clean already."""
    if not markup:
        return ""
    # No control character is printable, and no space but the plain one; whether all are is known at once.
    if not markup.replace("\n", "").isprintable():
        markup = _CONTROLS.sub("", markup)
    elif _is_paragraphs(markup):
        return markup
    cleaned = _sanitise(markup)
    if cleaned and not cleaned.startswith("<"):
        # Bare text opens a paragraph; the parser knows where that ends.
        cleaned = _sanitise(f"<p>{cleaned}")
    return cleaned


def _is_paragraphs(printable: str) -> bool:
    """Whether a printable text is paragraphs of mere characters, as most bodies are.

    HTML's parser and ammonia's serialiser give those back as they are, and are much code to run through.
    """
    inner = printable[len("<p>") : -len("</p>")].replace("</p>\n<p>", " ").replace("</p><p>", " ")
    framed = printable.startswith("<p>") and printable.endswith("</p>")
    return framed and "<" not in inner and ">" not in inner and "&" not in inner


def without_empty_blocks(markup: str) -> str:
    """Return clean markup without its paragraphs and subheads that say nothing, as editors and pasting leave them."""
    return _EMPTY_BLOCK.sub("", markup).strip()


def _sanitise(markup: str) -> str:
    cleaned = _CLEANER.clean(markup).strip()
    return _OTHER_TAG.sub(lambda found: f"<{found[1]}{_SAID_OTHERWISE[found[2]]}>", cleaned)


def from_paragraphs(paragraphs: Iterable[str]) -> str:
    """Return plain paragraphs as markup; every character stays text."""
    return "\n".join(f"<p>{html.escape(paragraph, quote=False)}</p>" for paragraph in paragraphs)


def from_plain(text: str) -> str:
    """Return a plain-text dispatch's body as markup.

    Paragraphs are set apart by blank lines; the rest is CommonMark: `## ` subheads, `> ` quotes,
    `- ` lists, pipes for tables, `**strong**`, `*em*`, links. Markup in the text stays text.
    A quote's last line that starts with a dash names its source.
    """
    markup = str(_MARKDOWN.render(text)).replace("<h1>", "<h2>").replace("</h1>", "</h2>")
    markup = re.sub(r"<(/?)h[4-6]>", r"<\1h3>", markup)
    markup = re.sub(
        r"(?:<p>|\n)(?:—|–|--?)\s*([^<\n]+)</p>\n</blockquote>",
        lambda found: (
            f"{'' if found.group(0).startswith('<p>') else '</p>' + chr(10)}"
            f"<p><cite>{found.group(1)}</cite></p>\n</blockquote>"
        ),
        markup,
    )
    return clean(markup)


def to_plain(markup: str) -> list[str]:
    """Return a body as the plain text of `from_plain`, a block a paragraph: subheads, quotes, lists and tables marked.

    Links and pictures do not travel; a caption does, in brackets.
    """
    if not markup:
        return []
    root = lxml_html.fragment_fromstring(markup, create_parent="div")
    return [text for child in root if isinstance(child.tag, str) and (text := _plain_block(child))]


def _plain_block(element: Any) -> str:
    match element.tag:
        case "h2" | "h3":
            return f"{'##' if element.tag == 'h2' else '###'} {_line(element)}"
        case "ul" | "ol":
            marks = (f"{number}." if element.tag == "ol" else "-" for number in itertools.count(1))
            return "\n".join(
                f"{mark} {_line(item)}" for mark, item in zip(marks, element.iterchildren("li"), strict=False)
            )
        case "blockquote":
            lines: list[str] = []
            for part in element if len(element) else [element]:
                cite = part if part.tag == "cite" else part.find("cite")
                lines += (
                    [f"> -- {_line(cite)}"] if cite is not None else [*([">"] if lines else []), f"> {_line(part)}"]
                )
            return "\n".join(lines)
        case "table":
            rows = [
                [_line(cell).replace("|", "/") for cell in row if cell.tag in ("th", "td")]
                for row in element.iter("tr")
            ]
            rows = [row for row in rows if any(row)]
            if not rows:
                return ""
            written = [f"| {' | '.join(row)} |" for row in rows]
            caption = element.find("caption")
            head = [_line(caption), ""] if caption is not None else []
            return "\n".join([*head, written[0], "|" + " --- |" * len(rows[0]), *written[1:]])
        case "figure":
            words = " ".join(filter(None, (_line(part) for part in element.iter("figcaption"))))
            return f"[Picture: {words}]" if words else ""
        case _:
            return _line(element)


def _line(element: Any) -> str:
    """Return an element's text in one line; a line break is a space, as is the seam before a credit."""
    parts = []
    for node in element.iter():
        parts.append(" " if node.tag in ("br", "cite") else "")
        parts.append(node.text or "")
        if node is not element:
            parts.append(node.tail or "")
    return " ".join("".join(parts).split())


def with_dateline(markup: str, dateline: str, *, marked: bool = False) -> str:
    """Return a body with its dateline at the head of the first paragraph, as readers see it.

    `marked` wraps the dateline in a span of class `dateline`, for a page's own styles.
    """
    if not dateline:
        return markup
    line = html.escape(dateline, quote=False)
    if marked:
        line = f'<span class="dateline">{line}</span>'
    return f"<p>{line} {markup[3:]}" if markup.startswith("<p>") else f"<p>{line}</p>\n{markup}"


def to_paragraphs(markup: str) -> list[str]:
    """Return the text of each block of a body, in order, its white space folded; markup is gone."""
    if not markup:
        return []
    root = lxml_html.fragment_fromstring(markup, create_parent="div")
    found: list[str] = []
    for element in root.iter():
        if element.tag not in _BLOCKS or any(child.tag in _BLOCKS for child in element.iterdescendants()):
            continue
        cells = [_line(cell) for cell in element.iterchildren("td", "th")]
        if text := " | ".join(cells) if any(cells) else "" if cells else _line(element):
            found.append(text)
    return found or [text for text in [" ".join(root.text_content().split())] if text]


def count_words(markup: str) -> int:
    """Return how many words a body has, as an editor counts them."""
    return sum(len(paragraph.split()) for paragraph in to_paragraphs(markup))
