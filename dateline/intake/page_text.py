"""Recognises a page text: newsfeed elements, unrendered templates, dispatches, and what is none of them.

The steps, each from evidence of the page itself: templates by their placeholders; elements by the stamp
that repeats in one place and one form; their parts by `headings`; dispatches by their dateline, with the
paragraphs that follow. Every line that nothing claims is returned, with its number.
"""

from collections.abc import Iterable

import msgspec

from dateline.intake.dispatches import DispatchFinder, FoundDispatch
from dateline.intake.elements import ElementFinder, FoundElement
from dateline.intake.page import Page
from dateline.intake.reading import Line, PageText
from dateline.intake.running import part_lines


class Recognised(msgspec.Struct, frozen=True):
    """All that was recognised, and every other line that is not blank."""

    elements: list[FoundElement]
    dispatches: list[FoundDispatch]
    templates: list[Line]
    rest: list[Line]


def recognise(text: PageText, known_sections: Iterable[str] = ()) -> Recognised:
    """Recognise a page text. `known_sections` are headings that the wire or the settings know."""
    page = Page(part_lines(text.lines))
    elements = ElementFinder(page, set(known_sections)).find()
    dispatches = DispatchFinder(page).find()
    return Recognised(
        elements=sorted(elements, key=lambda element: element.lines),
        dispatches=dispatches,
        templates=[line for index, line in enumerate(page.lines) if page.taken.get(index) == "template"],
        rest=[line for index, line in enumerate(page.lines) if line.text and page.taken.get(index) in (None, "markup")],
    )
