"""Tells title and heading apart where something stands between them: a sign, brackets, a change to capitals."""

import re
from collections import Counter
from collections.abc import Sequence

import msgspec

from dateline.intake.shapes import is_heading

_SEPARATOR = re.compile(r"\s*(?:\t|\s[|·•]\s|\s/\s|\s*»\s*|\s::\s)\s*")
_LABEL = r"([^\[\]()（）【】「」]{2,50})"
_BRACKETED = re.compile(rf"[\[(（【「]{_LABEL}[\])）】」]\s*(.+)")
# The closing bracket may be gone with the stamp: `Title (World, 12.07.2018 10:15)`.
_BRACKETED_AFTER = re.compile(rf"(.+?)\s*[\[(（【「]{_LABEL}[\])）】」]?$")
_COLON = re.compile(r"([^:]{2,50}):\s+(.+)")
_CAPITALS = r"[^\W\d_a-zß-öø-ÿа-яё]{2,}"
_CAPITALS_FIRST = re.compile(rf"({_CAPITALS}(?: (?:&|{_CAPITALS}))*) (?=\S)(.+)")
_CAPITALS_LAST = re.compile(rf"(.+?) ({_CAPITALS}(?: (?:&|{_CAPITALS}))*)$")
_NO_SEPARATOR = "no separator parts its title from a heading"
# Fewer lines may be alike by chance.
_MANY = 3
# From this share of lines on, what most lines do is the page's way of doing it.
MOST = 0.6


class Split(msgspec.Struct, frozen=True):
    """A title and its heading. `heading` is empty, and `doubt` says why, where the text leaves it open."""

    title: str
    heading: str = ""
    doubt: str = ""


def by_separator(texts: Sequence[str], known: set[str], heading_first: bool | None) -> list[Split] | None:
    """Part the lines at a separator that most of them have; None if there is none."""
    for pattern, title, heading in ((_BRACKETED, 2, 1), (_COLON, 2, 1), (_BRACKETED_AFTER, 1, 2)):
        matches = [pattern.match(text) for text in texts]
        headings = [match[heading].strip(" ,;") for match in matches if match]
        every = pattern is not _COLON and len(headings) == len(texts) >= _MANY and len(set(headings)) > 1
        if len(headings) < MOST * len(texts) or not _are_labels(headings, known, pattern is not _COLON, every):
            continue
        return [
            Split(match[title], match[heading].strip(" ,;")) if match else Split(text, doubt=_NO_SEPARATOR)
            for text, match in zip(texts, matches, strict=True)
        ]
    return _by_sign(texts, known, heading_first) or _by_capitals(texts)


def _are_labels(texts: list[str], known: set[str], in_brackets: bool, every: bool) -> bool:
    """Whether texts are headings: some recur, are known, or every line has one; all are written as headings are."""
    told = every or any(count > 1 for count in Counter(texts).values()) or any(text in known for text in texts)
    small = in_brackets and all(text.islower() and len(text.split()) <= 3 for text in texts)
    return told and (small or all(map(is_heading, texts)))


def _by_sign(texts: Sequence[str], known: set[str], heading_first: bool | None) -> list[Split] | None:
    parts = [[part for part in _SEPARATOR.split(text) if part] for text in texts]
    if sum(len(part) >= 2 for part in parts) < MOST * len(texts):
        return None
    firsts, lasts = Counter(part[0] for part in parts), Counter(part[-1] for part in parts)
    if heading_first is None:

        def weight(column: Counter[str]) -> float:
            heads = sum(count for text, count in column.items() if is_heading(text))
            repeated = sum(count for count in column.values() if count > 1)
            return heads + repeated + 3 * sum(count for text, count in column.items() if text in known)

        heading_first = weight(firsts) > weight(lasts)
    found = []
    for text, part in zip(texts, parts, strict=True):
        if len(part) < 2:
            found.append(Split(text, doubt=_NO_SEPARATOR))
        elif heading_first:
            found.append(Split(text[text.index(part[1], len(part[0])) :], part[0]))
        else:
            found.append(Split(text[: text.rindex(part[-1])].rstrip(" \t|·•/»:"), part[-1]))
    return found


def _by_capitals(texts: Sequence[str]) -> list[Split] | None:
    """Part the lines where every one of them, and nothing else in it at that end, changes to capitals."""
    if len(texts) < _MANY:
        return None
    for pattern, title, heading in ((_CAPITALS_FIRST, 2, 1), (_CAPITALS_LAST, 1, 2)):
        matches = [match for text in texts if (match := pattern.match(text))]
        if len(matches) < len(texts) or any(match[title].isupper() for match in matches):
            continue
        # `TRUCE - Envoys sign` is a slug, and titles may all end in acronyms of two or three letters.
        if any(not match[title][0].isalnum() for match in matches) or all(
            len(match[heading]) <= 3 for match in matches
        ):
            continue
        headings = Counter(match[heading] for match in matches)
        found = []
        for match in matches:
            # `UN WORLD`, where other lines have `WORLD`: an acronym of the title stands beside the heading.
            parts = match[heading].split(" ")
            wholes = [" ".join(parts[place:] if heading == 2 else parts[:place]) for place in range(1, len(parts))]
            if any(headings[whole] for whole in wholes):
                found.append(Split(match[0], doubt="title and heading could not be told apart"))
            else:
                found.append(Split(match[title], match[heading]))
        return found
    return None
