"""Dispatch: one row of the wire, and the canonical envelope that the log signs."""

import base64
import hashlib
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from dateline.news.acts import Act
from dateline.news.codes import parse_instant
from dateline.news.element import Change, public_change
from dateline.news.formats import ninjs
from dateline.news.item import NewsItem
from dateline.wire.errors import NotVerified
from dateline.wire.merkle import hash_leaf

_ENCODER = msgspec.json.Encoder(order="sorted")
SALT_BYTES = 16


class Dispatch(msgspec.Struct, frozen=True, dict=True):
    """One row of the wire.

    `seq` counts from 1 without a gap; `sent` is RFC 3339 UTC with microseconds; `item` is the
    canonical ninjs 3.1 bytes; `salt` is 16 random bytes that keep the public leaf hash of an
    embargoed item from being guessed at; `leaf` is the RFC 6962 leaf hash over `envelope`.
    """

    seq: int
    sent: str
    act: Act
    uri: str
    version: int
    item: bytes
    salt: bytes
    leaf: bytes

    @cached_property
    def news(self) -> NewsItem:
        """The item, decoded."""
        return ninjs.decode(self.item)

    @property
    def instant(self) -> datetime:
        """When it was sent."""
        return parse_instant(self.sent)

    @property
    def change(self) -> Change:
        """What it changes for the public."""
        return public_change(self.act, self.news)

    def computed_leaf(self) -> bytes:
        """Return the leaf hash that these contents have, whatever `leaf` says."""
        return leaf_of(self.seq, self.sent, self.act, self.uri, self.version, self.item, self.salt)


def leaf_of(seq: int, sent: str, act: str, uri: str, version: int, item: bytes, salt: bytes) -> bytes:
    """Return the RFC 6962 leaf hash of a dispatch.

    The envelope is JSON with sorted keys and no white space; it names the item by its SHA-256, so
    that a dispatch can be proved without showing its text.
    """
    return leaf_of_digest(seq, sent, act, uri, version, hashlib.sha256(item).hexdigest(), salt)


def leaf_of_digest(seq: int, sent: str, act: str, uri: str, version: int, digest: str, salt: bytes) -> bytes:
    """Return the same of a dispatch whose item is known by its SHA-256 only (hex)."""
    envelope = {
        "act": str(act),
        "item": digest,
        "salt": salt.hex(),
        "sent": sent,
        "seq": seq,
        "uri": uri,
        "version": version,
    }
    return hash_leaf(_ENCODER.encode(envelope))


def to_line(dispatch: Dispatch) -> bytes:
    """Return the dispatch as one line of NDJSON: its envelope's fields with the whole item.

    The item stands there as its very bytes, so that its digest can be checked.
    """
    head = _ENCODER.encode(
        {
            "act": str(dispatch.act),
            "salt": base64.b64encode(dispatch.salt).decode(),
            "sent": dispatch.sent,
            "seq": dispatch.seq,
            "uri": dispatch.uri,
            "version": dispatch.version,
        }
    )
    return head[:-1] + b',"item":' + dispatch.item + b"}\n"


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    act: Act
    salt: str
    sent: str
    seq: int
    uri: str
    version: int
    item: msgspec.Raw


_LINE = msgspec.json.Decoder(_Line)


def from_line(line: bytes) -> Dispatch:
    """Return the dispatch that a line of an export holds, its leaf computed from its contents.

    Raises NotVerified with a sentence if the line is not in that form.
    """
    try:
        parts: Any = _LINE.decode(line)
        salt = base64.b64decode(parts.salt, validate=True)
        item = bytes(parts.item)
    except (msgspec.DecodeError, ValueError) as error:
        raise NotVerified(f"A line is not a dispatch of an export: {error}.") from error
    fields = (parts.seq, parts.sent, parts.act, parts.uri, parts.version, item, salt)
    return Dispatch(*fields, leaf_of(*fields))
