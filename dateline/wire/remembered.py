"""The last head that was seen here, kept outside the database, so that a roll-back shows."""

import os
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
    lines = (remembered_note() or "").splitlines()
    return int(lines[1]) if len(lines) > 1 and lines[1].isascii() and lines[1].isdigit() else 0


def keep_note(note: str) -> None:
    """Keep a head in the place of the last one."""
    path = remembered_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".checkpoint.{os.getpid()}")
    fresh.write_text(note)
    fresh.replace(path)
