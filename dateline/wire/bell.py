"""The bell: wakes the followers of the wire, in any process, the moment an append is committed.

A follower makes a named pipe in DATELINE_HOME/run; whoever appends writes a byte into each. A bell
that is lost costs a poll's delay (`Bell.wait` times out), never a dispatch: the log is the truth.
"""

import contextlib
import os
import select
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import ClassVar

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


class InnerBell(Bell):
    """The bell of a thread that can wait until what readers see is up to date.

    An append does not ring it. The thread that follows the wire does, with `ring_inner`, when it has done what
    nothing may delay: if every thread of a server woke at each append, readers would wait for all of them.
    """

    _rung: ClassVar[set["InnerBell"]] = set()
    # A descriptor that was closed may be another file's a moment later.
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __enter__(self) -> "InnerBell":
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        with InnerBell._lock:
            InnerBell._rung.add(self)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with InnerBell._lock:
            InnerBell._rung.discard(self)
            os.close(self._fd)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the bell rings or the time is over; return whether it rang."""
        ready, _, _ = select.select([self._fd], [], [], max(0.0, timeout_s))
        if ready:
            os.eventfd_read(self._fd)
        return bool(ready)

    def ring(self) -> None:
        """Wake whoever waits on this bell."""
        os.eventfd_write(self._fd, 1)


def ring_inner() -> None:
    """Wake the threads of this process that wait on an inner bell."""
    with InnerBell._lock:
        for inner in InnerBell._rung:
            inner.ring()


class _Bells:
    """The bells of this wire's followers as whoever rings them sees them: looked up and opened once.

    An append rings all of them; opening each anew would cost it more than its row in the database.
    """

    # A folder's time of change moves in ticks of the kernel's clock, 10 ms at most: one that changed a moment
    # ago may change once more within the tick, and is looked at again.
    _SETTLED_NS = 50_000_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: tuple[str, int] = ("", 0)
        self._open: dict[str, int] = {}

    def ring(self, folder: str) -> None:
        """Write a byte into each bell below a folder. A bell whose follower is dead is taken away."""
        with self._lock:
            try:
                changed_ns = os.stat(folder).st_mtime_ns  # noqa: PTH116
            except FileNotFoundError:
                return
            if self._seen != (folder, changed_ns):
                self._look(folder)
                settled = time.time_ns() - changed_ns > self._SETTLED_NS
                self._seen = (folder, changed_ns) if settled else ("", 0)
            for path, fd in list(self._open.items()):
                try:
                    os.write(fd, b"!")
                except BlockingIOError:
                    pass  # full of rings that were not heard yet, so it will wake
                except OSError:  # EPIPE: nobody reads any more, its process was killed
                    os.close(self._open.pop(path))
                    _take_away(path)

    def _look(self, folder: str) -> None:
        paths = {entry.path for entry in os.scandir(folder) if entry.name.startswith("bell-")}
        for path in self._open.keys() - paths:
            os.close(self._open.pop(path))
        for path in paths - self._open.keys():
            try:
                self._open[path] = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            except OSError:  # ENXIO: nobody reads, its process was killed
                _take_away(path)


def _take_away(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()


_BELLS = _Bells()


def ring() -> None:
    """Wake every follower of this wire."""
    _BELLS.ring(f"{settings.DATELINE_HOME}/run")


def is_followed() -> bool:
    """Whether a follower of this wire is alive: a running server, say."""
    for path in _folder().glob("bell-*"):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            continue
        return True
    return False
