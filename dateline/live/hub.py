"""The hub: every live reader's connection, and what is written to them.

Lives in the event loop's thread. A reader joins when it has what it missed: from the recent events in
memory at once, from the log where they do not reach back far enough. Between reading the head and
joining nothing can be lost, since both happen in one step of the loop.

What is announced goes out in rounds: one chunk to every reader that was there when the round began, in
slices between which the loop answers others. What comes meanwhile is the next round's, in one chunk. After
the first readers a round waits for the front page, which is being rendered, for some milliseconds at most.
"""

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice, takewhile
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
# The loop answers a page request after this long at the latest, however many readers there are; a slice is some four
# hundred of them.
_SLICE_S = 0.002
# While a round is this young, slices are shorter: whoever waits for its news on the front page asks now. With long ones
# they saw it two milliseconds later; with short ones all along, the last of many readers was told a tenth later.
_YOUNG_S = 0.01
_SHORT_SLICE_S = 0.0005
# Readers written to between two looks at the clock, each some five microseconds.
_STEP = 32
# How long a round waits for the front page once its first `_STEP` readers have it. Rendering takes one or two; a crowd
# that was written to meanwhile would take the core that it needs.
_FRONT_S = 0.004
# Stands for the socket of a reader for whom something waits in its transport.
_BEHIND = -1
# A round sends no more than this to each reader: a fraction of what may wait for one.
_ROUND_BYTES = 64 * 1024

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n"
    b"X-Accel-Buffering: no\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items()).encode()
    + b"\r\nretry: %d\n\n" % _RETRY_MS
)

_HEARTBEAT = b"event: heartbeat\ndata: {}\n\n"

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


def _chunk_of(events: list[Event]) -> bytes:
    return b"".join(event.chunk for event in events if event.chunk)


class Reader(asyncio.Protocol):
    """One live reader's connection: its transport's protocol from when it was taken over."""

    __slots__ = ("_hub", "fd", "transport")

    def __init__(self, hub: "Hub", transport: Any) -> None:
        self._hub = hub
        self.transport = transport
        # The transport's socket; it stays open until `connection_lost`.
        self.fd: int = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        """A stream takes no further requests."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._hub.leave(self)


class Hub:
    """All live readers of this process."""

    def __init__(self, wire: str, head: int, history: History) -> None:
        self._wire = wire
        self._history = history
        # Each with its socket, or _BEHIND.
        self._readers: dict[Reader, int] = {}
        self._recent: deque[Event] = deque(maxlen=_RECENT)
        self._head = head
        self._oldest = head  # the recent events hold all that follows this seq
        self._told = head  # the last seq of the round that goes on, or of the last one
        self._pending: list[Event] = []  # announced, for the next rounds
        self._early: list[tuple[Reader, int]] = []  # readers that have seen what no round has told yet
        self._round: Iterator[Reader] | None = None  # those that the round has still to reach
        self._telling: list[Event] = []  # what the round tells them
        self._chunk = b""
        self._begun = 0.0  # when the round began, by time.perf_counter
        self._front_first = False  # the round is to wait for the front page
        self._waiting: asyncio.TimerHandle | None = None  # it does so now
        self._replays: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many readers are connected."""
        return len(self._readers)

    def open(self, request: Request, transport: Any) -> Reader:
        """Take over a connection that asked for /live. Never fails: a bad id gets a `reset` event."""
        reader = Reader(self, transport)
        transport.set_protocol(reader)
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
        if after > self._told:
            self._early.append((reader, after))
        elif after >= self._oldest:
            if missed := self._missed(after):
                reader.transport.write(b"".join(missed))
            self._join(reader)
        else:
            task = asyncio.get_running_loop().create_task(self._replay(reader, after))
            self._replays.add(task)
            task.add_done_callback(self._replays.discard)

    def _missed(self, after: int) -> list[bytes]:
        """Return the chunks of the recent events after a seq that the rounds have told so far."""
        if after == self._told:
            return []
        late = list(takewhile(lambda event: event.seq > after, reversed(self._recent)))
        return [event.chunk for event in reversed(late) if event.seq <= self._told and event.chunk]

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
        self._readers[reader] = _BEHIND
        # Tells the page at once that it is connected, where a proxy holds back an answer's bare head.
        reader.transport.write(_HEARTBEAT)

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
            self._pending.append(event)
        if any(event.withdraws for event in fresh):
            self.front_is_up()  # it was, before this was announced
        if self._round is None:
            self._begin()

    def _blank(self, item: str) -> None:
        """Forget what was shown of an item that is withdrawn: nobody gets a word of it from now on."""
        for events in (self._recent, self._pending, self._telling):
            for place, event in enumerate(events):
                if event.item == item and event.chunk and not event.withdraws:
                    events[place] = Event(event.seq, None)
                    if events is self._telling:  # whom the round has not reached yet gets the rest
                        self._chunk = _chunk_of(self._telling)

    def heartbeat(self) -> None:
        """Tell every reader that the wire is there; finds the dead among them, too."""
        if self._round is None:  # else they hear from it just now
            self._send([Event(self._told, _HEARTBEAT)])

    def _begin(self) -> None:
        """Begin the next round with what is pending."""
        if not self._pending or self._round is not None:
            return
        size = count = 0
        for event in self._pending:
            more = len(event.chunk or b"")
            if size and size + more > _ROUND_BYTES:
                break
            size += more
            count += 1
        telling = self._pending[:count]
        self._told = telling[-1].seq
        # Where something goes the front page is up already: a kill waits for nothing.
        front_first = not any(event.withdraws for event in telling)
        del self._pending[:count]
        early, self._early = self._early, []
        # An empty round, of advisories for instance, reaches everyone at once.
        self._send(telling, front_first=front_first)
        for reader, after in early:
            if not reader.transport.is_closing():
                self._catch_up(reader, after)

    def _send(self, telling: list[Event], *, front_first: bool = False) -> None:
        """Begin a round: whoever joins or leaves from now on is none of its."""
        self._telling, self._chunk = telling, _chunk_of(telling)
        self._front_first = front_first
        self._begun = time.perf_counter()
        self._round = iter(list(self._readers) if self._chunk else ())
        self._go_on()

    def front_is_up(self) -> None:
        """The front page shows what was announced: nobody need wait for it any more."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._go_on()

    def _go_on(self) -> None:
        """Write to the next readers of the round, for one slice; the rest of it follows in the loop's next turn."""
        self._waiting = None
        if self._round is None:
            return  # closed meanwhile
        now = time.perf_counter()
        until = now + (_SHORT_SLICE_S if now - self._begun < _YOUNG_S else _SLICE_S)
        readers, chunk, size = self._readers, self._chunk, len(self._chunk)
        # Nothing is left of a chunk whose items were all withdrawn meanwhile.
        while size and (batch := list(islice(self._round, _STEP))):
            for reader in batch:
                fd = readers.get(reader)
                if fd is None:
                    continue
                if fd == _BEHIND and not reader.transport.get_write_buffer_size():
                    fd = readers[reader] = reader.fd
                sent = 0
                if fd != _BEHIND:
                    # Straight to the socket: a transport keeps books that cost a sixth of the whole.
                    try:
                        sent = os.write(fd, chunk)
                    except OSError:
                        sent = 0  # full; or gone, which the transport will find
                if sent != size:
                    self._hand_on(reader, chunk[sent:])
            if self._front_first and len(batch) == _STEP:
                self._front_first = False
                self._waiting = asyncio.get_running_loop().call_later(_FRONT_S, self._go_on)
                return
            if time.perf_counter() > until:
                asyncio.get_running_loop().call_soon(self._go_on)
                return
        self._round = None
        if self._pending:
            asyncio.get_running_loop().call_soon(self._begin)

    def _hand_on(self, reader: Reader, rest: bytes) -> None:
        """Leave to the transport what the socket did not take; drop a reader for whom too much waits."""
        reader.transport.write(rest)
        self._readers[reader] = _BEHIND
        if reader.transport.get_write_buffer_size() > _MAX_WAITING_BYTES:
            reader.transport.abort()
            self.leave(reader)

    def close(self) -> None:
        """The server stops: end every stream, so that browsers come back to the next one."""
        self._round = None
        if self._waiting is not None:
            self._waiting.cancel()
        self._pending.clear()
        for reader in [*self._readers, *(reader for reader, _ in self._early)]:
            reader.transport.close()
        self._readers.clear()
        self._early.clear()
