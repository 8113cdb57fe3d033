"""uvicorn's server as this one needs it: its beginning is told, and its end ends our streams, not the process."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn

from dateline.delivery.waker import WAKER
from dateline.desk.views import live as desk_live
from dateline.live.hub import Hub
from dateline.workers.crew import Crew


class Server(uvicorn.Server):
    """uvicorn's server, which ends our streams when it is told to stop."""

    def __init__(self, config: uvicorn.Config, hub: Hub, crew: Crew, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._hub = hub
        self._crew = crew
        self._started_hook = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop when told to by SIGINT or SIGTERM, and go on to what follows `serve`.

        uvicorn's own ends the process with the signal that it was told by, before our threads have stopped.
        """
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            # What is loaded by now stays as long as the server runs. A collection that looked through it again
            # would stop every thread for some fifty milliseconds.
            gc.collect()
            gc.freeze()
            self._started_hook()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.to_thread(self._crew.stop)  # they hand on what comes until then
        self._hub.close()
        WAKER.stop()
        desk_live.stop()
        await super().shutdown(sockets)
