"""Pull: a subscriber asks for what comes after its cursor, waits for the next dispatch, or holds a stream open.

What `after` says was received is acknowledged by it. Answers are the stored bytes (`lines`); nothing is read into
memory but one batch.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from dateline.delivery import store
from dateline.delivery.limits import Limits
from dateline.delivery.lines import encoded, lines_of
from dateline.delivery.store import Subscription
from dateline.delivery.subscribing import begun, digest_of, now_text
from dateline.delivery.waker import WAKER
from dateline.news.codes import parse_instant
from dateline.news.counting import dispatches
from dateline.news.formats.outgoing import FORMATS, NINJS, OLDER, encoder
from dateline.news.item import PubStatus
from dateline.pages.problem import problem
from dateline.wire import store as wire
from dateline.wire import tree
from dateline.wire.identity import wire_id

log = logging.getLogger(__name__)
_LIMIT, _MOST = 100, 1000
# Proxies give up on an answer that does not begin after a minute.
_LONGEST_WAIT_S = 55
# Rows that a replay reads at a time: some hundred kilobytes, what a slow client's text can be late by after a kill.
_BATCH = 100
# Events of a stream that are written before what became of their items is looked at again.
_AT_ONCE = 10
_HEARTBEAT_S = 15.0
_LIMITS = Limits()
_NDJSON, _SSE = "application/x-ndjson", "text/event-stream"


class _Refused(Exception):
    """The answer that ends a request early."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


def _refuse(status: int, title: str, detail: str, **headers: str) -> _Refused:
    response = problem(status, title, detail)
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return _Refused(response)


class _Asked(msgspec.Struct, frozen=True):
    """What a request asks for, and who asks."""

    by: Subscription
    after: int
    limit: int
    wait_s: int
    proof: bool
    token: str


# Of numbers that are read at all, as openapi.json says.
_LARGEST = 10**18 - 1


def _whole(request: HttpRequest, name: str, default: int, most: int) -> int:
    text = request.GET.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _refuse(400, "Not a number", f"{name} is a whole number from 0 to {most}.")
    return min(int(text), most)


def _token(request: HttpRequest) -> str:
    """Return the digest of the token that a request brings."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return digest_of(token.strip()) if scheme.lower() == "bearer" else ""


def _authorise(request: HttpRequest) -> Subscription:
    digest, now = _token(request), now_text()
    found = store.find_token(digest, now)
    if found is None:
        raise _refuse(
            401, "No subscription", "Send your subscription's token: Authorization: Bearer dl_…",
            WWW_Authenticate='Bearer realm="wire"',
        )  # fmt: skip
    found = begun(found)
    if found.begins:
        raise _refuse(403, "The subscription has not begun", f"It begins at {found.begins}.")
    if found.has_ended(now):
        raise _refuse(403, "The subscription has ended", f"It ended at {found.ends}. Ask the agency to renew it.")
    if retry := _LIMITS.take(found.id):
        raise _refuse(429, "Too many requests", f"Come again in {retry} s.", Retry_After=str(retry))
    _note_use(digest)
    return found


# What a request leaves behind is written beside it: reading waits for no lock, and fails over none.
_NOTES = ThreadPoolExecutor(1, thread_name_prefix="pull-notes")
_USED_S = 60


def _note(write: Callable[[], None]) -> None:
    def run() -> None:
        try:
            with transaction.atomic():
                write()
        except DatabaseError as error:
            log.warning("A pull could not be noted: %s", error)
        finally:
            connection.close()

    _NOTES.submit(run)


def settle() -> None:
    """Wait until all that was to be noted is."""
    _NOTES.submit(lambda: None).result()


def _note_use(digest: str) -> None:
    last = store.last_use(digest)
    if not last or (datetime.now(UTC) - parse_instant(last)).total_seconds() > _USED_S:
        _note(lambda: store.touch_token(digest, now_text()))


def _still(asked: _Asked) -> Subscription:
    """Return the subscription of a request as it is by now: a long one ends, or narrows, with its terms."""
    now = now_text()
    found = store.find_token(asked.token, now)
    if found is None:
        raise _refuse(401, "No subscription", "The token has ended.", WWW_Authenticate='Bearer realm="wire"')
    if found.has_ended(now):
        raise _refuse(403, "The subscription has ended", f"It ended at {found.ends}. Ask the agency to renew it.")
    return found


def _read_query(request: HttpRequest) -> _Asked:
    found = _authorise(request)
    head = wire.head_seq()
    if (named := request.GET.get("wire", wire_id())) != wire_id():
        raise _refuse(409, "Another wire", f"This is the wire {wire_id()}, not {named}. Begin with after=0.")
    # A browser's EventSource comes back to the same address; what it has by then stands in the header.
    text = request.headers.get("Last-Event-ID") or request.GET.get("after", str(found.cursor))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _refuse(400, "Not a cursor", "after is the seq of the last dispatch that you have; 0 for none.")
    if request.GET.get("proof", "0") not in ("0", "1"):
        raise _refuse(400, "Not a choice", "proof is 1, or 0.")
    if (after := int(text)) > head:
        raise _refuse(409, "Unknown cursor", f"The wire ends at {head}; it has never been at {after}.")
    # What is asked for after a seq has the dispatches before it: that is the acknowledgement.
    # A subscription that is pushed has its own acknowledgements; a look with its token changes none.
    if after > found.cursor and not found.url:
        _note(lambda: store.move_cursor(found.id, after, now_text()))
    return _Asked(
        by=found,
        after=max(after, found.since),
        limit=max(1, _whole(request, "limit", _LIMIT, _MOST)),
        wait_s=_whole(request, "wait", 0, _LONGEST_WAIT_S),
        proof=request.GET.get("proof") == "1",
        token=_token(request),
    )


class _Batch(msgspec.Struct, frozen=True):
    """Lines, the seq of the last of them (or `after`), and the signed head that proofs are of."""

    lines: list[bytes]
    last: int
    head: int
    checkpoint: str


def _read(asked: _Asked, after: int, limit: int) -> _Batch:
    by = _still(asked)
    rows = store.read_rows(by.stream, after, limit)
    # Read after the rows: it is of a log that holds them all.
    head = wire.read_head()
    proved = [line.encode(proof_size=head.seq) for line in lines_of(rows, by)] if asked.proof else None
    lines = encoded(rows, by) if proved is None else proved
    return _Batch(lines, rows[-1].seq if rows else after, head.seq, head.checkpoint)


_View = Callable[[HttpRequest, _Asked], Awaitable[HttpResponseBase]]


def _only_get() -> HttpResponse:
    refusal = problem(405, "Only GET", "The wire is read here; nothing is written.")
    refusal["Allow"] = "GET, HEAD"
    return refusal


def _answering(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Wrap a view so that it is asked by GET only, and its refusals are answers."""

    def answer(request: HttpRequest, **values: str) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return _only_get()
        try:
            response = view(request, **values)
        except _Refused as refused:
            response = refused.response
        response["Cache-Control"] = "no-store"
        return response

    return answer


def _guarded(view: _View) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def answer(request: HttpRequest) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return _only_get()
        response: HttpResponseBase
        try:
            asked = await sync_to_async(_read_query)(request)
            response = await view(request, asked)
        except _Refused as refused:
            response = refused.response
        response["Cache-Control"] = "no-store"
        return response

    return answer


@_guarded
async def pull(request: HttpRequest, asked: _Asked) -> HttpResponseBase:
    """`/api/wire`: the dispatches after a cursor, as JSON, or all of them as NDJSON (`Accept`)."""
    if _NDJSON in request.headers.get("Accept", ""):
        return StreamingHttpResponse(_replay(asked), content_type=_NDJSON)
    batch = await sync_to_async(_read)(asked, asked.after, asked.limit)
    if not batch.lines and asked.wait_s:
        if not _LIMITS.open(asked.by.id):
            raise _refuse(429, "Too many requests wait", "Let one of them end first.", Retry_After="5")
        try:
            await _next(asked, asked.wait_s)
        finally:
            _LIMITS.close(asked.by.id)
        batch = await sync_to_async(_read)(asked, asked.after, asked.limit)
    head = {"wire": wire_id(), "head": batch.head, "next": batch.last}
    if asked.proof:
        head["checkpoint"] = batch.checkpoint
    text = json.dumps(head).encode()[:-1] + b', "dispatches": [' + b",\n".join(batch.lines) + b"]}\n"
    return HttpResponse(text, content_type="application/json")


async def _next(asked: _Asked, wait_s: float) -> None:
    """Wait until the stream has something after the cursor, or the time is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while (left := until - loop.time()) > 0:
        waiting = asyncio.ensure_future(WAKER.wait(left))
        # It waits before it looks: what comes in between rings.
        await asyncio.sleep(0)
        if await sync_to_async(_has_more)(asked):
            waiting.cancel()
            return
        await waiting


def _has_more(asked: _Asked) -> bool:
    try:
        return bool(store.read_rows(_still(asked).stream, asked.after, 1))
    except _Refused:
        return True  # which the reading that follows says


async def _replay(asked: _Asked) -> AsyncIterator[bytes]:
    """Yield every line up to the head, a batch at a time, each read when the one before has gone: what was killed
    meanwhile goes without its text. Where the token ends, the last line is a problem, so that no part looks whole.
    """
    after = asked.after
    while True:
        try:
            batch = await sync_to_async(_read)(asked, after, _BATCH)
        except _Refused as refused:
            yield refused.response.content + b"\n"
            return
        if not batch.lines:
            return
        yield b"\n".join([*batch.lines, b""])
        after = batch.last


@_guarded
async def stream(request: HttpRequest, asked: _Asked) -> HttpResponseBase:
    """`/api/wire/stream`: the same as server-sent events; `id` is the seq, `event` the act."""
    if _LIMITS.is_full(asked.by.id):
        return problem(429, "Too many streams", "Close one of the streams that this subscription holds open.")
    response = StreamingHttpResponse(_events(asked), content_type=_SSE)
    response["X-Accel-Buffering"] = "no"
    return response


async def _events(asked: _Asked) -> AsyncIterator[bytes]:
    after = asked.after
    # Counted here, not in the view: what is never begun is never ended.
    _LIMITS.open(asked.by.id)
    try:
        yield b": the wire %s\n\n" % wire_id().encode()
        while not WAKER.stopped:
            try:
                batch = await sync_to_async(_read)(asked, after, _AT_ONCE)
            except _Refused:
                return
            for line in batch.lines:
                named = msgspec.json.decode(line, type=_Named)
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (named.seq, named.act.encode(), line)
            if batch.lines:
                after = batch.last
                continue
            await _next(msgspec.structs.replace(asked, after=after), _HEARTBEAT_S)
            yield b": \n\n"
    finally:
        _LIMITS.close(asked.by.id)


class _Named(msgspec.Struct):
    seq: int
    act: str


@_answering
def item(request: HttpRequest, uri: str) -> HttpResponse:
    """`/api/items/URI`: one item as the subscription has it, in the form that `Accept` asks for."""
    last = _versions(_authorise(request), uri)[-1]
    # The log itself is asked: what was killed a moment ago may not have been folded yet.
    state = wire.read_state(uri)
    if state is not None and state.pubstatus == PubStatus.CANCELED:
        return problem(410, "Killed", wire.read_item(state.seq).ednote)
    accept = request.headers.get("Accept", "*/*")
    version = next((older for older in OLDER if f"ninjs={older}" in accept), "")
    media_type = NINJS if version or accept == "*/*" else request.get_preferred_type(list(FORMATS))
    if media_type is None:
        return problem(406, "No such form", f"An item comes as {', '.join(FORMATS)}.")
    if media_type == NINJS and not version:
        return HttpResponse(last.item, content_type=NINJS)
    data = encoder(media_type, version)(last.news, settings.AGENCY, last.act)
    kind = f"{media_type}; charset=utf-8" if media_type == "text/plain" else media_type
    response = HttpResponse(data, content_type=kind)
    response["Vary"] = "Accept"
    return response


@_answering
def versions(request: HttpRequest, uri: str) -> HttpResponse:
    """`/api/items/URI/versions`: every dispatch of an item that the subscription has, as NDJSON."""
    found = _authorise(request)
    rows = [row.seq for row in _versions(found, uri)]
    lines = encoded([store.Row(seq, store.last_before(found.stream, seq - 1)) for seq in rows], found)
    return HttpResponse(b"\n".join([*lines, b""]), content_type=_NDJSON)


def _versions(found: Subscription, uri: str) -> list[Any]:
    first = store.first_of(found.stream, uri)
    got = [
        row for row in wire.read_versions(uri)
        if first is not None and row.seq > found.since and store.has_row(found.stream, row.seq)
    ]  # fmt: skip
    if not got or found.headlines:
        raise _refuse(404, "No such item", f"Your subscription has no item {uri}.")
    return got


@_answering
def consistency(request: HttpRequest) -> HttpResponse:
    """`/api/consistency?old=N&new=M`: the RFC 6962 proof that the log of N dispatches begins the log of M.

    Empty for equal ones, and for a log of none: there is nothing to prove.
    """
    _authorise(request)
    head = wire.head_seq()
    new = _whole(request, "new", head, _LARGEST)
    old = _whole(request, "old", 0, _LARGEST)
    if new > head or old > new:
        detail = f"The log has {dispatches(head)}: old and new are how many it had, and old is not more than new."
        raise _refuse(400, "No such proof", detail)
    proof = [part.hex() for part in tree.consistency(old, new)] if 0 < old < new else []
    return HttpResponse(msgspec.json.encode({"old": old, "new": new, "proof": proof}), content_type="application/json")
