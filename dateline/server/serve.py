"""What runs in the main process: the event loop, the workers' crew, and the threads, wired to each other."""

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Callable

import uvicorn
import uvloop
from django.conf import settings
from django.db import connection

from dateline.delivery import for_desk
from dateline.delivery.alerts.send import keep_alerts
from dateline.delivery.blocks import BLOCKS
from dateline.delivery.push import keep_pushing
from dateline.delivery.replay import Replayer
from dateline.delivery.waker import WAKER
from dateline.delivery.websub.distribute import keep_hub
from dateline.delivery.websub.hub import HUB
from dateline.delivery.wishes import Wishes
from dateline.desk.schedule_story import keep_schedules
from dateline.desk.subscribers import Room
from dateline.live.history import read_history
from dateline.live.hub import HEARTBEAT_S, Event, Hub
from dateline.pages.answer import Answerer
from dateline.pages.protocol import ReadyProtocol, TakenProtocol, close_idle
from dateline.server.listen import BACKLOG
from dateline.server.outlets import Outlets
from dateline.server.stopping import GRACEFUL_S, Server
from dateline.server.threads import keep, running
from dateline.site import views
from dateline.wire import bell, store
from dateline.wire.embargo import keep_embargoes
from dateline.wire.identity import wire_id
from dateline.workers.crew import Crew

# What delivery gives is what the desk asks for: mypy compares them here, where both are known.
_FOR_DESK: Room[Wishes] = for_desk
# How often idle connections are looked for; they are closed after IDLE_S.
_SWEEP_S = 5.0


async def _housekeeping(server: Server, hub: Hub) -> None:
    """Heartbeats to readers, an end to idle connections."""
    loop = asyncio.get_running_loop()
    beat = loop.time()
    while True:
        await asyncio.sleep(_SWEEP_S)
        close_idle(server.server_state.connections, loop.time())
        if loop.time() - beat >= HEARTBEAT_S:
            beat = loop.time()
            hub.heartbeat()


async def _serve(listeners: list[socket.socket], outlets: Outlets, started: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    head = await asyncio.to_thread(_head_seq)
    hub = Hub(wire_id(), head, read_history)
    BLOCKS.start(settings.DATELINE_HOME / "replay", settings.REPLAY_BYTES)
    replayer = Replayer(BLOCKS)
    _answer_ready(loop, outlets, hub, replayer)
    config = uvicorn.Config(
        "dateline.asgi:application", http=ReadyProtocol, loop="uvloop", ws="none",
        lifespan="off", log_config=None,
        log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACEFUL_S,
        backlog=BACKLOG,
    )  # fmt: skip
    # With workers this process listens to nothing: they hand it what they do not answer themselves.
    crew = Crew(listeners if settings.WORKERS else [], outlets.pages, wire_id(), head)
    server = Server(config, hub, crew, started)
    stopped = threading.Event()
    crew.start(lambda data: TakenProtocol(config, server.server_state, {}, data))
    announce = _tell(loop, outlets, hub, crew)
    with running(
        stopped,
        ("pusher", keep, (keep_pushing, stopped)),
        ("hub", keep, (keep_hub, stopped)),
        ("alerts", keep, (keep_alerts, stopped)),
        ("folder", outlets.follow, (head, announce, stopped)),
        ("settler", outlets.settle, (stopped,)),
        ("replays", replayer.run, (stopped,)),
        ("embargoes", keep, (keep_embargoes, stopped)),
        ("schedules", keep, (keep_schedules, stopped)),
    ):
        chores = [asyncio.create_task(_housekeeping(server, hub)), asyncio.create_task(crew.keep())]
        try:
            await server.serve(sockets=[] if settings.WORKERS else listeners)
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.to_thread(crew.stop)
    BLOCKS.stop()


def _answer_ready(loop: asyncio.AbstractEventLoop, outlets: Outlets, hub: Hub, replayer: Replayer) -> None:
    """Let this process's connections be answered with ready pages, live streams and replays."""
    views.use_pages(outlets.pages)
    ReadyProtocol.answerer = Answerer(outlets.pages, settings.ALLOWED_HOSTS)
    ReadyProtocol.answerer.keep_time(loop)
    ReadyProtocol.hosts = frozenset(host.lower() for host in settings.ALLOWED_HOSTS)
    ReadyProtocol.streams = {
        f"{method} /live".encode(): hub.open for method in ("GET", "HEAD", "POST", "PUT", "DELETE")
    }
    ReadyProtocol.borrowers = {b"GET /api/wire": replayer}


def _tell(loop: asyncio.AbstractEventLoop, outlets: Outlets, hub: Hub, crew: Crew) -> Callable[[list[Event]], None]:
    """Let the folder tell whom each of its steps concerns; return what it announces with."""
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

    def front_is_up() -> None:
        tell_own()
        loop.call_soon_threadsafe(hub.front_is_up)

    def deliver() -> None:
        loop.call_soon_threadsafe(WAKER.ring)
        bell.ring_inner()

    outlets.on_front = front_is_up
    outlets.on_delivery = deliver
    HUB.use_pages(outlets.pages)
    outlets.on_feeds = lambda paths, withdrawn: HUB.changed(paths, withdrawn=withdrawn)
    return announce


def _head_seq() -> int:
    try:
        return store.head_seq()
    finally:
        connection.close()


def serve(listeners: list[socket.socket], outlets: Outlets, started: Callable[[], None]) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); call `started` when readers are answered."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dateline.settings")
    connection.close()
    # Under full load of readers the folder's thread gets its turn after half a millisecond, not after five.
    sys.setswitchinterval(0.0005)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(listeners, outlets, started))
