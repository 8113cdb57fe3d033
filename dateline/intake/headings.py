"""Tells title and heading apart where a page text has run them together.

The evidence, strongest first: a separator between them; a heading that the page's menu, the wire or the
settings know; a heading that recurs at the same end of several lines; the case boundary where two words
touch. What stays open between two readings is not decided here: it comes back with a doubt.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from os.path import commonprefix

import msgspec

from dateline.intake.cuts import Cut, find_cuts, is_glue, own_cuts
from dateline.intake.separators import MOST, Split, by_separator
from dateline.intake.shapes import MAX_HEADING_CHARS, has_inner_glue, is_heading

_UNTOLD = "title and heading could not be told apart"
# So many lines of a page with headings hold at least two under the same one.
_MANY = 5
# Words as short as these (`in`, `of`, `the`) end no title; what follows them is part of it.
_SHORT_CHARS = 3


class _Evidence(msgspec.Struct, frozen=True):
    """What the lines show at one end: in how many a heading shows, in how many it touches the title.

    `ending` are the lines (their places) that end, or begin, in it, however it stands there.
    """

    lines: dict[str, int]
    touching: dict[str, int]
    ending: dict[str, list[int]]


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
    seen = {order: _evidence(texts, known, order) for order in (True, False)}
    if heading_first is None:
        heading_first = _weight(texts, known, seen[True], True) > _weight(texts, known, seen[False], False)
    headings = _headings(texts, known, seen[heading_first], heading_first)
    if not heading_first:
        headings = _whole_words(texts, headings, seen[False])
    cuts = _best_cuts(texts, headings, heading_first)
    touching = sum(
        cut.glued if cut is not None else bool(own_cuts(text, heading_first))
        for text, cut in zip(texts, cuts, strict=True)
    )
    page_is_glued = glued or touching >= MOST * len(texts)
    if not page_is_glued and not any(cuts) and _has_no_headings(texts, seen):
        return [Split(text) for text in texts]
    if not page_is_glued and sum(cut is not None for cut in cuts) < MOST * len(texts):
        # Some titles end as headings do; a page that prints headings prints one to each element.
        return [_doubted(text, cut) for text, cut in zip(texts, cuts, strict=True)]
    return [_split(text, cut, page_is_glued, heading_first) for text, cut in zip(texts, cuts, strict=True)]


def _doubted(text: str, cut: Cut | None) -> Split:
    if cut is None:
        return Split(text, doubt=_UNTOLD)
    if cut.glued:
        return Split(cut.title, cut.heading)
    return Split(text, doubt=f"it may run under “{cut.heading}”, or that may be part of its title")


def _has_no_headings(texts: Sequence[str], seen: dict[bool, _Evidence]) -> bool:
    """Whether the page prints no headings at all: most lines have no room for one, or none of many recurs."""
    bare = sum(not find_cuts(text, True) and not find_cuts(text, False) for text in texts)
    if bare * 2 >= len(texts):
        return True
    return len(texts) >= _MANY and not any(_headings(texts, set(), seen[order], order) for order in (True, False))


def _pieces(text: str, longest: int, heading_first: bool) -> Iterator[str]:
    """Return what a text begins with, or ends in, up to a length, and never the whole of it."""
    for length in range(1, min(longest + 1, len(text))):
        yield text[:length] if heading_first else text[-length:]


def _evidence(texts: Sequence[str], known: set[str], heading_first: bool) -> _Evidence:
    lines: dict[str, int] = defaultdict(int)
    touching: dict[str, int] = defaultdict(int)
    for text in texts:
        cuts = find_cuts(text, heading_first, loose=True)
        for heading in {cut.heading for cut in cuts}:
            lines[heading] += 1
        for heading in {cut.heading for cut in cuts if cut.glued}:
            touching[heading] += 1
    ending: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        for piece in _pieces(text, MAX_HEADING_CHARS, heading_first):
            if piece in lines or piece in known:
                ending[piece].append(place)
    return _Evidence(lines, touching, ending)


def _weight(texts: Sequence[str], known: set[str], seen: _Evidence, heading_first: bool) -> float:
    """Weigh whether the headings are at one end: how many of them recur there, are known, or touch."""
    total = 0.0
    for text in texts:
        best = 0.0
        for cut in find_cuts(text, heading_first, loose=True):
            score = 4.0 * (cut.heading in known) + (seen.lines[cut.heading] - 1) + 0.5 * seen.touching[cut.heading]
            best = max(best, score - has_inner_glue(cut.heading))
        total += best
    return total


def _headings(texts: Sequence[str], known: set[str], seen: _Evidence, heading_first: bool) -> dict[str, float]:
    """Return the headings of the page with the weight of what speaks for each."""
    found: dict[str, float] = {}
    covered = {place for heading, count in seen.lines.items() if count >= 2 for place in seen.ending[heading]}
    everywhere = len(covered) == len(texts)
    for heading, count in seen.lines.items():
        touching = seen.touching.get(heading, 0)
        if touching:
            # Once it shows where words touch, it counts wherever a line ends in it: `the USECONOMY`.
            count = len(seen.ending[heading])
        if heading in known:
            found[heading] = 1000.0 + count
        elif touching and (count >= 2 or touching >= 2):
            loose = not is_heading(heading)
            found[heading] = 100.0 + count + 2 * touching - 50 * has_inner_glue(heading) - 30 * loose
        elif count >= 2 and not touching:
            own = [texts[place] for place in seen.ending[heading]]
            if _stands_alone(own, heading, heading_first, everywhere):
                found[heading] = 10.0 + count
    for heading in known:
        found.setdefault(heading, 1000.0)
    return found


def _whole_words(texts: Sequence[str], headings: dict[str, float], seen: _Evidence) -> dict[str, float]:
    """Mend headings that were cut inside a word: where `Zone` always follows `Euro`, it is `EuroZone`."""
    mended = dict(headings)
    for heading, weight in headings.items():
        before = [texts[place][: -len(heading)] for place in seen.ending.get(heading, [])]
        ending = commonprefix([title[::-1] for title in before])[::-1]  # noqa: RUF071 - of characters
        part = re.search(r"[A-ZÀ-ÖØ-ÞА-Я][^\W\d_]+$", ending)
        if len(before) >= 3 and part and all(is_glue(title, len(title) - len(part[0])) for title in before):
            mended[part[0] + heading] = weight + 1000
    return mended


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


def _best_cuts(texts: Sequence[str], headings: dict[str, float], heading_first: bool) -> list[Cut | None]:
    """Return the cut of each text that most speaks for, or None if nothing on the page does."""
    longest = max(map(len, headings), default=0)
    found: list[Cut | None] = []
    for text in texts:
        best: tuple[float, int, Cut] | None = None
        for heading in _pieces(text, longest, heading_first):
            if heading not in headings:
                continue
            title = text[len(heading) :] if heading_first else text[: -len(heading)]
            glued = not (title.startswith(" ") if heading_first else title.endswith(" "))
            touches = glued and is_glue(text, len(heading) if heading_first else len(title))
            # Of two that fit at a space, the longer says more; where words touch, the touch decides.
            rank = (headings[heading] + 500 * touches + 250 * glued, len(heading), Cut(heading, title.strip(), glued))
            if best is None or rank[:2] > best[:2]:
                best = rank
        found.append(best[2] if best else None)
    return found


def _split(text: str, cut: Cut | None, page_is_glued: bool, heading_first: bool) -> Split:
    if cut is not None and not cut.glued and page_is_glued:
        # `Economy` may be known, but where words touch before it, it is part of `Business & Economy`.
        whole = [own for own in own_cuts(text, heading_first) if _holds(own.heading, cut.heading, heading_first)]
        if whole:
            chosen = whole[0] if heading_first else whole[-1]
            return Split(chosen.title, chosen.heading)
    if cut is not None and (cut.glued or not page_is_glued):
        return Split(cut.title, cut.heading)
    if cut is not None:
        return _doubted(text, cut)
    own = own_cuts(text, heading_first)
    if page_is_glued and own:
        # A heading that only this line has: the touch nearest to its end of the line.
        chosen = own[0] if heading_first else own[-1]
        return Split(chosen.title, chosen.heading)
    return Split(text, doubt=_UNTOLD)


def _holds(whole: str, part: str, heading_first: bool) -> bool:
    return whole != part and (whole.startswith(part) if heading_first else whole.endswith(part))
