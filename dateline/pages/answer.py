"""Answers to requests for ready pages, by RFC 9110, without a framework.

A browser, a proxy and a load generator each send the same head over and over: the head's very bytes
are the key under which the answer is found the second time.
"""

import asyncio
import time
from email.utils import formatdate, parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

import httptools
import msgspec

from dateline.pages.lend import LARGE_BYTES, Lender, Loan
from dateline.pages.ready import Ready
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
        self.parser: Any = httptools.HttpRequestParser(self)
        self.keep_alive = False
        self.url = b""
        self.headers: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        # Asked later, when the message is over, the parser has forgotten it.
        self.keep_alive = self.parser.should_keep_alive()


def read_head(head: bytes) -> Request | None:
    """Return the request whose head these bytes are, or None if they are not one that can be read."""
    reader = _Reader()
    parser = reader.parser
    try:
        parser.feed_data(head)
        url = httptools.parse_url(reader.url)
        path = unquote((url.path or b"/").decode("ascii"), errors="strict")
        method = parser.get_method().decode("ascii")
    except (httptools.HttpParserError, httptools.HttpParserUpgrade, UnicodeDecodeError):
        return None
    query = (url.query or b"").decode("latin-1")
    return Request(method, path, query, reader.headers, reader.keep_alive, parser.get_http_version())


class _Known(msgspec.Struct):
    """What a head asks for. `tags` and `since` are its conditions; `plain`: GET, kept alive, none of them."""

    slot: Slot
    encoding: str
    tags: tuple[str, ...] | None
    since: float | None
    body: bool
    close: bool
    plain: bool


class Answerer:
    """Answers heads of requests for ready pages from a store.

    `answers` holds, by the request's very bytes, the whole answers of this second and of the pages as they
    are: a look-up is all that a request costs. Whatever changes a page or ends a second puts a new, empty
    table in its place, so that an answer that was being made meanwhile goes into a table that nobody asks.
    A large answer stands there as a loan, one for all the heads that ask for it.
    """

    def __init__(self, store: PageStore, hosts: list[str]) -> None:
        self._store = store
        self._hosts = frozenset(host.lower() for host in hosts)
        self._known: dict[bytes, _Known] = {}
        self._date = b""
        self._second = -1
        self.answers: dict[bytes, bytes | Loan] = {}
        self._lender = Lender()
        store.on_change = self.forget

    def forget(self) -> None:
        """Let every answer be made anew: a page has changed, or a second is over. From any thread."""
        self.answers = {}
        self._lender = Lender()

    def keep_time(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the answers' dates follow the clock, from now on, in this loop."""
        self.forget()
        loop.call_later(1.0 - time.time() % 1.0, self.keep_time, loop)

    def answer(self, head: bytes) -> tuple[bytes, bool] | None:
        """Return the whole answer and whether to close after it; None if this is not for us.

        `head` is a request's head with its blank line. None: another method, a foreign host, a page
        that is not ready, a query that asks for something else; the caller passes those on.
        """
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._date = f"Date: {formatdate(second, usegmt=True)}\r\n\r\n".encode()
            self.forget()
        answers = self.answers  # before the page is looked at: see above
        known = self._known.get(head)
        if known is None or known.slot.ready is None:
            known = self._know(head)
        if known is None or (ready := known.slot.ready) is None:
            return None
        answer = self._write(ready, known)
        if not known.close and len(head) <= _HEAD_BYTES and len(answers) < _KNOWN_HEADS:
            answers[head] = answer if len(answer) < LARGE_BYTES else self._lender.lend(answer)
        return answer, known.close

    def _know(self, head: bytes) -> _Known | None:
        request = read_head(head)
        if request is None or request.method not in ("GET", "HEAD"):
            return None
        headers = request.headers
        if "content-length" in headers or "transfer-encoding" in headers or "upgrade" in headers:
            return None
        if host_name(headers.get("host", "")) not in self._hosts or _asks_for_another(request.query):
            return None
        slot = self._store.slot(request.path)
        if slot is None:
            return None
        tags, since = _conditions(headers)
        body, close = request.method == "GET", not request.keep_alive
        known = _Known(
            slot=slot,
            encoding=_choose_encoding(headers.get("accept-encoding", "")),
            tags=tags,
            since=since,
            body=body,
            close=close,
            plain=body and not close and tags is None and since is None,
        )
        if len(head) <= _HEAD_BYTES:
            if len(self._known) >= _KNOWN_HEADS:
                self._known.clear()
            self._known[head] = known
        return known

    def _write(self, ready: Ready, known: _Known) -> bytes:
        known.slot.hit = True
        variant = (ready.variants.get(known.encoding) or ready.variants[""]).at(self._second, self._date)
        if known.plain:
            return variant.full
        unchanged = ready.page.status == 200 and _is_unchanged(ready, known)
        if known.close:
            head = (variant.head_304 if unchanged else variant.head) + b"Connection: close\r\n" + self._date
            return head if unchanged or not known.body else head + variant.body
        if unchanged:
            return variant.unchanged
        return variant.full if known.body else variant.head + self._date


def _asks_for_another(query: str) -> bool:
    """Whether a query asks for something else than the page: an older part, another section's elements."""
    return "before" in query or "section" in query


def _conditions(headers: dict[str, str]) -> tuple[tuple[str, ...] | None, float | None]:
    """RFC 9110 section 13.2.2: If-None-Match first; If-Modified-Since only without it."""
    if (text := headers.get("if-none-match")) is not None:
        return tuple(tag.strip().removeprefix("W/") for tag in text.split(",")), None
    return None, _http_date(headers.get("if-modified-since"))


def _is_unchanged(ready: Ready, known: _Known) -> bool:
    if known.tags is not None:
        return "*" in known.tags or any(variant.etag in known.tags for variant in ready.variants.values())
    return known.since is not None and int(ready.page.modified.timestamp()) <= known.since


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
    except (ValueError, OverflowError):
        return None
