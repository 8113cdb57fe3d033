"""Dates that newsfeeds print relative to the day they are read: `Today`, `Yesterday`, `2 hours ago`."""

import re
from datetime import timedelta
from functools import lru_cache

from babel.dates import format_timedelta

_LANGUAGES = [
    "en", "de", "fr", "es", "it", "pt", "nl", "da", "sv", "nb", "fi", "et", "lv", "lt", "hu", "ro", "cs", "sk", "bg",
    "ru", "sr", "el", "tr", "id", "pl", "uk", "ar",
]  # fmt: skip

# The CLDR has these words, but Babel leaves them out of what it carries. In how many days ago they lie.
_DAYS = {
    "today": 0, "heute": 0, "aujourd'hui": 0, "aujourd’hui": 0, "hoy": 0, "oggi": 0, "hoje": 0, "vandaag": 0,
    "idag": 0, "i dag": 0, "tänään": 0, "täna": 0, "šodien": 0, "šiandien": 0, "azi": 0, "astăzi": 0, "dnes": 0,
    "днес": 0, "сегодня": 0, "данас": 0, "сьогодні": 0, "dziś": 0, "dzisiaj": 0, "σήμερα": 0, "bugün": 0,
    "hari ini": 0, "اليوم": 0, "今天": 0, "今日": 0, "오늘": 0,
    "yesterday": 1, "gestern": 1, "hier": 1, "ayer": 1, "ieri": 1, "ontem": 1, "gisteren": 1, "igår": 1, "i går": 1,
    "eilen": 1, "eile": 1, "vakar": 1, "tegnap": 1, "včera": 1, "вчера": 1, "јуче": 1, "вчора": 1, "wczoraj": 1,
    "χθες": 1, "dün": 1, "kemarin": 1, "أمس": 1, "昨天": 1, "昨日": 1, "어제": 1,
}  # fmt: skip


def day_word_pattern() -> str:
    """Return a regular expression (to be used with re.IGNORECASE) that matches a word for today or yesterday.

    It may touch the word before it only with a capital, as elsewhere two words that run together.
    """
    words = "|".join(re.escape(word) for word in sorted(_DAYS, key=len, reverse=True))
    return rf"(?:(?<![^\W\d_])|(?-i:(?=[^\W\d_a-zа-яё])))(?:{words})(?![^\W\d_])"


def days_ago(word: str) -> int:
    """Return how many days ago a day named by a word was."""
    return _DAYS[word.casefold()]


@lru_cache(maxsize=1)
def ago_pattern() -> str:
    """Return a regular expression (to be used with re.IGNORECASE) for `5 minutes ago`, in the CLDR's languages."""
    forms = set()
    for language in _LANGUAGES:
        for unit in ("minutes", "hours", "days"):
            # Languages bend the unit's name after 1, 2, 5 and 21.
            for number in (1, 2, 5, 21):
                span = -timedelta(**{unit: number})
                said = format_timedelta(span, add_direction=True, locale=language, threshold=1).casefold()
                if str(number) in said:
                    forms.add(re.escape(said).replace(str(number), r"\d{1,2}", 1))
    longest_first = "|".join(sorted(forms, key=len, reverse=True))
    return (
        rf"(?<![^\W_])(?:{longest_first}|(?:\d{{1,2}}\s?(?:min|hr|h|m|d)s?\.?|an? (?:hour|minute|day)) ago)(?![^\W\d_])"
    )
