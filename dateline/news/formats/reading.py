"""Reads a dispatch that a producer hands in, in whichever of our formats it is."""

from datetime import datetime

import msgspec

from dateline.news.agency import Agency
from dateline.news.errors import BadItem
from dateline.news.formats import ninjs, plain, schema
from dateline.news.item import NewsItem, PubStatus

# Far above any dispatch; a file that is larger is not one.
_MAX_BYTES = 4 * 1024 * 1024


def read_dispatch(data: bytes, agency: Agency, now: datetime) -> NewsItem:
    """Return the item in a ninjs 3.1 file or a plain-text dispatch.

    What only the wire may say (version, status, address, when it was first sent) is left out.
    Raises BadItem with a sentence.
    """
    if len(data) > _MAX_BYTES:
        raise BadItem(f"The file has {len(data):,} bytes; a dispatch has at most {_MAX_BYTES:,}.", len(data))
    if not data.strip():
        raise BadItem("The file is empty.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadItem(f"The file is not UTF-8 text: {error.reason} at byte {error.start + 1}.") from error
    if "\0" in text:
        raise BadItem("The file is not text: it holds zero bytes.")
    if not text.lstrip().startswith(("{", "[")):
        return plain.decode(text, agency, now)
    schema.check(text.encode())
    item = ninjs.decode(text.encode())
    if item.pubstatus is not PubStatus.USABLE:
        raise BadItem(
            f"The item says pubStatus {item.pubstatus}; only a usable one can be published. "
            "To withdraw one that is on the wire, hold or kill it.",
            str(item.pubstatus),
        )
    return msgspec.structs.replace(item, version=0, path="", first_created=None, version_created=None)
