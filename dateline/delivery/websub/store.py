"""The hub's SQL. Only the hub's own thread writes here."""

from collections.abc import Iterable

import msgspec

from dateline.wire.store import sql

_COLUMNS = "id, callback, topic, host, path, secret, ends, sent, made"


class HubSubscription(msgspec.Struct, frozen=True):
    """A verified subscription: `path` the feed's, `sent` the ETag of what it was posted last, `ends` its lease."""

    id: int
    callback: str
    topic: str
    host: str
    path: str
    secret: str
    ends: str
    sent: str
    made: str


def read_all() -> list[HubSubscription]:
    """Return every subscription."""
    return [HubSubscription(*row) for row in sql().execute(f"SELECT {_COLUMNS} FROM delivery_hub ORDER BY id")]


def find(callback: str, topic: str) -> HubSubscription | None:
    """Return the subscription of a callback to a topic."""
    row = sql().execute(
        f"SELECT {_COLUMNS} FROM delivery_hub WHERE callback = ? AND topic = ?", (callback, topic)
    ).fetchone()  # fmt: skip
    return HubSubscription(*row) if row else None


def put(found: HubSubscription) -> HubSubscription:
    """Keep a subscription, or renew it: then its lease and its secret are the new ones. Return it as kept."""
    sql().execute(
        f"INSERT INTO delivery_hub ({_COLUMNS.removeprefix('id, ')}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (callback, topic) DO UPDATE SET secret = excluded.secret, ends = excluded.ends",
        msgspec.structs.astuple(found)[1:],
    )
    kept = find(found.callback, found.topic)
    assert kept is not None
    return kept


def remove(ids: Iterable[int]) -> None:
    """Forget subscriptions."""
    sql().executemany("DELETE FROM delivery_hub WHERE id = ?", [(key,) for key in ids])


def set_sent(sent: Iterable[tuple[int, str]]) -> None:
    """Say what subscribers were posted: (id, ETag)."""
    sql().executemany("UPDATE delivery_hub SET sent = ? WHERE id = ?", [(etag, key) for key, etag in sent])


def count(host: str | None = None) -> int:
    """Return how many subscriptions there are, at one host or in all."""
    where, values = ("WHERE host = ?", (host,)) if host is not None else ("", ())
    return int(sql().execute(f"SELECT count(*) FROM delivery_hub {where}", values).fetchone()[0])
