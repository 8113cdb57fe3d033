"""Stamps: the dates and times that a newsfeed prints beside its elements, in their many forms."""

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import msgspec

from dateline.intake.relative import ago_pattern, day_word_pattern, days_ago
from dateline.intake.zones import OFFSET, ZONE
from dateline.news.dates import month_number, month_pattern, weekday_pattern


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """A printed date: what it says, and no more. `ambiguous` is set where day and month may be swapped.

    `order` is `dm` or `md` where numbers alone tell which comes first. `start` and `end` are its place in the
    line. `zone` is the time zone as printed, `days_ago` 0 for today and 1 for yesterday, `ago` a span like
    `2 hours ago`, as printed.
    """

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    clock: time | None = None
    ambiguous: bool = False
    order: str = ""
    zone: str = ""
    days_ago: int | None = None
    ago: str = ""

    @property
    def shape(self) -> tuple[bool, bool, bool]:
        """What it says, for comparing stamps: a day, a time, a year."""
        return self.day is not None or self.days_ago is not None, self.clock is not None, self.year is not None

    @property
    def is_day(self) -> bool:
        """Whether it says a day, in numbers or as a word, and no time."""
        return self.clock is None and not self.ago

    def on(self, year: int) -> date | None:
        """Return the date in a year; None if there is no such day."""
        if self.month is None or self.day is None:
            return None
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return None

    def counted_from(self, base: "Stamp") -> "Stamp":
        """Return it with the day of another one: that day itself, or, where it says so, the day before."""
        day, month, year = base.day, base.month, base.year
        if self.days_ago and day is not None and month is not None:
            # Of a date without a year only the first of March leaves the day before open.
            if year is None and (day, month) == (1, 3):
                return self
            before = date(year or 2001, month, day) - timedelta(days=self.days_ago)
            day, month, year = before.day, before.month, before.year if year else None
        return msgspec.structs.replace(self, year=year, month=month, day=day, days_ago=None)


# What parts the hour from the minutes, and what may follow them, in the scripts that dates are read in.
_TIME = (
    r"(?P<before_half>[上下]午|午[前後后]|오[전후])?\s*(?P<hour>[01]?\d|2[0-4])(?:[:.：時时點点h]|\s?h\s?|시\s*)(?P<minute>[0-5]\d)"
    r"(?:[:.](?P<second>[0-5]\d)(?:\.\d{1,6})?)?[分분]?(?:\s*(?P<half>[ap])\.?\s?m\.?(?-i:(?![a-z])))?(?:\s*(?:uhr|hrs?|h)\b)?"
    rf"(?:\s*\(?(?P<zone>{ZONE})\)?(?-i:(?![a-z]))|(?P<offset>(?-i:Z(?![^\W_]))|(?<=:\d\d)\+\d\d:?\d\d|(?<=:\d\d:\d\d)\s?{OFFSET}))?"
)
_JOIN = r"(?:\s*[,،、|·•/]\s*|\s*[-–—]\s*|\s+(?:at|um|à|a las|às|alle|kl\.?|o|saat|klo)\s+|\s+|t|(?<=日))"
_YEAR = r"(?P<y>(?:19|20)\d\d)"
_DAY = r"(?P<d>3[01]|[12]\d|0?[1-9])"
# Arabic, Persian, Devanagari and full-width digits, one for one.
_DIGITS = {zero + digit: str(digit) for zero in (0x0660, 0x06F0, 0x0966, 0xFF10) for digit in range(10)}


@lru_cache(maxsize=1)
def _dates() -> list[str]:
    month = month_pattern()
    weekday = rf"(?:(?<![^\W\d_])(?:{weekday_pattern()})\.?,?\s+)?"
    return [
        rf"{_YEAR}[-/.](?P<mo>0?[1-9]|1[0-2])[-/.]{_DAY}",
        rf"(?:{_YEAR}[年년]\s*)?(?P<mo>1[0-2]|0?[1-9])[月월]\s*{_DAY}[日號号일](?:\s*[(（][日月火水木金土一二三四五六][)）])?",
        rf"{_YEAR}\.\s+(?P<mn>{month})\s*{_DAY}\.?",
        rf"{weekday}(?P<mn>{month})\s*{_DAY}(?:st|nd|rd|th)?(?!\d|:)(?:,?\s*{_YEAR}(?!\d|:))?",
        rf"{weekday}{_DAY}(?:st|nd|rd|th|er|º)?\.?\s*(?:de\s+)?(?P<mn>{month})(?:[,،]?\s*(?:de[l]?\s+)?{_YEAR}(?!\d|:))?",
        r"(?P<a>3[01]|[12]\d|0?[1-9])(?P<sep>[./-])(?P<b>3[01]|[12]\d|0?[1-9])(?P=sep)(?P<y>(?:19|20)?\d\d)?(?!\d)",
        rf"(?P<word>{day_word_pattern()})",
    ]


@lru_cache(maxsize=1)
def _forms() -> list[str]:
    """Return the forms of a stamp: first those with day and time, then those with one of the two."""
    forms = []
    for day in _dates():
        forms += [rf"{day}{_JOIN}{_TIME}", rf"{_TIME}{_JOIN}{day}"]
    return [*forms, *_dates()[:-1], _TIME, rf"(?P<ago>{ago_pattern()})"]


@lru_cache(maxsize=1)
def _patterns() -> tuple[list[re.Pattern[str]], list[re.Pattern[str]]]:
    """Patterns for a stamp at the start of a line and at its end."""
    starts = [re.compile(rf"[\[(]?(?:{form})[\])]?(?!\d)", re.IGNORECASE) for form in _forms()]
    ends = [re.compile(rf"(?<!\d)[\[(（]?(?:{form})[\])）]?[.,]?\s*$", re.IGNORECASE) for form in _forms()]
    return starts, ends


@lru_cache(maxsize=1)
def _whole_day_word() -> re.Pattern[str]:
    return re.compile(rf"(?P<word>{day_word_pattern()})$", re.IGNORECASE)


def stamp_at_start(text: str) -> Stamp | None:
    """Return the stamp that the text begins with, or None."""
    best: Stamp | None = None
    head = text[:_MAX_STAMP_CHARS].translate(_DIGITS)
    for pattern in _patterns()[0]:
        match = pattern.match(head)
        if match and (stamp := _stamp(match)) is not None and (best is None or stamp.end > best.end):
            best = stamp
    return best


# A stamp is short; looking further would find nothing but cost much.
_MAX_STAMP_CHARS = 80


def stamp_at_end(text: str) -> Stamp | None:
    """Return the stamp that the text ends with, or None; it may be glued to what stands before it."""
    best: Stamp | None = None
    offset = max(0, len(text) - _MAX_STAMP_CHARS)
    tail = text[offset:].translate(_DIGITS)
    for pattern in _patterns()[1]:
        match = pattern.search(tail)
        if match and (stamp := _stamp(match)) is not None and (best is None or stamp.start + offset < best.start):
            best = msgspec.structs.replace(stamp, start=stamp.start + offset, end=stamp.end + offset)
    return best


@lru_cache(maxsize=1)
def _full() -> list[re.Pattern[str]]:
    """Patterns of a day and a time together, anywhere."""
    return [
        re.compile(rf"(?<!\d)(?:{form})(?!\d)", re.IGNORECASE)
        for form in _forms()
        if "(?P<hour>" in form and form != _TIME
    ]


def find_full_stamps(text: str) -> list[tuple[int, int]]:
    """Return where in a text stamps with a day and a time begin and end, in the one form that most have."""
    folded = text.translate(_DIGITS)
    found = [[match.span() for match in pattern.finditer(folded) if _stamp(match)] for pattern in _full()]
    return max(found, key=len)


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
    if stamp is None and (match := _whole_day_word().match(text)):
        stamp = _stamp(match)
    return stamp if stamp is not None and not text[stamp.end :].strip(" .,،|·•") else None


def _stamp(match: re.Match[str]) -> Stamp | None:
    groups = match.groupdict()
    clock = _clock(groups)
    if groups.get("hour") and clock is None:
        return None
    zone = groups.get("zone") or groups.get("offset") or ""
    found = Stamp(start=match.start(), end=match.end(), clock=clock, zone=zone, ago=groups.get("ago") or "")
    if groups.get("word"):
        return msgspec.structs.replace(found, days_ago=days_ago(groups["word"]))
    if groups.get("d") or groups.get("a"):
        return _with_day(found, groups)
    return found


def _with_day(stamp: Stamp, groups: dict[str, str]) -> Stamp | None:
    """Add day, month, year and what is open about them; None if it is no date."""
    ambiguous, order = False, ""
    if groups.get("mn"):
        try:
            month, day = month_number(groups["mn"]), int(groups["d"])
        except KeyError:
            return None
    elif groups.get("mo"):
        month, day = int(groups["mo"]), int(groups["d"])
    else:
        first, second = int(groups["a"]), int(groups["b"])
        day, month = (second, first) if second > 12 else (first, second)
        ambiguous = groups["sep"] != "." and first <= 12 and second <= 12 and first != second
        if groups["sep"] != "." and not ambiguous and first != second:
            order = "md" if second > 12 else "dm"
        if month > 12 or (groups["sep"] != "." and not groups.get("y")):
            return None
    year = int(groups["y"]) if groups.get("y") else None
    if year is not None and year < 100:
        year += 2000 if year < 70 else 1900
    return msgspec.structs.replace(stamp, month=month, day=day, year=year, ambiguous=ambiguous, order=order)


def _clock(groups: dict[str, str]) -> time | None:
    if groups.get("hour") is None:
        return None
    hour, minute = int(groups["hour"]), int(groups["minute"])
    half = (groups.get("half") or groups.get("before_half") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in ("p", "下午", "午後", "午后", "오후") else 0)
    return time(hour, minute) if hour <= 23 else None


def moment(day: date, clock: time | None) -> datetime:
    """Return the local moment of a day and a time; without a time its start."""
    return datetime.combine(day, clock or time(0))
