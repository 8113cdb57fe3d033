"""verify: is this what the agency signed, all of it, and nothing else?

Three things can be checked: this wire (the database), a saved wire or item (a file, offline), and a
wire or an item that is served (a URL). Each raises NotVerified with a sentence that says where.
"""

import base64
import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import msgspec
from django.conf import settings

from dateline.news.acts import Act
from dateline.news.counting import counted, dispatches
from dateline.news.errors import BadItem
from dateline.wire import store, tree
from dateline.wire.append import state_after
from dateline.wire.dispatch import Dispatch, from_line
from dateline.wire.errors import NotVerified
from dateline.wire.export import Footer, Header
from dateline.wire.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    check_inclusion,
    grow,
    root_of,
    root_of_leaves,
)
from dateline.wire.note import Checkpoint, Verifier
from dateline.wire.remembered import keep_note, remembered_note, remembered_path
from dateline.wire.tree import tile_address

Progress = Callable[[int], None]


def _silent(seq: int) -> None:
    """No progress wanted."""


class Verified(msgspec.Struct, frozen=True):
    """What was verified: the checkpoint that the agency signed, and how many dispatches were read for it.

    Of a served wire only the tree is read, so that `dispatches` is 0.
    """

    checkpoint: Checkpoint
    dispatches: int


def read_verifier(key: str | None = None) -> Verifier:
    """Return the verifier for a key: a verifier key, a file that holds one, or None for this wire's own."""
    path = Path(key) if key else settings.DATELINE_HOME / "keys" / "wire.pub"
    if key and "+" in key and not path.exists():
        return Verifier(key)
    try:
        return Verifier(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise NotVerified(
            f"There is no public key at {path}. Name the agency's with --key: the verifier key itself, "
            "or a file that holds it."
        ) from error


class _Walk:
    """Walks dispatches in order and grows the tree over them, checking each against the one before."""

    def __init__(self, first: int = 1, frontier: Iterable[bytes] = ()) -> None:
        self.seq = first - 1
        self.frontier = list(frontier)
        self.sent = ""
        self.versions: dict[str, int] = {}
        self._whole = first == 1

    def take(self, dispatch: Dispatch) -> None:
        if dispatch.seq != self.seq + 1:
            raise NotVerified(
                f"After seq {self.seq} comes seq {dispatch.seq}: a dispatch is missing, added or moved.",
                self.seq + 1,
            )
        if dispatch.sent < self.sent:
            raise NotVerified(f"Seq {dispatch.seq} was sent before the one before it.", dispatch.seq)
        known = self.versions.get(dispatch.uri, 0)
        if (known or self._whole) and dispatch.version != known + 1:
            raise NotVerified(
                f"Seq {dispatch.seq} is version {dispatch.version} of {dispatch.uri} after version {known}.",
                dispatch.seq,
            )
        self.frontier = grow(self.frontier, self.seq, dispatch.computed_leaf())
        self.seq, self.sent = dispatch.seq, dispatch.sent
        self.versions[dispatch.uri] = dispatch.version


def verify_wire(verifier: Verifier, progress: Progress = _silent) -> Verified:
    """Verify this wire's database against its signed head, its tiles and the last head remembered."""
    head = store.read_head()
    remembered = _remembered(verifier)
    if not head.seq:
        if remembered and remembered.size:
            raise NotVerified(
                f"The log is empty, but a head of {remembered.size} was seen here before: it was wiped.", 1
            )
        if store.read_rows(0, 1):
            raise NotVerified("The wire has dispatches but no signed head.", 1)
        return Verified(Checkpoint(verifier.name, 0, root_of([])), 0)
    checkpoint = verifier.open(head.checkpoint)
    walk, tile = _Walk(), []
    states: dict[str, store.ItemState] = {}
    for dispatch in store.iterate(until=max(head.seq, checkpoint.size) + 1):
        if dispatch.seq > checkpoint.size:
            raise NotVerified(f"Seq {dispatch.seq} lies beyond the signed head, {checkpoint.size}.", dispatch.seq)
        if dispatch.computed_leaf() != dispatch.leaf:
            raise NotVerified(
                f"Seq {dispatch.seq} is not what was appended: its contents do not match its leaf hash.",
                dispatch.seq,
            )
        walk.take(dispatch)
        _check_state(dispatch, states)
        tile.append(dispatch.leaf)
        if walk.seq % TILE_WIDTH == 0:
            _check_tile(walk.seq, tile)
            tile = []
        if remembered and remembered.size == walk.seq and remembered.root != root_of(walk.frontier):
            raise NotVerified(
                f"The log up to seq {walk.seq} is not that of the head that was last seen here: it was rewritten.",
                walk.seq,
            )
        progress(walk.seq)
    if walk.seq < checkpoint.size:
        raise NotVerified(
            f"The log ends at seq {walk.seq}, but the agency signed {checkpoint.size}: its tail was dropped.",
            walk.seq + 1,
        )
    if remembered and remembered.size > checkpoint.size:
        raise NotVerified(
            f"The log has {dispatches(checkpoint.size)}, but a head of {remembered.size} was seen here before: "
            "it was rolled back.", checkpoint.size + 1,
        )  # fmt: skip
    if root_of(walk.frontier) != checkpoint.root:
        begin = walk.seq - walk.seq % TILE_WIDTH + 1
        raise NotVerified(
            f"The log is not what the agency signed; what differs lies in seq {begin} to {walk.seq}.", begin
        )
    if (head.seq, head.sent, head.frontier) != (walk.seq, walk.sent, tuple(walk.frontier)):
        raise NotVerified("The head that the next dispatch would be appended to is not that of the log.", walk.seq)
    _check_tiles(walk.seq)
    _check_items(states)
    with contextlib.suppress(OSError):  # a read-only backup can be verified, too
        remember(head.checkpoint)
    return Verified(checkpoint, walk.seq)


def _check_state(dispatch: Dispatch, states: dict[str, store.ItemState]) -> None:
    before = states.get(dispatch.uri)
    if before is not None and before.act == Act.KILL:
        raise NotVerified(f"Seq {dispatch.seq} gives life to {dispatch.uri} after its kill.", dispatch.seq)
    try:
        states[dispatch.uri] = state_after(dispatch, dispatch.news)
    except BadItem as error:
        raise NotVerified(f"Seq {dispatch.seq} does not hold a ninjs item: {error}", dispatch.seq) from error


def _check_tile(size: int, leaves: list[bytes]) -> None:
    kept = store.read_tile(0, size // TILE_WIDTH - 1)
    if kept is None:
        raise NotVerified(f"The tile of the tree that ends at seq {size} is missing.", size)
    for offset, (leaf, signed) in enumerate(zip(leaves, kept, strict=True)):
        if leaf != signed:
            seq = size - TILE_WIDTH + offset + 1
            raise NotVerified(f"Seq {seq} is not the dispatch that was appended there: its tile differs.", seq)


def _check_tiles(size: int) -> None:
    """Check every kept tile above the leaves, and every tile's root, against those below it."""
    level, count = 0, size // TILE_WIDTH
    while count:
        for place in range(count):
            kept = store.read_tile(level, place)
            if kept is None or store.read_tile_roots(level, place, place + 1) != [root_of_leaves(kept)]:
                raise NotVerified(f"The tile {level}/{place} of the log is missing or was changed.", place)
            if level and kept != store.read_tile_roots(level - 1, place * TILE_WIDTH, (place + 1) * TILE_WIDTH):
                raise NotVerified(f"The tile {level}/{place} of the log is not that of the tiles below it.", place)
        level, count = level + 1, count // TILE_WIDTH


def _check_items(states: dict[str, store.ItemState]) -> None:
    rows = store.sql().execute("SELECT uri, path, seq, act, version, pubstatus, embargoed FROM wire_item")
    kept = {row[0]: store.ItemState(*row) for row in rows}
    for uri in states.keys() | kept.keys():
        if states.get(uri) != kept.get(uri):
            raise NotVerified(f"The state kept of {uri} is not what the log says.", uri)


def _remembered(verifier: Verifier) -> Checkpoint | None:
    note = remembered_note()
    return None if note is None else verifier.open(note)


def check_remembered(verifier: Verifier) -> None:
    """Raise NotVerified if this log does not begin with the one whose head was last seen here."""
    remembered = _remembered(verifier)
    size = store.head_seq()
    if remembered and (remembered.size > size or tree.root(remembered.size) != remembered.root):
        raise NotVerified(
            f"This log of {dispatches(size)} does not continue the one of {remembered.size} that was last seen here: "
            f"it was rolled back or changed. If you restored a backup on purpose, remove {remembered_path()}.",
            remembered.size,
        )


def remember(note: str) -> None:
    """Keep a signed head outside the database, so that a later roll-back shows.

    The head of a log that does not continue the one remembered is not kept: the evidence stays. An empty log has none.
    """
    check_remembered(read_verifier())
    if note:
        keep_note(note)


def verify_lines(lines: Iterable[bytes], verifier: Verifier, progress: Progress = _silent) -> Verified:
    """Verify a saved wire or a saved item, offline.

    `lines` are those of a file that `dateline export` or an item's page gave.
    """
    source = iter(lines)
    first = next(source, b"")
    if first.startswith(b'{"wire"'):
        return _verify_export(first, source, verifier, progress)
    return _verify_saved(chain([first], source), verifier)


def _verify_export(first: bytes, lines: Iterator[bytes], verifier: Verifier, progress: Progress) -> Verified:
    try:
        header = msgspec.json.decode(first, type=Header)
        frontier = [base64.b64decode(value, validate=True) for value in header.frontier]
        if header.first < 1 or len(frontier) != (header.first - 1).bit_count():
            raise ValueError("its frontier does not fit its first seq")
    except (msgspec.DecodeError, ValueError) as error:
        raise NotVerified(f"The first line is not that of an export: {error}.") from error
    walk = _Walk(header.first, frontier)
    footer: Footer | None = None
    for line in lines:
        if footer is not None:
            raise NotVerified("Something follows the checkpoint that ends the export.", walk.seq)
        if line.startswith(b'{"checkpoint"'):
            footer = _footer(line)
            continue
        try:
            walk.take(from_line(line))
        except NotVerified as error:
            if error.value is None:
                raise NotVerified(f"After seq {walk.seq}: {error}", walk.seq + 1) from error
            raise
        progress(walk.seq)
    if footer is None:
        raise NotVerified(f"The export breaks off after seq {walk.seq}: it has no checkpoint.", walk.seq + 1)
    checkpoint = verifier.open(footer.checkpoint)
    if walk.seq != checkpoint.size:
        raise NotVerified(
            f"The export ends at seq {walk.seq}, but its checkpoint is signed for {checkpoint.size}.",
            walk.seq + 1,
        )
    if root_of(walk.frontier) != checkpoint.root:
        raise NotVerified(
            f"The dispatches from seq {header.first} to {walk.seq} are not those that the agency signed: "
            "at least one of them was changed."
        )
    return Verified(checkpoint, walk.seq - header.first + 1)


def _footer(line: bytes) -> Footer:
    try:
        return msgspec.json.decode(line, type=Footer)
    except msgspec.DecodeError as error:
        raise NotVerified(f"The last line is not the checkpoint of an export: {error}.") from error


def _verify_saved(lines: Iterable[bytes], verifier: Verifier) -> Verified:
    *rows, last = [line for line in lines if line.strip()] or [b""]
    if not rows or not last.startswith(b'{"checkpoint"'):
        raise NotVerified("This is neither an export nor a saved dispatch: no checkpoint ends it.")
    footer = _footer(last)
    checkpoint = verifier.open(footer.checkpoint)
    if len(footer.proofs) != len(rows):
        proofs = counted(len(footer.proofs), "proof")
        raise NotVerified(f"Of {dispatches(len(rows))} there should be a proof each; the file has {proofs}.")
    for line, proof in zip(rows, footer.proofs, strict=True):
        dispatch = from_line(line)
        try:
            path = [base64.b64decode(value, validate=True) for value in proof]
        except ValueError as error:
            raise NotVerified(f"The proof of seq {dispatch.seq} is not base64.", dispatch.seq) from error
        if not check_inclusion(dispatch.seq - 1, checkpoint.size, dispatch.leaf, path, checkpoint.root):
            raise NotVerified(f"Seq {dispatch.seq} is not a dispatch that the agency signed.", dispatch.seq)
    return Verified(checkpoint, len(rows))


# A tile has 8 kB, a checkpoint less; an item's saved dispatches are the largest thing asked for.
_MAX_ANSWER_BYTES = 64 * 1024 * 1024


def _get(url: str) -> bytes:
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "dateline-verify"})  # noqa: S310
        with contextlib.closing(urllib.request.urlopen(request, timeout=30)) as answer:  # noqa: S310
            return bytes(answer.read(_MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        raise NotVerified(f"{url} answers {error.code} {error.reason}.") from error
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        raise NotVerified(f"{url} cannot be reached: {error}.") from error


def verify_url(url: str, verifier: Verifier, progress: Progress = _silent) -> Verified:
    """Verify a served wire (its address, or that of its log) or one item (its page's address)."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise NotVerified(f"{url!r} is not an http or https address.")
    path = unquote(parts.path).rstrip("/")
    if path and path not in ("/log", "/log/checkpoint"):
        lines = _get(f"{parts.scheme}://{parts.netloc}{quote(path)}/dispatch.ndjson").splitlines()
        verified = verify_lines(lines, verifier)
        for line in lines[:-1]:
            if from_line(line).news.path.rstrip("/") != path:
                raise NotVerified(f"{url} serves the signed dispatches of another item.")
        return verified
    base = f"{parts.scheme}://{parts.netloc}/log"
    checkpoint = verifier.open(_get(f"{base}/checkpoint").decode("utf-8", "replace"))
    frontier: list[bytes] = []
    for begin in range(0, checkpoint.size, TILE_WIDTH):
        width = min(TILE_WIDTH, checkpoint.size - begin)
        raw = _get(f"{base}/tile/0/{tile_address(begin // TILE_WIDTH, width)}")
        if len(raw) != width * HASH_BYTES:
            raise NotVerified(f"The tile for seq {begin + 1} to {begin + width} is not whole.", begin + 1)
        for offset in range(width):
            frontier = grow(frontier, begin + offset, raw[offset * HASH_BYTES : (offset + 1) * HASH_BYTES])
        progress(begin + width)
    if root_of(frontier) != checkpoint.root:
        raise NotVerified("The tiles that are served are not those of the signed head.")
    return Verified(checkpoint, 0)
