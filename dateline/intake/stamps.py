"""Stamps: the dates and times that a newsfeed prints beside its elements, in their many forms."""

import re
from datetime import date, datetime, time
from functools import lru_cache

import msgspec

from dateline.news.dates import month_number, month_pattern, weekday_pattern


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """A printed date: what it says, and no more. `ambiguous` is set where day and month may be swapped.

    `order` is `dm` or `md` where numbers alone tell which comes first. `start` and `end` are its place in the line.
    """

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    clock: time | None = None
    ambiguous: bool = False
    order: str = ""

    @property
    def shape(self) -> tuple[bool, bool, bool]:
        """What it says, for comparing stamps: a day, a time, a year."""
        return self.day is not None, self.clock is not None, self.year is not None

    def on(self, year: int) -> date | None:
        """Return the date in a year; None if there is no such day."""
        if self.month is None or self.day is None:
            return None
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return None


_ZONE = r"(?:\s*\(?(?:utc|gmt|[ECMP][SD]T|msk|ces?t|bst|ist|jst)(?:\s*[+-]\s*\d{1,2}(?::?\d\d)?)?\)?(?-i:(?![a-z])))?"
_TIME = (
    r"(?P<hour>[01]?\d|2[0-4])(?:[:.h]|\s?h\s?)(?P<minute>[0-5]\d)(?::[0-5]\d)?"
    r"(?:\s*(?P<half>[ap])\.?\s?m\.?(?-i:(?![a-z])))?(?:\s*(?:uhr|hrs?|h)\b)?" + _ZONE
)
_JOIN = r"(?:\s*[,|·•/]\s*|\s*[-–—]\s*|\s+(?:at|um|à|a las|às|alle|kl\.?|o)\s+|\s+|t)"


@lru_cache(maxsize=1)
def _dates() -> list[str]:
    month = month_pattern()
    weekday = rf"(?:(?<![^\W\d_])(?:{weekday_pattern()})\.?,?\s+)?"
    return [
        r"(?P<y>(?:19|20)\d\d)[-/.](?P<mo>0?[1-9]|1[0-2])[-/.](?P<d>3[01]|[12]\d|0?[1-9])",
        rf"{weekday}(?P<mn>{month})\s*(?P<d>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?!\d|:)(?:,?\s*(?P<y>(?:19|20)\d\d)(?!\d|:))?",
        rf"{weekday}(?P<d>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th|er|º)?\.?\s*(?:de\s+)?(?P<mn>{month})(?:,?\s*(?:de[l]?\s+)?(?P<y>(?:19|20)\d\d)(?!\d|:))?",
        r"(?P<a>3[01]|[12]\d|0?[1-9])(?P<sep>[./-])(?P<b>3[01]|[12]\d|0?[1-9])(?P=sep)(?P<y>(?:19|20)?\d\d)?(?!\d)",
    ]


@lru_cache(maxsize=1)
def _patterns() -> tuple[list[re.Pattern[str]], list[re.Pattern[str]]]:
    """Patterns for a stamp at the start of a line and at its end, the fullest first."""
    forms = []
    for day in _dates():
        forms += [rf"{day}{_JOIN}{_TIME}", rf"{_TIME}{_JOIN}{day}", day]
    forms.append(_TIME)
    starts = [re.compile(rf"[\[(]?(?:{form})[\])]?(?!\d)", re.IGNORECASE) for form in forms]
    ends = [re.compile(rf"(?<!\d)[\[(]?(?:{form})[\])]?\s*$", re.IGNORECASE) for form in forms]
    return starts, ends


def stamp_at_start(text: str) -> Stamp | None:
    """Return the stamp that the text begins with, or None."""
    best: Stamp | None = None
    for pattern in _patterns()[0]:
        match = pattern.match(text)
        if match and (stamp := _stamp(match)) is not None and (best is None or stamp.end > best.end):
            best = stamp
    return best


def stamp_at_end(text: str) -> Stamp | None:
    """Return the stamp that the text ends with, or None; it may be glued to what stands before it."""
    best: Stamp | None = None
    # A stamp is short; looking further back would find nothing but cost much.
    offset = max(0, len(text) - 80)
    tail = text[offset:]
    for pattern in _patterns()[1]:
        match = pattern.search(tail)
        if match and (stamp := _stamp(match)) is not None and (best is None or stamp.start + offset < best.start):
            best = msgspec.structs.replace(stamp, start=stamp.start + offset, end=stamp.end + offset)
    return best


def settle_order(stamp: Stamp, orders: set[str]) -> Stamp:
    """Settle which of two numbers is the month, if the page's other stamps have told it."""
    if not stamp.ambiguous or len(orders) != 1:
        return stamp
    if "md" in orders:
        stamp = msgspec.structs.replace(stamp, month=stamp.day, day=stamp.month)
    return msgspec.structs.replace(stamp, ambiguous=False)


def whole_stamp(text: str) -> Stamp | None:
    """Return the stamp that is the whole of the text, or None."""
    stamp = stamp_at_start(text)
    return stamp if stamp is not None and not text[stamp.end :].strip(" .,|·•") else None


def _stamp(match: re.Match[str]) -> Stamp | None:
    groups = match.groupdict()
    month = day = year = None
    ambiguous, order = False, ""
    if groups.get("mn"):
        try:
            month, day = month_number(groups["mn"]), int(groups["d"])
        except KeyError:
            return None
    elif groups.get("mo"):
        month, day = int(groups["mo"]), int(groups["d"])
    elif groups.get("a"):
        first, second = int(groups["a"]), int(groups["b"])
        day, month = (second, first) if second > 12 else (first, second)
        ambiguous = groups["sep"] != "." and first <= 12 and second <= 12 and first != second
        if groups["sep"] != "." and not ambiguous and first != second:
            order = "md" if second > 12 else "dm"
        if month > 12 or (groups["sep"] != "." and not groups.get("y")):
            return None
    if groups.get("y"):
        year = int(groups["y"])
        year += 2000 if year < 70 else 1900 if year < 100 else 0
    clock = _clock(groups)
    if month is None and clock is None:
        return None
    return Stamp(
        start=match.start(),
        end=match.end(),
        year=year,
        month=month,
        day=day,
        clock=clock,
        ambiguous=ambiguous,
        order=order,
    )


def _clock(groups: dict[str, str]) -> time | None:
    if groups.get("hour") is None:
        return None
    hour, minute = int(groups["hour"]), int(groups["minute"])
    if half := groups.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    if hour > 23:
        return None
    return time(hour, minute)


def moment(day: date, clock: time | None) -> datetime:
    """Return the local moment of a day and a time; without a time its start."""
    return datetime.combine(day, clock or time(0))
