"""A failure that goes on, as the log says it: when it begins, once in a while, and when it is over.

What is tried again each second would else fill, with the same lines, the disk that may be full already.
"""

import logging
import sys
import time

# Seldom enough that a night of it is a page, often enough that whoever looks finds it among the last lines.
_AGAIN_S = 600.0


class Failing:
    """What one piece of work says of its failures. From one thread at a time."""

    def __init__(self, log: logging.Logger, over: str) -> None:
        """`over`: what is said, with how long it took, when the work is done again."""
        self._log = log
        self._over = over
        self._since = 0.0
        self._count = 0
        # When what was said is said again, by the monotonic clock, seconds.
        self._again: dict[tuple[str, str], float] = {}

    def say(self, what: str, *values: object) -> None:
        """Log the exception that is being handled (`what` and `values` as for `logging`), if that was not done lately.

        Another failure of the same work is said at once.
        """
        error, now = sys.exception(), time.monotonic()
        if not self._count:
            self._since = now
        self._count += 1
        self._again = {known: due for known, due in self._again.items() if due > now}
        # A file that is made for each attempt has another name in each.
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        known = (what, f"{type(error).__name__}: {said}")
        if known not in self._again:
            self._again[known] = now + _AGAIN_S
            self._log.exception(what, *values)

    def is_over(self) -> None:
        """The work was done: say so if it has failed before."""
        if self._count:
            self._log.info(
                "%s, after %.0f s (failed attempts: %d)", self._over, time.monotonic() - self._since, self._count
            )
            self._count = 0
            self._again.clear()
