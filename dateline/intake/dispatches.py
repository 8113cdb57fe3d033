"""Finds the dispatches of a page text: by their dateline, with the paragraphs that follow."""

import re

import msgspec

from dateline.intake.furniture import (
    PUBLISHED,
    ends_dispatch,
    is_advertisement,
    is_byline,
    is_furniture,
    is_headline,
    is_paragraph,
)
from dateline.intake.page import Page
from dateline.intake.shapes import ends_sentence, is_heading
from dateline.intake.stamps import Stamp, stamp_at_start, whole_stamp
from dateline.news.dateline import Dateline, parse

# How many lines above a dateline are looked at for its headline.
_ABOVE = 4
_MIN_FIRST_PARAGRAPH_CHARS = 20
# Hard-wrapped text: mail and wire machines broke lines at 60 to 80 columns.
_MAX_WRAPPED_CHARS = 130


class FoundDispatch(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatch: its headline if the page has one, its dateline as parts and as printed, its paragraphs."""

    lines: list[int]
    headline: str
    dateline: Dateline
    printed: str
    paragraphs: list[str]
    stamp: Stamp | None = None


class DispatchFinder:
    """Finds the dispatches of one page, after its elements were found."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def find(self) -> list[FoundDispatch]:
        """Return the page's dispatches, and claim their lines."""
        found = []
        for index, text in enumerate(self._page.texts):
            if not text or index in self._page.taken:
                continue
            opened = parse(text)
            if opened is None or len(opened.text) < _MIN_FIRST_PARAGRAPH_CHARS:
                continue
            if not (is_paragraph(text) or self._is_wrapped(self._page.block(index))):
                continue
            found.append(self._dispatch(index, opened.dateline, opened.printed))
        return found

    def _is_wrapped(self, block: list[int]) -> bool:
        """Whether a block of lines is one paragraph that was broken at a column."""
        texts = [self._page.texts[index] for index in block]
        if len(texts) < 2 or max(map(len, texts)) > _MAX_WRAPPED_CHARS:
            return False
        whole = sum(ends_sentence(text) for text in texts[:-1])
        return whole * 2 < len(texts) - 1 or (len(texts) == 2 and not ends_sentence(texts[0]))

    def _dispatch(self, index: int, dateline: Dateline, printed: str) -> FoundDispatch:
        headline, stamp, above = self._above(index)
        wrapped = self._is_wrapped(self._page.block(index))
        lines: list[int] = []
        paragraphs: list[str] = []
        place = index
        while place < len(self._page.texts):
            text = self._page.texts[place]
            if place in self._page.taken or (place != index and text and self._opens_dispatch(place)):
                break
            if text and ends_dispatch(text):
                break
            if text and is_advertisement(text):
                place = self._after_advertisement(place)
                continue
            block = self._paragraph_lines(place) if wrapped and text else [place]
            joined = " ".join(self._page.texts[line] for line in block)
            if text and (place == index or is_paragraph(joined)):
                if wrapped:
                    joined = re.sub(r"(\w)- (?=[a-z])", r"\1-", joined)
                paragraphs.append(joined)
                lines += block
            place = block[-1] + 1
        for line in lines:
            self._page.taken[line] = "dispatch"
        for line in above:
            self._page.taken[line] = "headline"
        opened = parse(paragraphs[0])
        paragraphs[0] = opened.text if opened else paragraphs[0]
        return FoundDispatch(
            lines=[self._page.lines[line].number for line in [*above, *lines]],
            headline=headline,
            dateline=dateline,
            printed=printed,
            paragraphs=paragraphs,
            stamp=stamp,
        )

    def _paragraph_lines(self, index: int) -> list[int]:
        """Return the lines of a hard-wrapped paragraph: up to a blank line, or the page's furniture."""
        lines = [index]
        for line in self._page.block(index)[1:]:
            text = self._page.texts[line]
            if is_furniture(text) or ends_dispatch(text) or is_advertisement(text):
                break
            lines.append(line)
        return lines

    def _opens_dispatch(self, index: int) -> bool:
        opened = parse(self._page.texts[index])
        return (
            opened is not None
            and len(opened.text) >= _MIN_FIRST_PARAGRAPH_CHARS
            and bool(opened.dateline.places or opened.dateline.credit)
        )

    def _after_advertisement(self, index: int) -> int:
        """Return the line after an advertisement: its block, where blank lines set it apart, else its label."""
        block = self._page.block(index)
        begins = index == 0 or not self._page.texts[index - 1]
        return block[-1] + 1 if begins and len(block) > 1 else index + 1

    def _above(self, index: int) -> tuple[str, Stamp | None, list[int]]:
        """Return the headline and the stamp that stand above a dateline, and their lines."""
        stamp: Stamp | None = None
        lines: list[int] = []
        seen = 0
        for place in range(index - 1, -1, -1):
            text = self._page.texts[place]
            if not text:
                continue
            seen += 1
            if place in self._page.taken or seen > _ABOVE:
                break
            label = PUBLISHED.match(text)
            printed = stamp_at_start(text[label.end() :]) if label else whole_stamp(text)
            if printed is not None and stamp is None:
                stamp = printed
                lines.append(place)
            elif is_headline(text):
                return text, stamp, sorted([place, *lines])
            elif not (is_byline(text) or is_furniture(text) or is_heading(text)):
                break
        return "", stamp, sorted(lines)
