"""Identifiers and codes: permanent uris, short ids, slugs, urgency labels, instants as text."""

import hashlib
import os
import re
import unicodedata
from datetime import UTC, datetime

# Digits and letters of Crockford's base 32: none of them is taken for another when read aloud.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Which letter a byte stands for, by its last five bits.
_LETTER_OF = (_ALPHABET * 8).encode()
# 12 letters of 5 bits: among a million items that are minted within the same days the chance of one clash is below
# 1 in 2 million, and the wire refuses a second use of a uri or an address all the same.
_CHANCE_LETTERS = 12
# A letter for the part of the year before them. Uris of the wire's first releases, and derived ones, have none.
_ID_LETTERS = (_CHANCE_LETTERS, 1 + _CHANCE_LETTERS)
_DAYS = 366
# Longer slugs help nobody and break in mails.
_SLUG_CHARS = 60
_WORD = re.compile(r"\w+")

# IPTC Media Topics: a topic is this and its code.
MEDIA_TOPIC = "http://cv.iptc.org/newscodes/mediatopic/"
URGENCY_LABELS = {1: "Flash", 2: "Bulletin", 3: "Urgent"}


def mint_uri(domain: str, now: datetime) -> str:
    """Return a new permanent identity, a tag URI (RFC 4151) that needs no central registry.

    `domain` is one that the agency held in the year of `now` (UTC). After the year comes a letter for the part of it,
    11 or 12 days long, so that what is minted about the same time lies together in every index by uri, of which
    an append then finds the pages in memory (docs/decisions/0014); the rest is 60 random bits.
    """
    part = (now.timetuple().tm_yday - 1) * len(_ALPHABET) // _DAYS
    return f"tag:{domain},{now.year}:{_ALPHABET[part]}{os.urandom(_CHANCE_LETTERS).translate(_LETTER_OF).decode()}"


def is_letters(text: str) -> bool:
    """Whether a text is what `mint_uri` or `derive_uri` could have put at the end of a uri."""
    return len(text) in _ID_LETTERS and not text.strip(_ALPHABET)


def derive_uri(domain: str, year: int, *evidence: str) -> str:
    """Return the identity that this evidence always gives, so that an import run twice adds nothing."""
    return f"tag:{domain},{year}:{_digest_letters(chr(31).join(evidence))}"


def short_id(uri: str) -> str:
    """Return the id of the item in addresses: the uri's own last part if we minted it, else a digest."""
    tail = uri.rpartition(":")[2]
    if is_letters(tail):
        return tail
    return _digest_letters(uri)


def _digest_letters(text: str) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return "".join(_ALPHABET[number >> (5 * place) & 31] for place in range(_CHANCE_LETTERS))


def slugify(text: str) -> str:
    """Return the words of a text as an address part: lower case, hyphens, cut at a word.

    Letters of other scripts stay (browsers show them); a text without letters gives `item`.
    """
    text = unicodedata.normalize("NFKC", text).lower().replace("&", " and ").replace("'", "").replace("’", "")
    words = _WORD.findall(text.replace("_", " "))
    slug = ""
    for word in words:
        if slug and len(slug) + 1 + len(word) > _SLUG_CHARS:
            break
        slug = f"{slug}-{word}" if slug else word[:_SLUG_CHARS]
    return slug or "item"


def rfc3339(instant: datetime, *, micros: bool = False) -> str:
    """Return a UTC instant in RFC 3339 form; microseconds only where there are any or `micros` asks."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    spec = "microseconds" if micros or instant.microsecond else "seconds"
    return instant.isoformat(timespec=spec).removesuffix("+00:00") + "Z"


def parse_instant(text: str) -> datetime:
    """Return the UTC instant that an RFC 3339 text names. Raises ValueError, also without an offset."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return instant.astimezone(UTC)
