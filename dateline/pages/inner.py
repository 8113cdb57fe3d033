"""uvicorn's protocol as the ready pages' needs it, behind which it stands.

It says where it is in a connection, answers a client that has shut down its own side, and sends no chunks to HTTP/1.0,
which knows none (RFC 9112 section 6.1).
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

# A client that sends no more either waits for its answer or has gone, which nobody can tell before something is
# written. What is answered at once is answered in less; what waits for news would hold a place for who has gone.
_HALF_CLOSED_S = 5.0


class Inner(HttpToolsProtocol):
    """uvicorn's protocol, which says whether it is in the middle of a request."""

    in_message = False

    def on_message_begin(self) -> None:
        """The parser has begun a request."""
        self.in_message = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """The parser has read a whole request."""
        self.in_message = False
        super().on_message_complete()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered here."""
        return self.cycle is None or self.cycle.response_complete

    def forget_timeout(self) -> None:
        """Let uvicorn's own clock not close a connection that goes on to ask for ready pages."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()

    def give_up(self) -> None:
        """The connection is somebody else's from now on."""
        self.forget_timeout()
        self.connections.discard(self)

    def ends_with_answer(self) -> bool:
        """The client sends no more: return whether it waits for an answer, with which the connection ends."""
        cycle = self.cycle
        if self.in_message or self.is_idle or cycle.response_started:
            return False
        cycle.keep_alive = False
        self.loop.call_later(_HALF_CLOSED_S, self._let_go, cycle)
        return True

    def _let_go(self, cycle: RequestResponseCycle) -> None:
        if not cycle.response_started:
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, _without_chunks(cycle, app) if cycle.scope["http_version"] == "1.0" else app)


def _without_chunks(cycle: RequestResponseCycle, app: Any) -> Any:
    """Return an application whose answers without a length end with the connection."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        unsized = False

        async def sending(message: Any) -> None:
            nonlocal unsized
            if message["type"] == "http.response.start":
                unsized = all(name.lower() != b"content-length" for name, _ in message["headers"])
                # Decided by now, so that uvicorn does not; as a length it takes that of each part.
                cycle.chunked_encoding = False if unsized else None
            elif unsized:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, sending)

    return answer
