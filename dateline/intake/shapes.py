"""What a text looks like by its letters and signs: a template, a sentence, a heading."""

import re

# Placeholders of the template languages that sites are written in, left unrendered.
TEMPLATE = re.compile(
    r"\{\{.*?\}\}|\{%.*?%\}|<%.*?%>|<\?.*?\?>|\$\{[^}]*\}|\[\[.*?\]\]|%[A-Z_]{3,}%|\{\$[^}]*\}|[#{]?\{[a-z_]+(?:\.[a-z_]+)*\}|@\w+\.\w+"
)
_TERMINAL = re.compile(r"[.!?…:;。！？][\"'”’»“」)\]]*$")
_QUOTED_END = re.compile(r"[.!?…,][\"'”’»“]$|[\"”»][.!?…]?$")
_CONNECTORS = frozenset([
    "and", "of", "the", "in", "on", "for", "to", "a", "an", "&", "+", "/", "und", "für", "der", "die", "das", "et",
    "de", "la", "le", "les", "du", "des", "y", "e", "del", "en", "von", "zu", "i", "og", "och",
])  # fmt: skip
_MAX_HEADING_WORDS = 7
MAX_HEADING_CHARS = 50
_MAX_LOOSE_WORDS = 5
_NO_HEADING = re.compile(r"[.?!:;\"“”«»‘()\[\]|·•、。！？【】（）]")
# In scripts without cases: two or three words, or, where words are not parted, two or three of them.
_MAX_CASELESS_CHARS = 24
_MAX_IDEOGRAPHS = 6
_SPACED = re.compile(r"[\u0590-\u0e00]")  # Hebrew, Arabic, the scripts of India


def is_template(text: str) -> bool:
    """Whether a line is an unrendered template: little is left of it without its placeholders."""
    rest = TEMPLATE.sub("", text)
    return rest != text and len(re.findall(r"\w", rest)) <= len(re.findall(r"\w", text)) // 3


def ends_sentence(text: str) -> bool:
    """Whether a line ends as a sentence does."""
    return bool(_TERMINAL.search(text) or _QUOTED_END.search(text))


def is_heading(text: str, *, loose: bool = False) -> bool:
    """Whether a text has the shape of a section's heading: short, capitalised, without punctuation.

    `loose` lets small words follow the first: many languages write a heading as a sentence.
    """
    # The cheap questions first: this is asked of every ending of every line.
    if not 2 <= len(text) <= MAX_HEADING_CHARS or not text[0].isalpha() or text[0].islower():
        return False
    words = text.split()
    if len(words) > _MAX_HEADING_WORDS or _NO_HEADING.search(text):
        return False
    if words[-1].lower() in _CONNECTORS:
        return False
    if not any(letter.islower() or letter.isupper() for letter in text):
        # A script without cases: only its shortness tells a heading.
        return len(text) <= (_MAX_CASELESS_CHARS if len(words) > 1 or _SPACED.match(text) else _MAX_IDEOGRAPHS)
    plain = [word for word in words if word.strip(",").lower() not in _CONNECTORS]
    if loose:
        return len(words) <= _MAX_LOOSE_WORDS and words[0][0].isupper()
    return bool(plain) and all(word[0].isupper() or word.isdigit() for word in plain)


def has_inner_glue(text: str) -> bool:
    """Whether a word of the text has a capital after a small letter, as two words run together have."""
    return re.search(r"[^\W\d_A-Z][A-ZÀ-ÖØ-Þ]", text) is not None
