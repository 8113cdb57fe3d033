"""Ready blocks: lines of a stream that follow each other, in files that a replay sends as they are.

The bytes of a line follow from the stream's filter, from whether texts are left out, and from the log; of the log only
a kill changes a line that was written before. So blocks are found by filter and headlines, and each says which kill was
the last when it was made (`checked`): whoever sends it asks the log for those after it. The fold takes away the blocks
that hold a killed item, so that its text does not stay on the disk either.

The folder is one running server's: emptied when it starts, so that nothing of another release, of a backup that was put
back or of a crash is ever believed, and removed when it stops. Whatever is missing is made anew from the log.
"""

import contextlib
import logging
import os
import shutil
import threading
import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

import msgspec

from dateline.wire.full_disk import free_bytes

log = logging.getLogger(__name__)
# Where the room is short, a block that was sent so recently stays, and a new one is not kept: a replay of more than
# there is room for would else throw away what it needs next, each time.
_FRESH_S = 600.0
# The wire itself needs the disk: blocks leave it this much.
_LEAVE_BYTES = 1 << 30
# How long nothing is written after a disk has failed.
_AFTER_FAILURE_S = 60.0


class Key(msgspec.Struct, frozen=True):
    """What tells the lines of one stream from those of another: its filter as text, and whether texts are left out."""

    filter: str
    headlines: bool


class Block(msgspec.Struct, eq=False):
    """The lines of a stream's rows after seq `after` up to and with `last`, in a file.

    `seqs`: of its lines; `ends`: where each ends, bytes. `checked`: no kill up to that seq changes them. `used`: when
    it was sent last, by the monotonic clock, seconds.
    """

    key: Key
    path: str
    after: int
    last: int
    seqs: "array[int]"
    ends: "array[int]"
    checked: int
    used: float

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.ends[-1]

    def place(self, after: int) -> int:
        """Return where the first line after a seq begins, bytes."""
        before = bisect_right(self.seqs, after)
        return self.ends[before - 1] if before else 0

    def open(self) -> int | None:
        """Return a descriptor of its file, or None if that is not there, or not whole. Raises OSError for the rest."""
        try:
            file = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        if os.fstat(file).st_size == self.size:
            return file
        os.close(file)
        return None


def _after(block: Block) -> int:
    return block.after


class Blocks:
    """All blocks of this process. From any thread."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._most_bytes = 0
        self._bytes = 0
        self._made = 0
        self._resumes = 0.0
        self._lock = threading.Lock()
        # Of each key its blocks, which never overlap, in order.
        self._chains: dict[Key, list[Block]] = {}
        # All of them, what was not used for longest first.
        self._by_use: OrderedDict[str, Block] = OrderedDict()

    def start(self, folder: Path, most_bytes: int) -> None:
        """Keep blocks in a folder, which is emptied; 0 bytes: keep none. A disk that fails costs only the blocks."""
        self.stop()
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
        if not most_bytes:
            return
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            log.warning("Replays are read from the log each time: %s: %s", folder, error.strerror)
            return
        self._folder, self._most_bytes, self._resumes = folder, most_bytes, 0.0

    def stop(self) -> None:
        """Keep no more, and leave nothing on the disk."""
        with self._lock:
            folder, self._folder, self._bytes = self._folder, None, 0
            self._chains.clear()
            self._by_use.clear()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_use)

    def find(self, key: Key, after: int) -> tuple[Block | None, int]:
        """Return the block that has what comes next after a seq, or None and where the next one begins, 0: nowhere."""
        with self._lock:
            chain = self._chains.get(key, [])
            place = bisect_right(chain, after, key=_after)
            if place and chain[place - 1].last > after:
                block = chain[place - 1]
                block.used = time.monotonic()
                self._by_use.move_to_end(block.path)
                return block, 0
            return None, chain[place].after if place < len(chain) else 0

    def keep(
        self, key: Key, after: int, seqs: "array[int]", ends: "array[int]", data: bytes, *, last: int, checked: int
    ) -> Block | None:
        """Keep lines as a block (the values are `Block`'s); return it, or None if there is no room for it."""
        now = time.monotonic()
        with self._lock:
            self._made += 1
            folder, name = self._folder, f"{self._made}.ndjson"
            if folder is None or now < self._resumes or not self._make_room(len(data), now):
                return None
        block = Block(key, str(folder / name), after, last, seqs, ends, checked, now)
        try:
            if free_bytes(folder) < len(data) + _LEAVE_BYTES:
                return None
            _write(block.path, data)
        except OSError as error:
            log.warning("A block of %s could not be written; replays do without: %s", folder, error.strerror)
            self._resumes = now + _AFTER_FAILURE_S
            _remove(block.path)
            return None
        with self._lock:
            # What the folder has been emptied of meanwhile is not kept.
            if self._folder == folder:
                chain = self._chains.setdefault(key, [])
                chain.insert(bisect_right(chain, after, key=_after), block)
                self._by_use[block.path] = block
                self._bytes += block.size
                return block
        _remove(block.path)
        return None

    def _make_room(self, size: int, now: float) -> bool:
        while self._bytes + size > self._most_bytes:
            oldest = next(iter(self._by_use.values()), None)
            if oldest is None or now - oldest.used < _FRESH_S:
                return False
            self._drop(oldest)
        return True

    def drop(self, block: Block) -> None:
        """Take a block away, its file, too."""
        with self._lock:
            self._drop(block)

    def forget(self, seqs: Iterable[int]) -> None:
        """Take away every block that has, or may have, any of these dispatches: their item was killed."""
        with self._lock:
            for seq in seqs:
                for chain in list(self._chains.values()):
                    place = bisect_right(chain, seq - 1, key=_after)
                    if place and chain[place - 1].last >= seq:
                        self._drop(chain[place - 1])

    def _drop(self, block: Block) -> None:
        if self._by_use.pop(block.path, None) is None:
            return
        chain = self._chains[block.key]
        chain.remove(block)
        if not chain:
            # Streams come and go; their names need not stay.
            del self._chains[block.key]
        self._bytes -= block.size
        _remove(block.path)


def _write(path: str, data: bytes) -> None:
    with open(path, "xb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        # A disk that is nearly full takes a part, and fails with the next.
        left = memoryview(data)
        while left:
            left = left[file.write(left) or 0 :]


def _remove(path: str) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()
    except OSError as error:
        log.error("%s could not be removed, and may hold text that was killed: %s", path, error.strerror)


BLOCKS = Blocks()
