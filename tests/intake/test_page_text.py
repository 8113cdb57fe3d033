"""Page texts, each unlike the others, and the founding page where it is at hand.

The pages and what a careful reader finds in them were written by someone who had not seen the code.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dateline.intake.page_text import Recognised, recognise
from dateline.intake.reading import read_page_text
from dateline.intake.running import part_lines
from dateline.intake.stamps import whole_stamp
from dateline.intake.years import years_of

PAGES = sorted((Path(__file__).parent / "pages").glob("*.txt"))


def found_elements(found: Recognised, year: int | None) -> list[dict[str, Any]]:
    result = []
    years = years_of([element.stamp for element in found.elements], year)
    for element, its_year in zip(found.elements, years, strict=True):
        day = element.stamp.on(its_year) if its_year else None
        clock = f"T{element.stamp.clock:%H:%M}" if element.stamp.clock else ""
        result.append({
            "line": element.lines[0],
            "title": element.title,
            "heading": element.heading,
            "date": f"{day}{clock}" if day else None,
            "doubts": element.doubts,
        })  # fmt: skip
    return result


# A wire that has sections of its own already must not read a page worse for it.
SECTIONS = {"Economy", "Politics", "Press Review", "Science", "Society", "Sport", "Transport", "World"}


@pytest.mark.parametrize("known", [set(), SECTIONS], ids=["new wire", "wire with sections"])
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_is_recognised_as_a_person_does(path: Path, known: set[str]) -> None:
    wanted = json.loads(path.with_suffix(".json").read_text())
    page = read_page_text(path.read_bytes())
    found = recognise(page, known)
    elements = found_elements(found, wanted["year"])
    assert [got["line"] for got in elements] == [element["line"] for element in wanted["elements"]]
    for got, element in zip(elements, wanted["elements"], strict=True):
        assert got["date"] == element["date"]
        if element.get("open"):
            assert got["doubts"] and not got["heading"]
        else:
            assert (got["title"], got["heading"], got["doubts"]) == (element["title"], element["heading"], [])
    assert [line.number for line in found.templates] == wanted["templates"]
    assert len(found.dispatches) == len(wanted["dispatches"])
    for dispatch, want in zip(found.dispatches, wanted["dispatches"], strict=True):
        line = dispatch.dateline
        assert want["line"] in dispatch.lines
        assert (dispatch.headline or None) == want["headline"]
        assert list(line.places) == want["places"]
        assert (f"{line.month:02}-{line.day:02}" if line.month else None) == want["date"]
        assert (line.credit or None) == want["credit"]
        assert len(dispatch.paragraphs) == want["paragraphs"]
        assert dispatch.paragraphs[0] == want["first_paragraph"]
        assert dispatch.paragraphs[-1] == want["last_paragraph"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_line_is_lost_and_none_is_claimed_twice(path: Path) -> None:
    page = read_page_text(path.read_bytes())
    found = recognise(page)
    claimed = [number for element in found.elements for number in element.lines]
    claimed += [number for dispatch in found.dispatches for number in dispatch.lines]
    claimed += [line.number for line in (*found.templates, *found.rest)]
    groups = {element.heading for element in found.elements}
    everything = {line.number for line in page.lines if line.text}
    missing = everything - set(claimed)
    parts = Counter(line.number for line in part_lines(page.lines))
    assert all(times <= parts[number] for number, times in Counter(claimed).items())
    for text in (page.lines[number - 1].text for number in missing):
        assert text in groups or whole_stamp(text), "only a group's heading, or its day, is its own"


@pytest.mark.parametrize("known", [set(), SECTIONS], ids=["new wire", "wire with sections"])
def test_the_founding_page(shared_data: Path, known: set[str]) -> None:
    data = next((shared_data / "seed-page").glob("*.txt")).read_bytes()
    found = recognise(read_page_text(data), known)
    lines = data.decode().splitlines()
    assert [element.lines for element in found.elements] == [[number] for number in range(1, 10)]
    for element in found.elements:
        # The parts, put together as the page did, are the line again.
        line = lines[element.lines[0] - 1]
        assert line.startswith(element.title + element.heading + " ") and line.endswith(f"{element.stamp.clock:%H:%M}")
        assert element.heading and not element.doubts
    assert len({element.heading for element in found.elements}) == 6
    assert [line.number for line in found.templates] == [10]
    (dispatch,) = found.dispatches
    assert (dispatch.dateline.places, dispatch.dateline.month, dispatch.dateline.day) == (("MOSCOW",), 4, 13)
    assert dispatch.dateline.credit == "TASS"
    assert [dispatch.printed + " " + dispatch.paragraphs[0], *dispatch.paragraphs[1:]] == lines[10:16]
    assert not dispatch.headline and not found.rest


LINE = "Ferry fares rise{heading} {date}\nSnow closes passes{heading} {later}\nBread prices fallWorld {date}"


@pytest.mark.parametrize(
    ("date", "later", "wanted"),
    [
        ("April 13, 14:14", "April 13, 13:55", "2019-04-13T14:14"),
        ("13 April, 14:14", "13 April, 13:55", "2019-04-13T14:14"),
        ("13 апреля, 14:14", "13 апреля, 13:55", "2019-04-13T14:14"),
        ("13 avril à 14h14", "13 avril à 13h55", "2019-04-13T14:14"),
        ("Apr. 13, 2:14 p.m.", "Apr. 13, 1:55 p.m.", "2019-04-13T14:14"),
        ("2018-04-13 14:14", "2018-04-13 13:55", "2018-04-13T14:14"),
        ("13.04.2018 14:14", "13.04.2018 13:55", "2018-04-13T14:14"),
        ("13/04/2018 14:14", "13/04/2018 13:55", "2018-04-13T14:14"),
        ("Fri 13 Apr 2018 14:14 GMT", "Fri 13 Apr 2018 13:55 GMT", "2018-04-13T14:14"),
        ("14:14, 13 April", "13:55, 13 April", "2019-04-13T14:14"),
    ],
)
def test_dates_in_many_forms(date: str, later: str, wanted: str) -> None:
    text = LINE.format(heading="Transport", date=date, later=later)
    elements = found_elements(recognise(read_page_text(text.encode())), 2019)
    assert elements[0] == {"line": 1, "title": "Ferry fares rise", "heading": "Transport", "date": wanted, "doubts": []}
    assert elements[2]["heading"] == "World"


def test_a_sentence_with_a_dash_is_no_dateline() -> None:
    text = "LONDON, May 3 (Meridian) - A ship sank off the coast on Friday.\nThe NTSB (the safety board) - set up in 1967 - will look into it.\n"
    (dispatch,) = recognise(read_page_text(text.encode())).dispatches
    assert len(dispatch.paragraphs) == 2


def test_a_hard_wrapped_dispatch_keeps_its_short_paragraphs() -> None:
    text = (
        "Harbour strike called off\n\nPORT ALMA, March 15 (Lagoon) - Dockers at the port called off a strike planned for\n"
        "Monday after the operator agreed to raise night pay, the union said.\n\n"
        '"We have what we asked for," their leader said.\n\nParliament votes.\nCopyright 2020 Lagoon\n'
    )
    (dispatch,) = recognise(read_page_text(text.encode())).dispatches
    assert dispatch.headline == "Harbour strike called off"
    assert [paragraph.split()[0] for paragraph in dispatch.paragraphs] == ["Dockers", '"We', "Parliament"]


@pytest.mark.parametrize(
    "form", ["[{heading}] {title} - {date}", "{date} {heading}: {title}", "{date} ({heading}) {title}"]
)
def test_headings_in_brackets_or_before_a_colon(form: str) -> None:
    rows = [("ARTS", "Museum of salt opens", "03/15/2020 9:00 AM"), ("ECONOMY", "Quota raised by a tenth", "03/04/2020 2:15 PM"),
            ("ECONOMY", "Copper exporters seek routes", "03/04/2020 1:50 PM")]  # fmt: skip
    text = "\n".join(form.format(heading=heading, title=title, date=date) for heading, title, date in rows)
    found = recognise(read_page_text(text.encode()))
    assert [(element.heading, element.title) for element in found.elements] == [row[:2] for row in rows]
    # 03/15 tells that the month comes first in 03/04, too.
    assert [(element.stamp.month, element.stamp.day, element.stamp.ambiguous) for element in found.elements][1] == (
        3,
        4,
        False,
    )
