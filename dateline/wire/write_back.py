"""Moves what was committed from SQLite's write-ahead file into the database, beside the appends.

SQLite leaves that to whichever commit finds the file long: one append in a hundred would wait for several forced
writes more than its own. A running server does it in a thread that nobody waits for. Where none runs, appenders still
do it themselves (`wal_autocheckpoint` in the settings), only later.
"""

import time

from dateline.wire import store

# SQLite's own measure is 1,000 pages; a dispatch and what is folded from it take about twenty.
_DISPATCHES = 50
# The desk and the ledger write, too, without dispatches. With nothing to move this costs nothing.
_EVERY_S = 10.0


class WriteBack:
    """Decides when it is due. Use it from one thread."""

    def __init__(self) -> None:
        self._seq = 0
        self._at_s = time.monotonic()

    def step(self) -> bool:
        """Move what is committed, if enough is; return whether it was due.

        Waits for nobody and makes nobody wait: what a reader still needs stays for the next time.
        """
        seq, now_s = store.head_seq(), time.monotonic()
        if seq - self._seq < _DISPATCHES and now_s - self._at_s < _EVERY_S:
            return False
        self._seq, self._at_s = seq, now_s
        store.sql().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return True
