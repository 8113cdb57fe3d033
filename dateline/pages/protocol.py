"""The server's HTTP protocol: ready pages and streams are answered before a request is built.

A connection that asks only for those costs a few hundred bytes. For the first request that is neither,
uvicorn's protocol is put behind this one, and Django answers as if this class were not there.

A long answer can be another thread's: the connection is lent to it, and asks for nothing until it comes back.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from dateline.pages.answer import Answerer, Request, host_name, read_head
from dateline.pages.inner import Inner
from dateline.pages.lend import Loan

# RFC 9112 asks for at least 8,000 octets; browsers with many cookies send some more.
_MAX_HEAD_BYTES = 65_536
_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# A client that asks for many pages at once and does not read is cut off when this much waits for it.
_MAX_WAITING_BYTES = 8 * 1024 * 1024
# A connection on which nothing has come for so long is closed (nginx's keepalive_timeout).
IDLE_S = 75.0

# Takes a connection over: makes a protocol of its own the transport's, and hears all that comes on it.
StreamOpener = Callable[[Request, Any], object]


class Passer(Protocol):
    """Takes connections that ask for what is not ready, in a process that has no Django."""

    def take(self, transport: Any, data: bytes) -> None:
        """Take the connection over; `data` was read of it and not answered."""


class Borrower(Protocol):
    """Answers some requests in a thread of its own, writing to the connection's socket itself."""

    def wants(self, request: Request) -> bool:
        """Whether this request is one of its own."""

    def take(self, request: Request, borrowed: "Borrowed") -> None:
        """Answer it, and give the connection back."""


class Borrowed:
    """A connection that is lent to a thread: `socket` is its own copy of the socket, which does not block.

    Nothing else reads or writes on the connection until it comes back. `lost`: it is closed, or the server stops: what
    was begun need not be ended.
    """

    __slots__ = ("_connection", "_loop", "lost", "socket")

    def __init__(self, connection: "ReadyProtocol", copy: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self.socket = copy
        self.lost = False

    def give_back(self, *, keep: bool) -> None:
        """Give the connection back, from any thread; `keep`: a whole answer was written, and more may be asked."""
        self.socket.close()
        with contextlib.suppress(RuntimeError):  # the server has stopped meanwhile
            self._loop.call_soon_threadsafe(self._connection.take_back, keep)


class ReadyProtocol(asyncio.Protocol):
    """Ready pages and streams, with uvicorn's protocol behind them."""

    __slots__ = (
        "_app_state", "_config", "_ends", "_held", "_inner", "_lent", "_socket", "_state", "_waiting", "heard",
        "last_heard", "transport",
    )  # fmt: skip

    answerer: ClassVar[Answerer]
    streams: ClassVar[Mapping[bytes, StreamOpener]]
    hosts: ClassVar[frozenset[str]]
    passer: ClassVar[Passer | None] = None
    borrowers: ClassVar[Mapping[bytes, Borrower]] = {}

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        # Kept for the inner protocol, which most connections never need.
        self._config, self._state, self._app_state = config, server_state, app_state
        self._inner: Inner | None = None
        self._waiting = b""
        self._held = False
        self._lent: Borrowed | None = None
        # Whether the server stops, or the client sends no more: what is lent ends when it comes back.
        self._ends = False
        self.transport: Any = None
        # The socket's file descriptor, from the first loan on.
        self._socket = -1
        # Whether something came since the last look at idle connections, and the time of that look.
        self.heard = True
        self.last_heard = 0.0

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        self.transport = transport
        self._state.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._state.connections.discard(self)
        if self._lent is not None:
            self._lent.lost = True
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read: ask no more of it until it does, so that little waits for it."""
        if self._inner is not None:
            self._inner.pause_writing()
        else:
            self._held = True
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read what waited for it."""
        if self._inner is not None:
            self._inner.resume_writing()
        if self._held:
            self._held = False
            self.transport.resume_reading()
            self._go_on()

    def _go_on(self) -> None:
        """Answer what came meanwhile."""
        if data := self._waiting:
            self._waiting = b""
            self._read(data)
        if self._ends and not self._held and self._lent is None:
            self.transport.close()

    def shutdown(self) -> None:
        """The server stops (uvicorn calls this): end the connection when what it asked for is answered."""
        if self._lent is not None:
            self._ends = self._lent.lost = True
        elif self._inner is not None:
            self._inner.shutdown()
        else:
            self.transport.close()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered here."""
        return self._lent is None and (self._inner is None or self._inner.is_idle)

    def data_received(self, data: bytes) -> None:
        """Bytes came in: answer what is ready, pass on the rest."""
        self.heard = True
        if (
            self._inner is None
            and not self._waiting
            and self._lent is None
            and (answer := self.answerer.answers.get(data)) is not None
        ):
            if isinstance(answer, Loan):
                self._lend(answer)
            else:
                self.transport.write(answer)
        else:
            self._read(data)

    def _lend(self, answer: Loan) -> None:
        transport = self.transport
        if transport.is_closing():
            return  # its file descriptor may be another connection's by now
        if self._socket < 0:
            self._socket = transport.get_extra_info("socket").fileno()
        answer.send(transport, self._socket)

    def eof_received(self) -> bool:
        """The client sends no more: close, but not before it has what it asked for."""
        self._ends = self._held or self._lent is not None
        return self._ends or (self._inner is not None and self._inner.ends_with_answer())

    def _read(self, data: bytes) -> None:
        if self._lent is not None:
            # uvloop begins to read after `connection_made`, also where reading was paused in it.
            self._waiting += data
            self.transport.pause_reading()
            return
        inner = self._inner
        if inner is not None and (inner.in_message or not inner.is_idle):
            inner.data_received(data)
            return
        if self._waiting:
            data = self._waiting + data
            self._waiting = b""
        while data:
            end = data.find(b"\r\n\r\n") + 4
            if (len(data) if end == 3 else end) > _MAX_HEAD_BYTES:
                self.transport.write(_HEAD_TOO_LARGE)
                self.transport.close()
                return
            if end == 3:
                if data[:1] in b"\r\n":
                    self._pass_on(data)
                else:
                    self._waiting = data
                return
            head = data if end == len(data) else data[:end]
            asked = head[: head.find(b" ", head.find(b" ") + 1)].partition(b"?")[0]
            opener = self.streams.get(asked)
            if opener is not None and self._open_stream(opener, head):
                return
            borrower = self.borrowers.get(asked)
            if borrower is not None and self._lend_connection(borrower, head, data[end:]):
                return
            answer = self.answerer.answer(head)
            if answer is None:
                self._pass_on(data)
                return
            self._send(answer[0])
            if answer[1]:
                self.transport.close()
                return
            data = b"" if self.transport.is_closing() else data[end:]
            if self._held:
                # Whoever asks for many pages at once gets the next ones when these are read.
                self._waiting = data
                return

    def _send(self, answer: bytes) -> None:
        if self._inner is not None:
            self._inner.forget_timeout()
        self.transport.write(answer)
        if self.transport.get_write_buffer_size() > _MAX_WAITING_BYTES:
            self.transport.abort()

    def _pass_on(self, data: bytes) -> None:
        """Let uvicorn read this, and through it Django: in this process, or in the one that the passer knows."""
        if self.passer is not None:
            self._state.connections.discard(self)
            self.passer.take(self.transport, data)
            return
        if self._inner is None:
            self._inner = Inner(self._config, self._state, self._app_state)
            self._inner.connection_made(self.transport)
            # This one stands for both in the server's list of connections.
            self._state.connections.discard(self._inner)
        self._inner.data_received(data)

    def _open_stream(self, opener: StreamOpener, head: bytes) -> bool:
        request = read_head(head)
        if request is None or host_name(request.headers.get("host", "")) not in self.hosts:
            return False
        if self._inner is not None:
            self._inner.give_up()
        self._state.connections.discard(self)
        opener(request, self.transport)
        return True

    def _lend_connection(self, borrower: Borrower, head: bytes, rest: bytes) -> bool:
        request = read_head(head)
        if request is None or host_name(request.headers.get("host", "")) not in self.hosts:
            return False
        # What was written before goes out before.
        if self.transport.get_write_buffer_size() or not borrower.wants(request):
            return False
        try:
            fd = os.dup(self.transport.get_extra_info("socket").fileno())
        except OSError:
            return False  # no descriptor is left for it; it goes without
        try:
            copy = socket.socket(fileno=fd)
        except OSError:
            os.close(fd)
            return False
        copy.setblocking(False)
        if self._inner is not None:
            self._inner.forget_timeout()
        # What follows waits in the kernel, so that nothing can come between.
        self.transport.pause_reading()
        self._waiting = rest
        self._lent = Borrowed(self, copy)
        borrower.take(request, self._lent)
        return True

    def take_back(self, keep: bool) -> None:
        """The borrower is done; `keep`: its answer is whole, and the client may ask for more."""
        self._lent = None
        self.heard = True
        if self.transport.is_closing():
            return
        if self._ends or not keep:
            self.transport.close()
            return
        self.transport.resume_reading()
        self._go_on()


class TakenProtocol(ReadyProtocol):
    """The same, for a connection of which another process has read `data` already."""

    __slots__ = ("_data",)

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], data: bytes) -> None:
        super().__init__(config, server_state, app_state)
        self._data = data

    def connection_made(self, transport: Any) -> None:
        """The connection is here; what was read comes before whatever follows."""
        super().connection_made(transport)
        data, self._data = self._data, b""
        self.data_received(data)


def close_idle(connections: set[Any], now: float) -> None:
    """Close the connections on which nothing has come for IDLE_S; `now` is the loop's time, seconds.

    Called every few seconds. A connection notes only that something came, which costs nothing a request.
    """
    for connection in list(connections):
        if not isinstance(connection, ReadyProtocol):
            continue
        if connection.heard:
            connection.heard, connection.last_heard = False, now
        elif connection.is_idle and now - connection.last_heard > IDLE_S:
            # What still waits for a client that has not read for so long waits in vain.
            connection.transport.abort()
