"""A dispatch as a subscriber gets it: one JSON object, its item the stored bytes.

`{"act", "prev", "salt", "sent", "seq", "uri", "version", "item"}`: the fields of the signed envelope, `prev` the seq
before it on the same subscription (0: none), `item` canonical ninjs. Two have another item, and `digest`, the SHA-256
of the signed one, so that the rest of them can be proved: `"headlines": true` leaves the text out; `"withdrawn": SEQ`
stands where the item was killed later, by that dispatch: its text leaves by no way any more. It stands, too, where a
hold was pushed ahead of its turn.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from dateline.delivery.store import Row
from dateline.news.acts import Act
from dateline.news.formats import ninjs
from dateline.news.item import PubStatus
from dateline.wire import store, tree
from dateline.wire.dispatch import Dispatch

_ENCODER = msgspec.json.Encoder(order="sorted")


def lines_of(
    rows: list[Row], *, headlines: bool = False, proof_size: int = 0, jumped: Mapping[str, int] | None = None,
    since: int = 0,
) -> list[bytes]:  # fmt: skip
    """Return rows of a stream as lines without their ends. `proof_size`: prove each in the log of that size.

    `jumped`: holds and kills that the receiver has ahead of its turn, by uri: what comes before them is a stub.
    `since`: where the subscription begins; nothing is before its first.
    """
    prevs = {row.seq: row.prev for row in rows}
    dispatches = [*_read(row.seq for row in rows)]
    states = store.read_states(list({dispatch.uri for dispatch in dispatches}))
    found = []
    for dispatch in dispatches:
        killed_by = _killed_by(dispatch, states.get(dispatch.uri))
        if not killed_by and jumped and jumped.get(dispatch.uri, 0) > dispatch.seq:
            killed_by = jumped[dispatch.uri]
        prev = prevs[dispatch.seq] if prevs[dispatch.seq] > since else 0
        found.append(line_of(dispatch, prev, killed_by=killed_by, headlines=headlines, proof_size=proof_size))
    return found


def _read(seqs: Iterable[int]) -> Iterator[Dispatch]:
    """Read dispatches; those next to each other at once."""
    wanted = list(seqs)
    at = 0
    while at < len(wanted):
        end = at + 1
        while end < len(wanted) and wanted[end] == wanted[end - 1] + 1:
            end += 1
        yield from store.read_rows(wanted[at] - 1, end - at)
        at = end


def _killed_by(dispatch: Dispatch, state: store.ItemState | None) -> int:
    """Return the seq of the kill that withdrew the item after this dispatch, 0 if none did."""
    killed = state is not None and state.pubstatus == PubStatus.CANCELED and dispatch.act is not Act.KILL
    return state.seq if killed and state is not None else 0


def line_of(
    dispatch: Dispatch, prev: int, *, killed_by: int = 0, headlines: bool = False, proof_size: int = 0
) -> bytes:
    """Return one dispatch as a line without its end."""
    head: dict[str, object] = {
        "act": str(dispatch.act), "prev": prev, "salt": base64.b64encode(dispatch.salt).decode(), "sent": dispatch.sent,
        "seq": dispatch.seq, "uri": dispatch.uri, "version": dispatch.version,
    }  # fmt: skip
    if proof_size:
        head["proof"] = [base64.b64encode(part).decode() for part in tree.inclusion(dispatch.seq, proof_size)]
    item = dispatch.item
    if killed_by:
        head["withdrawn"] = killed_by
        item = _ENCODER.encode({"pubStatus": "canceled", "uri": dispatch.uri, "version": str(dispatch.version)})
    elif headlines:
        head["headlines"] = True
        news = dispatch.news
        # What is named here goes out, nothing else of what an item may carry.
        rest = {name: news.rest[name] for name in ("subjects",) if name in news.rest}
        item = ninjs.encode(msgspec.structs.replace(news, body="", rest=rest))
    if killed_by or headlines:
        head["digest"] = hashlib.sha256(dispatch.item).hexdigest()
    return _ENCODER.encode(head)[:-1] + b',"item":' + item + b"}"
