"""The desk's live line: one server-sent event whenever something that the queue shows may have changed.

The database itself says so: `PRAGMA data_version` changes with every commit of another connection. One
look for all who listen, some times a second; the browser then fetches what it shows, with its ETag.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

# An editor does not see the difference to less; the look itself costs some microseconds.
_LOOK_S = 0.25
# Proxies cut lines that are silent for a minute.
_HEARTBEAT_S = 20.0


class _Watch:
    """Looks at the database for all who listen in one event loop."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def listen(self) -> Any:
        changed = asyncio.Event()
        self._waiting.add(changed)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            yield changed
        finally:
            self._waiting.discard(changed)

    async def _look(self) -> None:
        path = settings.DATELINE_HOME / "wire.sqlite3"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)) as database:
            version = None
            while self._waiting:
                found = database.execute("PRAGMA data_version").fetchone()[0]
                if version is not None and found != version:
                    for changed in self._waiting:
                        changed.set()
                version = found
                await asyncio.sleep(_LOOK_S)


_watches: dict[int, _Watch] = {}


def _watch() -> _Watch:
    return _watches.setdefault(id(asyncio.get_running_loop()), _Watch())


async def _events(stopped: Callable[[], bool]) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\nevent: changed\ndata:\n\n"
    with _watch().listen() as changed:
        while not stopped():
            try:
                await asyncio.wait_for(changed.wait(), _HEARTBEAT_S)
            except TimeoutError:
                yield b":\n\n"
                continue
            changed.clear()
            yield b"event: changed\ndata:\n\n"


_stopped = False


def stop() -> None:
    """End every line; the server is going down."""
    global _stopped
    _stopped = True
    for watch in _watches.values():
        for changed in watch._waiting:
            changed.set()


async def live(request: HttpRequest) -> HttpResponseBase:
    """The live line. Only for who is at the desk."""
    user = await request.auser()
    allowed = user.is_authenticated and await asyncio.to_thread(_may, user)
    if not allowed:
        return HttpResponse("Sign in at the desk.\n", status=403, content_type="text/plain; charset=utf-8")
    response = StreamingHttpResponse(_events(lambda: _stopped), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _may(user: Any) -> bool:
    try:
        return bool(user.has_perm("wagtailadmin.access_admin"))
    finally:
        connection.close()
