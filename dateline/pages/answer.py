"""Answers to requests for ready pages, by RFC 9110, without a framework.

A browser, a proxy and a load generator each send the same head over and over: the head's very bytes
are the key under which the answer is found the second time.
"""

import time
from email.utils import formatdate, parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

import httptools
import msgspec

from dateline.pages.ready import Ready, Variant
from dateline.pages.store import PageStore, Slot

# Heads remembered; each is some hundred bytes. A flood of different ones empties the table, no more.
_KNOWN_HEADS = 8192
# A head that is longer than this is not remembered.
_HEAD_BYTES = 4096


class Request(msgspec.Struct, frozen=True):
    """A request's head: `path` is unquoted, `headers` have lower-case names, the last of a name counts."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keep_alive: bool
    version: str


class _Reader:
    def __init__(self) -> None:
        self.url = b""
        self.headers: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")


def read_head(head: bytes) -> Request | None:
    """Return the request whose head these bytes are, or None if they are not one that can be read."""
    reader = _Reader()
    parser: Any = httptools.HttpRequestParser(reader)
    try:
        parser.feed_data(head)
        url = httptools.parse_url(reader.url)
        path = unquote((url.path or b"/").decode("ascii"), errors="strict")
        method = parser.get_method().decode("ascii")
    except (httptools.HttpParserError, httptools.HttpParserUpgrade, UnicodeDecodeError):
        return None
    query = (url.query or b"").decode("latin-1")
    return Request(method, path, query, reader.headers, parser.should_keep_alive(), parser.get_http_version())


class _Known(msgspec.Struct):
    slot: Slot
    encoding: str
    if_none_match: str | None
    if_modified_since: float | None
    body: bool
    close: bool


class Answerer:
    """Answers heads of requests for ready pages from a store."""

    def __init__(self, store: PageStore, hosts: list[str]) -> None:
        self._store = store
        self._hosts = frozenset(hosts)
        self._known: dict[bytes, _Known] = {}
        self._date = b""
        self._date_at = 0.0

    def answer(self, head: bytes) -> tuple[bytes, bool] | None:
        """Return the whole answer and whether to close after it; None if this is not for us.

        `head` is a request's head with its blank line. None: another method, a foreign host, a page
        that is not ready, a query that asks for something else; the caller passes those on.
        """
        known = self._known.get(head)
        if known is not None and (ready := known.slot.ready) is not None:
            known.slot.hit = True
            return self._write(ready, known), known.close
        known = self._know(head)
        if known is None or known.slot.ready is None:
            return None
        return self._write(known.slot.ready, known), known.close

    def _know(self, head: bytes) -> _Known | None:
        request = read_head(head)
        if request is None or request.method not in ("GET", "HEAD"):
            return None
        headers = request.headers
        if "content-length" in headers or "transfer-encoding" in headers or "upgrade" in headers:
            return None
        if host_name(headers.get("host", "")) not in self._hosts or "before=" in request.query:
            return None
        slot = self._store.slot(request.path)
        if slot is None:
            return None
        known = _Known(
            slot=slot,
            encoding=_choose_encoding(headers.get("accept-encoding", "")),
            if_none_match=headers.get("if-none-match"),
            if_modified_since=_http_date(headers.get("if-modified-since")),
            body=request.method == "GET",
            close=not request.keep_alive,
        )
        if len(head) <= _HEAD_BYTES:
            if len(self._known) >= _KNOWN_HEADS:
                self._known.clear()
            self._known[head] = known
        return known

    def _write(self, ready: Ready, known: _Known) -> bytes:
        variant = ready.variants.get(known.encoding) or ready.variants[""]
        date = self._date_line()
        if known.close:
            date = b"Connection: close\r\n" + date
        if ready.page.status == 200 and _is_unchanged(ready, variant, known):
            return variant.head_304 + date
        if not known.body:
            return variant.head + date
        return b"".join((variant.head, date, variant.body))

    def _date_line(self) -> bytes:
        now = time.time()
        if now - self._date_at >= 1:
            self._date_at = now // 1
            self._date = f"Date: {formatdate(now, usegmt=True)}\r\n\r\n".encode()
        return self._date


def host_name(host: str) -> str:
    """Return the host of a Host header, lower case and without its port."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _choose_encoding(accept: str) -> str:
    """RFC 9110 section 12.5.3: br before gzip where both are acceptable."""
    accepted: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, _, parameter = part.strip().partition(";")
        try:
            accepted[name.strip()] = float(parameter.strip().removeprefix("q=") or 1) if parameter else 1.0
        except ValueError:
            accepted[name.strip()] = 0.0
    for encoding in ("br", "gzip"):
        if accepted.get(encoding, 0) > 0:
            return encoding
    return ""


def _http_date(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _is_unchanged(ready: Ready, variant: Variant, known: _Known) -> bool:
    """RFC 9110 section 13.2.2: If-None-Match first; If-Modified-Since only without it."""
    if known.if_none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in known.if_none_match.split(",")]
        return "*" in tags or any(other.etag in tags for other in ready.variants.values())
    return known.if_modified_since is not None and int(ready.page.modified.timestamp()) <= known.if_modified_since
