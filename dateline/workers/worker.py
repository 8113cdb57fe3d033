"""A worker's process: `python -m dateline.workers.worker LISTENER CONTROL HANDING` (file descriptors).

Answers ready pages and live readers, and nothing else. Ends when the main process ends or says so.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from types import SimpleNamespace
from typing import Any

import uvloop
from django.conf import settings

from dateline.feeds.links import link_of
from dateline.live.history import read_history
from dateline.live.hub import HEARTBEAT_S, Hub
from dateline.pages.answer import Answerer
from dateline.pages.protocol import ReadyProtocol, close_idle
from dateline.pages.store import PageStore
from dateline.workers.handing import Giver
from dateline.workers.messages import Hello, Message, Put, Sync, Tell, Unframer, Written, sync_reply

# How often idle connections are looked for.
_SWEEP_S = 5.0
# What was asked before the end is answered within this time, or never.
_LAST_WORDS_S = 0.3
_BACKLOG = 4096


class Worker(asyncio.Protocol):
    """The worker as the protocol of its control socket: does what it is told, ends when that is closed."""

    def __init__(self, listener: socket.socket, giver: Giver) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._unframer = Unframer()
        self._pages = PageStore(settings.DATELINE_HOME / "site", settings.MEMORY_BYTES, link_of)
        self._hub: Hub | None = None
        self._connections: set[object] = set()
        self._serving: asyncio.Task[None] | None = None
        self.ended = self._loop.create_future()
        ReadyProtocol.answerer = Answerer(self._pages, settings.ALLOWED_HOSTS)
        ReadyProtocol.answerer.keep_time(self._loop)
        ReadyProtocol.hosts = frozenset(host.lower() for host in settings.ALLOWED_HOSTS)
        ReadyProtocol.passer = giver

    def connection_made(self, transport: Any) -> None:
        """The main process is there."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Do what the main process says."""
        for message in self._unframer.feed(data):
            self._do(message)

    def _do(self, message: Message) -> None:
        if isinstance(message, Put):
            if message.page is None:
                self._pages.drop(message.path)
            else:
                self._pages.put(message.path, message.page)
                if message.path == "/" and self._hub is not None:
                    self._loop.call_soon(self._hub.front_is_up)
        elif isinstance(message, Written):
            self._pages.settle(message.path, message.digest, message.twins)
        elif isinstance(message, Tell):
            assert self._hub is not None
            self._hub.announce(message.events)
        elif isinstance(message, Sync):
            self._transport.write(sync_reply(message.number))
        else:
            self._open(message)

    def _open(self, hello: Hello) -> None:
        self._hub = Hub(hello.wire, hello.head, read_history)
        ReadyProtocol.streams = {
            f"{method} /live".encode(): self._hub.open for method in ("GET", "HEAD", "POST", "PUT", "DELETE")
        }
        self._serving = self._loop.create_task(self._serve())

    async def _serve(self) -> None:
        state = SimpleNamespace(connections=self._connections)
        await self._loop.create_server(lambda: ReadyProtocol(None, state, {}), sock=self._listener, backlog=_BACKLOG)
        beat = self._loop.time()
        while True:
            await asyncio.sleep(_SWEEP_S)
            close_idle(self._connections, self._loop.time())
            if self._hub is not None and self._loop.time() - beat >= HEARTBEAT_S:
                beat = self._loop.time()
                self._hub.heartbeat()

    def connection_lost(self, exc: Exception | None) -> None:
        """The main process stops, or is gone: end the streams, so that browsers come back to the next one."""
        if self._serving is not None:
            self._serving.cancel()
        self._listener.close()
        if self._hub is not None:
            self._hub.close()
        for connection in list(self._connections):
            assert isinstance(connection, ReadyProtocol)
            connection.shutdown()
        if not self.ended.done():
            self.ended.set_result(None)


async def _work(listener: int, control: int, handing: int) -> None:
    ends = [socket.socket(fileno=fd) for fd in (listener, control, handing)]
    worker = Worker(ends[0], Giver(ends[2]))
    await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=ends[1])
    await worker.ended
    for _ in range(int(_LAST_WORDS_S / 0.01)):
        if not worker._connections:
            break
        await asyncio.sleep(0.01)


def main() -> None:
    """Work until the main process ends."""
    # Ctrl+C and a supervisor's TERM go to the main process, which says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Nothing here makes cycles as it runs; what was loaded need not be looked through again.
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(*map(int, sys.argv[1:4])))
    # Ten thousand connections need no tidying up: the kernel does it.
    os._exit(0)


if __name__ == "__main__":
    main()
