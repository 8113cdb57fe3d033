"""follow: how everything else is folded from the wire.

A projection is a fold over dispatches with a cursor. `fold` applies what is new to several of them
and commits their state and their cursors in one transaction, so that a crash at any moment leaves
each exactly at its cursor.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from django.db import transaction

from dateline.wire import store
from dateline.wire.dispatch import Dispatch

# Rows a transaction: a catch-up shares one fsync among many, and no lock is held for long.
BATCH = 256
# How long a follower sleeps when no bell rings; only a lost bell (a full disk, say) makes it matter.
POLL_S = 0.5


class Projection(Protocol):
    """State derived from the wire."""

    name: str

    def apply(self, dispatch: Dispatch) -> None:
        """Fold one dispatch into the state; runs inside the transaction that moves the cursor."""

    def forget(self) -> None:
        """Drop all state, to fold it anew from the log; runs inside a transaction."""


def fold(projections: Sequence[Projection], *, batch: int = BATCH, known: Sequence[Dispatch] = ()) -> int:
    """Fold the next batch of dispatches into every projection that has not seen it.

    `known` are dispatches that the caller has read already, in order: where they are what comes next they are
    not read again. Returns how many dispatches were new to at least one; 0: all are at the head.
    """
    if not known:
        head = store.head_seq()
        if all(store.read_cursor(projection.name) >= head for projection in projections):
            return 0
    with transaction.atomic():
        cursors = {projection.name: store.read_cursor(projection.name) for projection in projections}
        after = min(cursors.values())
        rows = known if known and known[0].seq == after + 1 else store.read_rows(after, batch)
        for projection in projections:
            fresh = [row for row in rows if row.seq > cursors[projection.name]]
            for row in fresh:
                projection.apply(row)
            if fresh:
                store.write_cursor(projection.name, fresh[-1].seq)
    return len(rows)


def use_lazy_commits() -> None:
    """Let what this thread commits reach the disk with the next append, or the next checkpoint of the database.

    For a thread that writes nothing but what it can fold anew. Its transactions stay whole and in order, and no
    append waits for more or less; a power failure takes its last ones back, state and cursor together
    (docs/decisions/0011). It leaves checkpoints to others, as they force the disk, too.
    """
    store.sql().execute("PRAGMA synchronous=NORMAL")
    store.sql().execute("PRAGMA wal_autocheckpoint=0")


def refold(projection: Projection, *, progress: Callable[[int], None] = lambda seq: None) -> int:
    """Forget a projection's state and fold it anew from the first dispatch; return the head's seq.

    One transaction: readers of the state see the old one until the new one is whole.
    """
    with transaction.atomic():
        projection.forget()
        head = 0
        for row in store.iterate():
            projection.apply(row)
            head = row.seq
            progress(head)
        store.write_cursor(projection.name, head)
    return head
