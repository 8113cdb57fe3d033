"""uvicorn's server as this one needs it: its beginning is told, and its end ends our streams, not the process."""

import asyncio
import contextlib
import gc
import math
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from dateline.delivery.waker import WAKER
from dateline.desk.views import live as desk_live
from dateline.live.hub import Hub
from dateline.workers.crew import Crew

# How long uvicorn lets answers under way take before it cancels them, seconds; it logs each with a traceback.
GRACEFUL_S = 5
# So they end before.
_LONGEST_S = 4.0
# A client that has taken nothing for so long does not read.
_LOOK_S = 1.0


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
        cutting = asyncio.create_task(_cut_unread(self.server_state.connections))
        try:
            await super().shutdown(sockets)
        finally:
            cutting.cancel()


async def _cut_unread(connections: set[Any]) -> None:
    """Cut connections whose clients take nothing of what was written for them, and at last all that are left.

    What is cut in the middle is seen to be: a length, or the last chunk, is missing.
    """
    until = time.monotonic() + _LONGEST_S
    unread: dict[Any, int] = {}
    while True:
        await asyncio.sleep(_LOOK_S)
        is_over = time.monotonic() > until
        for connection in list(connections):
            size = connection.transport.get_write_buffer_size()
            if is_over or (size and size >= unread.get(connection, math.inf)):
                connection.transport.abort()
            unread[connection] = size
