"""The hub: every live reader's connection, and what is written to them.

Lives in the event loop's thread. A reader joins when it has what it missed: from the recent events in
memory at once, from the log where they do not reach back far enough. Between reading the head and
joining nothing can be lost, since both happen in one step of the loop.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from dateline.live.events import encode
from dateline.pages.answer import Request
from dateline.pages.headers import SECURITY_HEADERS

log = logging.getLogger(__name__)

# Events kept in memory: a reader that lost its connection for minutes needs no query.
_RECENT = 2000
# A client that lets this much wait for it reads too slowly, or not at all; it is dropped, and its
# browser comes back with Last-Event-ID.
_MAX_WAITING_BYTES = 256 * 1024
# A reader further behind than this many dispatches, a day of a large agency, gets a reset.
_LONGEST_REPLAY = 20_000
HEARTBEAT_S = 15.0
# Dispatches read in one go for a reader that was away for long.
_REPLAY_BATCH = 500
_RETRY_MS = 2000

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n"
    b"X-Accel-Buffering: no\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items()).encode()
    + b"\r\nretry: %d\n\n" % _RETRY_MS
)

# Gives the events of the dispatches after a seq: (the last seq that was looked at, the chunks).
History = Callable[[int, int], tuple[int, list[bytes]]]


class Event(msgspec.Struct, frozen=True):
    """One dispatch as the hub keeps it; `chunk` is None if it is nothing to a live reader.

    `item` is its item's uri; `withdraws` says that the item goes with it.
    """

    seq: int
    chunk: bytes | None
    item: str = ""
    withdraws: bool = False


class Reader:
    """One live reader's connection."""

    __slots__ = ("_hub", "joined", "transport")

    def __init__(self, hub: "Hub", transport: Any) -> None:
        self._hub = hub
        self.transport = transport
        self.joined = False

    def lost(self) -> None:
        """The client is gone."""
        self._hub.leave(self)


class Hub:
    """All live readers of this process."""

    def __init__(self, wire: str, head: int, history: History) -> None:
        self._wire = wire
        self._history = history
        self._readers: dict[Reader, Any] = {}
        self._recent: deque[Event] = deque(maxlen=_RECENT)
        self._head = head
        self._oldest = head  # the recent events hold all that follows this seq
        self._replays: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many readers are connected."""
        return len(self._readers)

    def open(self, request: Request, transport: Any) -> Reader:
        """Take over a connection that asked for /live. Never fails: a bad id gets a `reset` event."""
        reader = Reader(self, transport)
        if request.method != "GET":
            transport.write(
                b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            transport.close()
            return reader
        transport.write(_HEAD)
        after = self._start_of(request)
        if after is None:
            # Its page is of another wire, or of a head that this one has not reached: start afresh.
            transport.write(encode("reset", {"wire": self._wire, "head": self._head}, self._head))
            after = self._head
        self._catch_up(reader, after)
        return reader

    def _start_of(self, request: Request) -> int | None:
        """Return the seq after which the reader wants events, or None if it is none of this wire's."""
        query = parse_qs(request.query)
        if query.get("wire", [self._wire])[-1] != self._wire:
            return None
        text = request.headers.get("last-event-id") or query.get("after", [str(self._head)])[-1]
        if not (text.isascii() and text.isdigit() and len(text) < 19) or int(text) > self._head:
            return None
        # So far back the page is another day's; loading it anew is less than replaying it.
        return int(text) if int(text) >= self._head - _LONGEST_REPLAY else None

    def _catch_up(self, reader: Reader, after: int) -> None:
        if after >= self._oldest:
            missed = [event.chunk for event in self._recent if event.seq > after and event.chunk]
            if missed:
                reader.transport.write(b"".join(missed))
            self._join(reader)
            return
        task = asyncio.get_running_loop().create_task(self._replay(reader, after))
        self._replays.add(task)
        task.add_done_callback(self._replays.discard)

    async def _replay(self, reader: Reader, after: int) -> None:
        """Send what was missed from the log, no faster than the reader takes it, then let it join."""
        loop = asyncio.get_running_loop()
        while after < self._oldest and not reader.transport.is_closing():
            # No further than the events in memory begin: the log may be ahead of what was announced.
            limit = min(_REPLAY_BATCH, self._oldest - after)
            try:
                after, chunks = await loop.run_in_executor(None, self._history, after, limit)
            except Exception:
                log.exception("The history after seq %d could not be read; its reader will come again", after)
                reader.transport.abort()
                return
            if reader.transport.is_closing():
                return
            reader.transport.write(b"".join(chunks))
            waited_s = 0.0
            while reader.transport.get_write_buffer_size() > _MAX_WAITING_BYTES // 2:
                if waited_s > 2 * HEARTBEAT_S or reader.transport.is_closing():
                    reader.transport.abort()
                    return
                await asyncio.sleep(0.05)
                waited_s += 0.05
        if not reader.transport.is_closing():
            self._catch_up(reader, after)

    def _join(self, reader: Reader) -> None:
        reader.joined = True
        self._readers[reader] = reader.transport
        # Tells the page at once that it is connected, where a proxy holds back an answer's bare head.
        reader.transport.write(b"event: heartbeat\ndata: {}\n\n")

    def leave(self, reader: Reader) -> None:
        """A reader is gone."""
        self._readers.pop(reader, None)

    def announce(self, events: list[Event]) -> None:
        """Send new events to everyone. Runs in the loop's thread, in the order of the wire."""
        fresh = [event for event in events if event.seq > self._head]
        if not fresh:
            return
        self._head = fresh[-1].seq
        for event in fresh:
            if event.withdraws:
                self._blank(event.item)
            if len(self._recent) == _RECENT:
                self._oldest = self._recent[0].seq
            self._recent.append(event)
        chunk = b"".join(event.chunk for event in fresh if event.chunk)
        if chunk:
            self._write(chunk)

    def _blank(self, item: str) -> None:
        """Forget what was shown of an item that is withdrawn: a reader who comes back gets no word of it."""
        for place, event in enumerate(self._recent):
            if event.item == item and event.chunk and not event.withdraws:
                self._recent[place] = Event(event.seq, None)

    def heartbeat(self) -> None:
        """Tell every reader that the wire is there; finds the dead among them, too."""
        self._write(b"event: heartbeat\ndata: {}\n\n")

    def _write(self, chunk: bytes) -> None:
        slow = []
        for reader, transport in self._readers.items():
            transport.write(chunk)
            if transport.get_write_buffer_size() > _MAX_WAITING_BYTES:
                slow.append(reader)
        for reader in slow:
            reader.transport.abort()
            self.leave(reader)

    def close(self) -> None:
        """The server stops: end every stream, so that browsers come back to the next one."""
        for transport in list(self._readers.values()):
            transport.close()
        self._readers.clear()
