"""Pull: a subscriber asks for what comes after its cursor, waits for the next dispatch, or holds a stream open.

What `after` says was received is acknowledged by it. Answers are the stored bytes (`lines`); nothing is read into
memory but one batch.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import chain, repeat
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from dateline.delivery import store
from dateline.delivery.asking import (
    LIMITS,
    NDJSON,
    Asked,
    Refused,
    authorise,
    read_query,
    read_whole,
    refuse,
    still,
    too_many_streams,
    wants_replay,
)
from dateline.delivery.lines import encoded, lines_of
from dateline.delivery.store import Subscription
from dateline.delivery.waker import WAKER
from dateline.news.counting import dispatches
from dateline.news.formats.outgoing import FORMATS, NINJS, OLDER, encoder
from dateline.news.item import PubStatus
from dateline.pages.accepting import preferred
from dateline.pages.problem import problem
from dateline.wire import store as wire
from dateline.wire import tree
from dateline.wire.identity import wire_id
from dateline.wire.store import Head

# Rows that a replay reads at a time: some hundred kilobytes, what a slow client's text can be late by after a kill.
_BATCH = 100
# Events of a stream that are written before what became of their items is looked at again.
_AT_ONCE = 10
_HEARTBEAT_S = 15.0
_SSE = "text/event-stream"
# What an item comes as: ninjs also as older versions, which a parameter asks for.
_NINJS_VERSION = "; ninjs="
_ITEM = (*FORMATS, *(f"{NINJS}{_NINJS_VERSION}{version}" for version in OLDER))
# Of numbers that are read at all, as openapi.json says.
_LARGEST = 10**18 - 1


class _Batch(msgspec.Struct, frozen=True):
    """Lines, the seq of the last of them (or `after`), and the signed head that proofs are of."""

    lines: list[bytes]
    last: int
    head: Head


def _read(asked: Asked, after: int, limit: int, before: Head | None = None) -> _Batch:
    """Read a batch. `before`: the head that the lines of a stream before were proved by.

    It proves these, too, as far as it reaches; the first line that is proved by a new one brings its checkpoint.
    """
    by = still(asked)
    rows = store.read_rows(by.stream, after, limit)
    last = rows[-1].seq if rows else after
    # Read after the rows: it is of a log that holds them all.
    head = before if before is not None and last <= before.seq else wire.read_head()
    if not asked.proof:
        return _Batch(encoded(rows, by), last, head)
    checkpoints = chain(["" if before is None or head is before else head.checkpoint], repeat(""))
    lines = [
        line.encode(proof_size=head.seq, checkpoint=checkpoint)
        for line, checkpoint in zip(lines_of(rows, by), checkpoints, strict=False)
    ]
    return _Batch(lines, last, head)


_View = Callable[[HttpRequest, Asked], Awaitable[HttpResponseBase]]


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
        except Refused as refused:
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
            asked = await sync_to_async(read_query)(request)
            response = await view(request, asked)
        except Refused as refused:
            response = refused.response
        response["Cache-Control"] = "no-store"
        return response

    return answer


@_guarded
async def pull(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    """`/api/wire`: the dispatches after a cursor, as JSON, or all of them as NDJSON (`Accept`)."""
    if wants_replay(request.headers.get("Accept", "")):
        return StreamingHttpResponse(_replay(asked), content_type=NDJSON)
    batch = await sync_to_async(_read)(asked, asked.after, asked.limit)
    if not batch.lines and asked.wait_s:
        if not LIMITS.open(asked.by.id):
            raise refuse(429, "Too many requests wait", "Let one of them end first.", Retry_After="5")
        try:
            await _next(asked, asked.wait_s)
        finally:
            LIMITS.close(asked.by.id)
        batch = await sync_to_async(_read)(asked, asked.after, asked.limit)
    head = {"wire": wire_id(), "head": batch.head.seq, "next": batch.last}
    if asked.proof:
        head["checkpoint"] = batch.head.checkpoint
    text = json.dumps(head).encode()[:-1] + b', "dispatches": [' + b",\n".join(batch.lines) + b"]}\n"
    return HttpResponse(text, content_type="application/json")


async def _next(asked: Asked, wait_s: float) -> None:
    """Wait until the stream has something after the cursor, or the time is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while not WAKER.stopped and (left := until - loop.time()) > 0:
        waiting = asyncio.ensure_future(WAKER.wait(left))
        # It waits before it looks: what comes in between rings.
        await asyncio.sleep(0)
        if await sync_to_async(_has_more)(asked):
            waiting.cancel()
            return
        await waiting


def _has_more(asked: Asked) -> bool:
    try:
        return bool(store.read_rows(still(asked).stream, asked.after, 1))
    except Refused:
        return True  # which the reading that follows says


async def _replay(asked: Asked) -> AsyncIterator[bytes]:
    """Yield every line up to the head, a batch at a time, each read when the one before has gone: what was killed
    meanwhile goes without its text. Where the token ends, the last line is a problem, so that no part looks whole.
    """
    after, head = asked.after, Head()
    while True:
        try:
            batch = await sync_to_async(_read)(asked, after, _BATCH, head)
        except Refused as refused:
            yield refused.response.content + b"\n"
            return
        if not batch.lines:
            return
        yield b"\n".join([*batch.lines, b""])
        after, head = batch.last, batch.head


@_guarded
async def stream(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    """`/api/wire/stream`: the same as server-sent events; `id` is the seq, `event` the act."""
    if LIMITS.is_full(asked.by.id):
        raise too_many_streams()
    response = StreamingHttpResponse(_events(asked), content_type=_SSE)
    response["X-Accel-Buffering"] = "no"
    return response


async def _events(asked: Asked) -> AsyncIterator[bytes]:
    after, head = asked.after, Head()
    # Counted here, not in the view: what is never begun is never ended.
    LIMITS.open(asked.by.id)
    try:
        yield b": the wire %s\n\n" % wire_id().encode()
        while not WAKER.stopped:
            try:
                batch = await sync_to_async(_read)(asked, after, _AT_ONCE, head)
            except Refused:
                return
            for line in batch.lines:
                named = msgspec.json.decode(line, type=_Named)
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (named.seq, named.act.encode(), line)
            if batch.lines:
                after, head = batch.last, batch.head
                continue
            await _next(msgspec.structs.replace(asked, after=after), _HEARTBEAT_S)
            yield b": \n\n"
    finally:
        LIMITS.close(asked.by.id)


class _Named(msgspec.Struct):
    seq: int
    act: str


@_answering
def item(request: HttpRequest, uri: str) -> HttpResponse:
    """`/api/items/URI`: one item as the subscription has it, in the form that `Accept` asks for."""
    last = _versions(authorise(request), uri)[-1]
    # The log itself is asked: what was killed a moment ago may not have been folded yet.
    state = wire.read_state(uri)
    if state is not None and state.pubstatus == PubStatus.CANCELED:
        return problem(410, "Killed", wire.read_item(state.seq).ednote)
    chosen = preferred(request.headers.get("Accept", ""), _ITEM)
    if chosen is None:
        return problem(406, "No such form", f"An item comes as {', '.join(_ITEM)}.", Vary="Accept")
    media_type, _, version = chosen.partition(_NINJS_VERSION)
    data = last.item if chosen == NINJS else encoder(media_type, version)(last.news, settings.AGENCY, last.act)
    kind = f"{media_type}; charset=utf-8" if media_type == "text/plain" else media_type
    return HttpResponse(data, content_type=kind, headers={"Vary": "Accept"})


@_answering
def versions(request: HttpRequest, uri: str) -> HttpResponse:
    """`/api/items/URI/versions`: every dispatch of an item that the subscription has, as NDJSON."""
    found = authorise(request)
    rows = [row.seq for row in _versions(found, uri)]
    lines = encoded([store.Row(seq, store.last_before(found.stream, seq - 1)) for seq in rows], found)
    return HttpResponse(b"\n".join([*lines, b""]), content_type=NDJSON)


def _versions(found: Subscription, uri: str) -> list[Any]:
    first = store.first_of(found.stream, uri)
    got = [
        row for row in wire.read_versions(uri)
        if first is not None and row.seq > found.since and store.has_row(found.stream, row.seq)
    ]  # fmt: skip
    if not got or found.headlines:
        raise refuse(404, "No such item", f"Your subscription has no item {uri}.")
    return got


@_answering
def consistency(request: HttpRequest) -> HttpResponse:
    """`/api/consistency?old=N&new=M`: the RFC 6962 proof that the log of N dispatches begins the log of M.

    Empty for equal ones, and for a log of none: there is nothing to prove.
    """
    authorise(request)
    head = wire.head_seq()
    new = read_whole(request, "new", head, _LARGEST)
    old = read_whole(request, "old", 0, _LARGEST)
    if new > head or old > new:
        detail = f"The log has {dispatches(head)}: old and new are how many it had, and old is not more than new."
        raise refuse(400, "No such proof", detail)
    proof = [part.hex() for part in tree.consistency(old, new)] if 0 < old < new else []
    return HttpResponse(msgspec.json.encode({"old": old, "new": new, "proof": proof}), content_type="application/json")
