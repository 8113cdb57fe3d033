"""Elements whose parts stand on lines of their own: which lines belong to which stamp, and what each one is.

A feed has a rhythm: so many lines to each stamp. Whether they stand above it, below it or on both sides is
weighed: by blank lines around the groups and none inside, by titles that read as titles, by headings that
are told. Where two ways weigh the same, all elements come back with a doubt, for one of them is off by one.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import msgspec

from dateline.intake.furniture import is_byline, is_counter, is_furniture
from dateline.intake.page import Page
from dateline.intake.separators import MOST, Split
from dateline.intake.shapes import ends_sentence, is_heading
from dateline.intake.stamps import whole_stamp

# Title, heading, summary and one line more; what has longer gaps between its dates is no list of elements.
_MAX_LINES = 4
_MIN_SUMMARY_WORDS = 6
_MIN_TITLE_WORDS = 3
_EDGE = 0.25
_SAMPLE = 100
_OFF_BY_ONE = "its date may be that of the element above or below it"
_UNTOLD = "title and heading could not be told apart"


class Record(msgspec.Struct, frozen=True):
    """The lines (indexes) of one element, the index of its stamp, and its parts."""

    lines: list[int]
    stamp: int
    split: Split


class _Lay(msgspec.Struct, frozen=True):
    """One way to group the page's lines, and what speaks for it."""

    records: list[Record]
    weight: float


def find_records(
    page: Page,
    stamps: Sequence[int],
    beside: Mapping[int, str],
    split: Callable[[list[str]], list[Split]],
) -> list[Record]:
    """Return the records around the lines with these indexes, which hold nothing but a stamp.

    `beside` are the headings that stand beside the stamps, if they do; `split` parts titles from headings
    that they are glued to.
    """
    stamped = set(stamps)
    used = [index for index in range(len(page.texts)) if index in stamped or _is_part(page, index)]
    places = {index: place for place, index in enumerate(used)}
    gaps = Counter(places[later] - places[index] - 1 for index, later in pairwise(stamps))
    gaps.pop(0, None)
    if not gaps:
        return []
    size = gaps.most_common(1)[0][0]
    if size > _MAX_LINES:
        return []
    used = _without_lone_summaries(page, used, stamps, size)
    places = {index: place for place, index in enumerate(used)}
    ways = []
    for above in (size, 0, *range(1, size)):
        rows = []
        for index in stamps:
            begin = places[index] - above
            row = used[begin : begin + size + 1] if begin >= 0 else []
            if len(row) == size + 1 and sum(line in stamped for line in row) == 1:
                rows.append((index, [line for line in row if line != index]))
        # Of a very long page the beginning and the end, where the ways differ, tell enough.
        sample = rows if len(rows) <= 2 * _SAMPLE else rows[:_SAMPLE] + rows[-_SAMPLE:]
        weight = _lay(page, sample, beside, split).weight * len(rows) / max(1, len(sample))
        ways.append((weight, rows))
    (weight, rows), *others = sorted(ways, key=lambda way: way[0], reverse=True)
    records = _lay(page, rows, beside, split).records
    if others and others[0][0] == weight:
        return [
            msgspec.structs.replace(record, split=Split(record.split.title, doubt=_OFF_BY_ONE)) for record in records
        ]
    return records


def _without_lone_summaries(page: Page, used: list[int], stamps: Sequence[int], size: int) -> list[int]:
    """Take away the sentences that only some elements have below their title."""
    places = {index: place for place, index in enumerate(used)}
    dropped: set[int] = set()
    for earlier, later in pairwise(stamps):
        gap = used[places[earlier] + 1 : places[later]]
        sentences = [index for index in gap if _is_sentence(page.texts[index])]
        dropped.update(sentences[: max(0, len(gap) - size)])
    return [index for index in used if index not in dropped]


def _is_sentence(text: str) -> bool:
    return ends_sentence(text) and len(text.split()) >= _MIN_SUMMARY_WORDS


def _is_part(page: Page, index: int) -> bool:
    text = page.texts[index]
    if not text or index in page.taken or is_furniture(text) or is_counter(text) or is_byline(text):
        return False
    stamp = whole_stamp(text)
    return stamp is None or not stamp.is_day


def _lay(
    page: Page,
    rows: list[tuple[int, list[int]]],
    beside: Mapping[int, str],
    split: Callable[[list[str]], list[Split]],
) -> _Lay:
    if not rows:
        return _Lay([], 0.0)
    columns = [[page.texts[row[place]] for _, row in rows] for place in range(len(rows[0][1]))]
    kept = _without_summaries(columns, bool(beside))
    parted = _parts([columns[place] for place in kept], [beside.get(stamp, "") for stamp, _ in rows], split)
    records = [
        Record(sorted([stamp, *(row[place] for place in kept)]), stamp, part)
        for (stamp, row), part in zip(rows, parted, strict=True)
    ]
    return _Lay(records, sum(_weight(page, sorted([stamp, *row])) for stamp, row in rows) + sum(map(_told, parted)))


def _without_summaries(columns: list[list[str]], has_headings: bool) -> list[int]:
    """Return the columns that are not sentences below a title."""
    sentences = [place for place, column in enumerate(columns) if sum(map(_is_sentence, column)) >= MOST * len(column)]
    others = [place for place in range(len(columns)) if place not in sentences]
    are_titles = has_headings or len(others) > 1 or not all(_is_heading_column(columns[place]) for place in others)
    return others if others and are_titles else list(range(len(columns)))


def _is_heading_column(column: list[str]) -> bool:
    return sum(map(is_heading, column)) >= MOST * len(column)


def _parts(columns: list[list[str]], beside: list[str], split: Callable[[list[str]], list[Split]]) -> list[Split]:
    """Tell which column is the title and which the heading."""
    longest = max(range(len(columns)), key=lambda place: sum(map(len, columns[place])))
    if any(beside):
        return [Split(title, heading) for title, heading in zip(columns[longest], beside, strict=True)]
    if len(columns) == 1:
        return split(columns[0])

    def weight(place: int) -> float:
        texts = columns[place]
        repeated = sum(count for count in Counter(texts).values() if count > 1)
        return repeated + sum(map(is_heading, texts)) - sum(map(len, texts)) / 1000

    place = max(range(len(columns)), key=weight)
    rest = [other for other in range(len(columns)) if other != place]
    titles = columns[max(rest, key=lambda other: sum(map(len, columns[other])))]
    return [
        Split(title, heading) if is_heading(heading, loose=True) else Split(title, doubt=_UNTOLD)
        for title, heading in zip(titles, columns[place], strict=True)
    ]


def _weight(page: Page, lines: list[int]) -> float:
    """Weigh one group: blank lines around it and none inside it speak for it."""
    # The page's own ends say less: a menu or a button may have been copied along, or not.
    before = float(not page.texts[lines[0] - 1]) if any(page.texts[: lines[0]]) else _EDGE
    after = float(not page.texts[lines[-1] + 1]) if any(page.texts[lines[-1] + 1 :]) else _EDGE
    return 1 + (lines[-1] - lines[0] == len(lines) - 1) + before + after


def _told(split: Split) -> float:
    return (len(split.title.split()) >= _MIN_TITLE_WORDS) + (bool(split.heading) and not split.doubt)
