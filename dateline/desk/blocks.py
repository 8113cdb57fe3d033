"""What the body of a story is made of, for the editor and for the wire.

Each block writes the HTML subset of `dateline.news.body`; what a block cannot say, the wire cannot
carry. One paragraph block holds as many paragraphs as are typed, so that a text is typed like a text.
"""

import html
from collections.abc import Mapping
from typing import Any

from wagtail import blocks
from wagtail.contrib.table_block.blocks import TableBlock
from wagtail.images.blocks import ImageChooserBlock
from wagtail.rich_text import expand_db_html

_TEXT_FEATURES = ["bold", "italic", "ol", "ul", "link"]


class QuoteBlock(blocks.StructBlock):
    """Words of someone, and whose they are."""

    text = blocks.TextBlock(label="Words", rows=3)
    source = blocks.CharBlock(required=False, label="Source", help_text="Who said or wrote it.")

    class Meta:
        icon = "openquote"
        label = "Quote"


class PictureBlock(blocks.StructBlock):
    """A picture in the text; its own caption, credit and text for the blind, where they differ from the picture's."""

    picture = ImageChooserBlock()
    caption = blocks.TextBlock(required=False, rows=2, help_text="Empty: the picture's own.")
    alt = blocks.CharBlock(required=False, label="Alternative text", help_text="Empty: the picture's own.")

    class Meta:
        icon = "image"
        label = "Picture"


class BodyBlock(blocks.StreamBlock):
    """The body of a story."""

    text = blocks.RichTextBlock(features=_TEXT_FEATURES, label="Text", icon="pilcrow")
    subhead = blocks.CharBlock(label="Subhead", icon="title", max_length=200)
    quote = QuoteBlock()
    picture = PictureBlock()
    table = TableBlock(label="Table", icon="table", table_options={"minSpareRows": 0, "startRows": 3, "startCols": 3})

    class Meta:
        required = False


def _paragraphs(text: str) -> list[str]:
    return [html.escape(part, quote=False) for part in map(str.strip, text.splitlines()) if part]


def _quote(value: Mapping[str, Any]) -> str:
    words = "".join(f"<p>{part}</p>" for part in _paragraphs(value["text"]))
    source = html.escape(value["source"].strip(), quote=False) if value.get("source") else ""
    return f"<blockquote>{words}{f'<p><cite>{source}</cite></p>' if source else ''}</blockquote>"


def _table(value: Mapping[str, Any] | None) -> str:
    # None until something is typed into one of its cells.
    value = value or {}
    rows: list[list[object]] = [row for row in value.get("data") or [] if any(cell not in (None, "") for cell in row)]
    if not rows:
        return ""

    def cells(row: list[object], tag: str, first: str) -> str:
        tags = [first if number == 0 else tag for number in range(len(row))]
        texts = [html.escape(str(cell if cell is not None else ""), quote=False) for cell in row]
        return "".join(f"<{t}>{text}</{t}>" for t, text in zip(tags, texts, strict=True))

    first = "th" if value.get("first_col_is_header") else "td"
    lines = [f"<tr>{cells(row, 'td', first)}</tr>" for row in rows]
    head = ""
    if rows and value.get("first_row_is_table_header"):
        head, lines = f"<thead><tr>{cells(rows[0], 'th', 'th')}</tr></thead>", lines[1:]
    caption = f"<caption>{html.escape(text, quote=False)}</caption>" if (text := value.get("table_caption")) else ""
    return f"<table>{caption}{head}<tbody>{''.join(lines)}</tbody></table>"


def markup_of(kind: str, value: Any, figure: str = "") -> str:
    """Return a block as markup of the body's subset; `figure` is what a picture block shows."""
    if kind == "text":
        return str(expand_db_html(value.source))
    if kind == "subhead":
        return f"<h2>{html.escape(value, quote=False)}</h2>"
    if kind == "quote":
        return _quote(value)
    if kind == "table":
        return _table(value)
    return figure
