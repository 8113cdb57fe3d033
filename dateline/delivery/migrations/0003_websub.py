"""The WebSub hub: who is posted which of our feeds."""

from django.db import migrations

# `sent` is the ETag of the content that the subscriber has: it is owed the feed whenever that is another one.
# An id is never given twice: a post that is under way knows its subscription by it.
TABLE = """
CREATE TABLE delivery_hub (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    callback TEXT NOT NULL,
    topic TEXT NOT NULL,
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    secret TEXT NOT NULL,
    ends TEXT NOT NULL,
    sent TEXT NOT NULL,
    made TEXT NOT NULL,
    UNIQUE (callback, topic)
) STRICT
"""


class Migration(migrations.Migration):
    dependencies = [("delivery", "0002_ways")]
    operations = [
        migrations.RunSQL(
            [TABLE, "CREATE INDEX delivery_hub_host ON delivery_hub (host)"],
            ["DROP TABLE delivery_hub"],
        )
    ]
