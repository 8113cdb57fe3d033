"""A clock: does what is due, then sleeps until the next time."""

from collections.abc import Callable
from datetime import timedelta

from dateline.wire.bell import Bell

# The wall clock can be set while we sleep; looking at it once a second keeps what is due from being late
# by more than that after such a change.
_LONGEST_SLEEP = timedelta(seconds=1)


def keep(do_due: Callable[[], timedelta | None], ring: Bell, stopped: Callable[[], bool]) -> None:
    """Do what is due until `stopped`; the bell wakes it when an append may have changed the plan.

    `do_due` does it and returns how long it is until the next time, None if nothing waits.
    """
    while not stopped():
        wait = do_due()
        sleep = _LONGEST_SLEEP if wait is None else max(timedelta(0), min(wait, _LONGEST_SLEEP))
        ring.wait(sleep.total_seconds())
