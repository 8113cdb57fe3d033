"""The signed tree over the store: node hashes from tiles and leaves, proofs, C2SP tiles.

Full tiles are kept when they fill up; everything else is computed from at most one partial tile a
level, so that proofs and tiles cost the same at a million dispatches as at a thousand.
"""

from dateline.wire import store
from dateline.wire.errors import WireError
from dateline.wire.merkle import (
    EMPTY_ROOT,
    TILE_HEIGHT,
    TILE_WIDTH,
    prove_consistency,
    prove_inclusion,
    range_root,
    root_of_leaves,
)


def complete_tiles(size: int) -> None:
    """Keep the tiles that the leaf number `size` filled, at every level."""
    level, count = 0, size
    while count and count % TILE_WIDTH == 0:
        place = count // TILE_WIDTH - 1
        store.insert_tile(level, place, _hashes(level, place, TILE_WIDTH))
        level, count = level + 1, count // TILE_WIDTH


def _hashes(level: int, place: int, width: int) -> list[bytes]:
    """Return the first `width` hashes of a tile that is not kept yet."""
    begin = place * TILE_WIDTH
    if level == 0:
        return store.read_leaves(begin, begin + width)
    hashes = store.read_tile_roots(level - 1, begin, begin + width)
    if len(hashes) != width:
        raise WireError(f"The log's tiles {level - 1}/{begin} and on are not all there.", begin)
    return hashes


def read_tile(level: int, place: int, width: int) -> list[bytes] | None:
    """Return the first `width` hashes of a tile of the tree at its present size, or None.

    None where the log has not come that far.
    """
    complete = store.head_seq() >> (TILE_HEIGHT * level)
    if not 1 <= width <= min(TILE_WIDTH, complete - place * TILE_WIDTH):
        return None
    full = store.read_tile(level, place)
    return full[:width] if full is not None else _hashes(level, place, width)


def tile_address(place: int, width: int) -> str:
    """Return the part of a tile's address after its level (C2SP tlog-tiles): 1234067 is `x001/x234/067`.

    A tile of fewer than 256 hashes ends in `.p/` and their number.
    """
    digits = str(place)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    text = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return text if width == TILE_WIDTH else f"{text}.p/{width}"


def node(height: int, index: int) -> bytes:
    """Return the hash of the perfect subtree of 2**height leaves that is the index-th of its height."""
    level, within = divmod(height, TILE_HEIGHT)
    begin = index << within
    place, offset = divmod(begin, TILE_WIDTH)
    hashes = read_tile(level, place, offset + (1 << within))
    if hashes is None:
        raise WireError(f"The log does not reach the node {height}/{index}.", index)
    return root_of_leaves(hashes[offset:])


def root(size: int) -> bytes:
    """Return the tree head over the first `size` dispatches."""
    return range_root(0, size, node) if size else EMPTY_ROOT


def inclusion(seq: int, size: int | None = None) -> list[bytes]:
    """Return the audit path of a dispatch in the log of `size` dispatches (default: all)."""
    return prove_inclusion(seq - 1, store.head_seq() if size is None else size, node)


def consistency(old: int, size: int | None = None) -> list[bytes]:
    """Return the proof that the log of `old` dispatches begins the log of `size` (default: all)."""
    return prove_consistency(old, store.head_seq() if size is None else size, node)
