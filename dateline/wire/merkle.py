"""The RFC 6962 Merkle tree over the log, as pure functions over hashes.

Our own code, because no kept Python library serves here: pymerkle is bound to its own storage and
licensed GPL, and the others are abandoned (docs/decisions/0003). Checked against the test vectors of
RFC 6962's reference implementation in tests/wire/test_merkle.py.

A *frontier* is the list of the roots of the perfect subtrees that the leaves so far form, largest
first: one for each bit that is set in the number of leaves. It is all that an append needs.
"""

import hashlib
from collections.abc import Callable, Sequence

HASH_BYTES = 32
# C2SP tlog-tiles: a tile is 2**8 hashes wide.
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = hashlib.sha256(b"").digest()


def hash_leaf(data: bytes) -> bytes:
    """RFC 6962 section 2.1: the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1: the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grow(frontier: Sequence[bytes], size: int, leaf: bytes) -> list[bytes]:
    """Return the frontier of `size + 1` leaves from that of `size` and the new leaf's hash."""
    grown = list(frontier)
    node = leaf
    while size & 1:
        node = hash_node(grown.pop(), node)
        size >>= 1
    grown.append(node)
    return grown


def root_of(frontier: Sequence[bytes]) -> bytes:
    """Return the tree head that a frontier stands for."""
    if not frontier:
        return EMPTY_ROOT
    root = frontier[-1]
    for node in reversed(frontier[:-1]):
        root = hash_node(node, root)
    return root


def root_of_leaves(leaves: Sequence[bytes]) -> bytes:
    """Return the tree head over leaf hashes."""
    frontier: list[bytes] = []
    for size, leaf in enumerate(leaves):
        frontier = grow(frontier, size, leaf)
    return root_of(frontier)


# Gives the hash of the perfect subtree of 2**level leaves that is the index-th of its level.
NodeReader = Callable[[int, int], bytes]


def range_root(begin: int, end: int, node: NodeReader) -> bytes:
    """Return the root over leaves begin…end-1, where begin is aligned as RFC 6962 splits a tree."""
    width = end - begin
    if width & (width - 1) == 0 and begin % width == 0:
        level = width.bit_length() - 1
        return node(level, begin >> level)
    split = begin + (1 << ((width - 1).bit_length() - 1))
    return hash_node(range_root(begin, split, node), range_root(split, end, node))


def prove_inclusion(index: int, size: int, node: NodeReader) -> list[bytes]:
    """RFC 6962 section 2.1.1: the audit path of leaf `index` (from 0) in a tree of `size` leaves."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + (1 << ((end - begin - 1).bit_length() - 1))
        if index < split:
            path.append(range_root(split, end, node))
            end = split
        else:
            path.append(range_root(begin, split, node))
            begin = split
    return path[::-1]


def prove_consistency(old: int, size: int, node: NodeReader) -> list[bytes]:
    """RFC 6962 section 2.1.2: the proof that the first `old` of `size` leaves are unchanged."""
    if not 0 < old <= size:
        raise ValueError(f"no consistency proof leads from {old} to {size} leaves")

    def subproof(keep: int, begin: int, end: int, whole: bool) -> list[bytes]:
        if keep == end:
            return [] if whole else [range_root(begin, end, node)]
        split = begin + (1 << ((end - begin - 1).bit_length() - 1))
        if keep <= split:
            return [*subproof(keep, begin, split, whole), range_root(split, end, node)]
        return [*subproof(keep, split, end, False), range_root(begin, split, node)]

    return subproof(old, 0, size, True)


def check_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2: whether the audit path leads from the leaf to the root."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = hash_node(step, node)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            node = hash_node(node, step)
        place >>= 1
        last >>= 1
    return last == 0 and node == root


def check_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2: whether the proof shows that the old tree begins the new one."""
    if old == size:
        return not proof and old_root == root
    if not 0 < old < size or not proof:
        return False
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    place, last = old - 1, size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    first = second = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = hash_node(step, first), hash_node(step, second)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            second = hash_node(second, step)
        place >>= 1
        last >>= 1
    return last == 0 and first == old_root and second == root
