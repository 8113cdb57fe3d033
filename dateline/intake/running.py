"""Parts a line into the elements that were run together in it: `…Economy May 3, 18:05Sledge dogs eat…`.

A page whose text was taken without its line breaks is one line. It is parted only where a date with its time
touches what follows, and only if that happens several times: in a sentence no word touches a date.
"""

import re

import msgspec

from dateline.intake.reading import Line
from dateline.intake.shapes import TEMPLATE
from dateline.intake.stamps import find_full_stamps

# Fewer could be a slip; a feed that was run together has more.
_MIN_TOUCHING = 2
_CLOCK = re.compile(r"\d[:.h]\d\d")


def part_lines(lines: list[Line]) -> list[Line]:
    """Return the lines, those that hold several elements parted; the parts keep the number of their line."""
    parted = []
    for line in lines:
        ends = _ends(line.text) if len(_CLOCK.findall(line.text)) > _MIN_TOUCHING else []
        begins = [0, *ends]
        parts = [line.text[begin:end].strip() for begin, end in zip(begins, [*ends, len(line.text)], strict=True)]
        parted += [msgspec.structs.replace(line, text=part) for part in parts if part] if ends else [line]
    return parted


def _ends(text: str) -> list[int]:
    """Return the places where an element ends, and where an unrendered template after the last one does."""
    stamps = find_full_stamps(text)
    touching = [end for _, end in stamps if text[end : end + 1].strip() and text[end] not in ",.;:)]"]
    if len(touching) < _MIN_TOUCHING or len(touching) < len(stamps) - 1:
        return []
    ends = [end for _, end in stamps]
    place = ends[-1]
    while template := re.match(rf"\s?(?:{TEMPLATE.pattern})", text[place:]):
        place += template.end()
    return ends if place == ends[-1] else [*ends, place]
