"""Further ways to push, each in its form; subscriptions that begin later; dispatches that are sent once more."""

from django.db import migrations

CHANGES = [
    # The form that is pushed, by its name in `news.formats.outgoing`; '' is ninjs 3.1.
    "ALTER TABLE delivery_subscription ADD COLUMN form TEXT NOT NULL DEFAULT ''",
    # RFC 3339: until then the subscription has no beginning; '' once `since` says where it began.
    "ALTER TABLE delivery_subscription ADD COLUMN begins TEXT NOT NULL DEFAULT ''",
    # What the way needs beside its address, as JSON: passwords, keys, a server's host key.
    "ALTER TABLE delivery_subscription ADD COLUMN options TEXT NOT NULL DEFAULT '{}'",
    # What an operator wants sent once more, whatever was acknowledged.
    """
    CREATE TABLE delivery_again (
        subscription INTEGER NOT NULL REFERENCES delivery_subscription (id),
        seq INTEGER NOT NULL,
        PRIMARY KEY (subscription, seq)
    ) STRICT, WITHOUT ROWID
    """,
]
UNDO = [
    "DROP TABLE delivery_again",
    *(f"ALTER TABLE delivery_subscription DROP COLUMN {name}" for name in ("form", "begins", "options")),
]


class Migration(migrations.Migration):
    dependencies = [("delivery", "0001_subscribers")]
    operations = [migrations.RunSQL(CHANGES, UNDO)]
