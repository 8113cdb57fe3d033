"""Blocking work of the ways, in threads: one at a time for each subscription, so that who hangs holds one thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
# One a subscription at most; so many that all of them hang is the whole clientele.
_THREADS = 512


class StillHangs(Exception):
    """The last attempt for this subscription has not come back yet."""


class Threads:
    """Runs blocking work; names are looked up apart, since a name server that does not answer takes its time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="pusher")
        self.names = ThreadPoolExecutor(64, thread_name_prefix="drop-names")
        self._running: dict[int, Future[object]] = {}

    async def run(self, key: int, do: Callable[[], _T], limit_s: float) -> _T:
        """Run `do` and return what it does. Raises StillHangs, TimeoutError after `limit_s`, and what `do` raises."""
        last = self._running.get(key)
        if last is not None and not last.done():
            raise StillHangs
        future = self._pool.submit(do)
        self._running[key] = future  # type: ignore[assignment]
        return await asyncio.wait_for(asyncio.wrap_future(future), limit_s)

    def close(self) -> None:
        """Wait for nobody."""
        for pool in (self._pool, self.names):
            pool.shutdown(wait=False, cancel_futures=True)
