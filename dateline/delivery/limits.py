"""Fair use: how often a subscriber may ask, and how many streams it may hold open."""

import time
from collections.abc import Callable

# A client that asks again at once for the next page of a replay does 20 a second with ease; ten times that in a
# burst is a restart, more is a loop gone wrong.
_RATE_S, _BURST = 20.0, 200.0
_STREAMS = 8


class Limits:
    """Token buckets by subscription, in memory: a restart forgives."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[int, tuple[float, float]] = {}
        self._streams: dict[int, int] = {}

    def take(self, subscription: int) -> int:
        """Count a request; return 0, or in how many seconds to come again."""
        now = self._clock()
        left, at = self._buckets.get(subscription, (_BURST, now))
        left = min(_BURST, left + (now - at) * _RATE_S)
        if left < 1:
            self._buckets[subscription] = (left, now)
            return max(1, round((1 - left) / _RATE_S))
        self._buckets[subscription] = (left - 1, now)
        return 0

    def open(self, subscription: int) -> bool:
        """Count a stream that opens; return whether it may."""
        if self.is_full(subscription):
            return False
        self._streams[subscription] = self._streams.get(subscription, 0) + 1
        return True

    def is_full(self, subscription: int) -> bool:
        """Whether no further stream may open."""
        return self._streams.get(subscription, 0) >= _STREAMS

    def close(self, subscription: int) -> None:
        """Count a stream that ended."""
        self._streams[subscription] -= 1
