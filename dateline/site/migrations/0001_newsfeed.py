"""The folded newsfeed: items, their public versions, and the pages that wait to be rendered."""

from django.db import migrations

TABLES = [
    """
    CREATE TABLE site_item (
        uri TEXT PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        place INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        shown INTEGER NOT NULL,
        published TEXT NOT NULL,
        day TEXT NOT NULL,
        slug TEXT NOT NULL,
        heading TEXT NOT NULL,
        mark TEXT NOT NULL,
        element BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX site_item_newest ON site_item (published, place) WHERE shown = 1",
    "CREATE INDEX site_item_section ON site_item (slug, published, place) WHERE shown = 1",
    "CREATE INDEX site_item_day ON site_item (day, published, place) WHERE shown = 1",
    "CREATE UNIQUE INDEX site_item_place ON site_item (place)",
    "CREATE INDEX site_item_seq ON site_item (seq)",
    "CREATE INDEX site_item_day_seq ON site_item (day, seq)",
    "CREATE TABLE site_section (slug TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    """
    CREATE TABLE site_version (
        uri TEXT NOT NULL,
        version INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        sent TEXT NOT NULL,
        act TEXT NOT NULL,
        note TEXT NOT NULL,
        shown INTEGER NOT NULL,
        PRIMARY KEY (uri, version)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE site_dirty (
        page TEXT PRIMARY KEY,
        rank INTEGER NOT NULL,
        seq INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX site_dirty_next ON site_dirty (rank, seq DESC)",
    "CREATE TABLE site_stamp (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
]


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(
            TABLES,
            [
                f"DROP TABLE {name}"
                for name in ("site_stamp", "site_dirty", "site_section", "site_version", "site_item")
            ],
        )
    ]
