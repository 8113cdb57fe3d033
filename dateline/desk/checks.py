"""Checks before a release: what a careful editor would look at once more. They warn and never block.

Pure: an item and what the desk knows in, warnings out. What must not pass is a rule, and stands in
`release_rules` and `dateline.news.acts`.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from datetime import date

import msgspec
from lxml import html as lxml_html

from dateline.news import body
from dateline.news.agency import Agency
from dateline.news.dateline import parse
from dateline.news.item import NewsItem

# A headline beyond this is cut on a phone's lock screen; IPTC's guides say 60 to 80.
_HEADLINE_CHARS = 100
# A first paragraph that runs on.
_LEAD_WORDS = 45
# An urgent item is a line or two; a long one waits for its update.
_FLASH_WORDS = 60
_LONG_WORDS = 1200
# A dateline some days old is a look-back; more is a slip.
_DATELINE_DAYS = 2
# Shorter names are too alike by chance (Lee, Leo).
_NAME_CHARS = 5
_ALIKE = 0.84

_OPENING, _CLOSING = "“„«", "”“»"
_NAME = re.compile(r"\b[A-ZÀ-ÖØ-ÞА-ЯЁ][\w’'-]+(?:\s+(?:(?:van|von|de|der|la|al|bin|el)\s+)?[A-ZÀ-ÖØ-ÞА-ЯЁ][\w’'-]+)*")
_WORD = re.compile(r"\w+(?:[’'-]\w+)*")


class Warning_(msgspec.Struct, frozen=True):
    """One thing to look at: a stable code, and a sentence that names the place."""

    code: str
    text: str


def check(item: NewsItem, agency: Agency, today: date, style: dict[str, str] | None = None) -> list[Warning_]:
    """Return what is worth a second look; `style` maps words of the agency's list to what to write instead."""
    paragraphs = body.to_paragraphs(item.body)
    found: list[Warning_] = []
    for some in (
        _missing(item, paragraphs), _dateline(item, paragraphs, today), _quotes(item, paragraphs),
        _marks(item, paragraphs), _names(item, paragraphs), _style(item, paragraphs, style or {}),
        _lengths(item, paragraphs), _pictures(item),
    ):  # fmt: skip
        found.extend(some)
    return found


def _missing(item: NewsItem, paragraphs: list[str]) -> Iterator[Warning_]:
    if not item.section:
        yield Warning_("section", "It has no section, so it is on the front page only.")
    if not item.dateline:
        yield Warning_("dateline", "It has no dateline: no place is given.")
    if not item.credit:
        yield Warning_("credit", "It has no credit.")
    if not paragraphs and (item.urgency or 9) > 2:
        yield Warning_("text", "It has a headline and no text.")


def _dateline(item: NewsItem, paragraphs: list[str], today: date) -> Iterator[Warning_]:
    line = parse(f"{item.dateline} Text.") if item.dateline else None
    if line is not None and line.dateline.month and line.dateline.day:
        try:
            day = date(today.year, line.dateline.month, line.dateline.day)
        except ValueError:
            yield Warning_("date", f"The dateline names a day that does not exist: {item.dateline}")
            return
        gap = min(abs((day - today).days), 366 - abs((day - today).days))
        if gap > _DATELINE_DAYS:
            yield Warning_("date", f"The dateline says {item.dateline} but today is {today:%B} {today.day}.")
    if item.dateline and paragraphs and parse(paragraphs[0]) is not None:
        yield Warning_("dateline-twice", "The text opens with a dateline of its own; it would be printed twice.")


def _quotes(item: NewsItem, paragraphs: list[str]) -> Iterator[Warning_]:
    if "<blockquote" not in item.body:
        return
    for quote in lxml_html.fragment_fromstring(item.body, create_parent="div").iter("blockquote"):
        if quote.find(".//cite") is None:
            yield Warning_("quote", f"A quote has no source: “{_shorten(str(quote.text_content()))}”")


def _marks(item: NewsItem, paragraphs: list[str]) -> Iterator[Warning_]:
    for text in [item.headline, *paragraphs]:
        straight = text.count('"')
        opened = sum(text.count(mark) for mark in "“„«")
        closed = sum(text.count(mark) for mark in "”»") + (text.count("“") if "„" in text else 0)
        opened -= text.count("“") if "„" in text else 0
        if straight % 2 or opened != closed:
            yield Warning_("quotation-mark", f"A quotation mark is opened and not closed: “{_shorten(text)}”")


def _names(item: NewsItem, paragraphs: list[str]) -> Iterator[Warning_]:
    """Name pairs that differ by a slip: Maren Toll, Maren Tol."""
    words: dict[str, int] = {}
    for text in [item.headline, item.byline, *paragraphs]:
        for match in _NAME.finditer(text):
            for name in match[0].split():
                if len(name) >= _NAME_CHARS and not _opens_sentence(text, match, name):
                    words[name] = words.get(name, 0) + 1
    names = sorted(words)
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            if one.casefold() != other.casefold() and not _inflected(one, other):
                alike = difflib.SequenceMatcher(None, one.casefold(), other.casefold()).ratio()
                if alike >= _ALIKE:
                    yield Warning_("name", f"A name may be spelled in two ways: {one} and {other}.")


def _opens_sentence(text: str, match: re.Match[str], name: str) -> bool:
    """Whether a single capitalised word only opens a sentence."""
    before = text[: match.start()].rstrip()
    return " " not in match[0] and (not before or before[-1] in '.!?:“”"«')


def _inflected(one: str, other: str) -> bool:
    if one[:-1] == other[:-1]:
        return True  # Germany, Germans
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and long[len(short) :] in {
        "s",
        "es",
        "'s",
        "’s",
        "n",
        "ns",
        "an",
        "ian",
        "ese",
        "’",
        "'",
    }


def _style(item: NewsItem, paragraphs: list[str], style: dict[str, str]) -> Iterator[Warning_]:
    for word, instead in style.items():
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
        for text in [item.headline, *paragraphs]:
            if match := pattern.search(text):
                better = f"; the style list says: {instead}" if instead else " stands on the style list"
                yield Warning_("style", f"“{match[0]}”{better}.")
                break


def _lengths(item: NewsItem, paragraphs: list[str]) -> Iterator[Warning_]:
    if len(item.headline) > _HEADLINE_CHARS:
        yield Warning_(
            "headline", f"The headline has {len(item.headline)} characters; beyond {_HEADLINE_CHARS} it is cut."
        )
    if item.headline.endswith("."):
        yield Warning_("headline", "The headline ends in a full stop.")
    if paragraphs and (count := len(_WORD.findall(paragraphs[0]))) > _LEAD_WORDS:
        yield Warning_("lead", f"The first paragraph has {count} words; {_LEAD_WORDS} are many.")
    words = sum(len(_WORD.findall(text)) for text in paragraphs)
    if (item.urgency or 9) <= 2 and words > _FLASH_WORDS:
        yield Warning_("length", f"An urgent item of {words} words: send the first lines now, the rest as an update.")
    elif words > _LONG_WORDS:
        yield Warning_("length", f"It has {words} words.")


def _pictures(item: NewsItem) -> Iterator[Warning_]:
    if "<img" not in item.body:
        return
    for image in lxml_html.fragment_fromstring(item.body, create_parent="div").iter("img"):
        if not image.get("alt"):
            yield Warning_("picture", "A picture has no alternative text for those who do not see it.")


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:60].rpartition(" ")[0] + " …"


def style_list(lines: Iterable[str]) -> dict[str, str]:
    """Return the agency's style list from its lines: `word = what to write instead`, or a word alone."""
    found: dict[str, str] = {}
    for line in lines:
        word, _, instead = line.partition("=")
        if word.strip() and not word.startswith("#"):
            found[word.strip()] = instead.strip()
    return found
