"""A page text while it is being recognised: its lines, and which of them are claimed by what."""

from dateline.intake.reading import MARKUP, Line
from dateline.intake.shapes import is_template

# A hard-wrapped paragraph of two thousand characters; a page without a blank line is no paragraph.
_MAX_BLOCK_LINES = 40


class Page:
    """The lines of a page text. `taken` says what claims a line, by its index: a template, an element, …

    Lines with markup in them are claimed from the start, by nothing that is recognised: page text has none.
    """

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.texts = [line.text for line in lines]
        self.taken: dict[int, str] = {}
        for index, text in enumerate(self.texts):
            if is_template(text):
                self.taken[index] = "template"
            elif MARKUP.search(text):
                self.taken[index] = "markup"

    def block(self, index: int) -> list[int]:
        """Return the lines from this one to the next blank or taken one, or as many as a paragraph can have."""
        end, last = index, min(index + _MAX_BLOCK_LINES, len(self.texts))
        while end < last and self.texts[end] and end not in self.taken:
            end += 1
        return list(range(index, end))
