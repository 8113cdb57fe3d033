"""Subscribers, their subscriptions and tokens; the streams that are folded for them; the ledger."""

from django.db import migrations

TABLES = [
    # One row a filter: subscriptions with the same filter share what is folded for it.
    """
    CREATE TABLE delivery_stream (
        id INTEGER PRIMARY KEY,
        filter TEXT NOT NULL UNIQUE,
        cursor INTEGER NOT NULL DEFAULT 0,
        last INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE delivery_row (
        stream INTEGER NOT NULL REFERENCES delivery_stream (id),
        seq INTEGER NOT NULL,
        prev INTEGER NOT NULL,
        withdraws INTEGER NOT NULL,
        PRIMARY KEY (stream, seq)
    ) STRICT, WITHOUT ROWID
    """,
    # Kills and holds jump the queue: they are looked for at every turn.
    "CREATE INDEX delivery_row_withdraws ON delivery_row (stream, seq) WHERE withdraws = 1",
    """
    CREATE TABLE delivery_item (
        stream INTEGER NOT NULL REFERENCES delivery_stream (id),
        uri TEXT NOT NULL,
        first INTEGER NOT NULL,
        PRIMARY KEY (uri, stream)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE delivery_subscription (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        contact TEXT NOT NULL,
        stream INTEGER NOT NULL REFERENCES delivery_stream (id),
        since INTEGER NOT NULL,
        ends TEXT NOT NULL DEFAULT '',
        headlines INTEGER NOT NULL DEFAULT 0,
        url TEXT NOT NULL DEFAULT '',
        secrets TEXT NOT NULL DEFAULT '',
        paused TEXT NOT NULL DEFAULT '',
        cursor INTEGER NOT NULL,
        seen TEXT NOT NULL DEFAULT '',
        made TEXT NOT NULL,
        epoch INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE delivery_token (
        id INTEGER PRIMARY KEY,
        subscription INTEGER NOT NULL REFERENCES delivery_subscription (id),
        digest TEXT NOT NULL UNIQUE,
        hint TEXT NOT NULL,
        made TEXT NOT NULL,
        ends TEXT NOT NULL DEFAULT '',
        used TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    # What was acknowledged ahead of the cursor: kills and holds, which jump the queue.
    """
    CREATE TABLE delivery_ahead (
        subscription INTEGER NOT NULL REFERENCES delivery_subscription (id),
        seq INTEGER NOT NULL,
        PRIMARY KEY (subscription, seq)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE delivery_attempt (
        id INTEGER PRIMARY KEY,
        subscription INTEGER NOT NULL REFERENCES delivery_subscription (id),
        seq INTEGER NOT NULL,
        at TEXT NOT NULL,
        ms INTEGER NOT NULL,
        status INTEGER NOT NULL,
        outcome TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX delivery_attempt_of ON delivery_attempt (subscription, id)",
    "CREATE INDEX delivery_attempt_seq ON delivery_attempt (seq)",
    """
    CREATE TRIGGER delivery_attempt_never_changes BEFORE UPDATE ON delivery_attempt
    BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END
    """,
    """
    CREATE TRIGGER delivery_attempt_is_never_deleted BEFORE DELETE ON delivery_attempt
    BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END
    """,
]
_NAMES = ("attempt", "ahead", "token", "subscription", "item", "row", "stream")


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [migrations.RunSQL(TABLES, [f"DROP TABLE delivery_{name}" for name in _NAMES])]
