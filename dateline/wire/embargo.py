"""The embargo clock: releases each embargoed item at its instant, never before it."""

import logging
from collections.abc import Callable
from datetime import timedelta

from dateline.wire.append import release_due
from dateline.wire.bell import Bell

log = logging.getLogger(__name__)
# The wall clock can be set while we sleep; looking at it once a second keeps a release from being late
# by more than that after such a change. It is never early: the rule compares under the lock.
_LONGEST_SLEEP = timedelta(seconds=1)


def keep_embargoes(bell: Bell, stopped: Callable[[], bool]) -> None:
    """Release what is due until `stopped`; the bell wakes it when an append may have changed the plan."""
    while not stopped():
        released, wait = release_due()
        for dispatch in released:
            log.info("The embargo of %s was lifted at its instant, seq %d", dispatch.uri, dispatch.seq)
        bell.wait(min(wait or _LONGEST_SLEEP, _LONGEST_SLEEP).total_seconds())
