"""Tells title and heading apart where a page text has run them together.

The evidence, strongest first: a separator between them; a heading that the page's menu, the wire or the
settings know; a heading that recurs at the same end of several lines; the case boundary where two words
touch. What stays open between two readings is not decided here: it comes back with a doubt.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from os.path import commonprefix

import msgspec

from dateline.intake.separators import MOST, Split, by_separator
from dateline.intake.shapes import has_inner_glue, is_heading

_UNTOLD = "title and heading could not be told apart"
# So many lines of a page with headings hold at least two under the same one.
_MANY = 5
# Words as short as these (`in`, `of`, `the`) end no title; what follows them is part of it.
_SHORT_CHARS = 3
_CLOSING = "\"'”’»“)]!?.%…"
_OPENING = "“‘«„\"'¿¡("


class _Cut(msgspec.Struct, frozen=True):
    """One way to part a line: heading and title, and whether they touch without a space there."""

    heading: str
    title: str
    glued: bool


def split_all(
    texts: Sequence[str], known: Iterable[str], *, heading_first: bool | None = None, glued: bool = False
) -> list[Split]:
    """Return title and heading of each text of one newsfeed.

    `known` are headings known from elsewhere; `heading_first` is the order if the page's own template
    says it, else None; `glued`, whether it says that the two touch.
    """
    known = set(known) - {""}
    parted = by_separator(texts, known, heading_first)
    if parted is not None:
        return parted
    if heading_first is None:
        heading_first = _is_heading_first(texts, known)
    headings = _whole_words(texts, _headings(texts, known, heading_first), heading_first)
    cuts = [_best_cut(text, headings, heading_first) for text in texts]
    touching = [
        cut.glued if cut is not None else bool(_own_cuts(text, heading_first))
        for text, cut in zip(texts, cuts, strict=True)
    ]
    page_is_glued = glued or sum(touching) >= MOST * len(texts)
    if not page_is_glued and not any(cuts) and _has_no_headings(texts):
        return [Split(text) for text in texts]
    if not page_is_glued and sum(cut is not None for cut in cuts) < MOST * len(texts):
        # Some titles end as headings do; a page that prints headings prints one to each element.
        return [_doubted(text, cut) for text, cut in zip(texts, cuts, strict=True)]
    return [_split(text, cut, page_is_glued, heading_first) for text, cut in zip(texts, cuts, strict=True)]


def _doubted(text: str, cut: _Cut | None) -> Split:
    if cut is None:
        return Split(text, doubt=_UNTOLD)
    if cut.glued:
        return Split(cut.title, cut.heading)
    return Split(text, doubt=f"it may run under “{cut.heading}”, or that may be part of its title")


def _has_no_headings(texts: Sequence[str]) -> bool:
    """Whether the page prints no headings at all: most lines have no room for one, or none of many recurs."""
    bare = sum(not _cuts(text, True) and not _cuts(text, False) for text in texts)
    if bare * 2 >= len(texts):
        return True
    return len(texts) >= _MANY and not any(_headings(texts, set(), order) for order in (True, False))


def _cuts(text: str, heading_first: bool, *, loose: bool = False) -> list[_Cut]:
    """Return every way to part a text whose heading has the shape of one.

    `loose` takes headings with small words in them as well, but only where words touch.
    """
    cuts = []
    for place in range(1, len(text)):
        spaced = text[place - 1] == " "
        if not spaced and not _is_glue(text, place):
            continue
        head, tail = text[:place].strip(), text[place:].strip()
        heading, title = (head, tail) if heading_first else (tail, head)
        if spaced and heading_first and title[:1].islower():
            continue  # a title begins with a capital: `Police find boat` has no heading
        if title and (is_heading(heading) or (loose and not spaced and is_heading(heading, loose=True))):
            cuts.append(_Cut(heading, title, not spaced))
    return cuts


def _is_glue(text: str, place: int) -> bool:
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


def _support(texts: Sequence[str], heading_first: bool) -> tuple[dict[str, int], dict[str, int]]:
    """Return in how many texts each heading shows, and in how many of them it touches the title."""
    lines: dict[str, int] = defaultdict(int)
    touching: dict[str, int] = defaultdict(int)
    for text in texts:
        cuts = _cuts(text, heading_first, loose=True)
        for heading in {cut.heading for cut in cuts}:
            lines[heading] += 1
        for heading in {cut.heading for cut in cuts if cut.glued}:
            touching[heading] += 1
    return lines, touching


def _is_heading_first(texts: Sequence[str], known: set[str]) -> bool:
    """Weigh which end of the lines the headings are at: where more of them recur, are known, or touch."""

    def weight(heading_first: bool) -> float:
        lines, touching = _support(texts, heading_first)
        total = 0.0
        for text in texts:
            best = 0.0
            for cut in _cuts(text, heading_first, loose=True):
                score = 4.0 * (cut.heading in known) + (lines[cut.heading] - 1) + 0.5 * touching[cut.heading]
                best = max(best, score - has_inner_glue(cut.heading))
            total += best
        return total

    return weight(True) > weight(False)


def _headings(texts: Sequence[str], known: set[str], heading_first: bool) -> dict[str, float]:
    """Return the headings of the page with the weight of what speaks for each."""
    lines, touching = _support(texts, heading_first)
    found: dict[str, float] = {}
    recurring = [heading for heading, count in lines.items() if count >= 2]
    everywhere = all(any(_ends_in(text, heading, heading_first) for heading in recurring) for text in texts)
    for heading, count in lines.items():
        if touching[heading]:
            # Once it shows where words touch, it counts wherever a line ends in it: `the USECONOMY`.
            count = sum(_ends_in(text, heading, heading_first) for text in texts)
        if heading in known:
            found[heading] = 1000.0 + count
        elif touching[heading] and (count >= 2 or touching[heading] >= 2):
            loose = not is_heading(heading)
            found[heading] = 100.0 + count + 2 * touching[heading] - 50 * has_inner_glue(heading) - 30 * loose
        elif count >= 2 and not touching[heading] and _stands_alone(texts, heading, heading_first, everywhere):
            found[heading] = 10.0 + count
    for heading in known:
        found.setdefault(heading, 1000.0)
    return found


def _whole_words(texts: Sequence[str], headings: dict[str, float], heading_first: bool) -> dict[str, float]:
    """Mend headings that were cut inside a word: where `Zone` always follows `Euro`, it is `EuroZone`."""
    if heading_first:
        return headings
    mended = dict(headings)
    for heading, weight in headings.items():
        before = [text[: -len(heading)] for text in texts if _ends_in(text, heading, False)]
        ending = commonprefix([title[::-1] for title in before])[::-1]  # noqa: RUF071 - of characters
        part = re.search(r"[A-ZÀ-ÖØ-ÞА-Я][^\W\d_]+$", ending)
        if len(before) >= 3 and part and all(_is_glue(title, len(title) - len(part[0])) for title in before):
            mended[part[0] + heading] = weight + 1000
    return mended


def _ends_in(text: str, heading: str, heading_first: bool) -> bool:
    return text != heading and (text.startswith(heading) if heading_first else text.endswith(heading))


def _stands_alone(texts: Sequence[str], heading: str, heading_first: bool, everywhere: bool) -> bool:
    """Whether a heading that only ever follows a space is whole: what stands beside it varies.

    `News` after `World` in three lines is part of `World News`; after `talks`, `vote`, `agreed` it is whole.
    `Vienna` after `in` and `of` is part of titles, unless `everywhere`, in all lines, such words recur.
    """
    beside = []
    for text in texts:
        if heading_first and text.startswith(heading + " "):
            beside.append(text[len(heading) :].split()[0])
        elif not heading_first and text.endswith(" " + heading):
            beside.append(text[: -len(heading)].split()[-1])
    if heading_first:
        return len(set(beside)) == len(beside)
    short = sum(word.islower() and len(word) <= _SHORT_CHARS for word in beside)
    small = sum(not word[0].isupper() for word in beside)
    return small * 3 >= len(beside) and (everywhere or short * 2 < len(beside))


def _best_cut(text: str, headings: dict[str, float], heading_first: bool) -> _Cut | None:
    """Return the cut that most speaks for, or None if nothing on the page does."""
    best: tuple[float, int, _Cut] | None = None
    for heading, weight in headings.items():
        if not _ends_in(text, heading, heading_first):
            continue
        place = len(heading) if heading_first else len(text) - len(heading)
        title = text[place:] if heading_first else text[:place]
        glued = not (title.startswith(" ") if heading_first else title.endswith(" "))
        touches = glued and _is_glue(text, place)
        # Of two that fit at a space, the longer says more; where words touch, the touch decides.
        rank = (weight + 500 * touches + 250 * glued, len(heading), _Cut(heading, title.strip(), glued))
        if best is None or rank[:2] > best[:2]:
            best = rank
    return best[2] if best else None


def _split(text: str, cut: _Cut | None, page_is_glued: bool, heading_first: bool) -> Split:
    if cut is not None and not cut.glued and page_is_glued:
        # `Economy` may be known, but where words touch before it, it is part of `Business & Economy`.
        whole = [own for own in _own_cuts(text, heading_first) if _ends_in(own.heading, cut.heading, heading_first)]
        if whole:
            chosen = whole[0] if heading_first else whole[-1]
            return Split(chosen.title, chosen.heading)
    if cut is not None and (cut.glued or not page_is_glued):
        return Split(cut.title, cut.heading)
    if cut is not None:
        return _doubted(text, cut)
    own = _own_cuts(text, heading_first)
    if page_is_glued and own:
        # A heading that only this line has: the touch nearest to its end of the line.
        chosen = own[0] if heading_first else own[-1]
        return Split(chosen.title, chosen.heading)
    return Split(text, doubt=_UNTOLD)


def _own_cuts(text: str, heading_first: bool) -> list[_Cut]:
    """Return the cuts of a line where words touch, and none inside the heading does."""
    for loose in (False, True):
        cuts = _cuts(text, heading_first, loose=loose)
        if own := [cut for cut in cuts if cut.glued and not has_inner_glue(cut.heading)]:
            return own
    return []
