"""From a file's bytes to lines of text, or to a sentence that says why not."""

import re
import unicodedata

import msgspec
from charset_normalizer import from_bytes

from dateline.intake.errors import Unreadable

# A page's text is some kilobytes; a whole year of a newsfeed some megabytes.
MAX_FILE_BYTES = 64 * 1024 * 1024
# The longest paragraph of a dispatch has some thousand characters.
MAX_LINE_CHARS = 20_000
# Control characters that text may hold: tab, line feed, form feed, carriage return, and NEL in old encodings.
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
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
    """A file's lines. `encoding` is the one that it was read in; `too_long` are lines left unread."""

    lines: list[Line]
    encoding: str
    too_long: list[Line]


def read_page_text(data: bytes) -> PageText:
    """Return the lines of a page text. Raises Unreadable with a sentence if the bytes are none."""
    if not data.strip():
        raise Unreadable("The file is empty.")
    if len(data) > MAX_FILE_BYTES:
        raise Unreadable(
            f"The file has {len(data):,} bytes; page texts of up to {MAX_FILE_BYTES:,} are read. Split it.", len(data)
        )
    text, encoding = _decode(data)
    if len(_HTML.findall(text[:100_000])) >= 2:
        raise Unreadable("The file is HTML. Only page text is read yet: open the page, and save its text.")
    lines, too_long = [], []
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if len(raw) > MAX_LINE_CHARS:
            too_long.append(Line(number, raw[:80] + "…"))
            continue
        tidy = unicodedata.normalize("NFC", _UNSEEN.sub("", raw))
        lines.append(Line(number, _SPACES.sub(" ", tidy).strip()))
    return PageText(lines, encoding, too_long)


def _decode(data: bytes) -> tuple[str, str]:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise Unreadable(f"The file says it is {encoding} but is not: {error.reason}.") from error
    sample = data[:1_000_000]
    if len(_CONTROLS.findall(sample)) > len(sample) // 1000:
        raise Unreadable("The file is binary, not text.")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        # Guessing costs time in the length; a megabyte of text is evidence enough.
        best = from_bytes(sample).best()
        if best is None:
            raise Unreadable("The file's encoding cannot be told; save it as UTF-8.") from None
        return data.decode(best.encoding, errors="replace"), best.encoding
