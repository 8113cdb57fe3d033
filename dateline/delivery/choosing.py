"""What a replay sends next: a ready block (`blocks`), or lines that are read from the log there and then.

Before each piece it is asked anew whether the subscription still is what it was, and whether what the piece holds was
killed meanwhile.
"""

import logging
import os
import time
from array import array
from bisect import bisect_left
from itertools import accumulate

import msgspec

from dateline.delivery import store
from dateline.delivery.asking import Asked, still
from dateline.delivery.blocks import Block, Blocks, Key
from dateline.delivery.lines import encoded
from dateline.delivery.sending import Answer, Piece
from dateline.delivery.store import Subscription
from dateline.pages.answer import Request
from dateline.pages.protocol import Borrowed
from dateline.wire import store as wire

log = logging.getLogger(__name__)
# A piece: large enough that what is asked before each does not count (a twentieth of what sending it takes), and small
# enough that a kill is not late by much.
_PIECE_BYTES = 256 * 1024
# Rows read at a time on the way to a piece; of the usual 2 to 4 kB two or one of them make one.
_ROWS = 64
# A smaller piece is no block: the end of a stream, which grows, would leave too many of them.
_LEAST_BYTES = 32 * 1024
# How long what was asked holds while the database has not changed: a token can end by the clock alone.
_HOLDS_S = 0.02


class _Known(msgspec.Struct, frozen=True):
    """What was asked of the database: at that version of it, and good until that time (monotonic, seconds).

    `cursor`: how far the stream is folded, `last`: its last row; `kill`: the last kill of the wire.
    """

    version: int
    until: float
    by: Subscription
    key: Key
    cursor: int
    last: int
    kill: int


class Replay(Answer):
    """One answer under way, and what it was asked for.

    `asked`: None until it may begin; `after`: what is written reaches to that seq; `before`: `after` and `joint` as
    they were before the piece.
    """

    __slots__ = ("after", "asked", "before", "borrowed", "known", "request")

    def __init__(self, request: Request, borrowed: Borrowed) -> None:
        super().__init__(keep=request.keep_alive)
        self.request = request
        self.borrowed = borrowed
        self.asked: Asked | None = None
        self.after = 0
        self.known: _Known | None = None
        self.before = (0, b"")

    def put_back(self) -> None:
        """Forget the piece, of which nothing is written: what it holds is looked at anew when there is room for it."""
        self.piece.close()
        self.piece = Piece(b"")
        self.after, self.joint = self.before


class Chooser:
    """Chooses the pieces of replays, and keeps as blocks what it read for them."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks

    def _ask(self, asked: Asked) -> _Known:
        """Ask the database, inside a snapshot, who gets what as things are."""
        by = still(asked)
        stream = store.read_stream(by.stream)
        key = Key(stream.filter, bool(by.headlines))
        return _Known(0, 0, by, key, stream.cursor, stream.last, wire.last_kill())

    def _look(self, replay: Replay, asked: Asked) -> _Known:
        """Return what holds now; it is asked again where anything in the database has changed."""
        version, now = wire.data_version(), time.monotonic()
        known = replay.known
        if known is None or known.version != version or known.until < now:
            with wire.snapshot():
                found = self._ask(asked)
            # The version was read before: what changed in between is seen at the next look.
            known = msgspec.structs.replace(found, version=version, until=now + _HOLDS_S)
            replay.known = known
        return known

    def find_piece(self, replay: Replay, asked: Asked) -> None:
        """Let the next piece be ready to be written, or the end."""
        known = self._look(replay, asked)
        if replay.after >= known.last:
            replay.finish()
            return
        if not _is_first(replay.after, known.by):
            block, _ = self._blocks.find(known.key, replay.after)
            if block is not None and (file := self._opened(block, known)) is not None:
                begin = block.place(replay.after)
                replay.after = block.last
                if begin < block.size:
                    replay.write_file(file, begin, block.size)
                else:
                    # It reaches further than its last line; an empty chunk would end the answer.
                    os.close(file)
                    self.find_piece(replay, asked)
                return
        self._read_piece(replay, asked)

    def _opened(self, block: Block, known: _Known) -> int | None:
        """Return a descriptor of a block's file, or None if it is not to be sent."""
        if block.last > known.cursor:
            return None  # of a stream that is folded anew: it has no rows yet in the gaps between blocks
        if known.kill > block.checked:
            if wire.is_killed_after(block.checked, block.after + 1, block.last):
                self._blocks.drop(block)
                return None
            block.checked = known.kill
        try:
            file = block.open()
        except OSError as error:
            log.warning("A block could not be read; the log is read instead: %s", error.strerror)
            return None
        if file is None:
            self._blocks.drop(block)
        return file

    def _read_piece(self, replay: Replay, asked: Asked) -> None:
        """Read the next lines from the log, all in one moment of it, and keep them as a block where they make one."""
        after = replay.after
        with wire.snapshot():
            known = self._ask(asked)
            first = _is_first(after, known.by)
            block, until = self._blocks.find(known.key, after)
            if first or block is not None or until > known.cursor:
                until = 0
            found = _read_lines(known.by, after, until, first=first)
        if found.lines:
            data = b"\n".join([*found.lines, b""])
            replay.after = until if found.all_read and until else found.seqs[-1]
            replay.write(data)
            if not first and block is None and len(data) >= _LEAST_BYTES:
                self._keep(known, after, replay.after, found, data)
        elif until:
            replay.after = until
            self.find_piece(replay, asked)
        else:
            replay.finish()

    def _keep(self, known: _Known, after: int, last: int, found: "_Lines", data: bytes) -> None:
        ends = array("Q", accumulate(len(line) + 1 for line in found.lines))
        kept = self._blocks.keep(
            known.key, after, array("Q", found.seqs), ends, data, last=last, checked=known.kill
        )  # fmt: skip
        # A kill whose fold looked for blocks before this one was there.
        if kept is not None and wire.is_killed_after(known.kill, after + 1, last):
            self._blocks.drop(kept)


class _Lines(msgspec.Struct):
    """Lines without their ends, the seq of each, and whether there are no more of them up to where they were to go."""

    lines: list[bytes] = []
    seqs: list[int] = []
    all_read: bool = False


def _is_first(after: int, by: Subscription) -> bool:
    """Whether the next line is a subscription's first, if that began late: no other has it with that `prev`."""
    return 0 < by.since >= after


def _read_lines(by: Subscription, after: int, until: int, *, first: bool) -> _Lines:
    """Read a piece of lines after a seq, up to `until` if that is not 0; `first`: one line, as this one has it."""
    found, size, limit = _Lines(), 0, 1 if first else _ROWS
    shared = by if first else msgspec.structs.replace(by, since=0)
    while size < _PIECE_BYTES:
        rows = store.read_rows(by.stream, after, limit)
        rows = [row for row in rows if row.seq <= until] if until else rows
        # Of very long texts no more are read than go into the piece.
        reached = list(accumulate(wire.read_sizes([row.seq for row in rows]), initial=size))
        fitting = rows[: bisect_left(reached, 2 * _PIECE_BYTES)]
        for row, line in zip(fitting, encoded(fitting, shared), strict=True):
            found.lines.append(line)
            found.seqs.append(row.seq)
            size += len(line) + 1
        if len(fitting) < len(rows):
            return found
        if len(rows) < limit or first:
            found.all_read = not first
            return found
        after = rows[-1].seq
    return found
