"""The quarantine: files that came in, the items recognised in them, the lines that were not."""

from django.db import migrations

TABLES = [
    """
    CREATE TABLE intake_source (
        digest TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        taken TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE intake_item (
        key TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        line INTEGER NOT NULL,
        uri TEXT NOT NULL UNIQUE,
        item BLOB NOT NULL,
        doubts TEXT NOT NULL,
        seq INTEGER
    ) STRICT
    """,
    "CREATE INDEX intake_item_waiting ON intake_item (seq) WHERE seq IS NULL",
    """
    CREATE TABLE intake_line (
        digest TEXT NOT NULL,
        number INTEGER NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (digest, number)
    ) STRICT, WITHOUT ROWID
    """,
]


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(TABLES, [f"DROP TABLE {name}" for name in ("intake_line", "intake_item", "intake_source")])
    ]
