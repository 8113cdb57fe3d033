"""Month names, in every language that a wire is likely to meet, from the CLDR (through Babel)."""

import re
from functools import lru_cache

from babel import Locale

# Agencies' languages whose month names do not contradict each other (Croatian is left out: its "listopad"
# is another month than the Czech and the Polish one).
_LANGUAGES = [
    "en",
    "de",
    "fr",
    "es",
    "it",
    "pt",
    "nl",
    "da",
    "sv",
    "nb",
    "fi",
    "et",
    "lv",
    "lt",
    "hu",
    "ro",
    "cs",
    "sk",
    "bg",
    "ru",
    "sr",
    "el",
    "tr",
    "id",
    "pl",
    "uk",
    "ar",
]


@lru_cache(maxsize=1)
def month_numbers() -> dict[str, int]:
    """Return month names and abbreviations, lower case and without a full stop, to 1…12.

    English wins where two languages would disagree.
    """
    numbers: dict[str, int] = {"sept": 9}
    for language in _LANGUAGES:
        months = Locale.parse(language).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months[context][width].items():
                    key = str(name).lower().rstrip(".")
                    if len(key) >= 3 and not key[0].isdigit():
                        numbers.setdefault(key, int(number))
    return numbers


@lru_cache(maxsize=1)
def month_pattern() -> str:
    """Return a regular expression (to be used with re.IGNORECASE) that matches any month name."""
    names = sorted(month_numbers(), key=len, reverse=True)
    return "(?:" + "|".join(re.escape(name) for name in names) + r")(?![^\W\d_])\.?"


def month_number(name: str) -> int:
    """Return 1…12 for a month's name or abbreviation. Raises KeyError if it is none."""
    return month_numbers()[name.lower().rstrip(".")]


@lru_cache(maxsize=1)
def weekday_pattern() -> str:
    """Return a regular expression (to be used with re.IGNORECASE) that matches any weekday's name."""
    names: set[str] = set()
    for language in _LANGUAGES:
        days = Locale.parse(language).days["format"]
        for width in ("wide", "abbreviated"):
            names |= {str(name).lower().rstrip(".") for name in days[width].values()}
    longest_first = sorted((name for name in names if len(name) >= 3), key=len, reverse=True)
    return "(?:" + "|".join(re.escape(name) for name in longest_first) + ")"
