"""The server's threads: they go on after a failure, and all stop together."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from django.db import connection

from dateline.wire import bell
from dateline.wire.failing import Failing

log = logging.getLogger(__name__)
# How long a thread waits after a failure (a full disk, a locked database) before it tries again.
AFTER_FAILURE_S = 1.0


def keep(clock: Callable[[bell.Bell, Callable[[], bool]], None], stopped: threading.Event) -> None:
    """Run what waits on a bell (a clock, the pusher) until stopped; a failure is logged and it goes on."""
    failing = Failing(log, f"{clock.__name__} works again")

    def stops() -> Iterator[bool]:
        """Say at each of its rounds whether it was the last; what has come to a second one has done the first."""
        yield stopped.is_set()
        while True:
            failing.is_over()
            yield stopped.is_set()

    while not stopped.is_set():
        try:
            with bell.InnerBell() as ring:
                clock(ring, stops().__next__)
        except Exception:
            failing.say("%s failed; trying again", clock.__name__)
            connection.close()
            stopped.wait(AFTER_FAILURE_S)
    connection.close()


@contextlib.contextmanager
def running(stopped: threading.Event, *targets: tuple[str, Callable[..., None], tuple[object, ...]]) -> Iterator[None]:
    """Run threads (name, target, its arguments) while the context lasts; at its end tell them, and wait for them."""
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
