"""The folded feeds: one row an item that is, or was, public."""

from django.db import migrations

TABLES = [
    """
    CREATE TABLE feeds_entry (
        uri TEXT PRIMARY KEY,
        place INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        shown INTEGER NOT NULL,
        published TEXT NOT NULL,
        slug TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX feeds_entry_newest ON feeds_entry (published, place) WHERE shown = 1",
    "CREATE INDEX feeds_entry_section ON feeds_entry (slug, published, place) WHERE shown = 1",
    "CREATE TABLE feeds_feed (slug TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID",
]


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [migrations.RunSQL(TABLES, ["DROP TABLE feeds_feed", "DROP TABLE feeds_entry"])]
