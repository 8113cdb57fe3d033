"""From a file's bytes to lines of text, or to a sentence that says why not."""

import re
import unicodedata

import msgspec

from dateline.intake.encodings import decode
from dateline.intake.errors import Unreadable

# A page's text is some kilobytes; a whole year of a newsfeed some megabytes.
MAX_FILE_BYTES = 64 * 1024 * 1024
# The longest paragraph of a dispatch has some thousand characters.
MAX_LINE_CHARS = 20_000
_HTML = re.compile(r"<(?:!doctype|html|head|body|div|script|article|table)\b", re.IGNORECASE)
MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|<!--|javascript:|&#?\w+;")
# Characters that a copied page holds and no reader sees: zero widths, direction marks, soft hyphens.
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_SPACES = re.compile(r"[^\S\t]+")


class Line(msgspec.Struct, frozen=True):
    """One line of a page text: its number, from 1, and its text without white space around it."""

    number: int
    text: str


class PageText(msgspec.Struct, frozen=True):
    """A file's lines. `encoding` is the one that it was read in; `too_long` are lines left unread.

    `doubt` says so where the encoding was guessed and another fits as well.
    """

    lines: list[Line]
    encoding: str
    too_long: list[Line]
    doubt: str = ""


def read_page_text(data: bytes) -> PageText:
    """Return the lines of a page text. Raises Unreadable with a sentence if the bytes are none."""
    if not data.strip():
        raise Unreadable("The file is empty.")
    if len(data) > MAX_FILE_BYTES:
        raise Unreadable(
            f"The file has {len(data):,} bytes; page texts of up to {MAX_FILE_BYTES:,} are read. Split it.", len(data)
        )
    text, encoding, doubt = decode(data)
    if len(_HTML.findall(text[:100_000])) >= 2:
        raise Unreadable("The file is HTML. Only page text is read yet: open the page, and save its text.")
    lines, too_long = [], []
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if len(raw) > MAX_LINE_CHARS:
            too_long.append(Line(number, raw[:80] + "…"))
            continue
        tidy = unicodedata.normalize("NFC", _UNSEEN.sub("", raw))
        lines.append(Line(number, _SPACES.sub(" ", tidy).strip()))
    return PageText(lines, encoding, too_long, doubt)
