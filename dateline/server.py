"""The running server: a process that folds the wire and keeps its embargoes, and workers that serve readers.

Threads: the event loop answers what workers hand on; the folder follows the wire, announces, folds and renders; the
settler writes the rendered pages to files; others push to subscribers, send replays and mail, keep the clocks. Each has
its own connection to the database, and all stop together.
"""

import asyncio
import contextlib
import errno
import fcntl
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
import uvloop
from django.conf import settings
from django.db import connection

from dateline.delivery import for_desk
from dateline.delivery.alerts.send import keep_alerts
from dateline.delivery.blocks import BLOCKS
from dateline.delivery.fold import DeliveryFold, catch_up
from dateline.delivery.push import keep_pushing
from dateline.delivery.replay import Replayer
from dateline.delivery.waker import WAKER
from dateline.delivery.websub.distribute import keep_hub
from dateline.delivery.websub.hub import HUB
from dateline.delivery.wishes import Wishes
from dateline.desk.schedule_story import keep_schedules
from dateline.desk.subscribers import Room
from dateline.desk.views import live as desk_live
from dateline.feeds.fold import FeedsFold
from dateline.feeds.links import link_of
from dateline.feeds.publish import FeedsPublisher
from dateline.live.events import event_of
from dateline.live.history import read_history
from dateline.live.hub import HEARTBEAT_S, Event, Hub
from dateline.news.element import Change
from dateline.pages.answer import Answerer
from dateline.pages.protocol import ReadyProtocol, TakenProtocol, close_idle
from dateline.pages.store import PageStore
from dateline.site import views
from dateline.site.fold import SiteFold
from dateline.site.publish import SitePublisher
from dateline.wire import bell, store
from dateline.wire.embargo import keep_embargoes
from dateline.wire.errors import NotVerified, WireError
from dateline.wire.follow import BATCH, POLL_S, fold, use_lazy_commits
from dateline.wire.identity import wire_id
from dateline.wire.verify import remember
from dateline.wire.write_back import WriteBack
from dateline.workers.crew import Crew

log = logging.getLogger(__name__)
# What delivery gives is what the desk asks for: mypy compares them here, where both are known.
_FOR_DESK: Room[Wishes] = for_desk
_GOES = (Change.WITHHOLD, Change.KILL)
# Readers that come back all at once after a restart wait here, not in vain.
_BACKLOG = 4096
# How often idle connections are looked for; they are closed after IDLE_S.
_SWEEP_S = 5.0
# A worker of a server that was killed on this port takes a moment to notice.
_LEAVE_S = 1.0
# How long a thread waits after a failure (a full disk, a locked database) before it tries again.
_AFTER_FAILURE_S = 1.0


def open_pages() -> PageStore:
    """Return the store of ready pages of this wire."""
    return PageStore(settings.DATELINE_HOME / "site", settings.MEMORY_BYTES, link_of)


class Outlets:
    """The folder: follows the wire and keeps the public side in step with it."""

    def __init__(self, pages: PageStore) -> None:
        self.pages = pages
        self._site_fold = SiteFold()
        self._feeds_fold = FeedsFold()
        self.site = SitePublisher(pages)
        self.feeds = FeedsPublisher(self._feeds_fold, pages)
        self._delivery_fold = DeliveryFold()
        self._settle = threading.Event()
        # Called, in the folder's thread, when the front page is up to date.
        self.on_front: Callable[[], None] = lambda: None
        # Likewise, when subscribers have something new.
        self.on_delivery: Callable[[], None] = lambda: None
        # Likewise, with the paths of the feeds that changed, and whether an item was withdrawn.
        self.on_feeds: Callable[[list[str], bool], None] = lambda paths, withdrawn: None

    def start(self) -> int:
        """Fold and render what is missing; return how many pages that took."""
        self.pages.sweep()
        while fold([self._site_fold, self._feeds_fold]) or fold([self._delivery_fold]) or catch_up():
            pass
        rendered = self.site.start()
        self.feeds.start()
        self.pages.flush()
        return rendered

    def rebuild(self, projection: str) -> int:
        """Render every page of a projection that was folded anew; return how many pages there are.

        What lies in the folder and belongs to no page of either outlet goes.
        """
        if projection == self._site_fold.name:
            return self.site.render_all(kept=self.feeds.all_paths())
        self.feeds.start()
        self.pages.flush()
        return len(list(self.feeds.all_paths()))

    def step(self, announced: int, announce: Callable[[list[Event]], None]) -> int:
        """Announce, fold and render what is new after seq `announced`; return the new last seq.

        Live readers depend on nothing but the wire, so they are told first; only where an item is withdrawn its
        page goes before, so that who hears of it finds it gone. A page carries its last id, so that nothing depends
        on which of the two a reader sees earlier.
        """
        rows = store.read_rows(announced, BATCH)
        events = [Event(row.seq, event_of(row), row.uri, row.change in _GOES) for row in rows]
        withdraws = any(event.withdraws for event in events)
        if events and not withdraws:
            announce(events)
        try:
            fold([self._site_fold, self._feeds_fold], known=rows)
            # What was withdrawn, the front page, the feeds, then the rest: in the order in which they matter.
            first = self.site.publish_first()
        finally:
            # Also where the pages cannot be kept up.
            if withdraws:
                announce(events)
            self.on_front()
        feeds = self.feeds.publish()
        if feeds:
            self.on_feeds(feeds, withdraws)
        if fold([self._delivery_fold], known=rows) or catch_up():
            self.on_delivery()
        last = rows[-1].seq if rows else announced
        others = self.site.publish(until=lambda: store.head_seq() > last)
        self.feeds.publish_sitemap()
        if others or self.site.has_unsettled or first or feeds or rows:
            self._settle.set()
        return last

    def follow(self, announced: int, announce: Callable[[list[Event]], None], stopped: threading.Event) -> None:
        """Keep in step until stopped. A failure is logged and tried again; the cursors lose nothing."""
        while not stopped.is_set():
            try:
                use_lazy_commits()
                rung = False
                with bell.Bell() as ring:
                    while not stopped.is_set():
                        after = self.step(announced, announce)
                        if after == announced:
                            if rung:
                                bell.ring_inner()  # not for a dispatch: a subscription, or a schedule
                            rung = ring.wait(POLL_S)
                        announced = after
            except Exception:
                log.exception("The public side could not follow the wire after seq %d; trying again", announced)
                connection.close()
                stopped.wait(_AFTER_FAILURE_S)
        connection.close()

    def settle(self, stopped: threading.Event) -> None:
        """Write rendered pages to their files, in a thread of its own."""
        write_back = WriteBack()
        while True:
            self._settle.wait(0.5)
            done = stopped.is_set()
            try:
                # Marks that a power failure brings back cost a rendering.
                use_lazy_commits()
                write_back.step()
                if self._settle.is_set() or done:
                    self._settle.clear()
                    begun = time.monotonic()
                    if self.site.settle():
                        # The folder goes on with the next pages of a long catch-up, which takes half of the time at
                        # most: what is published meanwhile goes before it.
                        stopped.wait(time.monotonic() - begun)
                        bell.ring()
                    remember(store.read_head().checkpoint)
            except NotVerified as error:
                log.error("%s", error)
            except Exception:
                log.exception("Rendered pages could not be written to %s; trying again", settings.DATELINE_HOME)
                connection.close()
                if not done:
                    stopped.wait(_AFTER_FAILURE_S)
                    self._settle.set()
            if done:
                connection.close()
                return


def _keep(clock: Callable[[bell.Bell, Callable[[], bool]], None], stopped: threading.Event) -> None:
    """Run what waits on a bell (a clock, the pusher) until stopped; a failure is logged and it goes on."""
    while not stopped.is_set():
        try:
            with bell.InnerBell() as ring:
                clock(ring, stopped.is_set)
        except Exception:
            log.exception("%s failed; trying again", clock.__name__)
            connection.close()
            stopped.wait(_AFTER_FAILURE_S)
    connection.close()


class _Server(uvicorn.Server):
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


async def _housekeeping(server: _Server, hub: Hub) -> None:
    """Heartbeats to readers, an end to idle connections."""
    loop = asyncio.get_running_loop()
    beat = loop.time()
    while True:
        await asyncio.sleep(_SWEEP_S)
        close_idle(server.server_state.connections, loop.time())
        if loop.time() - beat >= HEARTBEAT_S:
            beat = loop.time()
            hub.heartbeat()


@contextlib.contextmanager
def _threads(stopped: threading.Event, *targets: tuple[str, Callable[..., None], tuple[object, ...]]) -> Iterator[None]:
    threads = [threading.Thread(target=target, name=name, args=args) for name, target, args in targets]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        bell.ring()
        bell.ring_inner()
        for thread in threads:
            thread.join()


async def _serve(listeners: list[socket.socket], outlets: Outlets, started: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    head = await asyncio.to_thread(_head_seq)
    hub = Hub(wire_id(), head, read_history)
    views.use_pages(outlets.pages)
    ReadyProtocol.answerer = Answerer(outlets.pages, settings.ALLOWED_HOSTS)
    ReadyProtocol.answerer.keep_time(loop)
    ReadyProtocol.hosts = frozenset(host.lower() for host in settings.ALLOWED_HOSTS)
    ReadyProtocol.streams = {
        f"{method} /live".encode(): hub.open for method in ("GET", "HEAD", "POST", "PUT", "DELETE")
    }
    BLOCKS.start(settings.DATELINE_HOME / "replay", settings.REPLAY_BYTES)
    replayer = Replayer(BLOCKS)
    ReadyProtocol.borrowers = {b"GET /api/wire": replayer}
    config = uvicorn.Config(
        "dateline.asgi:application", http=ReadyProtocol, loop="uvloop", ws="none",
        lifespan="off", log_config=None,
        log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5,
        backlog=_BACKLOG,
    )  # fmt: skip
    # With workers this process listens to nothing: they hand it what they do not answer themselves.
    crew = Crew(listeners if settings.WORKERS else [], outlets.pages, wire_id(), head)
    server = _Server(config, hub, crew, started)
    stopped = threading.Event()
    crew.start(lambda data: TakenProtocol(config, server.server_state, {}, data))

    held: list[Event] = []

    def announce(events: list[Event]) -> None:
        crew.announce(events)
        held.extend(events)
        if not settings.WORKERS:
            tell_own()

    def tell_own() -> None:
        """Tell the readers of this process. With workers they are few: they wait for the front page, which a loop
        that wakes now would make wait, as one thread runs at a time.
        """
        if held:
            loop.call_soon_threadsafe(hub.announce, held.copy())
            held.clear()

    outlets.on_front = tell_own

    def deliver() -> None:
        loop.call_soon_threadsafe(WAKER.ring)
        bell.ring_inner()

    outlets.on_delivery = deliver
    HUB.use_pages(outlets.pages)
    outlets.on_feeds = lambda paths, withdrawn: HUB.changed(paths, withdrawn=withdrawn)
    with _threads(
        stopped,
        ("pusher", _keep, (keep_pushing, stopped)),
        ("hub", _keep, (keep_hub, stopped)),
        ("alerts", _keep, (keep_alerts, stopped)),
        ("folder", outlets.follow, (head, announce, stopped)),
        ("settler", outlets.settle, (stopped,)),
        ("replays", replayer.run, (stopped,)),
        ("embargoes", _keep, (keep_embargoes, stopped)),
        ("schedules", _keep, (keep_schedules, stopped)),
    ):
        chores = [asyncio.create_task(_housekeeping(server, hub)), asyncio.create_task(crew.keep())]
        try:
            await server.serve(sockets=[] if settings.WORKERS else listeners)
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.to_thread(crew.stop)
    BLOCKS.stop()


def _head_seq() -> int:
    try:
        return store.head_seq()
    finally:
        connection.close()


@contextlib.contextmanager
def only_process() -> Iterator[None]:
    """Hold the public side of this home alone; raise WireError if another process does.

    A server and a rebuild, or two servers, would each take the other's marks for done. The kernel lets go
    of the lock when the process ends, however it ends.
    """
    path = Path(settings.DATELINE_HOME) / "run" / "server.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WireError(
                f"A server, or a rebuild, is at work on {settings.DATELINE_HOME} already; stop it first.",
                str(path),
            ) from error
        yield


def listen(host: str, port: int) -> list[socket.socket]:
    """Return a socket that listens there, or one for each worker where there are several.

    Raises WireError with a sentence if that cannot be.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    until = time.monotonic() + _LEAVE_S
    while True:
        try:
            if settings.WORKERS < 2:
                return [socket.create_server((host, port), family=family, backlog=_BACKLOG)]
            # First we find out that the port is nobody else's: these would share it with anyone. Nobody is let in by
            # this one, whose connections would end with it.
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((host, port))
            return [
                socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=True)
                for _ in range(settings.WORKERS)
            ]
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise WireError(
                    f"The server cannot listen on {host}:{port}: {error.strerror}. Try --port.", port
                ) from error
            time.sleep(0.05)


def serve(listeners: list[socket.socket], outlets: Outlets, started: Callable[[], None]) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); call `started` when readers are answered."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dateline.settings")
    connection.close()
    # Under full load of readers the folder's thread gets its turn after half a millisecond, not after five.
    sys.setswitchinterval(0.0005)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(listeners, outlets, started))
