"""The crew: the main process's side of its workers. Starts them, tells them what changes, starts fallen ones anew.

What is told is told to all, in one order. A worker that does not take it within TELL_S, or does not confirm
it, is ended: no reader is served by one that may be behind.
"""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable

from dateline.live.hub import Event
from dateline.pages.ready import Page, Ready
from dateline.pages.store import PageStore
from dateline.workers.handing import Taker
from dateline.workers.messages import Hello, Message, Put, Sync, Tell, Written, frame, sync_reply

log = logging.getLogger(__name__)
# A worker takes what it is told within milliseconds; one that has not in so long hangs.
_TELL_S = 5.0
# How often fallen workers are looked for: what connects meanwhile waits in the listener's queue.
_LOOK_S = 0.1
# A worker that falls again and again is started no more often than this.
_AGAIN_S = 1.0
# How long workers have to end by themselves when the server stops.
_STOP_S = 3.0


class _Worker:
    """One worker's process and the sockets to it."""

    def __init__(self, listener: socket.socket) -> None:
        self.control, control = socket.socketpair()
        self.handing, handing = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(_TELL_S)
        fds = (listener.fileno(), control.fileno(), handing.fileno())
        command = [sys.executable, "-m", "dateline.workers.worker", *map(str, fds)]
        self.process = subprocess.Popen(command, pass_fds=fds)  # noqa: S603
        control.close()
        handing.close()
        self.failed = False

    def send(self, data: bytes) -> None:
        """Send, or end the worker."""
        with contextlib.suppress(OSError):
            if not self.failed:
                self.control.sendall(data)
                return
        self.end()

    def confirm(self, number: int) -> None:
        """Wait until it has done what it was told before Sync(number), or end it."""
        reply = b""
        with contextlib.suppress(OSError):
            while not self.failed and reply != sync_reply(number):
                reply = self.control.recv(8, socket.MSG_WAITALL)
                if len(reply) < 8:
                    break
        if reply != sync_reply(number):
            self.end()

    def end(self) -> None:
        """End it at once."""
        self.failed = True
        self.process.kill()


class Crew:
    """All workers of this server, one a listener."""

    def __init__(self, listeners: list[socket.socket], pages: PageStore, wire: str, head: int) -> None:
        self._listeners = listeners
        self._pages = pages
        self._wire, self._head = wire, head
        self._workers: list[_Worker] = []
        self._takers: list[Taker] = []
        self._number = 0
        self._stopping = False
        # One order of what is told, for all workers and whichever thread tells it.
        self._telling = threading.RLock()
        self._confirming = threading.Lock()

    def start(self, protocol: Callable[[bytes], asyncio.Protocol]) -> None:
        """Start the workers; `protocol` takes a connection that one hands on and what was read of it."""
        self._protocol = protocol
        if self._listeners:
            self._pages.follow(self)
        for listener in self._listeners:
            self._add(listener)

    def _add(self, listener: socket.socket, place: int | None = None) -> None:
        worker = _Worker(listener)
        taker = Taker(worker.handing, self._protocol)
        # No page is put between the look at those without a file and the place among those who are told.
        with self._pages.still() as pending, self._telling:
            if self._stopping:
                worker.end()
                return
            worker.send(frame(Hello(self._wire, self._head)))
            for path, ready in pending.items():
                worker.send(frame(Put(path, ready.page if ready else None)))
            if place is None:
                self._workers.append(worker)
                self._takers.append(taker)
            else:
                self._workers[place], self._takers[place] = worker, taker

    def _tell(self, *messages: Message) -> None:
        with self._telling:
            data = b"".join(map(frame, messages))
            for worker in self._workers:
                worker.send(data)

    def put(self, path: str, page: Page | None) -> None:
        """A page was put (or dropped: None). From any thread."""
        self._tell(Put(path, page))

    def written(self, batch: Iterable[tuple[str, Ready | None]]) -> None:
        """These were written to their files. Returns when every worker has confirmed all that it was told."""
        for path, ready in batch:
            twins = {name: variant.body for name, variant in ready.variants.items() if name} if ready else {}
            self._tell(Written(path, ready.digest if ready else "", twins))
        self.confirm()

    def announce(self, events: list[Event]) -> None:
        """Tell live readers. From the folder's thread."""
        with self._telling:
            self._head = max([self._head, *(event.seq for event in events)])
            self._tell(Tell(events))

    def confirm(self) -> None:
        """Return when every worker has done what it was told; one that does not within _TELL_S is ended."""
        with self._confirming:
            with self._telling:
                self._number += 1
                workers = list(self._workers)
                data = frame(Sync(self._number))
                for worker in workers:
                    worker.send(data)
            for worker in workers:
                worker.confirm(self._number)

    async def keep(self) -> None:
        """Start fallen workers anew, for as long as the server runs."""
        while True:
            await asyncio.sleep(_LOOK_S)
            for place, worker in enumerate(self._workers):
                if worker.process.poll() is not None:
                    try:
                        self._replace(place, worker)
                    except OSError:
                        log.exception("No worker could take a fallen one's place; trying again")
                    await asyncio.sleep(_AGAIN_S - _LOOK_S)

    def _replace(self, place: int, worker: _Worker) -> None:
        log.error("A worker ended (%s); another takes its place", worker.process.returncode)
        self._takers[place].close()
        worker.control.close()
        self._add(self._listeners[place], place)

    def stop(self) -> None:
        """Let the workers end: they close their streams, answer what they were asked, and go."""
        self._pages.follow(None)
        with self._telling:
            self._stopping = True
            workers, self._workers = self._workers, []
        for worker in workers:
            with contextlib.suppress(OSError):
                worker.control.shutdown(socket.SHUT_RDWR)
        for worker in workers:
            try:
                worker.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                worker.end()
                worker.process.wait()
