"""Saved wires: NDJSON that verifies with nothing but the agency's public key.

A whole export, or one from any seq on: a first line `{"wire": origin, "from": seq, "frontier": […]}`
(the roots of what stands before it), one line a dispatch, a last line `{"checkpoint": …}`. A saved item:
its dispatches, and a last line `{"checkpoint": …, "proofs": […]}` with an audit path for each.
"""

import base64
from collections.abc import Iterator
from functools import cache

import msgspec
from django.conf import settings

from dateline.wire import store, tree
from dateline.wire.dispatch import Dispatch, to_line
from dateline.wire.errors import WireError
from dateline.wire.keys import load_signer
from dateline.wire.merkle import check_inclusion, prove_inclusion, range_root
from dateline.wire.note import Checkpoint


class Header(msgspec.Struct, frozen=True, rename={"first": "from"}, forbid_unknown_fields=True):
    """The first line of an export."""

    wire: str
    first: int
    frontier: list[str]


class Footer(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The last line: the signed checkpoint, and for a saved item an audit path a dispatch."""

    checkpoint: str
    proofs: list[list[str]] = []


def _encoded(hashes: list[bytes]) -> list[str]:
    return [base64.b64encode(value).decode() for value in hashes]


def export_wire(first: int = 1) -> Iterator[bytes]:
    """Yield the lines of an export from seq `first` to the head. Raises WireError beyond the head."""
    head = store.read_head()
    if not head.seq and store.read_rows(0, 1):
        raise WireError("The wire has dispatches but no signed head; run `dateline verify`.")
    if not 1 <= first <= max(head.seq, 1):
        raise WireError(f"The wire runs from 1 to {head.seq}; there is no seq {first}.", first)
    frontier, begin, before = [], 0, first - 1
    for bit in reversed(range(before.bit_length())):
        if before >> bit & 1:
            frontier.append(range_root(begin, begin + (1 << bit), tree.node))
            begin += 1 << bit
    yield msgspec.json.encode(Header(settings.AGENCY.origin, first, _encoded(frontier))) + b"\n"
    for dispatch in store.iterate(after=before, until=head.seq):
        yield to_line(dispatch)
    yield msgspec.json.encode(Footer(head.checkpoint)) + b"\n"


def export_item(dispatches: list[Dispatch]) -> bytes:
    """Return a saved item: these dispatches, each with its proof.

    The proofs lead to the tree as it stood at the last of them, so that the same dispatches always
    give the same bytes.
    """
    size = dispatches[-1].seq
    # The root and the audit paths are made of the same nodes; each is worked out once.
    node = cache(tree.node)
    root = range_root(0, size, node)
    proofs = [prove_inclusion(row.seq - 1, size, node) for row in dispatches]
    if not all(
        check_inclusion(row.seq - 1, size, row.computed_leaf(), proof, root)
        for row, proof in zip(dispatches, proofs, strict=True)
    ):
        raise WireError("The log does not prove its own dispatches; run `dateline verify`.", size)
    signer = load_signer(settings.DATELINE_HOME / "keys", settings.AGENCY.origin)
    note = signer.sign(Checkpoint(settings.AGENCY.origin, size, root).text())
    footer = Footer(note, [_encoded(proof) for proof in proofs])
    return b"".join(to_line(row) for row in dispatches) + msgspec.json.encode(footer) + b"\n"
