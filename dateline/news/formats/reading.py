"""Reads a dispatch that a producer hands in, in whichever of our formats it is."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from dateline.news.agency import Agency
from dateline.news.errors import BadItem
from dateline.news.formats import iptc7901, newsml_g2, ninjs, ninjs_older, nitf, plain, schema
from dateline.news.item import NewsItem, PubStatus

# Far above any dispatch; a file that is larger is not one.
_MAX_BYTES = 4 * 1024 * 1024


def read_dispatch(data: bytes, agency: Agency, now: datetime) -> NewsItem:
    """Return the item in a file: ninjs 3.1, 2.x or 1.x, NewsML-G2, NITF, IPTC 7901, or a plain-text dispatch.

    What only the wire may say (version, status, address, when it was first sent) is left out.
    Raises BadItem with a sentence.
    """
    if len(data) > _MAX_BYTES:
        raise BadItem(f"The file has {len(data):,} bytes; a dispatch has at most {_MAX_BYTES:,}.", len(data))
    if not data.strip():
        raise BadItem("The file is empty.")
    if (codec := _named_in(data)) is not None:
        return _for_the_wire(codec(data))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadItem(f"The file is not UTF-8 text: {error.reason} at byte {error.start + 1}.") from error
    if "\0" in text:
        raise BadItem("The file is not text: it holds zero bytes.")
    if not text.lstrip().startswith(("{", "[")):
        return plain.decode(text, agency, now)
    if ninjs_older.is_older(text.encode()):
        return _for_the_wire(ninjs_older.decode(text.encode()))
    schema.check(text.encode())
    return _for_the_wire(ninjs.decode(text.encode()))


def _named_in(data: bytes) -> Callable[[bytes], NewsItem] | None:
    """Return how to read XML or a telegraph's message, None for what is neither."""
    head = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:2000]
    if head.startswith(b"\x01") or b"\x02" in head[:400]:
        return iptc7901.decode
    if not head.startswith(b"<"):
        return None
    return nitf.decode if b"<nitf" in head and b"newsItem" not in head else newsml_g2.decode


def _for_the_wire(item: NewsItem) -> NewsItem:
    """Return an item without what only the wire may say."""
    if item.pubstatus is not PubStatus.USABLE:
        raise BadItem(
            f"The item says pubStatus {item.pubstatus}; only a usable one can be published. "
            "To withdraw one that is on the wire, hold or kill it.",
            str(item.pubstatus),
        )
    return msgspec.structs.replace(item, version=0, path="", first_created=None, version_created=None)
