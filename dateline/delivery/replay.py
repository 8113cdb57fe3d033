"""Replay: everything after a cursor, as NDJSON, at the speed at which the kernel sends files.

A thread of its own writes to the sockets that the server lends it (`pages.protocol.Borrowed`), a piece of some hundred
kilobytes to each that can take more, in turn. A piece is chosen (`choosing`) when it can go: what a kill is late by is
the piece that was begun, and what the kernel holds for the client. A client that does not read costs a socket and one
piece at most, and no thread.

What is asked here is asked in the same words by `pull`, which answers whatever this does not want (`wants`).
"""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import deque
from io import BytesIO
from urllib.parse import parse_qs

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpResponse

from dateline.delivery.asking import LIMITS, NDJSON, Refused, read_query, too_many_streams, wants_replay
from dateline.delivery.blocks import Blocks
from dateline.delivery.choosing import Chooser, Replay
from dateline.pages.answer import Request
from dateline.pages.problem import problem
from dateline.pages.protocol import Borrowed

log = logging.getLogger(__name__)
# Pieces a client gets before the next one's turn.
_A_TURN = 4
# How soon it is seen that the server stops, and who is too slow.
_LOOK_S = 0.5
# A client that does not take a piece in this time, a kilobyte a second, has to come back: what was killed meanwhile
# would still be in it, and connections that nobody reads would use up the server's descriptors.
_LONGEST_S = 300.0
# What the kernel holds for a client at most (it takes twice this, for its own books): as much is a kill late by, and a
# client far away gets some megabytes a second.
_KERNEL_BYTES = 256 * 1024


class Replayer:
    """The thread that sends replays, and the server's way to it (`pages.protocol.Borrower`)."""

    def __init__(self, blocks: Blocks) -> None:
        self._chooser = Chooser(blocks)
        self._new: deque[Replay] = deque()
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
            and request.version == "1.1"
            and "proof" not in parse_qs(request.query, keep_blank_values=True)
            and headers.keys().isdisjoint(("content-length", "transfer-encoding", "expect"))
            and wants_replay(headers.get("accept", ""))
        )

    def take(self, request: Request, borrowed: Borrowed) -> None:
        """Answer a request, in this object's thread; called in the server's."""
        self._new.append(Replay(request, borrowed))
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

    def _replays(self) -> list[Replay]:
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

    def _close(self, replay: Replay, *, keep: bool = False) -> None:
        self._selector.unregister(replay.borrowed.socket)
        replay.piece.close()
        if replay.asked is not None:
            LIMITS.close(replay.asked.by.id)
        replay.borrowed.give_back(keep=keep)

    def _end_slow(self, now: float) -> None:
        for replay in self._replays():
            if replay.borrowed.lost or now - replay.piece.chosen > _LONGEST_S:
                self._close(replay)

    def _turn(self, replay: Replay) -> None:
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

    def _advance(self, replay: Replay) -> None:
        try:
            if replay.asked is None:
                self._begin(replay)
            else:
                self._chooser.find_piece(replay, replay.asked)
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

    def _begin(self, replay: Replay) -> None:
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
