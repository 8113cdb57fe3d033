"""The hub's door: what other threads hand to it. Nothing here waits, and nothing is written for who is not verified.

What was asked and not verified yet is kept in memory: a restart forgets it, and the subscriber, who hears nothing,
asks again. So a stranger's request never takes the wire's lock.
"""

import queue
import threading
from collections.abc import Iterable

from dateline.delivery.websub.asked import Asked
from dateline.pages.ready import Ready
from dateline.pages.store import PageStore
from dateline.wire.bell import Bell

# Requests that wait for their verification; a flood gets 503, and asks again.
_WAITING = 1000


class Hub:
    """Takes requests and changes; the distributor fetches both."""

    def __init__(self) -> None:
        self._pages: PageStore | None = None
        self._asked: queue.Queue[Asked] = queue.Queue(_WAITING)
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._withdrawn = False
        self._ring: Bell | None = None

    def use_pages(self, pages: PageStore) -> None:
        """Say where the feeds lie; the server does so when it starts."""
        self._pages = pages

    def feed(self, path: str) -> Ready | None:
        """Return a feed as it is now, None if there is none."""
        ready = self._pages.get(path) if self._pages is not None else None
        return ready if ready is not None and ready.page.status == 200 else None

    def etag(self, path: str) -> str:
        """Return the ETag of a feed as it is now, '' if there is none."""
        ready = self.feed(path)
        return ready.variants[""].etag if ready is not None else ""

    def ask(self, asked: Asked) -> bool:
        """Take a request; return whether there was room for it."""
        try:
            self._asked.put_nowait(asked)
        except queue.Full:
            return False
        self._wake()
        return True

    def changed(self, paths: Iterable[str], *, withdrawn: bool) -> None:
        """Hear which feeds have new content; `withdrawn`: an item left them, which nothing may delay."""
        with self._lock:
            self._changed.update(paths)
            self._withdrawn |= withdrawn
        self._wake()

    def listen(self, ring: Bell | None) -> None:
        """Say which bell wakes the distributor."""
        self._ring = ring

    def _wake(self) -> None:
        ring = self._ring
        if ring is not None:
            ring.ring()

    def take_asked(self, most: int) -> list[Asked]:
        """Return requests that have come in, the oldest first, `most` at most."""
        return [self._asked.get_nowait() for _ in range(min(most, self._asked.qsize()))]

    def take_changed(self) -> tuple[set[str], bool]:
        """Return the paths of the feeds that have changed, and whether something was withdrawn."""
        with self._lock:
            found, self._changed = (self._changed, self._withdrawn), set()
            self._withdrawn = False
        return found


HUB = Hub()
