"""The wire's lock: one writer at a time, each in a transaction of its own or in the one around it.

SQLite's own lock, taken when the transaction begins, so that the next seq is read under it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from dateline.wire import store


@contextmanager
def held() -> Iterator[None]:
    """Hold the lock; commit at the end, or roll back what was done since if anything is raised.

    Inside `transaction.atomic` it is a savepoint there, and the lock stays with the transaction around it. Else it is
    two statements: what Django does besides takes as long as a dispatch's row (no `atomic` may stand inside, then).
    """
    wrapper, raw = store.connection(), store.sql()
    if wrapper.in_atomic_block:
        with transaction.atomic():
            yield
        return
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield
        raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:  # SQLite itself has rolled back where the disk is full
            raw.execute("ROLLBACK")
        raise
