"""From bytes to text: the encoding that a file says, or the one that its bytes tell.

A guess that another encoding contests comes back with a doubt: `ñ` and `ń` are one byte, and a wrong letter
in a title is worse than a title that waits.
"""

import re

from charset_normalizer import CharsetMatch, from_bytes

from dateline.intake.errors import Unreadable

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
# Guessing costs time in the length; a megabyte of text is evidence enough.
_SAMPLE_BYTES = 1_000_000
# Control characters that text may hold: tab, line feed, form feed, carriage return, and NEL in old encodings.
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
# One byte in three or more beyond ASCII is another script; fewer are the accents of a Latin one.
_MAX_ACCENTS = 0.33
_LATIN = ["cp1252", "cp1250", "cp1254", "cp1257"]
# Measured on pages of eight languages: the right one led by more, or by nothing that could be told.
_CLEAR_LEAD = 0.03
# So many letters read for one that was not: it is UTF-8 that was damaged; other encodings hardly ever look like it.
_GOOD_PER_BAD = 2


def decode(data: bytes) -> tuple[str, str, str]:
    """Return a file's text, its encoding, and a doubt or nothing. Raises Unreadable with a sentence."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding, ""
            except UnicodeDecodeError as error:
                raise Unreadable(f"The file says it is {encoding} but is not: {error.reason}.") from error
    sample = data[:_SAMPLE_BYTES]
    if wide := _unmarked_utf16(sample):
        return data.decode(wide, errors="replace"), wide, ""
    if len(_CONTROLS.findall(sample)) > len(sample) // 1000:
        raise Unreadable("The file is binary, not text.")
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    if not bad:
        return text, "utf-8", ""
    if sum(letter > "\x7f" for letter in text[:_SAMPLE_BYTES]) - bad >= _GOOD_PER_BAD * bad:
        return text, "utf-8, damaged", ""
    return _guess(data, sample)


def _unmarked_utf16(sample: bytes) -> str:
    """Return the encoding of UTF-16 without its mark: every ASCII character has its zero on the same side."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if min(even, odd) or max(even, odd) * 10 < len(sample) // 2:
        return ""
    encoding = "utf-16-le" if odd else "utf-16-be"
    text = sample[: len(sample) // 2 * 2].decode(encoding, errors="replace")
    readable = sum(letter.isprintable() or letter.isspace() for letter in text)
    return encoding if readable >= len(text) - 1 else ""


def _guess(data: bytes, sample: bytes) -> tuple[str, str, str]:
    high = sum(byte > 0x7F for byte in sample)
    latin = high <= _MAX_ACCENTS * sum(byte > 0x40 for byte in sample)
    matches = list(from_bytes(sample, cp_isolation=_LATIN) if latin else from_bytes(sample))
    if not matches:
        raise Unreadable("The file's encoding cannot be told; save it as UTF-8.")
    if not latin:
        return data.decode(matches[0].encoding, errors="replace"), matches[0].encoding, ""
    best = min(matches, key=_rank)
    rivals = [match.encoding for match in matches if match is not best and _rank(match) - _rank(best) < _CLEAR_LEAD]
    # Where several would read it alike, the most used is named.
    encoding = next(name for name in _LATIN if name in best.could_be_from_charset)
    doubt = ""
    if rivals:
        doubt = f"the file's encoding is {encoding} or {rivals[0]}; save it as UTF-8 and import it again"
    return data.decode(encoding, errors="replace"), encoding, doubt


def _rank(match: CharsetMatch) -> float:
    """Weigh a guess: noise against it, resemblance to a language for it; of equals the most used first."""
    return match.chaos - match.coherence + 0.001 * _LATIN.index(match.encoding)
