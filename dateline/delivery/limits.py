"""Fair use: how often a subscriber, or a stranger, may ask, and how many streams a subscriber may hold open."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

# A client that asks again at once for the next page of a replay does 20 a second with ease; ten times that in a
# burst is a restart, more is a loop gone wrong.
_RATE_S, _BURST = 20.0, 200.0
_STREAMS = 8
# Keys of a table of buckets; whoever has not asked for longest is forgotten first, and has a full bucket anyway.
_KEYS = 20_000
# The part of an IPv6 address that one customer has: the rest it chooses as it likes (RFC 6177).
_V6_PREFIX = 64


class Buckets:
    """Token buckets by key, in memory: a restart forgives. `rate_s` tokens a second come in, up to `burst`."""

    def __init__(self, rate_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_s = rate_s
        self._burst = burst
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        # Requests are answered by several threads.
        self._lock = threading.Lock()

    def take(self, key: Hashable) -> int:
        """Count a request; return 0, or in how many seconds to come again."""
        with self._lock:
            return self._take(key)

    def _take(self, key: Hashable) -> int:
        now = self._clock()
        left, at = self._kept.get(key, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate_s)
        self._kept[key] = (left if left < 1 else left - 1, now)
        self._kept.move_to_end(key)
        if len(self._kept) > _KEYS:
            self._kept.popitem(last=False)
        return max(1, round((1 - left) / self._rate_s)) if left < 1 else 0


class Limits:
    """What a subscription may ask for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = Buckets(_RATE_S, _BURST, clock)
        self._streams: dict[int, int] = {}
        # The event loop and the thread of the replays count.
        self._lock = threading.Lock()

    def take(self, subscription: int) -> int:
        """Count a request; return 0, or in how many seconds to come again."""
        return self._buckets.take(subscription)

    def open(self, subscription: int) -> bool:
        """Count a stream that opens; return whether it may."""
        with self._lock:
            if self.is_full(subscription):
                return False
            self._streams[subscription] = self._streams.get(subscription, 0) + 1
            return True

    def is_full(self, subscription: int) -> bool:
        """Whether no further stream may open."""
        return self._streams.get(subscription, 0) >= _STREAMS

    def close(self, subscription: int) -> None:
        """Count a stream that ended."""
        with self._lock:
            self._streams[subscription] -= 1


def client_of(address: str) -> str:
    """Return what a stranger is counted by: the IPv4 address, or the network of the IPv6 address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, _V6_PREFIX), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)
