"""The bell: wakes the followers of the wire, in any process, the moment an append is committed.

A follower makes a named pipe in DATELINE_HOME/run; whoever appends writes a byte into each. A bell
that is lost costs a poll's delay (`Bell.wait` times out), never a dispatch: the log is the truth.
"""

import contextlib
import os
import select
from pathlib import Path
from types import TracebackType

from django.conf import settings


def _folder() -> Path:
    return Path(settings.DATELINE_HOME) / "run"


class Bell:
    """One follower's bell; use it as a context manager and `wait` on it."""

    _count = 0

    def __init__(self) -> None:
        Bell._count += 1
        self._path = _folder() / f"bell-{os.getpid()}-{Bell._count}"
        self._fd = -1

    def __enter__(self) -> "Bell":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Made and opened under another name: whoever rings would take a bell that nobody reads for dead.
        fresh = self._path.with_name(f".{self._path.name}")
        fresh.unlink(missing_ok=True)
        os.mkfifo(fresh, 0o600)
        # Read and write: a pipe with a writer of its own never reports the end of its file.
        self._fd = os.open(fresh, os.O_RDWR | os.O_NONBLOCK)
        fresh.replace(self._path)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._fd)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the bell rings or the time is over; return whether it rang."""
        ready, _, _ = select.select([self._fd], [], [], max(0.0, timeout_s))
        if ready:
            with contextlib.suppress(BlockingIOError):
                while len(os.read(self._fd, 4096)) == 4096:
                    pass
        return bool(ready)

    def ring(self) -> None:
        """Wake whoever waits on this bell, from another thread of the same process."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._fd, b"!")


def ring() -> None:
    """Wake every follower of this wire. A bell whose follower is dead is taken away."""
    try:
        bells = list(os.scandir(_folder()))
    except FileNotFoundError:
        return
    for entry in bells:
        if not entry.name.startswith("bell-"):
            continue
        try:
            fd = os.open(entry.path, os.O_WRONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        except OSError:  # ENXIO: nobody reads, its process was killed
            with contextlib.suppress(FileNotFoundError):
                Path(entry.path).unlink()
            continue
        try:
            os.write(fd, b"!")
        except OSError:
            pass  # full of rings that were not heard yet, so it will wake; or its follower has just gone
        finally:
            os.close(fd)


def is_followed() -> bool:
    """Whether a follower of this wire is alive: a running server, say."""
    for path in _folder().glob("bell-*"):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            continue
        return True
    return False
