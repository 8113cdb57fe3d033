"""Who has an item, and who has its last word: what the ledger and the cursors say."""

import msgspec

from dateline.delivery import store
from dateline.delivery.store import Subscription
from dateline.wire import store as wire
from dateline.wire.dispatch import Dispatch


class Holder(msgspec.Struct, frozen=True):
    """A subscriber that got an item: the last version that it acknowledged, and whether that is the last there is."""

    name: str
    version: int
    is_last: bool
    trouble: str


def who_has(uri: str) -> list[Holder]:
    """Return every subscriber that acknowledged any dispatch of an item, by name."""
    dispatches = wire.read_versions(uri)
    found = [_holder(one, dispatches) for one in store.subscriptions() if store.has_item(one.stream, uri)]
    return [holder for holder in found if holder is not None]


def _holder(found: Subscription, dispatches: list[Dispatch]) -> Holder | None:
    ahead = store.read_ahead(found.id)
    sent = [row for row in dispatches if row.seq > found.since and store.has_row(found.stream, row.seq)]
    got = [row for row in sent if row.seq <= found.cursor or row.seq in ahead]
    if not got:
        return None
    last = store.read_attempts(found.id, 1)
    trouble = found.paused and f"paused: {found.paused}"
    if not trouble and got[-1] is not sent[-1] and last and last[0].outcome:
        trouble = last[0].outcome
    return Holder(found.name, got[-1].version, got[-1] is sent[-1], trouble)
