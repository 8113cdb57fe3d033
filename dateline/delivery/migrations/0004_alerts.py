"""Readers' alerts by e-mail: who gets which, who asked and has not confirmed, what was mailed how far."""

from django.db import migrations

TABLES = [
    # One row a choice (a filter, as text): readers with the same choice share it.
    "CREATE TABLE delivery_choice (id INTEGER PRIMARY KEY, filter TEXT NOT NULL UNIQUE) STRICT",
    # A reader who has confirmed. Ids are never given twice: what was mailed is known by them. `since`: the choice
    # holds after this seq. `refused`: how often in a row the mail server refused the address, since `refused_at`.
    """
    CREATE TABLE delivery_reader (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        address TEXT NOT NULL UNIQUE COLLATE NOCASE,
        choice INTEGER NOT NULL REFERENCES delivery_choice (id),
        since INTEGER NOT NULL,
        salt TEXT NOT NULL,
        made TEXT NOT NULL,
        refused INTEGER NOT NULL DEFAULT 0,
        refused_at TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    "CREATE INDEX delivery_reader_choice ON delivery_reader (choice)",
    # What a reader had chosen before, after seq `since` and up to `until`: what was mailed then is followed up.
    """
    CREATE TABLE delivery_reader_past (
        reader INTEGER NOT NULL REFERENCES delivery_reader (id) ON DELETE CASCADE,
        choice INTEGER NOT NULL,
        since INTEGER NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (reader, choice, until)
    ) STRICT, WITHOUT ROWID
    """,
    # A sign-up that waits for its confirmation. `mailbox`: what sign-ups are counted by. `digest`: of the token in
    # the mail, '' while none was sent; `mailed`: whether the mail server took it.
    """
    CREATE TABLE delivery_asked (
        id INTEGER PRIMARY KEY,
        address TEXT NOT NULL,
        mailbox TEXT NOT NULL,
        filter TEXT NOT NULL,
        at TEXT NOT NULL,
        digest TEXT NOT NULL DEFAULT '',
        mailed INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX delivery_asked_mailbox ON delivery_asked (mailbox)",
    "CREATE INDEX delivery_asked_digest ON delivery_asked (digest)",
    # A dispatch that readers are mailed of, in the order of their ids, up to and with that of `upto`.
    """
    CREATE TABLE delivery_alert (
        seq INTEGER PRIMARY KEY,
        uri TEXT NOT NULL,
        act TEXT NOT NULL,
        upto INTEGER NOT NULL DEFAULT 0,
        done INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX delivery_alert_uri ON delivery_alert (uri)",
    "CREATE INDEX delivery_alert_open ON delivery_alert (seq) WHERE done = 0",
    # The choices that want it, where it is new to readers.
    """
    CREATE TABLE delivery_alert_choice (
        alert INTEGER NOT NULL REFERENCES delivery_alert (seq),
        choice INTEGER NOT NULL,
        PRIMARY KEY (alert, choice)
    ) STRICT, WITHOUT ROWID
    """,
    # Mails that the server would not take yet.
    """
    CREATE TABLE delivery_alert_again (
        alert INTEGER NOT NULL REFERENCES delivery_alert (seq),
        reader INTEGER NOT NULL REFERENCES delivery_reader (id) ON DELETE CASCADE,
        tries INTEGER NOT NULL,
        due TEXT NOT NULL,
        PRIMARY KEY (alert, reader)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX delivery_alert_again_due ON delivery_alert_again (due)",
    # How far the wire was looked at. Of its own: folding anew would mail anew.
    "CREATE TABLE delivery_alert_cursor (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL) STRICT",
]
_NAMES = ("alert_cursor", "alert_again", "alert_choice", "alert", "asked", "reader_past", "reader", "choice")


class Migration(migrations.Migration):
    dependencies = [("delivery", "0003_websub")]
    operations = [migrations.RunSQL(TABLES, [f"DROP TABLE delivery_{name}" for name in _NAMES])]
