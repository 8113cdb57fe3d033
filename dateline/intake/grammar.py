"""How dates and times are written: the patterns of stamps, and what a match of one says.

Months and weekdays are matched as words and looked up afterwards: their names in two dozen languages would
make every pattern slow.
"""

import re
from datetime import time
from functools import lru_cache

import msgspec

from dateline.intake.relative import ago_pattern, day_word_pattern, days_ago
from dateline.intake.zones import OFFSET, ZONE
from dateline.news.dates import month_number, weekday_pattern

# What parts the hour from the minutes, and what may follow them, in the scripts that dates are read in.
_TIME = (
    r"(?:(?P<before_half>[上下]午|午[前後后]|오[전후])\s*)?(?P<hour>[01]?\d|2[0-4])(?:[:.：時时點点h]|\s?h\s?|시\s*)(?P<minute>[0-5]\d)"
    r"(?:[:.](?P<second>[0-5]\d)(?:\.\d{1,6})?)?[分분]?(?:\s*(?P<half>[ap])\.?\s?m\.?(?-i:(?![a-z])))?(?:\s*(?:uhr|hrs?|h)\b)?"
    rf"(?:\s*\(?(?P<zone>{ZONE})\)?(?-i:(?![a-z]))|"
    rf"(?P<offset>(?-i:Z(?![^\W_]))|(?<=:\d\d)\+\d\d:?\d\d|(?<=:\d\d:\d\d)\s?{OFFSET}))?"
)
_JOIN = r"(?:\s*[,،、|·•/]\s*|\s*[-–—]\s*|\s+(?:at|um|à|a las|às|alle|kl\.?|o|saat|klo)\s+|\s+|t|(?<=日))"
_YEAR = r"(?P<y>(?:19|20)\d\d)"
_DAY = r"(?P<d>3[01]|[12]\d|0?[1-9])"
_MONTH = r"(?P<mn>[^\W\d_]{3,14})(?![^\W\d_])\.?"
_DAYS = [
    rf"{_YEAR}[-/.](?P<mo>0?[1-9]|1[0-2])[-/.]{_DAY}",
    rf"(?:{_YEAR}[年년]\s*)?(?P<mo>1[0-2]|0?[1-9])[月월]\s*{_DAY}[日號号일](?:\s*[(（][日月火水木金土一二三四五六][)）])?",
    rf"{_YEAR}\.\s+{_MONTH}\s*{_DAY}\.?",
    rf"{_MONTH}\s*{_DAY}(?:st|nd|rd|th)?(?!\d|:)(?:,?\s*{_YEAR}(?!\d|:))?",
    rf"{_DAY}(?:st|nd|rd|th|er|º)?\.?\s*(?:de\s+)?{_MONTH}(?:[,،]?\s*(?:de[l]?\s+)?{_YEAR}\.?(?!\d|:))?",
    r"(?P<a>3[01]|[12]\d|0?[1-9])(?P<sep>[./-])(?P<b>3[01]|[12]\d|0?[1-9])(?P=sep)(?P<y>(?:19|20)?\d\d)?(?!\d)",
]
_WORD = rf"(?P<word>{day_word_pattern()})"
_CLOCK = re.compile(r"\d\s?[:.：時时點点hH시]\s?[0-5]\d")
_WEEKDAY_BEFORE = re.compile(r"(?<![^\W\d_])([^\W\d_]{2,14})\.?,?\s+$")
_WEEKDAY_FIRST = re.compile(r"([^\W\d_]{2,14})\.?,?\s+")


class Grammar(msgspec.Struct, frozen=True):
    """The compiled patterns of one end of a text."""

    clock: re.Pattern[str]
    clock_beside: re.Pattern[str]
    days: list[re.Pattern[str]]
    days_beside: list[re.Pattern[str]]
    day_word: re.Pattern[str]
    ago: re.Pattern[str]


@lru_cache(maxsize=2)
def grammar(at_end: bool) -> Grammar:
    """Return the patterns of the stamp that a text ends with, or begins with.

    The `beside` ones take in what joins day and time: they match what stands before, or after, the other.
    """

    def compiled(form: str) -> re.Pattern[str]:
        return re.compile(rf"(?<!\d)(?:{form})$" if at_end else rf"(?:{form})(?!\d)", re.IGNORECASE)

    def beside(form: str) -> re.Pattern[str]:
        return compiled(rf"(?:{form}){_JOIN}" if at_end else rf"{_JOIN}(?:{form})")

    return Grammar(
        clock=compiled(_TIME),
        clock_beside=beside(_TIME),
        days=[compiled(form) for form in _DAYS],
        days_beside=[beside(form) for form in (*_DAYS, _WORD)],
        day_word=compiled(_WORD),
        ago=compiled(rf"(?P<ago>{ago_pattern()})"),
    )


@lru_cache(maxsize=1)
def day_word() -> re.Pattern[str]:
    """Return the pattern of a text that is a word for today or yesterday."""
    return re.compile(rf"{_WORD}[.,:]?$", re.IGNORECASE)


@lru_cache(maxsize=1)
def full_patterns() -> list[re.Pattern[str]]:
    """Return patterns of a day and a time together, anywhere in a text."""
    forms = [form for day in _DAYS for form in (rf"{day}{_JOIN}{_TIME}", rf"{_TIME}{_JOIN}{day}")]
    return [re.compile(rf"(?<!\d)(?:{form})(?!\d)", re.IGNORECASE) for form in forms]


def has_clock(text: str) -> bool:
    """Whether a text may hold a time; it is asked first, for it costs little."""
    return _CLOCK.search(text) is not None


@lru_cache(maxsize=1)
def _weekday() -> re.Pattern[str]:
    return re.compile(weekday_pattern(), re.IGNORECASE)


def weekday_before(text: str, place: int) -> int:
    """Return where the weekday right before a place begins, or the place itself."""
    begin = max(0, place - 20)
    match = _WEEKDAY_BEFORE.search(text[begin:place])
    return begin + match.start() if match and _weekday().fullmatch(match[1]) else place


def weekday_first(text: str) -> int:
    """Return where the weekday that a text begins with ends, or 0."""
    match = _WEEKDAY_FIRST.match(text)
    return match.end() if match and _weekday().fullmatch(match[1]) else 0


def read_clock(match: re.Match[str]) -> time | None:
    """Return the time that a match says, or None if there is no such time."""
    hour, minute = int(match["hour"]), int(match["minute"])
    half = (match["half"] or match["before_half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in ("p", "下午", "午後", "午后", "오후") else 0)
    return time(hour, minute) if hour <= 23 else None


def read_zone(match: re.Match[str]) -> str:
    """Return the time zone beside the time, as printed."""
    return match["zone"] or match["offset"] or ""


class Day(msgspec.Struct, frozen=True):
    """What a match says of the day. `skipped` letters of it belong to the word before: `ScienceApril`."""

    month: int | None = None
    day: int | None = None
    year: int | None = None
    ambiguous: bool = False
    order: str = ""
    days_ago: int | None = None
    skipped: int = 0


def read_day(match: re.Match[str]) -> Day | None:
    """Return the day that a match says, or None if it is none."""
    groups = match.groupdict()
    if groups.get("word"):
        return Day(days_ago=days_ago(groups["word"]))
    year = int(groups["y"]) if groups.get("y") else None
    if year is not None and year < 100:
        year += 2000 if year < 70 else 1900
    if groups.get("mn"):
        skipped = _month_begins(groups["mn"], match.start("mn") == match.start())
        if skipped is None:
            return None
        return Day(month_number(groups["mn"][skipped:]), int(groups["d"]), year, skipped=skipped)
    if groups.get("mo"):
        return Day(int(groups["mo"]), int(groups["d"]), year)
    first, second = int(groups["a"]), int(groups["b"])
    day, month = (second, first) if second > 12 else (first, second)
    dotted = groups["sep"] == "."
    if month > 12 or (not dotted and not groups.get("y")):
        return None
    ambiguous = not dotted and first <= 12 and second <= 12 and first != second
    order = "" if dotted or ambiguous or first == second else "md" if second > 12 else "dm"
    return Day(month, day, year, ambiguous, order)


def _month_begins(word: str, may_touch: bool) -> int | None:
    """Return where in a word a month's name begins: at its start, or at a capital inside it."""
    places = [0, *(place for place in range(1, len(word)) if may_touch and word[place].isupper())]
    for place in places:
        try:
            month_number(word[place:])
        except KeyError:
            continue
        return place
    return None
