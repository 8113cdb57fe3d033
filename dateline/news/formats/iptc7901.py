"""IPTC 7901: the text transmission format of telegraph lines, which some newsrooms still take in.

A message is SOH, a header line, STX, the text, ETX, the time of filing, EOT. It knows text only: no emphasis, no
links, no pictures, no uri; the headline is the first line of the text. Characters beyond Latin-1 become what they
look like, or a question mark.
"""

import codecs
import re
import textwrap
import unicodedata
from datetime import UTC, datetime

from dateline.news import body
from dateline.news.agency import Agency
from dateline.news.errors import BadItem
from dateline.news.item import NewsItem

MEDIA_TYPE = "text/vnd.iptc.iptc7901"
_SOH, _STX, _ETX, _EOT = "\x01", "\x02", "\x03", "\x04"
# A line of the format has 69 characters at most.
_LINE_CHARS = 69
# The header: source and number, priority, category, words, and what a service adds.
_HEADER = re.compile(
    r"(?P<source>[A-Za-z]{2,3})(?P<number>\d{3,5})\s+(?P<priority>\d)\s+(?P<category>\S+)\s+(?P<words>\d+)"
)
_ALIKE = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "\u00a0": " "}
)


def encode(item: NewsItem, agency: Agency, number: int = 0) -> bytes:
    """Return the item as a message; `number` counts a service's messages, modulo 10,000."""
    text = [f"{item.headline} =", ""]
    paragraphs = body.to_plain(item.body)
    if item.dateline:
        paragraphs[:1] = [" ".join([item.dateline, *paragraphs[:1]])]
    for paragraph in paragraphs:
        for place, line in enumerate(paragraph.split("\n")):
            text += textwrap.wrap(line, _LINE_CHARS, initial_indent="   " if place == 0 else "") or [""]
        text.append("")
    source = "".join(letter for letter in agency.credit.lower() if letter.isascii() and letter.isalpha())[:3] or "dtl"
    category = (item.heading.slug[:1] if item.heading else "") or "i"
    filed = item.version_created or item.content_created or datetime.now(UTC)
    lines = [
        f"{_SOH}{source}{number % 10_000:04d} {min(item.urgency or 4, 9)} {category} {body.count_words(item.body)}",
        "", f"{item.slugline or item.headline[:40]}", *([f"Editors: {item.ednote}"] if item.ednote else []),
        f"{_STX}{text[0]}", *text[1:], f"{_ETX}{filed:%d%H%M} GMT {filed:%b %y}", f"{_EOT}",
    ]  # fmt: skip
    return "\r\n".join(lines).translate(_ALIKE).encode("latin-1", "dateline-7901")


def _look_alike(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    bad = error.object[error.start : error.end]
    found = unicodedata.normalize("NFKD", bad).encode("latin-1", "ignore").decode("latin-1")
    return found or "?", error.end


def decode(data: bytes) -> NewsItem:
    """Return the item that a message holds. Raises BadItem with a sentence."""
    text = data.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    head, opened, rest = text.partition(_STX)
    found = _HEADER.search(head)
    if not opened or found is None:
        raise BadItem("This is not an IPTC 7901 message: it has no header line before its text.")
    words, _, _ = rest.partition(_ETX)
    lines = [line.strip() for line in head[found.end() :].split("\n")[1:] if line.strip()]
    headline, _, text = words.lstrip("\n").partition("\n")
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n|\n(?=   )", text) if part.strip()]
    return NewsItem(
        headline=headline.strip().removesuffix("=").strip(),
        slugline=lines[0].rstrip("/") if lines else "",
        ednote=next((line.partition(":")[2].strip() for line in lines[1:] if line.startswith("Editors:")), ""),
        urgency=int(found["priority"]) or None,
        body=body.from_paragraphs(paragraphs),
    )


codecs.register_error("dateline-7901", _look_alike)
