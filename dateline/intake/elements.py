"""Finds the newsfeed elements of a page text: by the stamp that repeats in one place and one form."""

import re
from collections import Counter
from collections.abc import Sequence
from os.path import commonprefix

import msgspec

from dateline.intake.headings import Split, split_all
from dateline.intake.page import Page
from dateline.intake.shapes import PUBLISHED, TEMPLATE, ends_sentence, is_furniture, is_heading
from dateline.intake.stamps import Stamp, settle_order, stamp_at_end, stamp_at_start, whole_stamp

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


def _says_when(text: str) -> bool:
    """Whether a line only says when its page was published: `Published: 14/05/2017 10:40, updated …`."""
    match = PUBLISHED.match(text)
    return match is not None and stamp_at_start(text[match.end() :]) is not None


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
        texts = _without_frame([candidate.text for candidate in candidates])
        if self._are_headings(texts):
            return self._across_lines(candidates, texts)
        if not any(texts):
            return self._across_lines(candidates, None)
        for candidate in candidates:
            self._page.taken[candidate.index] = "element"
            if candidate.day_line is not None:
                self._page.taken[candidate.day_line] = "day"
        splits = self._splits(candidates, texts)
        return [
            FoundElement(
                lines=[self._page.lines[candidate.index].number],
                title=split.title,
                heading=split.heading,
                stamp=candidate.stamp,
                source=self._page.texts[candidate.index],
                doubts=[split.doubt] if split.doubt else [],
            )
            for candidate, split in zip(candidates, splits, strict=True)
        ]

    def _candidates(self) -> list[_Candidate]:
        """Return the lines whose stamp is in the place and form that most of the page's stamps have."""
        found = []
        day: Stamp | None = None
        day_line = -1
        for index, text in enumerate(self._page.texts):
            if not text or index in self._page.taken or len(text) > _MAX_ELEMENT_CHARS or _says_when(text):
                continue
            whole = whole_stamp(text)
            if whole is not None and whole.clock is None:
                day, day_line = whole, index  # a date line: the day of the times below it
            for at_end, stamp in ((True, stamp_at_end(text)), (False, stamp_at_start(text))):
                if stamp is None:
                    continue
                beside = (text[: stamp.start] if at_end else text[stamp.end :]).strip(" \t,|·•-–—:/")
                borrowed = stamp.day is None and day is not None
                if borrowed and day is not None:
                    stamp = msgspec.structs.replace(stamp, year=day.year, month=day.month, day=day.day)
                found.append(_Candidate(index, at_end, stamp, beside, day_line if borrowed else None))
            found.extend(self._in_the_middle(index, text))
        return self._most_alike(found)

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
        return any(candidate.text.endswith(name) or candidate.text.startswith(name) for name in self._known)

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
        return repeated * 2 >= len(texts) or all(text in self._known for text in texts)

    def _splits(self, candidates: list[_Candidate], texts: list[str]) -> list[Split]:
        grouped = self._groups(candidates)
        if grouped is not None:
            return [Split(text, heading) for text, heading in zip(texts, grouped, strict=True)]
        return split_all(texts, self._known | self._menu(), heading_first=self._template_order())

    def _menu(self) -> set[str]:
        """Return the page's lines that can be a menu's rubrics."""
        return {
            text
            for index, text in enumerate(self._page.texts)
            if index not in self._page.taken and self._is_rubric(text)
        }

    def _is_rubric(self, text: str) -> bool:
        return is_heading(text) and not is_furniture(text) and whole_stamp(text) is None

    def _groups(self, candidates: list[_Candidate]) -> list[str] | None:
        """Return the heading above each group of elements, if that is how the page is ordered."""
        indexes = {candidate.index for candidate in candidates}
        headings: list[str] = []
        current = ""
        changes = 0
        for index in range(candidates[0].index - 1, candidates[-1].index + 1):
            text = self._page.texts[index] if index >= 0 else ""
            if index in indexes:
                headings.append(current)
            elif text and index not in self._page.taken and self._is_rubric(text):
                following = [later for later in range(index + 1, len(self._page.texts)) if self._page.texts[later]]
                if following and following[0] in indexes:
                    current, changes = text, changes + 1
        if changes < 2 or not all(headings):
            return None
        for index in range(candidates[0].index - 1, candidates[-1].index):
            if self._page.texts[index] in headings and index not in indexes:
                self._page.taken[index] = "group"
        return headings

    def _template_order(self) -> bool | None:
        """Return whether the page's own template puts the heading before the title; None if it does not say."""
        for index, state in self._page.taken.items():
            if state != "template":
                continue
            names = [name.lower() for name in TEMPLATE.findall(self._page.texts[index])]
            title = next(
                (place for place, name in enumerate(names) if re.search(r"tit(?:le|re|el|ulo)|headline", name)), None
            )
            heading = next(
                (place for place, name in enumerate(names) if re.search(r"heading|section|rubri|categor|topic", name)),
                None,
            )
            if title is not None and heading is not None:
                return heading < title
        return None

    def _across_lines(self, candidates: list[_Candidate], headings: list[str] | None) -> list[FoundElement]:
        """Elements whose parts stand on lines of their own, in one rhythm."""
        stamps = {candidate.index: candidate for candidate in candidates}
        used = [index for index, text in enumerate(self._page.texts) if text and index not in self._page.taken]
        places = {index: place for place, index in enumerate(used)}
        width = 2 if headings is not None else 3
        best: list[list[int]] = []
        for offset in (width - 1, 0, *range(1, width - 1)):
            records = []
            for index in stamps:
                begin = places[index] - offset
                record = used[begin : begin + width] if begin >= 0 else []
                if len(record) == width and sum(line in stamps for line in record) == 1:
                    records.append(record)
            if self._rhythm(records, stamps) > self._rhythm(best, stamps):
                best = records
        beside = dict(zip(stamps, headings, strict=True)) if headings is not None else None
        return self._from_records(best, stamps, beside)

    def _rhythm(self, records: list[list[int]], stamps: dict[int, _Candidate]) -> float:
        """Weigh a way to group the lines: blank lines around the groups and none inside speak for it."""
        score = 0.0
        for record in records:
            score += 1
            score += record[-1] - record[0] == len(record) - 1
            score += record[0] == 0 or not self._page.texts[record[0] - 1]
            titles = [self._page.texts[index] for index in record if index not in stamps]
            score -= sum(is_furniture(text) for text in titles)
        return score

    def _from_records(
        self, records: list[list[int]], stamps: dict[int, _Candidate], headings: dict[int, str] | None
    ) -> list[FoundElement]:
        columns = [[self._page.texts[index] for index in record if index not in stamps] for record in records]
        heading_column = 0
        if headings is None and columns:

            def weight(column: int) -> float:
                texts = [row[column] for row in columns]
                repeated = sum(count for count in Counter(texts).values() if count > 1)
                return repeated + sum(map(is_heading, texts)) - sum(map(len, texts)) / 1000

            heading_column = max(range(len(columns[0])), key=weight)
        found = []
        for record, row in zip(records, columns, strict=True):
            candidate = next(stamps[index] for index in record if index in stamps)
            for index in record:
                self._page.taken[index] = "element"
            heading = headings[candidate.index] if headings else row[heading_column]
            title = row[0] if headings else row[1 - heading_column]
            found.append(
                FoundElement(
                    lines=[self._page.lines[index].number for index in record],
                    title=title,
                    heading=heading,
                    stamp=candidate.stamp,
                    source="\n".join(self._page.texts[index] for index in record),
                )
            )
        return found
