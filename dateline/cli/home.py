"""The home that a command works on: made where it is missing, or missed in a sentence."""

import sqlite3
from contextlib import closing
from pathlib import Path

import click
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection

from dateline.desk.first_chief import keep_secret
from dateline.options import SECRET_FILE
from dateline.wire import store
from dateline.wire.full_disk import full_disk
from dateline.wire.keys import load_signer, make_keys


def prepare(*, migrate: bool = False) -> bool:
    """Make the home, the keys and the tables where they are missing; return whether the wire is new."""
    home: Path = settings.DATELINE_HOME
    try:
        home.mkdir(parents=True, exist_ok=True)
        database = home / "wire.sqlite3"
        fresh = not database.exists()
        keys = home / "keys"
        # An old wire whose key is gone gets no new one: nobody could tell that from a forgery.
        if fresh or ((keys / "wire.key").exists() and not (keys / "wire.pub").exists()):
            make_keys(keys, settings.AGENCY.origin)
        # It holds embargoed text; SQLite gives its journals the same mode.
        database.touch(mode=0o600)
    except OSError as error:
        raise click.ClickException(f"The folder {home} cannot be used: {error.strerror}.") from error
    if migrate or fresh or not store.is_ready():
        _migrate(database)
    load_signer(home / "keys", settings.AGENCY.origin)
    keep_secret(home / "keys" / SECRET_FILE)
    return fresh


def _migrate(database: Path) -> None:
    """Bring the tables up to date. Where that fails before anything was kept, the next start begins anew.

    Some migrations of others are not whole or nothing: what a full disk left of a first start is of no use.
    """
    try:
        call_command("migrate", verbosity=0)
    except DatabaseError as error:
        connection.close()
        # Only then: after any other failure another process may be at work on the file.
        if not full_disk(error):
            raise
        with closing(sqlite3.connect(database)) as left:
            tables = {row[0] for row in left.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            kept = any(
                left.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()
                for name in tables & {"wire_dispatch", "desk_user"}
            )
        if not kept:
            for suffix in ("", "-wal", "-shm"):
                database.with_name(database.name + suffix).unlink(missing_ok=True)
        raise


def need_wire() -> None:
    """Raise ClickException where there is no wire yet."""
    if not (settings.DATELINE_HOME / "wire.sqlite3").exists():
        raise click.ClickException(
            f"There is no wire in {settings.DATELINE_HOME}. `dateline run` makes one; DATELINE_HOME says where it is."
        )
