"""Where a line may be parted into title and heading: at a space, or where two words touch."""

import re

import msgspec

from dateline.intake.shapes import MAX_HEADING_CHARS, has_inner_glue, is_heading

_CLOSING = "\"'”’»“)]!?.%…"
_OPENING = "“‘«„\"'¿¡("
# Where a word, or a touch, may be; what stands there is looked at more closely.
_BOUNDARY = re.compile(r"(?<= )(?=\S)|(?<=\S)(?=[^\W_a-zа-яё]|[“‘«„\"'¿¡(])")


class Cut(msgspec.Struct, frozen=True):
    """One way to part a line: heading and title, and whether they touch without a space there."""

    heading: str
    title: str
    glued: bool


def find_cuts(text: str, heading_first: bool, *, loose: bool = False) -> list[Cut]:
    """Return every way to part a text whose heading has the shape of one.

    `loose` takes headings with small words in them as well, but only where words touch.
    """
    cuts = []
    reach = MAX_HEADING_CHARS + 1  # and a space beside it
    begin, end = (1, reach + 1) if heading_first else (max(1, len(text) - reach), len(text))
    for boundary in _BOUNDARY.finditer(text, 0, min(end, len(text) - 1) + 1):
        place = boundary.start()
        spaced = text[place - 1] == " "
        if place < begin or not (spaced or is_glue(text, place)):
            continue
        head, tail = text[:place].strip(), text[place:].strip()
        heading, title = (head, tail) if heading_first else (tail, head)
        if spaced and heading_first and title[:1].islower():
            continue  # a title begins with a capital: `Police find boat` has no heading
        if title and (is_heading(heading) or (loose and not spaced and is_heading(heading, loose=True))):
            cuts.append(Cut(heading, title, not spaced))
    return cuts


def is_glue(text: str, place: int) -> bool:
    """Whether two words touch here: `durabilityScience`, `USEconomy`, `?World`, `City40`, `City“We`."""
    before, after = text[place - 1], text[place]
    if before.isspace() or after.isspace():
        return False
    if after.isupper():
        if before.islower() or before.isdigit():
            return True
        if before in "'’":
            # rock’n’Roll and O’Neill have one letter before it; workers’Business has a word.
            return bool(re.search(r"[^\W\d_]{3,}['’]$", text[:place]))
        if before in _CLOSING:
            return True
        following = text[place + 1 : place + 2]
        return before.isupper() and following.islower()
    if after in "'’‘" and text[place + 1 : place + 2].islower():
        return False  # the apostrophe of one word: `Mayor's`
    if after.isdigit() or after in _OPENING:
        return before.isalpha() or (after in _OPENING and before.isdigit())
    return False


def own_cuts(text: str, heading_first: bool) -> list[Cut]:
    """Return the cuts of a line where words touch, and none inside the heading does."""
    for loose in (False, True):
        cuts = find_cuts(text, heading_first, loose=loose)
        if own := [cut for cut in cuts if cut.glued and not has_inner_glue(cut.heading)]:
            return own
    return []
