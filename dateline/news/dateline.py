"""The dateline: place, date and credit that open a dispatch's text.

`parse` reads the forms that agencies use (`MOSCOW, April 13. /TASS/.`, `NEW YORK, March 2 -`,
`PARIS (AFP) -`, `BERLIN/VIENNA, 3 May (APA) –`, `ROME. May 3 (ANSA) -`, `LYON - AFP -`,
`[APA] VIENNA, May 3 -`, undated); `print_dateline`
writes the form that the agency chose. Both work from the shape alone: no list of places is kept.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from dateline.news.dates import month_number, month_pattern

# A dateline is short; what runs on longer before its dash or credit is a sentence with a dash in it.
_HEAD_CHARS = 120
_MAX_PLACES = 4
_MAX_PLACE_WORDS = 4
# A dash after one short word in capitals ("US - China talks") is more often a dash than a dateline.
_BARE_PLACE_LETTERS = 4
# D.C, U.S: an abbreviation that lost its last full stop to the dateline's own punctuation.
_ABBREVIATED = re.compile(r"(\b\w(?:\.\w)+)$")
_UNDATED = re.compile(r"\(?undated\)?", re.IGNORECASE)


class Dateline(msgspec.Struct, frozen=True, kw_only=True):
    """A dateline's parts. No places and no date: the dispatch is undated. `month` and `day` go together."""

    places: tuple[str, ...] = ()
    month: int | None = None
    day: int | None = None
    year: int | None = None
    credit: str = ""


class Found(msgspec.Struct, frozen=True):
    """A dateline at the start of a text: its parts, its words as they stood, and the text after it."""

    dateline: Dateline
    printed: str
    text: str


_ENGLISH_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def _day(line: Dateline) -> str:
    return f"{_ENGLISH_MONTHS[line.month - 1]} {line.day}" if line.month and line.day else ""


def _join(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _slashes(line: Dateline) -> str:
    head = _join("/".join(line.places), _day(line))
    return " ".join(part for part in (f"{head}." if head else "", f"/{line.credit}/." if line.credit else "") if part)


def _brackets(line: Dateline) -> str:
    head = _join("/".join(line.places), _day(line))
    if line.credit:
        return f"{head} ({line.credit}) -".lstrip()
    return f"{head} -" if head else ""


def _place_and_credit(line: Dateline) -> str:
    return _brackets(Dateline(places=line.places, credit=line.credit))


def _place_and_date(line: Dateline) -> str:
    head = _join("/".join(line.places), _day(line))
    return f"{head} -" if head else ""


# The agency's choice (setting DATELINE_STYLE): a name, and what it prints.
STYLES: dict[str, Callable[[Dateline], str]] = {
    "slashes": _slashes,  # MOSCOW, April 13. /TASS/.
    "brackets": _brackets,  # ROME, March 2 (ANSA) -
    "place-credit": _place_and_credit,  # PARIS (AFP) -
    "place-date": _place_and_date,  # NEW YORK, March 2 -
}


def print_dateline(line: Dateline, style: str) -> str:
    """Return the dateline in one of STYLES; an undated dispatch without a credit prints nothing."""
    return STYLES[style](line)


@lru_cache(maxsize=1)
def _date_at_end() -> re.Pattern[str]:
    month = month_pattern()
    return re.compile(
        rf"(?:^|[,.]?\s+|(?<=[,.]))(?:(?P<m1>{month})\s*(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?"
        rf"|(?P<d2>\d{{1,2}})(?:st|nd|rd|th|\.)?\s*(?:de\s+)?(?P<m2>{month}))(?:,?\s+(?P<y>\d{{4}}))?\s*[.,]?\s*$",
        re.IGNORECASE,
    )


_DASH = r"(?:--?|–|—)"
_CREDIT_END = re.compile(
    rf"^(?P<before>.{{0,{_HEAD_CHARS}}}?)(?:(?:(?<=[\s.,])|^)/(?P<slash>[^/]{{1,40}})/|\((?P<round>[^()]{{1,40}})\)"
    rf"|\[(?P<square>[^\[\]]{{1,40}})\])"
    rf"\s*(?P<end>[.:]?\s?{_DASH}|[.:])?\s+(?=\S)"
)
_DASH_END = re.compile(rf"^(?P<before>.{{2,{_HEAD_CHARS}}}?)\s+{_DASH}\s+(?=\S)")
_COMMA_END = re.compile(rf"^(?P<before>.{{4,{_HEAD_CHARS}}}?\d), (?P<credit>[^\W\d_a-zа-яё]{{2,20}})\.\s+(?=\S)")
_STOP_END = re.compile(rf"^(?P<before>.{{4,{_HEAD_CHARS}}}?\d)\.\s+(?=[^\s\d])")


def parse(text: str) -> Found | None:
    """Return the dateline that opens the text, or None if the text opens with none."""
    text = text.lstrip()
    if (first := _CREDIT_FIRST.match(text)) and (found := _parse(text[first.end() :])) and not found.dateline.credit:
        line = msgspec.structs.replace(found.dateline, credit=first["credit"].strip())
        return Found(line, text[: first.end()] + found.printed, found.text)
    return _parse(text)


def _parse(text: str) -> Found | None:
    for pattern in (_CREDIT_END, _DASH_END, _COMMA_END, _STOP_END):
        match = pattern.match(text)
        if match is None:
            continue
        groups = match.groupdict()
        credit = groups.get("slash") or groups.get("round") or groups.get("square") or groups.get("credit") or ""
        ends_in_dash = bool(groups.get("end") and re.search(_DASH, groups["end"]))
        line = _read(match["before"], credit.strip(), pattern is _DASH_END, ends_in_dash or bool(groups.get("slash")))
        # A sentence with a dash or a bracket in it goes on in small letters; a dispatch's text does not.
        if line is not None and not text[match.end()].islower():
            return _with_rest(line, match[0], text[match.end() :])
    return None


# Up to three capitalised words and a full stop, or capitals and another dash: a credit that follows the dash.
_CREDIT_AFTER = re.compile(
    rf"^(?:(?P<credit>[^\W\d_a-zа-яё][^.!?,;:]{{1,30}})\.|(?P<capitals>[^\W\d_a-zа-яё]{{2,20}})\s+{_DASH})\s+(?=[^\sa-zа-яё])"
)
# After a date and its full stop a credit may have small letters: `KOLMAR, Oct. 8. Interwest – `.
_CREDIT_AFTER_STOP = re.compile(rf"^(?P<credit>[^\W\d_a-zа-яё][^\s.!?,;:–—]{{1,30}})\s+{_DASH}\s+(?=[^\sa-zа-яё])")
# `[ABC] GENEVA, May 3 -`: the credit opens the line.
_CREDIT_FIRST = re.compile(r"^\[(?P<credit>[^\[\]]{1,40})\]\s+(?=[^\sa-zа-яё])")


def _with_rest(line: Dateline, printed: str, rest: str) -> Found:
    """Take in what some agencies put after the dash: their credit, or, the credit being first, the place."""
    if not line.credit and (after := _CREDIT_AFTER.match(rest)):
        credit = after["credit"] or after["capitals"]
        words = credit.split()
        if len(words) <= 3 and all(word[0].isupper() for word in words):
            line = msgspec.structs.replace(line, credit=credit)
            return Found(line, (printed + after[0]).rstrip(), rest[after.end() :])
    if (
        not line.credit
        and line.month
        and not printed.rstrip().endswith(("-", "–", "—"))
        and (after := _CREDIT_AFTER_STOP.match(rest))
    ):
        line = msgspec.structs.replace(line, credit=after["credit"])
        return Found(line, (printed + after[0]).rstrip(), rest[after.end() :])
    if line.credit and not line.places and line.month is None and (match := _DASH_END.match(rest)):
        place = _read(match["before"], "", True, False)
        if place is not None and place.places:
            line = msgspec.structs.replace(place, credit=line.credit)
            return Found(line, (printed + match[0]).rstrip(), rest[match.end() :])
    return Found(line, printed.rstrip(), rest)


def _read(before: str, credit: str, dash_only: bool, firm_credit: bool) -> Dateline | None:
    """Return the parts of what stands before the credit or the dash, or None if it is no dateline."""
    before = before.strip()
    month = day = year = None
    if dated := _date_at_end().search(before):
        try:
            month = month_number(dated["m1"] or dated["m2"])
        except KeyError:
            return None
        day = int(dated["d1"] or dated["d2"])
        year = int(dated["y"]) if dated["y"] else None
        if not 1 <= day <= 31:
            return None
        before = before[: dated.start()].strip()
    before = _ABBREVIATED.sub(r"\1.", before.rstrip(".,- –—").strip())
    if not before and _UNDATED.fullmatch(credit):
        return Dateline(month=month, day=day, year=year)
    if _UNDATED.fullmatch(before) or not before:
        undated_ok = bool(credit and firm_credit) or bool(before and (credit or dash_only))
        return Dateline(month=month, day=day, year=year, credit=credit) if undated_ok or month else None
    places = _places(before, allow_mixed=bool(credit) and firm_credit)
    if places is None or not (credit or month or dash_only):
        return None
    if credit and not firm_credit and not month:
        return None
    if dash_only and not month and len(places[0]) < _BARE_PLACE_LETTERS:
        return None
    return Dateline(places=places, month=month, day=day, year=year, credit=credit)


def _places(text: str, *, allow_mixed: bool) -> tuple[str, ...] | None:
    """Return the places that a dateline names; `BAKU, Azerbaijan` is one place with its country."""
    places: list[str] = []
    for chunk in re.split(r"\s*/\s*|\s+and\s+", text):
        for number, part in enumerate(re.split(r"\s*,\s*", chunk.strip())):
            words = part.split()
            if not words or len(words) > _MAX_PLACE_WORDS:
                return None
            upper = all(_is_upper(word) for word in words)
            if number and not upper:
                if not all(word[0].isupper() for word in words):
                    return None
                places[-1] = f"{places[-1]}, {part}"
            elif upper or (allow_mixed and words[0][0].isupper() and all(_is_capital(word) for word in words)):
                places.append(part)
            else:
                return None
    return tuple(places) if 0 < len(places) <= _MAX_PLACES else None


def _is_upper(word: str) -> bool:
    letters = [letter for letter in word if letter.isalpha()]
    return bool(letters) and (word.upper() == word or word in {"St.", "de", "la", "el", "al"} or _is_mac(word))


def _is_mac(word: str) -> bool:
    return re.fullmatch(r"Mc[^\W\d_a-z]+", word) is not None


def _is_capital(word: str) -> bool:
    return word[0].isupper() or word.lower() in {
        "de",
        "la",
        "le",
        "el",
        "al",
        "am",
        "an",
        "der",
        "of",
        "upon",
        "sur",
    }
