"""A disk without room: how it is told from other failures, and what is said of it.

One rule for the pages, the log and the monitor; none of them takes it for a fault of ours.
"""

import errno
import logging
import os
import sqlite3
from pathlib import Path
from types import TracebackType

from django.conf import settings

# A limit of the file system, of a quota, of one file's size (RLIMIT_FSIZE).
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# SQLite says SQLITE_FULL for ENOSPC only; a quota, and a disk that fails or is mounted to be read only, come as the
# others (sqlite.org/rescode.html).
_NOT_WRITTEN = (
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE,
)  # fmt: skip
# Twice what the write-ahead file grows to before it is moved into the database (wal_autocheckpoint in the settings):
# with less an append may fail at any moment.
FULL_BYTES = 32 * 1024 * 1024


def full_disk(error: BaseException | None) -> str:
    """Return the sentence for an error that came of a disk without room, naming what is on it; '' for any other.

    Looks at what the error was raised from, too: Django raises its own from SQLite's.
    """
    while error is not None:
        # Python's own errors of the database have no code.
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) in _NOT_WRITTEN:
            return f"Nothing can be written to the disk of {settings.DATELINE_HOME / 'wire.sqlite3'}: {error}."
        if isinstance(error, OSError) and error.errno in _FULL:
            place = error.filename or settings.DATELINE_HOME
            return f"Nothing can be written to the disk of {place}: {error.strerror}."
        error = error.__cause__
    return ""


def free_bytes(folder: Path) -> int:
    """Return how many bytes the disk of a folder has left for us. A system call, some microseconds."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


class LineFormatter(logging.Formatter):
    """Log lines; a disk without room is a sentence that names it, not a traceback each second into the same disk."""

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return the sentence for a full disk, the traceback for all else."""
        return full_disk(ei[1]) or super().formatException(ei)
