"""The last head that was seen here, kept outside the database, so that a roll-back shows."""

import os
from functools import lru_cache
from pathlib import Path

from django.conf import settings


def remembered_path() -> Path:
    """Return where the last head is kept."""
    return Path(settings.DATELINE_HOME) / "log" / "checkpoint"


def remembered_note() -> str | None:
    """Return the last head that was kept, a signed note, or None."""
    try:
        return remembered_path().read_text(errors="replace")
    except FileNotFoundError:
        return None


def remembered_size() -> int:
    """Return how many dispatches the log had at the last head that was kept; 0 if none was."""
    path = f"{settings.DATELINE_HOME}/log/checkpoint"
    try:
        found = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return 0
    return _size_in(path, found.st_ino, found.st_ctime_ns, found.st_size)


# Every append asks: the file is read again when it is another one, which its inode and times tell.
@lru_cache(maxsize=1)
def _size_in(path: str, inode: int, changed_ns: int, size_bytes: int) -> int:
    lines = (remembered_note() or "").splitlines()
    return int(lines[1]) if len(lines) > 1 and lines[1].isascii() and lines[1].isdigit() else 0


def keep_note(note: str) -> None:
    """Keep a head in the place of the last one."""
    path = remembered_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".checkpoint.{os.getpid()}")
    fresh.write_text(note)
    fresh.replace(path)
