"""How an attempt to hand something over went."""

import time

import msgspec

# An attempt takes no longer: Standard Webhooks, "Timeouts", 15 to 30 s.
TIMEOUT_S = 20.0
# Kept of what the other side said.
_SAID_CHARS = 300


class RefusedHere(Exception):
    """A server is not one that we go on with, or turned us away; another try changes nothing."""


class Outcome(msgspec.Struct, frozen=True):
    """How an attempt went.

    `status`: the HTTP status, 0 where there is none. `said`: '' is success. `ms`: how long it took. `permanent`: trying
    again changes nothing until someone does something. `retry_s`: what the other side asked for, in seconds.
    """

    status: int
    said: str
    ms: int
    permanent: bool = False
    retry_s: float | None = None


class Clock:
    """Makes the outcome of the attempt that begins now."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def outcome(
        self, said: str = "", *, status: int = 0, permanent: bool = False, retry_s: float | None = None
    ) -> Outcome:
        """Return how it went; see `Outcome`."""
        ms = round((time.monotonic() - self._began) * 1000)
        return Outcome(status, " ".join(said.split())[:_SAID_CHARS], ms, permanent, retry_s)
