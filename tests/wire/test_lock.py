"""The wire's lock: whole or nothing, alone or in the transaction around it, and never left held."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction

from dateline.news.acts import Act
from dateline.news.errors import ActRefused, BadItem
from dateline.news.item import NewsItem
from dateline.wire import store
from dateline.wire.append import Submission, append, append_all
from dateline.wire.lock import held

pytestmark = pytest.mark.usefixtures("home")


def other() -> sqlite3.Connection:
    """Return a second writer, which waits for nobody."""
    path = store.connection().settings_dict["NAME"]
    return sqlite3.connect(f"{Path(path).as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None)


def test_nobody_else_writes_while_the_lock_is_held_and_anyone_may_after() -> None:
    second = other()
    with held(), pytest.raises(sqlite3.OperationalError, match="locked"):
        second.execute("BEGIN IMMEDIATE")
    second.execute("BEGIN IMMEDIATE")
    second.execute("ROLLBACK")
    with pytest.raises(BadItem):
        append(Act.PUBLISH, NewsItem())
    second.execute("BEGIN IMMEDIATE")
    second.close()
    assert append(Act.PUBLISH, NewsItem(headline="Harbour reopens")).seq == 1


def test_a_commit_that_fails_takes_all_back_and_gives_the_lock_back() -> None:
    raw = store.sql()
    raw.execute("CREATE TABLE quay (id INTEGER PRIMARY KEY)")
    raw.execute("CREATE TABLE ship (quay INTEGER REFERENCES quay DEFERRABLE INITIALLY DEFERRED)")
    try:
        with pytest.raises(sqlite3.IntegrityError), held():
            raw.execute("INSERT INTO ship VALUES (7)")
        assert not raw.in_transaction
        assert raw.execute("SELECT count(*) FROM ship").fetchone() == (0,)
    finally:
        raw.execute("DROP TABLE ship")
        raw.execute("DROP TABLE quay")


def test_a_refused_append_leaves_what_was_done_around_it() -> None:
    with transaction.atomic():
        uri = append(Act.PUBLISH, NewsItem(headline="Harbour reopens")).uri
        harbour = NewsItem(headline="Harbour closes")
        with pytest.raises(ActRefused):
            append_all([Submission(act=Act.PUBLISH, item=harbour), Submission(act=Act.RELEASE, uri=uri)])
    assert [row.uri for row in store.read_rows(0, 9)] == [uri]


def test_an_event_loop_is_refused_the_database() -> None:
    store.sql()

    async def ask() -> None:
        store.sql()

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(ask())
