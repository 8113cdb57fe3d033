"""Replay: everything after a cursor, as NDJSON, at the speed at which the kernel sends files.

A thread of its own writes to the sockets that the server lends it (`pages.protocol.Borrowed`), a piece of some hundred
kilobytes to each that can take more, in turn. A piece is a ready block (`blocks`), sent by the kernel from its file, or
lines that are read from the log there and then. Before each it is asked anew whether the subscription still is what it
was, and whether what it holds was killed meanwhile: what a kill is late by is the piece that was begun, and what the
kernel holds for the client. A client that does not read costs a socket and one piece at most, and no thread.

What is asked here is asked in the same words by `pull`, which answers whatever this does not want (`wants`).
"""

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from array import array
from bisect import bisect_left
from collections import deque
from email.utils import formatdate
from http import HTTPStatus
from io import BytesIO
from itertools import accumulate
from urllib.parse import parse_qs

import msgspec
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpResponse

from dateline.delivery import store
from dateline.delivery.asking import LIMITS, NDJSON, Asked, Refused, read_query, still, too_many_streams
from dateline.delivery.blocks import Block, Blocks, Key
from dateline.delivery.lines import encoded
from dateline.delivery.store import Subscription
from dateline.pages.answer import Request
from dateline.pages.headers import SECURITY_HEADERS
from dateline.pages.problem import problem
from dateline.pages.protocol import Borrowed
from dateline.wire import store as wire

log = logging.getLogger(__name__)
# A piece: large enough that what is asked before each does not count (a twentieth of what sending it takes), and small
# enough that a kill is not late by much.
_PIECE_BYTES = 256 * 1024
# Rows read at a time on the way to a piece; of the usual 2 to 4 kB two or one of them make one.
_ROWS = 64
# A smaller piece is no block: the end of a stream, which grows, would leave too many of them.
_LEAST_BYTES = 32 * 1024
# Pieces a client gets before the next one's turn.
_A_TURN = 4
# How long what was asked holds while the database has not changed: a token can end by the clock alone.
_HOLDS_S = 0.02
# How soon it is seen that the server stops, and who is too slow.
_LOOK_S = 0.5
# A client that does not take a piece in this time, a kilobyte a second, has to come back: what was killed meanwhile
# would still be in it, and connections that nobody reads would use up the server's descriptors.
_LONGEST_S = 300.0
# What the kernel holds for a client at most (it takes twice this, for its own books): as much is a kill late by, and a
# client far away gets some megabytes a second.
_KERNEL_BYTES = 256 * 1024
# Tells the kernel that more follows at once (Linux): a chunk's size and its text share a packet.
_MORE = getattr(socket, "MSG_MORE", 0)


class _Known(msgspec.Struct, frozen=True):
    """What was asked of the database: at that version of it, and good until that time (monotonic, seconds).

    `cursor`: how far the stream is folded, `last`: its last row; `kill`: the last kill of the wire.
    """

    version: int
    until: float
    by: Subscription
    key: Key
    cursor: int
    last: int
    kill: int


class _Piece:
    """What is being written: some bytes, then a part of a file. `begun`: a part of it is with the client."""

    __slots__ = ("_at", "_bytes", "_end", "_file", "begun", "chosen")

    def __init__(self, data: bytes, file: int = -1, begin: int = 0, end: int = 0) -> None:
        self._bytes = memoryview(data)
        self._file, self._at, self._end = file, begin, end
        self.begun = False
        # When, by the monotonic clock, seconds.
        self.chosen = time.monotonic()

    @property
    def is_done(self) -> bool:
        """Whether all of it is written."""
        return not self._bytes and self._at >= self._end

    def send(self, to: socket.socket) -> None:
        """Write all of it. Raises BlockingIOError where the client has to read first, OSError where it is gone."""
        while self._bytes:
            self._bytes = self._bytes[to.send(self._bytes, _MORE if self._file >= 0 else 0) :]
            self.begun = True
        while self._at < self._end:
            sent = os.sendfile(to.fileno(), self._file, self._at, self._end - self._at)
            if not sent:
                raise OSError("a block was cut off while it was being sent")
            self._at += sent
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class _Replay:
    """One answer under way.

    `asked`: None until it may begin; `after`: what is written reaches to that seq; `joint`: what goes before the next
    chunk; `keep`: the connection goes on when it `ends`, which is when the piece is written; `before`: `after` and
    `joint` as they were before the piece.
    """

    __slots__ = (
        "after", "asked", "before", "begun", "borrowed", "ends", "joint", "keep", "known", "piece", "request",
    )  # fmt: skip

    def __init__(self, request: Request, borrowed: Borrowed) -> None:
        self.request = request
        self.borrowed = borrowed
        self.asked: Asked | None = None
        self.after = 0
        self.known: _Known | None = None
        self.joint = b""
        self.before = (0, b"")
        self.piece = _Piece(b"")
        self.begun = self.ends = False
        self.keep = request.keep_alive

    def head(self, response: HttpResponse, **fields: str) -> bytes:
        """Return the head of an answer: what Django and the server below it would have written."""
        status = HTTPStatus(response.status_code)
        named = {**SECURITY_HEADERS, **dict(response.items()), "Cache-Control": "no-store", **fields}
        named["Date"] = formatdate(usegmt=True)
        if not self.keep:
            named["Connection"] = "close"
        text = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return f"HTTP/1.1 {status.value} {status.phrase}\r\n{text}\r\n".encode("latin-1")

    def write(self, data: bytes) -> None:
        """Let a chunk be next."""
        self.piece = _Piece(b"%b%x\r\n%b" % (self.joint, len(data), data))
        self.begun, self.joint = True, b"\r\n"

    def write_file(self, file: int, begin: int, end: int) -> None:
        """Let a part of a file be the next chunk; the descriptor is this one's from now on."""
        self.piece = _Piece(b"%b%x\r\n" % (self.joint, end - begin), file, begin, end)
        self.begun, self.joint = True, b"\r\n"

    def put_back(self) -> None:
        """Forget the piece, of which nothing is written: what it holds is looked at anew when there is room for it."""
        self.piece.close()
        self.piece = _Piece(b"")
        self.after, self.joint = self.before

    def finish(self, data: bytes = b"") -> None:
        """Let this be the last of it."""
        last = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        self.piece = _Piece(self.joint + last + b"0\r\n\r\n")
        self.begun = self.ends = True

    def refuse(self, response: HttpResponse) -> None:
        """Answer with this instead."""
        content = response.content
        self.piece = _Piece(self.head(response, **{"Content-Length": str(len(content))}) + content)
        self.begun = self.ends = True


class Replayer:
    """The thread that sends replays, and the server's way to it (`pages.protocol.Borrower`)."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._new: deque[_Replay] = deque()
        self._bell, self._button = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._runs = False
        for end in (self._bell, self._button):
            end.setblocking(False)

    def wants(self, request: Request) -> bool:
        """Whether it is a plain replay: proofs, older HTTP and requests with a body are `pull`'s."""
        headers = request.headers
        return (
            self._runs
            and NDJSON in headers.get("accept", "")
            and request.version == "1.1"
            and "proof" not in parse_qs(request.query, keep_blank_values=True)
            and headers.keys().isdisjoint(("content-length", "transfer-encoding", "expect"))
        )

    def take(self, request: Request, borrowed: Borrowed) -> None:
        """Answer a request, in this object's thread; called in the server's."""
        self._new.append(_Replay(request, borrowed))
        with contextlib.suppress(BlockingIOError):  # it has been rung often enough
            self._button.send(b".")

    def run(self, stopped: threading.Event) -> None:
        """Send what there is to be sent until stopped."""
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._runs = True
        looked = time.monotonic()
        try:
            while not stopped.is_set():
                for key, _ in self._selector.select(_LOOK_S):
                    if key.data is None:
                        self._open()
                    else:
                        self._turn(key.data)
                if time.monotonic() - looked > _LOOK_S:
                    looked = time.monotonic()
                    self._end_slow(looked)
        finally:
            self._runs = False
            self._open()
            for replay in self._replays():
                self._close(replay)
            self._selector.close()
            connection.close()

    def _replays(self) -> list[_Replay]:
        return [key.data for key in self._selector.get_map().values() if key.data is not None]

    def _open(self) -> None:
        """Let those that are new have their turn with the others."""
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
        while self._new:
            replay = self._new.popleft()
            try:
                replay.borrowed.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
                self._selector.register(replay.borrowed.socket, selectors.EVENT_WRITE, replay)
            except OSError as error:
                log.warning("A replay could not begin: %s", error.strerror)
                replay.borrowed.give_back(keep=False)

    def _close(self, replay: _Replay, *, keep: bool = False) -> None:
        self._selector.unregister(replay.borrowed.socket)
        replay.piece.close()
        if replay.asked is not None:
            LIMITS.close(replay.asked.by.id)
        replay.borrowed.give_back(keep=keep)

    def _end_slow(self, now: float) -> None:
        for replay in self._replays():
            if replay.borrowed.lost or now - replay.piece.chosen > _LONGEST_S:
                self._close(replay)

    def _turn(self, replay: _Replay) -> None:
        """Write what a client can take, some pieces at most; each is chosen at the moment when it can go."""
        try:
            for _ in range(_A_TURN):
                if replay.piece.is_done:
                    replay.before = (replay.after, replay.joint)
                    self._advance(replay)
                replay.piece.send(replay.borrowed.socket)
                if replay.ends or replay.borrowed.lost:
                    self._close(replay, keep=replay.ends and replay.keep)
                    return
        except BlockingIOError:
            if not replay.piece.begun and not replay.ends:
                replay.put_back()
        except OSError:
            self._close(replay)  # the client is gone

    def _advance(self, replay: _Replay) -> None:
        try:
            if replay.asked is None:
                self._begin(replay)
            else:
                self._find_piece(replay, replay.asked)
        except Refused as refused:
            if replay.asked is None:
                replay.refuse(refused.response)
            else:
                # The last line is a problem, so that no part looks whole.
                replay.finish(refused.response.content + b"\n")
        except (BadRequest, SuspiciousOperation) as error:
            replay.refuse(problem(400, "Bad request", f"The request cannot be read: {error}"))
        except Exception:
            log.exception("A replay failed after seq %d", replay.after)
            # A connection of its own for whoever comes next; what it counted as versions counts no more.
            connection.close()
            for other in self._replays():
                other.known = None
            replay.keep = False
            if replay.begun:
                raise ConnectionAbortedError from None
            replay.refuse(problem(500, "The replay failed", "The server's log says why. Ask again."))

    def _begin(self, replay: _Replay) -> None:
        request = replay.request
        scope = {
            "type": "http", "method": request.method, "path": request.path,
            "query_string": request.query.encode("latin-1"),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()],
        }  # fmt: skip
        asked = read_query(ASGIRequest(scope, BytesIO()))
        if not LIMITS.open(asked.by.id):
            raise too_many_streams()
        replay.asked, replay.after = asked, asked.after
        replay.joint = replay.head(HttpResponse(content_type=NDJSON), **{"Transfer-Encoding": "chunked"})

    def _ask(self, asked: Asked) -> _Known:
        """Ask the database, inside a snapshot, who gets what as things are."""
        by = still(asked)
        stream = store.read_stream(by.stream)
        key = Key(stream.filter, bool(by.headlines))
        return _Known(0, 0, by, key, stream.cursor, stream.last, wire.last_kill())

    def _look(self, replay: _Replay, asked: Asked) -> _Known:
        """Return what holds now; it is asked again where anything in the database has changed."""
        version, now = wire.data_version(), time.monotonic()
        known = replay.known
        if known is None or known.version != version or known.until < now:
            with wire.snapshot():
                found = self._ask(asked)
            # The version was read before: what changed in between is seen at the next look.
            known = msgspec.structs.replace(found, version=version, until=now + _HOLDS_S)
            replay.known = known
        return known

    def _find_piece(self, replay: _Replay, asked: Asked) -> None:
        """Let the next piece be ready to be written, or the end."""
        known = self._look(replay, asked)
        if replay.after >= known.last:
            replay.finish()
            return
        if not _is_first(replay.after, known.by):
            block, _ = self._blocks.find(known.key, replay.after)
            if block is not None and (file := self._opened(block, known)) is not None:
                begin = block.place(replay.after)
                replay.after = block.last
                if begin < block.size:
                    replay.write_file(file, begin, block.size)
                else:
                    # It reaches further than its last line; an empty chunk would end the answer.
                    os.close(file)
                    self._find_piece(replay, asked)
                return
        self._read_piece(replay, asked)

    def _opened(self, block: Block, known: _Known) -> int | None:
        """Return a descriptor of a block's file, or None if it is not to be sent."""
        if block.last > known.cursor:
            return None  # of a stream that is folded anew: it has no rows yet in the gaps between blocks
        if known.kill > block.checked:
            if wire.is_killed_after(block.checked, block.after + 1, block.last):
                self._blocks.drop(block)
                return None
            block.checked = known.kill
        try:
            file = block.open()
        except OSError as error:
            log.warning("A block could not be read; the log is read instead: %s", error.strerror)
            return None
        if file is None:
            self._blocks.drop(block)
        return file

    def _read_piece(self, replay: _Replay, asked: Asked) -> None:
        """Read the next lines from the log, all in one moment of it, and keep them as a block where they make one."""
        after = replay.after
        with wire.snapshot():
            known = self._ask(asked)
            first = _is_first(after, known.by)
            block, until = self._blocks.find(known.key, after)
            if first or block is not None or until > known.cursor:
                until = 0
            found = _read_lines(known.by, after, until, first=first)
        if found.lines:
            data = b"\n".join([*found.lines, b""])
            replay.after = until if found.all_read and until else found.seqs[-1]
            replay.write(data)
            if not first and block is None and len(data) >= _LEAST_BYTES:
                self._keep(known, after, replay.after, found, data)
        elif until:
            replay.after = until
            self._find_piece(replay, asked)
        else:
            replay.finish()

    def _keep(self, known: _Known, after: int, last: int, found: "_Lines", data: bytes) -> None:
        ends = array("Q", accumulate(len(line) + 1 for line in found.lines))
        kept = self._blocks.keep(
            known.key, after, array("Q", found.seqs), ends, data, last=last, checked=known.kill
        )  # fmt: skip
        # A kill whose fold looked for blocks before this one was there.
        if kept is not None and wire.is_killed_after(known.kill, after + 1, last):
            self._blocks.drop(kept)


class _Lines(msgspec.Struct):
    """Lines without their ends, the seq of each, and whether there are no more of them up to where they were to go."""

    lines: list[bytes] = []
    seqs: list[int] = []
    all_read: bool = False


def _is_first(after: int, by: Subscription) -> bool:
    """Whether the next line is a subscription's first, if that began late: no other has it with that `prev`."""
    return 0 < by.since >= after


def _read_lines(by: Subscription, after: int, until: int, *, first: bool) -> _Lines:
    """Read a piece of lines after a seq, up to `until` if that is not 0; `first`: one line, as this one has it."""
    found, size, limit = _Lines(), 0, 1 if first else _ROWS
    shared = by if first else msgspec.structs.replace(by, since=0)
    while size < _PIECE_BYTES:
        rows = store.read_rows(by.stream, after, limit)
        rows = [row for row in rows if row.seq <= until] if until else rows
        # Of very long texts no more are read than go into the piece.
        reached = list(accumulate(wire.read_sizes([row.seq for row in rows]), initial=size))
        fitting = rows[: bisect_left(reached, 2 * _PIECE_BYTES)]
        for row, line in zip(fitting, encoded(fitting, shared), strict=True):
            found.lines.append(line)
            found.seqs.append(row.seq)
            size += len(line) + 1
        if len(fitting) < len(rows):
            return found
        if len(rows) < limit or first:
            found.all_read = not first
            return found
        after = rows[-1].seq
    return found
