"""Wakes the requests that wait for the next dispatch; lives in the server's event loop."""

import asyncio


class Waker:
    """`ring` wakes all who `wait`; each looks for itself whether there is something for it."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self.stopped = False

    async def wait(self, timeout_s: float) -> None:
        """Return when it rings, or when the time is over."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait([future], timeout=timeout_s)
        finally:
            self._waiting.discard(future)

    def ring(self) -> None:
        """Wake everyone. Runs in the loop's thread."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def stop(self) -> None:
        """The server stops: wake everyone for good."""
        self.stopped = True
        self.ring()


WAKER = Waker()
