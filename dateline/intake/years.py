"""Gives stamps without a year their year: the one that was said, counted on across a New Year."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from dateline.intake.stamps import Stamp

# Two neighbours of a newsfeed that are further apart than this stand on two sides of a New Year.
_HALF_YEAR_DAYS = 183


def years_of(stamps: Sequence[Stamp], said: int | None) -> list[int | None]:
    """Return the year of each stamp of one newsfeed, in its order.

    A stamp's own year stands. Without one, `said` is the year of the newest; None: it stays unknown.
    """
    if said is None or all(stamp.year for stamp in stamps):
        return [stamp.year for stamp in stamps]
    days = [(stamp.month or 1) * 31 + (stamp.day or 1) for stamp in stamps]
    steps = [later - earlier for earlier, later in pairwise(days)]
    near = [step for step in steps if abs(step) < _HALF_YEAR_DAYS]
    newest_first = sum(step < 0 for step in near) >= sum(step > 0 for step in near)
    if not near or all(step == 0 for step in near):
        # Only the New Year itself is left to tell the order: January above December is newest first.
        newest_first = not any(step < -_HALF_YEAR_DAYS for step in steps)
    offsets, offset = [0], 0
    for step in steps:
        if newest_first and step > _HALF_YEAR_DAYS:
            offset -= 1
        elif not newest_first and step < -_HALF_YEAR_DAYS:
            offset += 1
        offsets.append(offset)
    newest = max(offsets)
    return [stamp.year or said + place - newest for stamp, place in zip(stamps, offsets, strict=True)]


def year_near(month: int, day: int, others: Sequence[date]) -> int | None:
    """Return the year in which a day lies nearest to other dates of the page; None without any."""
    best: tuple[int, int] | None = None
    for other in others:
        for year in (other.year - 1, other.year, other.year + 1):
            try:
                distance = abs((date(year, month, day) - other).days)
            except ValueError:
                continue
            if best is None or distance < best[0]:
                best = (distance, year)
    return best[1] if best else None
