"""Finds the newsfeed elements of a page text: by the stamp that repeats in one place and one form."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from os.path import commonprefix

import msgspec

from dateline.intake.furniture import PUBLISHED, is_furniture
from dateline.intake.headings import split_all
from dateline.intake.page import Page
from dateline.intake.records import find_records
from dateline.intake.separators import MOST, Split
from dateline.intake.shapes import TEMPLATE, ends_sentence, is_heading
from dateline.intake.stamps import Stamp, settle_order, stamp_at_end, stamp_at_start, whole_stamp
from dateline.news.dateline import parse

# What sites call the two in their templates.
_TITLE_NAME = re.compile(r"tit(?:le|re|el|ulo)|headline", re.IGNORECASE)
_HEADING_NAME = re.compile(r"heading|section|rubri|categor|topic", re.IGNORECASE)
# Shorter than a title: what stands beside most dates in so few words are headings.
_MIN_TITLE_WORDS = 3
_ABOVE_OR_BELOW = "its heading may be the line above it or the one below it"
# A longer line is a paragraph, whatever stands at its end.
_MAX_ELEMENT_CHARS = 300


class FoundElement(msgspec.Struct, frozen=True, kw_only=True):
    """A newsfeed element. `lines` are the numbers it stood on, `source` their text as it stood.

    `doubts` say what the text leaves open.
    """

    lines: list[int]
    title: str
    heading: str
    stamp: Stamp
    source: str
    doubts: list[str] = []


class _Candidate(msgspec.Struct, frozen=True):
    """A line with a stamp: at its end or not, and the text beside it."""

    index: int
    at_end: bool
    stamp: Stamp
    text: str
    day_line: int | None = None  # the index of the date line above that its day is from


def _without_frame(texts: list[str]) -> list[str]:
    """Take away the words that frame a heading in every line alike: `Posted in`, `on`."""
    if len(texts) < 3 or not all(texts):
        return texts
    words = [text.split() for text in texts]
    head = len(commonprefix(words))  # noqa: RUF071 - of lists of words
    tail = len(commonprefix([line[::-1] for line in words]))  # noqa: RUF071
    frame = words[0][:head] + words[0][len(words[0]) - tail :]
    if not any(word.islower() for word in frame) or any(len(line) <= head + tail for line in words):
        return texts
    return [" ".join(line[head : len(line) - tail]) for line in words]


def _without_ordinals(texts: list[str]) -> list[str]:
    """Take away the numbers of a numbered list: `1.`, `2.`, `3.`."""
    matches = [re.match(r"(\d{1,3})[.)]\s+(?=\D)", text) for text in texts]
    numbers = [int(match[1]) if match else 0 for match in matches]
    if len(texts) < 2 or 0 in numbers or any(later != number + 1 for number, later in pairwise(numbers)):
        return texts
    return [text[match.end() :] for text, match in zip(texts, matches, strict=True) if match]


class ElementFinder:
    """Finds the elements of one page. `known` are sections known from elsewhere."""

    def __init__(self, page: Page, known: set[str]) -> None:
        self._page = page
        self._known = known

    def find(self) -> list[FoundElement]:
        """Return the page's elements, and claim their lines."""
        candidates = self._candidates()
        if not candidates:
            return []
        orders = {candidate.stamp.order for candidate in candidates} - {""}
        candidates = [
            msgspec.structs.replace(candidate, stamp=settle_order(candidate.stamp, orders)) for candidate in candidates
        ]
        texts = _without_ordinals(_without_frame([candidate.text for candidate in candidates]))
        if not any(texts) or self._are_headings(texts):
            return self._across_lines(candidates, texts)
        for candidate in candidates:
            self._claim(candidate, [candidate.index])
        return [
            self._element(candidate, [candidate.index], split)
            for candidate, split in zip(candidates, self._splits(candidates, texts), strict=True)
        ]

    def _candidates(self) -> list[_Candidate]:
        """Return the lines whose stamp is in the place and form that most of the page's stamps have."""
        found: list[_Candidate] = []
        base: Stamp | None = None  # the last date line that says a date
        day: Stamp | None = None  # the last date line: the day of the times below it
        day_line = -1
        for index, text in enumerate(self._page.texts):
            if not text or index in self._page.taken or len(text) > _MAX_ELEMENT_CHARS:
                continue
            label = PUBLISHED.match(text)
            if label and stamp_at_start(text[label.end() :]):
                found.extend(self._labelled(index, text, label.end()))
                continue
            whole = whole_stamp(text)
            if whole is not None and whole.is_day:
                day, day_line = whole.counted_from(base) if base and whole.day is None else whole, index
                base = whole if whole.day is not None else base
            for at_end, stamp in ((True, stamp_at_end(text)), (False, stamp_at_start(text))):
                if stamp is None:
                    continue
                beside = (text[: stamp.start] if at_end else text[stamp.end :]).strip(" \t,|·•-–—:/")
                source = base if stamp.days_ago is not None else day if stamp.day is None and stamp.clock else None
                if source is not None:
                    stamp = stamp.counted_from(source)
                found.append(_Candidate(index, at_end, stamp, beside, day_line if source is not None else None))
            found.extend(self._in_the_middle(index, text))
        return self._most_alike(found)

    def _labelled(self, index: int, text: str, end: int) -> list[_Candidate]:
        """A stamp after `Published:` or `Posted on`, unless it is that of a dispatch below it."""
        stamp = stamp_at_start(text[end:])
        below = [later for later in self._page.texts[index + 1 : index + 6] if later][:3]
        if stamp is None or any(parse(later) for later in below):
            return []
        beside = text[end + stamp.end :].strip(" \t,|·•-–—:/")
        return [] if stamp_at_end(beside) else [_Candidate(index, False, stamp, beside)]

    def _in_the_middle(self, index: int, text: str) -> list[_Candidate]:
        """A stamp that is a part of its own between separators."""
        parts = re.split(r"(\s*\t\s*|\s+[|·•]\s+)", text)
        for place in range(2, len(parts) - 2, 2):
            stamp = whole_stamp(parts[place])
            if stamp is not None:
                rest = "".join(parts[: place - 1] + parts[place + 1 :]).strip()
                return [_Candidate(index, True, stamp, rest)]
        return []

    def _most_alike(self, found: list[_Candidate]) -> list[_Candidate]:
        forms = Counter(
            (candidate.at_end, bool(candidate.text), candidate.stamp.shape, candidate.day_line is not None)
            for candidate in found
        )
        # A time says more than a day alone: a page of timed elements also has date lines.
        ranked = sorted(forms.items(), key=lambda form: (form[0][2][1], form[1], form[0][1]), reverse=True)
        for (at_end, with_text, shape, borrowed), count in ranked:
            alike = [
                candidate
                for candidate in found
                if (candidate.at_end, bool(candidate.text), candidate.day_line is not None)
                == (at_end, with_text, borrowed)
                and candidate.stamp.shape[:2] == shape[:2]
            ]
            if count >= 2 or (with_text and shape[:2] == (True, True) and self._is_lone_element(alike[0])):
                return self._without_prose(alike)
        return []

    def _is_lone_element(self, candidate: _Candidate) -> bool:
        """Whether one line alone is an element: by a known heading, or by a template that glues them as it does."""
        if any(candidate.text.endswith(name) or candidate.text.startswith(name) for name in self._known):
            return True
        order, glued = self._template_form()
        return glued and not split_all([candidate.text], self._known, heading_first=order, glued=True)[0].doubt

    def _without_prose(self, alike: list[_Candidate]) -> list[_Candidate]:
        return [
            candidate
            for candidate in alike
            if not (is_furniture(candidate.text) and not candidate.stamp.clock)
            and not (ends_sentence(candidate.text) and len(candidate.text.split()) > 30)
        ]

    def _are_headings(self, texts: Sequence[str]) -> bool:
        """Whether what stands beside the stamps are headings alone, the titles being on other lines."""
        if not all(texts) or not all(is_heading(text) for text in texts):
            return False
        repeated = sum(count for count in Counter(texts).values() if count > 1)
        short = sum(len(text.split()) < _MIN_TITLE_WORDS for text in texts) >= MOST * len(texts)
        return repeated * 2 >= len(texts) or all(text in self._known for text in texts) or short

    def _splits(self, candidates: list[_Candidate], texts: list[str]) -> list[Split]:
        splits = self._split(texts)
        if sum(bool(split.heading) for split in splits) >= MOST * len(texts):
            return splits
        return self._groups(candidates, texts) or splits

    def _split(self, texts: list[str]) -> list[Split]:
        order, glued = self._template_form()
        return split_all(texts, self._known | (self._menu() - set(texts)), heading_first=order, glued=glued)

    def _menu(self) -> set[str]:
        """Return the page's lines that can be a menu's rubrics."""
        return {
            text
            for index, text in enumerate(self._page.texts)
            if index not in self._page.taken and self._is_rubric(text)
        }

    def _is_rubric(self, text: str) -> bool:
        return is_heading(text) and not is_furniture(text) and whole_stamp(text) is None

    def _groups(self, candidates: list[_Candidate], texts: list[str]) -> list[Split] | None:
        """Part titles from headings that stand above groups of elements, or below each; None if none do."""
        elements = [candidate.index for candidate in candidates]
        above, below = self._rubrics(elements, -1), self._rubrics(elements, 1)
        beneath = all(below) and (not above[0] or self._sides(elements, 1) > self._sides(elements, -1))
        either = all(below) and all(above) and self._sides(elements, 1) == self._sides(elements, -1)
        lines = below
        if not beneath:
            lines = []
            for place, line in enumerate(above):
                lines.append(line if line is not None or place == 0 else lines[-1])
        if lines[0] is None or len(set(lines)) < 2:
            return None
        told = [line for line in lines if line is not None]
        self._page.taken.update(dict.fromkeys(told, "group"))
        return [
            Split(text, doubt=_ABOVE_OR_BELOW) if either else Split(text, self._page.texts[line])
            for text, line in zip(texts, told, strict=True)
        ]

    def _rubrics(self, elements: list[int], step: int) -> list[int | None]:
        """Return, for each element, the line of the rubric right above (-1) or below (1) it, blank lines aside."""
        found: list[int | None] = []
        for index in elements:
            place = index + step
            while 0 <= place < len(self._page.texts) and not self._page.texts[place]:
                place += step
            inside = 0 <= place < len(self._page.texts) and place not in self._page.taken
            found.append(place if inside and self._is_rubric(self._page.texts[place]) else None)
        return found

    def _sides(self, elements: list[int], step: int) -> int:
        """Count the elements that have text, not a blank line, on one side."""
        texts = self._page.texts
        return sum(0 <= index + step < len(texts) and bool(texts[index + step]) for index in elements)

    def _template_form(self) -> tuple[bool | None, bool]:
        """Return what the page's own template says: whether the heading is first, and whether the two touch."""
        for index, state in self._page.taken.items():
            if state != "template":
                continue
            text = self._page.texts[index]
            names = list(TEMPLATE.finditer(text))
            title = next((name for name in names if _TITLE_NAME.search(name[0])), None)
            heading = next((name for name in names if _HEADING_NAME.search(name[0])), None)
            if title and heading and title is not heading:
                first, second = sorted((title, heading), key=lambda name: name.start())
                return first is heading, first.end() == second.start()
        return None, False

    def _across_lines(self, candidates: list[_Candidate], headings: list[str]) -> list[FoundElement]:
        """Elements whose parts stand on lines of their own, in one rhythm."""
        stamps = {candidate.index: candidate for candidate in candidates}
        beside = {index: heading for index, heading in zip(stamps, headings, strict=True) if heading}
        found = []
        for record in find_records(self._page, list(stamps), beside, self._split):
            candidate = stamps[record.stamp]
            self._claim(candidate, record.lines)
            found.append(self._element(candidate, record.lines, record.split))
        return found

    def _claim(self, candidate: _Candidate, lines: list[int]) -> None:
        for index in lines:
            self._page.taken[index] = "element"
        if candidate.day_line is not None:
            self._page.taken[candidate.day_line] = "day"

    def _element(self, candidate: _Candidate, lines: list[int], split: Split) -> FoundElement:
        return FoundElement(
            lines=[self._page.lines[index].number for index in lines],
            title=split.title,
            heading=split.heading,
            stamp=candidate.stamp,
            source="\n".join(self._page.texts[index] for index in lines),
            doubts=[split.doubt] if split.doubt else [],
        )
