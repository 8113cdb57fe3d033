"""The log's tables, and the triggers that keep it append-only.

Plain SQL, since the log is plain SQL (docs/decisions/0002): nothing but `dateline.wire.store` reads
or writes these tables. `wire_dispatch` is the log; `wire_head`, `wire_tile` and `wire_item` follow
from it and are kept in the same transaction; `wire_cursor` is how far each projection has folded.
"""

from django.db import migrations

TABLES = """
CREATE TABLE wire_dispatch (
    seq INTEGER PRIMARY KEY,
    sent TEXT NOT NULL,
    act TEXT NOT NULL CHECK (act IN ('publish', 'update', 'correct', 'refile', 'hold', 'release', 'kill',
                                     'advisory', 'archive')),
    uri TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    item BLOB NOT NULL,
    salt BLOB NOT NULL CHECK (length(salt) = 16),
    leaf BLOB NOT NULL CHECK (length(leaf) = 32),
    UNIQUE (uri, version)
) STRICT;

CREATE TABLE wire_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    sent TEXT NOT NULL,
    frontier BLOB NOT NULL,
    checkpoint TEXT NOT NULL
) STRICT;

CREATE TABLE wire_tile (
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    hashes BLOB NOT NULL CHECK (length(hashes) = 8192),
    root BLOB NOT NULL CHECK (length(root) = 32),
    PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE wire_item (
    uri TEXT PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL,
    act TEXT NOT NULL,
    version INTEGER NOT NULL,
    pubstatus TEXT NOT NULL,
    embargoed TEXT
) STRICT;
CREATE INDEX wire_item_embargoed ON wire_item (embargoed) WHERE embargoed IS NOT NULL;

CREATE TABLE wire_cursor (
    projection TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;
"""

TRIGGERS = [
    """
    CREATE TRIGGER wire_dispatch_is_gapless BEFORE INSERT ON wire_dispatch
    WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM wire_dispatch)
      OR NEW.sent < (SELECT coalesce(max(sent), '') FROM wire_dispatch WHERE seq = NEW.seq - 1)
      OR NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM wire_dispatch WHERE uri = NEW.uri)
      OR EXISTS (SELECT 1 FROM wire_dispatch WHERE uri = NEW.uri AND act = 'kill')
    BEGIN SELECT RAISE(ABORT, 'the wire takes only the next dispatch, and none after a kill'); END
    """,
    """
    CREATE TRIGGER wire_dispatch_is_never_updated BEFORE UPDATE ON wire_dispatch
    BEGIN SELECT RAISE(ABORT, 'a dispatch is never updated'); END
    """,
    """
    CREATE TRIGGER wire_dispatch_is_never_deleted BEFORE DELETE ON wire_dispatch
    BEGIN SELECT RAISE(ABORT, 'a dispatch is never deleted'); END
    """,
    """
    CREATE TRIGGER wire_tile_is_never_updated BEFORE UPDATE ON wire_tile
    BEGIN SELECT RAISE(ABORT, 'a full tile of the log never changes'); END
    """,
    """
    CREATE TRIGGER wire_tile_is_never_deleted BEFORE DELETE ON wire_tile
    BEGIN SELECT RAISE(ABORT, 'a full tile of the log never goes'); END
    """,
    """
    CREATE TRIGGER wire_head_only_advances BEFORE UPDATE ON wire_head WHEN NEW.seq < OLD.seq
    BEGIN SELECT RAISE(ABORT, 'the head of the wire only advances'); END
    """,
    """
    CREATE TRIGGER wire_head_is_never_deleted BEFORE DELETE ON wire_head
    BEGIN SELECT RAISE(ABORT, 'the head of the wire never goes'); END
    """,
]


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(
            [*[part for part in TABLES.split(";\n") if part.strip()], *TRIGGERS],
            "".join(
                f"DROP TABLE {name};"
                for name in ("wire_cursor", "wire_item", "wire_tile", "wire_head", "wire_dispatch")
            ),
        ),
    ]
