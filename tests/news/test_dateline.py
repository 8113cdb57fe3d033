"""Datelines: the forms of agencies, and the styles that an agency can choose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dateline.news.dateline import STYLES, Dateline, parse, print_dateline


@pytest.mark.parametrize(
    ("text", "places", "month", "day", "credit"),
    [
        ("MOSCOW, April 13. /TASS/. The talks", ("MOSCOW",), 4, 13, "TASS"),
        ("NEW YORK, March 2 - The talks", ("NEW YORK",), 3, 2, ""),
        ("PARIS (AFP) - The talks", ("PARIS",), None, None, "AFP"),
        ("BERLIN/VIENNA, 3 May (APA) – The talks", ("BERLIN", "VIENNA"), 5, 3, "APA"),
        ("ROME and NAPLES, May 3 (ANSA) - The talks", ("ROME", "NAPLES"), 5, 3, "ANSA"),
        ("MINSK. April 3 (Interfax) -- The talks", ("MINSK",), 4, 3, "Interfax"),
        ("BAKU, Azerbaijan, Jan. 5 (AP) — The talks", ("BAKU, Azerbaijan",), 1, 5, "AP"),
        ("ST. PETERSBURG, September 7, 2016. /X/. The talks", ("ST. PETERSBURG",), 9, 7, "X"),
        ("Washington (dpa) - The talks", ("Washington",), None, None, "dpa"),
        ("LISBOA, 13 de abril (Lusa) – The talks", ("LISBOA",), 4, 13, "Lusa"),
        ("МОСКВА, 13 апреля. /ТАСС/. Переговоры", ("МОСКВА",), 4, 13, "ТАСС"),
        ("TOKYO -- The talks", ("TOKYO",), None, None, ""),
        ("LYON - AFP - The talks", ("LYON",), None, None, "AFP"),
        ("[APA] GENEVA, May 3 — The talks", ("GENEVA",), 5, 3, "APA"),
        ("Geneva, 3 May 2018 [APA] – The talks", ("Geneva",), 5, 3, "APA"),
        ("KYIV, May 3. Ukrinform – The talks", ("KYIV",), 5, 3, "Ukrinform"),
        ("КИЇВ, 13 квітня (УНН) – Переговори", ("КИЇВ",), 4, 13, "УНН"),
        ("WARSZAWA, 3 maja (PAP) - Rozmowy", ("WARSZAWA",), 5, 3, "PAP"),
        ("(UNDATED) -- The talks", (), None, None, ""),
        ("/TASS/. The talks", (), None, None, "TASS"),
    ],
)
def test_forms_of_datelines(text: str, places: tuple[str, ...], month: int, day: int, credit: str) -> None:
    found = parse(text)
    assert found is not None
    line = found.dateline
    assert (line.places, line.month, line.day, line.credit) == (places, month, day, credit)
    assert found.printed + " " + found.text == text


@pytest.mark.parametrize(
    "text",
    [
        "The plan (ABC) - was good.",
        "Tillerson (who left) said nothing.",
        '"I like the way we spent yesterday," Lavrov said.',
        "US - China trade talks resume.",
        "NATO (the alliance) - set up in 1949 - met.",
        "In Paris, April 13. The talks",
        "He left on May 3 - and came back.",
        "[Photo] The talks - in May - went well.",
        "",
    ],
)
def test_what_is_no_dateline(text: str) -> None:
    assert parse(text) is None


_PLACE = st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜÉ"), min_size=4, max_size=12)
_CREDIT = st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), min_size=2, max_size=8)


@given(
    places=st.lists(_PLACE, min_size=1, max_size=3, unique=True).map(tuple),
    when=st.tuples(st.integers(1, 12), st.integers(1, 28)),
    credit=_CREDIT,
)
@pytest.mark.parametrize("style", STYLES)
def test_what_a_style_prints_is_read_back(
    style: str, places: tuple[str, ...], when: tuple[int, int], credit: str
) -> None:
    printed = print_dateline(Dateline(places=places, month=when[0], day=when[1], credit=credit), style)
    found = parse(printed + " The talks went on.")
    assert found is not None and found.text == "The talks went on."
    assert found.dateline.places == places
    assert print_dateline(found.dateline, style) == printed


def test_an_undated_dispatch_prints_its_credit_or_nothing() -> None:
    assert print_dateline(Dateline(credit="TASS"), "slashes") == "/TASS/."
    assert [print_dateline(Dateline(), style) for style in STYLES] == ["", "", "", ""]
