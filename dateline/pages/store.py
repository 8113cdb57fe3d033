"""Where ready pages are kept: in memory, and as files with their compressed twins.

`put` makes a page visible at once, from memory; `flush` writes what was put to its files. A path that
ends in a slash is the folder's `index.html`; a page that answers another status than 200 is that
folder's `410.html` or `404.html`, so that a static server can do the same.
"""

import contextlib
import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from dateline.pages.ready import IMMUTABLE, REVALIDATE, Page, Ready, compress

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".atom": "application/atom+xml; charset=utf-8",
    ".rss": "application/rss+xml; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".ndjson": "application/x-ndjson",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# JSON Feed 1.1 has a media type of its own; its file name ends as any JSON's.
_FEED_JSON = "application/feed+json; charset=utf-8"
_TWINS = {"gzip": ".gz", "br": ".br"}
# Files are written here first.
_FRESH = ".fresh"
_numbers = itertools.count()
_STATUSES = {200: "index.html", 410: "410.html", 404: "404.html"}


def media_type_of(path: str) -> str:
    """Return the media type that a page at this path has."""
    if path.endswith("/feed.json"):
        return _FEED_JSON
    return _MEDIA_TYPES[".html" if path.endswith("/") else Path(path).suffix]


def cache_of(path: str) -> str:
    """Return the Cache-Control of a page at this path: what lies under /static/ never changes."""
    return IMMUTABLE if path.startswith("/static/") else REVALIDATE


class Slot:
    """One path's place in memory. `ready` is None when the page was evicted or taken away."""

    __slots__ = ("hit", "ready")

    def __init__(self, ready: Ready | None) -> None:
        self.ready = ready
        self.hit = True


class Follower(Protocol):
    """Hears, in order, of all that a store is given, in the thread that gives it."""

    def put(self, path: str, page: Page | None) -> None:
        """The path answers this page from now on, or nothing."""

    def written(self, batch: Iterable[tuple[str, Ready | None]]) -> None:
        """These were written to their files."""


class PageStore:
    """Ready pages below one folder. Safe to use from several threads.

    `link_of` gives what the Link header of a path's page says, '' for none: a page that is read from its file has it,
    too.
    """

    def __init__(self, root: Path, memory_bytes: int, link_of: Callable[[str], str] = lambda path: "") -> None:
        self._root = root
        self._folder = os.fspath(root)
        self._link_of = link_of
        self._memory_bytes = memory_bytes
        self._used = 0
        self._changes = 0
        self._slots: OrderedDict[str, Slot] = OrderedDict()
        self._pending: dict[str, Ready | None] = {}
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        # Called, from any thread, after what a path answers has changed.
        self.on_change: Callable[[], None] = lambda: None
        self._follower: Follower | None = None

    def follow(self, follower: Follower | None) -> None:
        """Let someone hear of what changes from now on; None: nobody."""
        with self._lock:
            self._follower = follower

    @contextlib.contextmanager
    def still(self) -> Iterator[Mapping[str, Ready | None]]:
        """Let nothing be put or dropped meanwhile; give what has not been written to its files yet."""
        with self._lock:
            yield self._pending

    def put(self, path: str, page: Page) -> bool:
        """Make the page the answer at this path; return whether that changes anything.

        A page whose bytes are those that memory has already is left as it is.
        """
        with self._lock:
            slot = self._slots.get(path)
            before = slot.ready.page if slot is not None and slot.ready is not None else None
        if before == page:
            return False
        if before is not None and before.modified >= page.modified and before.body != page.body:
            # Two changes in one second: a client that knows only the date must see the second one, too.
            page = msgspec.structs.replace(page, modified=before.modified + timedelta(seconds=1))
        ready = Ready(page, self._link_of(path))
        with self._lock:
            self._changes += 1
            self._pending[path] = ready
            self._remember(path, ready)
            if self._follower is not None:
                self._follower.put(path, page)
        return True

    def drop(self, path: str) -> None:
        """Take the page away: the path answers nothing any more."""
        with self._lock:
            self._changes += 1
            self._pending[path] = None
            self._forget(path)
            if self._follower is not None:
                self._follower.put(path, None)

    def settle(self, path: str, digest: str, twins: dict[str, bytes]) -> None:
        """Another process has written the page with this digest (none: what was dropped) to its files.

        For a store that follows another one's over the same folder, and never flushes.
        """
        with self._lock:
            ready = self._pending.get(path)
            if path not in self._pending or (ready.digest if ready else "") != digest:
                return  # a newer one is under way
            del self._pending[path]
            if ready is not None and twins:
                self._add_twins(path, ready, twins)

    def slot(self, path: str) -> Slot | None:
        """Return the slot of a page that is in memory or in a file, or None if there is none."""
        slot = self._slots.get(path)
        if slot is not None and slot.ready is not None:
            slot.hit = True
            return slot
        if not is_plain(path):
            return None
        while True:
            with self._lock:
                changes = self._changes
                if path in self._pending:
                    ready = self._pending[path]
                    return None if ready is None else self._remember(path, ready)
            ready = self._load(path)
            with self._lock:
                # What was put or dropped while the file was read may be newer than what was read.
                if self._changes == changes:
                    return None if ready is None else self._remember(path, ready)

    def get(self, path: str) -> Ready | None:
        """Return the ready page at this path, or None."""
        slot = self.slot(path)
        return slot.ready if slot else None

    def _remember(self, path: str, ready: Ready) -> Slot:
        slot = self._slots.get(path)
        if slot is None:
            slot = self._slots[path] = Slot(None)
        before = slot.ready
        slot.ready = ready
        slot.hit = True
        if before is not None:
            self._used -= before.size_bytes
            self.on_change()
        self._used += ready.size_bytes
        self._evict(keep=path)
        return slot

    def _forget(self, path: str) -> None:
        slot = self._slots.pop(path, None)
        if slot is not None and slot.ready is not None:
            self._used -= slot.ready.size_bytes
            slot.ready = None
            self.on_change()

    def _evict(self, keep: str) -> None:
        """Second chance: what was asked for since the last round goes to the back once."""
        for _ in range(2 * len(self._slots)):
            if self._used <= self._memory_bytes:
                return
            path = next(iter(self._slots))
            slot = self._slots[path]
            if path == keep or slot.hit:
                slot.hit = False
                self._slots.move_to_end(path)
            else:
                self._forget(path)

    def flush(self) -> list[str]:
        """Write every page that was put or dropped since the last flush to its files; return their paths.

        Each file is replaced whole. A crash in between can leave some files old and some new; whoever put
        the pages puts them again. Raises OSError, after all else was written, if a file could not be.
        """
        with self._flushing:
            with self._lock:
                batch = dict(self._pending)
            trouble: OSError | None = None
            written: list[tuple[str, Ready | None]] = []
            for path, ready in batch.items():
                try:
                    if ready is None:
                        self._unlink(path)
                    else:
                        self._write(path, ready)
                except OSError as error:
                    trouble = error
                    continue
                written.append((path, ready))
                with self._lock:
                    if self._pending.get(path, batch) is ready:
                        del self._pending[path]
            if self._follower is not None and written:
                self._follower.written(written)
            if trouble is not None:
                raise trouble
            return list(batch)

    def _write(self, path: str, ready: Ready) -> None:
        twins = compress(ready.page.body) if ready.worth_compressing else {}
        with self._lock:
            self._add_twins(path, ready, twins)
        target = self._file(path, ready.page.status)
        target.parent.mkdir(parents=True, exist_ok=True)
        # What must not be served any more goes first: a kill's page before its notice is written.
        self._unlink(path, but=target)
        stamp = ready.page.modified.timestamp()
        for suffix, body in (("", ready.page.body), *((_TWINS[name], body) for name, body in twins.items())):
            fresh = self._fresh()
            fresh.write_bytes(body)
            os.utime(fresh, (stamp, stamp))
            fresh.replace(target.with_name(target.name + suffix))
        for name, suffix in _TWINS.items():
            if name not in twins:
                target.with_name(target.name + suffix).unlink(missing_ok=True)

    def _add_twins(self, path: str, ready: Ready, twins: dict[str, bytes]) -> None:
        size = ready.size_bytes
        ready.add_twins(twins)
        slot = self._slots.get(path)
        if slot is not None and slot.ready is ready:
            self._used += ready.size_bytes - size
            self.on_change()

    def _fresh(self) -> Path:
        """Return a new file's path, from where it can be moved to its place in one step."""
        folder = self._root / _FRESH
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{os.getpid()}-{next(_numbers)}"

    def stamp(self) -> str:
        """Return what the folder's pages were rendered with, or nothing."""
        try:
            return (self._root / _FRESH / "stamp").read_text()
        except OSError:
            return ""

    def write_stamp(self, stamp: str) -> None:
        """Write down what the folder's pages are rendered with."""
        fresh = self._fresh()
        fresh.write_text(stamp)
        fresh.replace(self._root / _FRESH / "stamp")

    def sweep(self) -> None:
        """Take away what writers that were killed have left half written."""
        for path in (self._root / _FRESH).glob("*-*"):
            writer = path.name.partition("-")[0]
            if not Path(f"/proc/{writer}").exists():
                path.unlink(missing_ok=True)

    def _unlink(self, path: str, but: Path | None = None) -> None:
        for status in _STATUSES if path.endswith("/") else (200,):
            target = self._file(path, status)
            if target != but:
                # The page itself last: a static server looks for twins first, and when it finds no page all is gone.
                for suffix in (*_TWINS.values(), ""):
                    target.with_name(target.name + suffix).unlink(missing_ok=True)

    def _file(self, path: str, status: int = 200) -> Path:
        return Path(self._name(path, status))

    def _name(self, path: str, status: int) -> str:
        return f"{self._folder}/{path.lstrip('/')}{_STATUSES[status] if path.endswith('/') else ''}"

    def _load(self, path: str) -> Ready | None:
        name = path.rpartition("/")[2]
        # The folder's page by its file's name would be a second page, of which no kill knows.
        if name in _STATUSES.values() or ("." not in name and name):
            return None
        for status in _STATUSES if path.endswith("/") else (200,):
            target = self._name(path, status)
            try:
                body, modified = _read(target)
                media_type = media_type_of(path)
            except (OSError, KeyError):
                continue
            page = Page(media_type, body, datetime.fromtimestamp(modified, UTC), status, cache_of(path))
            ready = Ready(page, self._link_of(path))
            if ready.worth_compressing:
                ready.add_twins(_read_twins(target))
            return ready
        return None

    def keep_only(self, paths: Iterable[str]) -> list[str]:
        """Take away every file that is not one of these pages'; return what went. For a rebuild."""
        wanted = set(paths)
        gone = [path for path in self.paths() if path not in wanted]
        for path in gone:
            self.drop(path)
        self.flush()
        return gone

    def paths(self) -> Iterator[str]:
        """Yield the path of every page that has a file."""
        for folder, folders, names in os.walk(self._root):
            folders[:] = [name for name in folders if name != _FRESH]
            base = "/" + Path(folder).relative_to(self._root).as_posix().lstrip(".")
            base = base if base.endswith("/") else base + "/"
            statuses = set(names) & set(_STATUSES.values())
            if statuses:
                yield base
            for name in names:
                if name not in statuses and not name.startswith(".") and not name.endswith((".gz", ".br")):
                    yield base + name


def _read(target: str) -> tuple[bytes, float]:
    """Return a file's bytes and when it was changed. By bare calls: a first reader waits for this."""
    file = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = os.fstat(file)
        body = os.read(file, status.st_size)
        if len(body) != status.st_size:  # larger than one call gives: 2 GiB, or a file system of its own kind
            raise OSError(f"{target} could not be read whole")
        return body, status.st_mtime
    finally:
        os.close(file)


def _read_twins(target: str) -> dict[str, bytes] | None:
    with contextlib.suppress(OSError):
        return {name: _read(target + suffix)[0] for name, suffix in _TWINS.items()}
    return None


def is_plain(path: str) -> bool:
    """Whether a path can name a page: absolute, and with nothing that leads elsewhere."""
    return (
        path.startswith("/")
        and len(path) < 1024
        and "//" not in path
        and "/." not in path
        and "\\" not in path
        and "\0" not in path
    )
