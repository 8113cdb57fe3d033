"""The embargo clock: releases each embargoed item at its instant, never before it."""

import logging
from collections.abc import Callable
from datetime import timedelta

from dateline.wire.append import release_due
from dateline.wire.bell import Bell
from dateline.wire.clock import keep

log = logging.getLogger(__name__)


def keep_embargoes(bell: Bell, stopped: Callable[[], bool]) -> None:
    """Release what is due until `stopped`. Never early: the rule compares under the lock."""
    keep(_release_due, bell, stopped)


def _release_due() -> timedelta | None:
    released, wait = release_due()
    for dispatch in released:
        log.info("The embargo of %s was lifted at its instant, seq %d", dispatch.uri, dispatch.seq)
    return wait
