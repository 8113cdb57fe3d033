"""Past events, read from the log, for readers that were away longer than the memory reaches."""

from django.db import connection

from dateline.live.events import event_of, is_withdrawn
from dateline.news.element import Change
from dateline.wire import store


def read_history(after: int, limit: int) -> tuple[int, list[bytes]]:
    """Return the last seq looked at and the events of up to `limit` dispatches after `after`.

    Runs in a worker thread, whose connection is closed after it.
    """
    try:
        rows = store.read_rows(after, limit)
        told = [row for row in rows if row.change is not Change.SHOW or not is_withdrawn(row)]
        return (rows[-1].seq if rows else after), [chunk for row in told if (chunk := event_of(row)) is not None]
    finally:
        connection.close()
