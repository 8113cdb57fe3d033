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


def trouble_of(found: Subscription) -> str:
    """Return what is wrong with a subscription: why it is paused, or how its last attempt failed; '' for nothing."""
    if found.paused:
        return f"paused: {found.paused}"
    last = store.read_attempts(found.id, 1)
    return last[0].outcome if last else ""


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
    is_last = got[-1] is sent[-1]
    trouble = trouble_of(found) if found.paused or not is_last else ""
    return Holder(found.name, got[-1].version, is_last, trouble)
