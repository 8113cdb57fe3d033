"""Which dispatches readers are mailed of: decided purely, and kept with a cursor of the room's own.

It is no projection: folding it anew would mail anew. What is decided here is only who may be mailed of what; whether
that is still worth a mail is decided when it is sent (`worth`).
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from django.db import transaction

from dateline.delivery.alerts import store
from dateline.delivery.alerts.readers import filter_of
from dateline.delivery.filter import wants
from dateline.news.acts import Act
from dateline.news.element import Change
from dateline.news.item import PubStatus
from dateline.wire import store as wire
from dateline.wire.dispatch import Dispatch

log = logging.getLogger(__name__)
# An alert that comes later is no news but noise.
NEWS_FOR = timedelta(hours=1)
# Acts that may bring an item to readers, and those that whoever was mailed the item hears of.
_BRINGS = frozenset({Act.PUBLISH, Act.RELEASE})
_FOLLOWS = frozenset({Act.CORRECT, Act.HOLD, Act.RELEASE, Act.KILL})
_BATCH = 256
# The cursor is written with every alert, and otherwise every so many dispatches: looking at them anew gives nothing.
_STRIDE = 1000


def is_news(dispatch: Dispatch, first: Callable[[], Act]) -> bool:
    """Whether a dispatch brings an item to the public now; `first` looks up the act that brought it to the wire.

    An item from the archive never does, and one whose hold is lifted only within its first hour.
    """
    item = dispatch.news
    if dispatch.act not in _BRINGS or dispatch.change is not Change.SHOW or item.content_created is None:
        return False
    return dispatch.instant - item.content_created <= NEWS_FOR and first() is not Act.ARCHIVE


class Worth(msgspec.Struct, frozen=True):
    """Whether an alert is still sent: to who was mailed the item before (`follows`), to who was not (`fresh`)."""

    follows: bool
    fresh: bool

    def __bool__(self) -> bool:
        return self.follows or self.fresh


def worth(act: Act, status: PubStatus, age: timedelta) -> Worth:
    """Return to whom an alert is still sent, by what its item is now and by how long ago it was dispatched.

    A kill always is. What was withdrawn since, and a hold that has ended, say nothing that is true any more.
    """
    if act is Act.KILL:
        return Worth(follows=True, fresh=False)
    if act is Act.HOLD:
        return Worth(follows=status is PubStatus.WITHHELD, fresh=False)
    usable = status is PubStatus.USABLE
    return Worth(follows=usable and act in _FOLLOWS, fresh=usable and act in _BRINGS and age <= NEWS_FOR)


class AlertFold:
    """Follows the wire and keeps what is to be mailed."""

    def __init__(self) -> None:
        self._seen = 0

    def step(self) -> int:
        """Look at the next dispatches; return how many there were.

        The first time of all it begins at the head: nobody had asked for what was before.
        """
        kept = store.read_cursor()
        if kept is None:
            with transaction.atomic():
                store.write_cursor(wire.head_seq())
            return 0
        rows = wire.read_rows(max(kept, self._seen), _BATCH)
        late = sum([_keep(row) for row in rows])
        if late:
            log.warning("Alerts that are no news any more (older than %s) were dropped: %d", NEWS_FOR, late)
        if rows:
            self._seen = rows[-1].seq
            if self._seen - kept >= _STRIDE:
                with transaction.atomic():
                    store.write_cursor(self._seen)
        return len(rows)


def _keep(row: Dispatch) -> bool:
    """Keep a dispatch if anyone is to be mailed of it; return whether it comes too late for that."""
    choices = []
    if is_news(row, lambda: wire.read_versions(row.uri)[0].act):
        choices = [
            choice for choice, text in store.read_choices()
            if wants(filter_of(text), row.act, row.news, has_it=False)
        ]  # fmt: skip
    late = bool(choices) and datetime.now(UTC) - row.instant > NEWS_FOR
    follows = row.act in _FOLLOWS and row.change is not Change.NOTHING and store.was_mailed(row.uri)
    if (choices and not late) or follows:
        with transaction.atomic():
            store.insert_alert(row.seq, row.uri, row.act, [] if late else choices)
            store.write_cursor(row.seq)
    return late
