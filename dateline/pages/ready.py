"""A ready page: its bytes, plain and compressed, with the head of each answer written out."""

import gzip
import hashlib
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus

import brotli
import msgspec

from dateline.pages.headers import SECURITY_HEADERS

# Smaller bodies gain less from compression than its headers cost.
_WORTH_COMPRESSING_BYTES = 600
# brotli 5 and gzip 6: within 3 % of the best on news pages, at a tenth of the time (bench/pages.py).
_BROTLI_QUALITY = 5
_GZIP_LEVEL = 6
_COMPRESSIBLE = ("text/", "application/json", "application/atom+xml", "application/rss+xml", "application/xml",
                 "application/feed+json", "image/svg+xml", "application/x-ndjson")  # fmt: skip
IMMUTABLE = "public, max-age=31536000, immutable"
# A kill must show at once: whoever keeps a page asks first whether it still stands (a 304 if so).
REVALIDATE = "no-cache"

_SECURITY = "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items())


class Page(msgspec.Struct, frozen=True):
    """What an outlet renders: a status, a media type, the bytes, and when they last changed (UTC)."""

    media_type: str
    body: bytes
    modified: datetime
    status: int = 200
    cache: str = REVALIDATE


class Variant(msgspec.Struct):
    """One encoding of a page: its ETag and the heads of its answers, each lacking only Date and the blank line.

    `full` and `unchanged` are the whole answers of the second `second`: in between nothing is copied.
    """

    etag: str
    body: bytes
    head: bytes
    head_304: bytes
    second: int = -1
    full: bytes = b""
    unchanged: bytes = b""

    def at(self, second: int, date: bytes) -> "Variant":
        """Return this variant with its answers of that second; `date` is the Date line with the blank line."""
        if self.second != second:
            self.full = b"".join((self.head, date, self.body))
            self.unchanged = self.head_304 + date
            self.second = second
        return self


class Ready:
    """A page with the answers for each encoding it is kept in; `link`: what its Link header says, '' for none."""

    def __init__(self, page: Page, link: str = "") -> None:
        self.page = page
        self.link = link
        self.digest = hashlib.sha256(page.body).hexdigest()[:20]
        # What the heads of all variants share.
        self._status = f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}"
        self._dated = f"Vary: Accept-Encoding\r\nLast-Modified: {format_datetime(page.modified, usegmt=True)}\r\n"
        self.variants: dict[str, Variant] = {"": self._variant("", page.body)}

    @property
    def worth_compressing(self) -> bool:
        """Whether compressed twins are worth keeping."""
        page = self.page
        return len(page.body) >= _WORTH_COMPRESSING_BYTES and page.media_type.startswith(_COMPRESSIBLE)

    @property
    def size_bytes(self) -> int:
        """How much memory it takes, roughly."""
        return 2 * sum(len(variant.body) for variant in self.variants.values()) + 4096

    def add_twins(self, twins: dict[str, bytes] | None = None) -> dict[str, bytes]:
        """Add the compressed twins, made here or read from files; return them."""
        if not self.worth_compressing:
            return {}
        if twins is None:
            twins = compress(self.page.body)
        self.variants = {**self.variants, **{name: self._variant(name, body) for name, body in twins.items()}}
        return twins

    def _variant(self, encoding: str, body: bytes) -> Variant:
        page = self.page
        etag = f'"{self.digest}-{encoding}"' if encoding else f'"{self.digest}"'
        common = f"ETag: {etag}\r\nCache-Control: {page.cache}\r\n{self._dated}"
        head = (
            f"{self._status}\r\nContent-Type: {page.media_type}\r\nContent-Length: {len(body)}\r\n{common}{_SECURITY}"
        )
        if encoding:
            head += f"Content-Encoding: {encoding}\r\n"
        if self.link:
            head += f"Link: {self.link}\r\n"
        return Variant(etag, body, head.encode(), f"HTTP/1.1 304 Not Modified\r\n{common}".encode())


def compress(body: bytes) -> dict[str, bytes]:
    """Return the compressed twins of a body; the same body always gives the same bytes."""
    return {
        "gzip": gzip.compress(body, _GZIP_LEVEL, mtime=0),
        "br": brotli.compress(body, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY),
    }
