"""The server's HTTP protocol: ready pages and streams are answered before a request is built.

A subclass of uvicorn's. What is neither a ready page nor a stream goes on to uvicorn, and through it to
Django, as if this class were not there.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dateline.pages.answer import Answerer, Request, host_name, read_head

# RFC 9112 asks for at least 8,000 octets; browsers with many cookies send some more.
_MAX_HEAD_BYTES = 65_536
_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# A client that asks and does not read is cut off when this much waits for it.
_MAX_WAITING_BYTES = 8 * 1024 * 1024
# A connection on which nothing has come for so long is closed (nginx's keepalive_timeout).
IDLE_S = 75.0


class Stream(Protocol):
    """A connection that was taken over, until it is lost."""

    def lost(self) -> None:
        """The client is gone."""


StreamOpener = Callable[[Request, Any], Stream]


class ReadyProtocol(HttpToolsProtocol):
    """uvicorn's protocol with ready pages and streams in front of it."""

    answerer: ClassVar[Answerer]
    streams: ClassVar[Mapping[bytes, StreamOpener]]
    hosts: ClassVar[frozenset[str]]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waiting = b""
        self._in_message = False
        self._stream: Stream | None = None
        self.last_heard = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._stream is not None:
            self._stream.lost()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """uvicorn's parser has begun a request."""
        self._in_message = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """uvicorn's parser has read a whole request."""
        self._in_message = False
        super().on_message_complete()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered here."""
        return self._stream is None and (self.cycle is None or self.cycle.response_complete)

    def data_received(self, data: bytes) -> None:
        """Bytes came in: answer what is ready, pass on the rest."""
        if self._stream is not None:
            return  # a stream takes no further requests
        self.last_heard = self.loop.time()
        if not self._waiting and not self._in_message and (self.cycle is None or self.cycle.response_complete):
            ready = self.answerer.quick(data)
            if ready is not None:
                self._send(ready)
                return
        if self._in_message or not self.is_idle:
            super().data_received(data)
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
                    super().data_received(data)
                else:
                    self._waiting = data
                return
            head = data if end == len(data) else data[:end]
            opener = self.streams.get(head[: head.find(b" ", head.find(b" ") + 1)].partition(b"?")[0])
            if opener is not None and self._open_stream(opener, head):
                return
            answer = self.answerer.answer(head)
            if answer is None:
                super().data_received(data)
                return
            self._send(answer[0])
            if answer[1]:
                self.transport.close()
                return
            data = b"" if self.transport.is_closing() else data[end:]

    def _send(self, answer: bytes) -> None:
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self.transport.write(answer)
        if self.transport.get_write_buffer_size() > _MAX_WAITING_BYTES:
            self.transport.abort()

    def _open_stream(self, opener: StreamOpener, head: bytes) -> bool:
        request = read_head(head)
        if request is None or host_name(request.headers.get("host", "")) not in self.hosts:
            return False
        self._unset_keepalive_if_required()
        self._stream = opener(request, self.transport)
        return True


def close_idle(connections: set[Any], now: float) -> None:
    """Close the connections on which nothing has come for IDLE_S; `now` is the loop's time, seconds."""
    for connection in list(connections):
        if isinstance(connection, ReadyProtocol) and connection.is_idle and now - connection.last_heard > IDLE_S:
            connection.transport.close()
