"""Stamps: the dates and times that a newsfeed prints beside its elements, in their many forms."""

import re
from datetime import date, datetime, time, timedelta

import msgspec

from dateline.intake.grammar import (
    Day,
    day_word,
    full_patterns,
    grammar,
    has_clock,
    read_clock,
    read_day,
    read_zone,
    weekday_before,
    weekday_first,
)
from dateline.intake.relative import days_ago


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


# Arabic, Persian, Devanagari and full-width digits, one for one.
_DIGITS = {zero + digit: str(digit) for zero in (0x0660, 0x06F0, 0x0966, 0xFF10) for digit in range(10)}
# A stamp is short; looking further would find nothing but cost much.
_MAX_STAMP_CHARS = 80
_OPENING, _CLOSING = "[(（", re.compile(r"[\])）]?[.,]?\s*$")
_DIGIT = re.compile(r"\d|\bago\b")


def stamp_at_start(text: str) -> Stamp | None:
    """Return the stamp that the text begins with, or None."""
    head = text[:_MAX_STAMP_CHARS].translate(_DIGITS)
    if not _DIGIT.search(head):
        return None
    begin = int(head[:1] in _OPENING)
    weekday = weekday_first(head[begin:])
    stamps = [
        found
        for place in {begin, begin + weekday}
        if (found := _at_start(head[place:], place)) and (place == begin or found.day)
    ]
    if not stamps:
        return None
    best = max(stamps, key=lambda stamp: (stamp.end, stamp.day is not None))
    closed = begin and head[best.end : best.end + 1] in ("]", ")", "）")
    return msgspec.structs.replace(best, start=0, end=best.end + bool(closed))


def _at_start(text: str, offset: int) -> Stamp | None:
    """Return the longest stamp that a text begins with, its places counted from an offset."""
    patterns = grammar(False)
    found = []
    if has_clock(text) and (clock := patterns.clock.match(text)) and read_clock(clock):
        found.append(_timed(Stamp(start=0, end=clock.end()), clock))
        for pattern in patterns.days_beside:
            if (match := pattern.match(text[clock.end() :])) and (day := read_day(match)):
                found.append(_dated(_timed(Stamp(start=0, end=clock.end() + match.end()), clock), day))
    for pattern in (*patterns.days, patterns.day_word):
        if (match := pattern.match(text)) and (day := read_day(match)) and not day.skipped:
            clock = patterns.clock_beside.match(text[match.end() :])
            if clock and read_clock(clock):
                found.append(_dated(_timed(Stamp(start=0, end=match.end() + clock.end()), clock), day))
            elif day.days_ago is None:
                found.append(_dated(Stamp(start=0, end=match.end()), day))
    if not found and (match := patterns.ago.match(text)):
        found.append(Stamp(start=0, end=match.end(), ago=match["ago"]))
    if not found:
        return None
    best = max(found, key=lambda stamp: (stamp.end, stamp.day is not None))
    return msgspec.structs.replace(best, start=offset, end=offset + best.end)


def stamp_at_end(text: str) -> Stamp | None:
    """Return the stamp that the text ends with, or None; it may be glued to what stands before it."""
    offset = max(0, len(text) - _MAX_STAMP_CHARS)
    tail = text[offset:].translate(_DIGITS)
    if not _DIGIT.search(tail):
        return None
    closing = _CLOSING.search(tail)
    end = closing.start() if closing else len(tail)
    stamp = _at_end(tail[:end])
    if stamp is None:
        return None
    start = weekday_before(tail, stamp.start) if stamp.day is not None else stamp.start
    start -= end < len(tail) and start > 0 and tail[start - 1] in _OPENING
    return msgspec.structs.replace(stamp, start=offset + start, end=len(text))


def _at_end(text: str) -> Stamp | None:
    """Return the longest stamp that a text ends with."""
    patterns = grammar(True)
    found = []
    clock = patterns.clock.search(text) if has_clock(text) else None
    if clock and read_clock(clock):
        found.append(_timed(Stamp(start=clock.start(), end=len(text)), clock))
        for pattern in patterns.days_beside:
            if (match := pattern.search(text[: clock.start()])) and (day := read_day(match)):
                found.append(_dated(_timed(Stamp(start=match.start(), end=len(text)), clock), day))
    for pattern in patterns.days:
        if (match := pattern.search(text)) and (day := read_day(match)):
            start = weekday_before(text, match.start())
            clock = patterns.clock_beside.search(text[:start]) if has_clock(text[:start]) else None
            if clock and read_clock(clock):
                found.append(_dated(_timed(Stamp(start=clock.start(), end=len(text)), clock), day))
            else:
                found.append(_dated(Stamp(start=match.start(), end=len(text)), day))
    if not found and (match := patterns.ago.search(text)):
        found.append(Stamp(start=match.start(), end=len(text), ago=match["ago"]))
    return min(found, key=lambda stamp: (stamp.start, stamp.day is None), default=None)


def _timed(stamp: Stamp, match: re.Match[str]) -> Stamp:
    return msgspec.structs.replace(stamp, clock=read_clock(match), zone=read_zone(match))


def _dated(stamp: Stamp, day: Day) -> Stamp:
    return msgspec.structs.replace(
        stamp,
        start=stamp.start + day.skipped,
        year=day.year,
        month=day.month,
        day=day.day,
        ambiguous=day.ambiguous,
        order=day.order,
        days_ago=day.days_ago,
    )


def find_full_stamps(text: str) -> list[tuple[int, int]]:
    """Return where in a text stamps with a day and a time begin and end, in the one form that most have."""
    folded = text.translate(_DIGITS)
    found = [
        [match.span() for match in pattern.finditer(folded) if read_clock(match) and read_day(match)]
        for pattern in full_patterns()
    ]
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
    if len(text) > _MAX_STAMP_CHARS:
        return None
    stamp = stamp_at_start(text)
    if stamp is None and (match := day_word().match(text)):
        stamp = Stamp(start=0, end=match.end(), days_ago=days_ago(match["word"]))
    return stamp if stamp is not None and not text[stamp.end :].strip(" .,،|·•") else None


def moment(day: date, clock: time | None) -> datetime:
    """Return the local moment of a day and a time; without a time its start."""
    return datetime.combine(day, clock or time(0))
