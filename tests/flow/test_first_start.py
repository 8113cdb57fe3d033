"""A first start that fails half-way leaves nothing in the way of the next one, and never takes what was kept."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from dateline.cli import home as of_commands

FULL = pytest.param((sqlite3.SQLITE_FULL, "database or disk is full"), id="full")
# What SQLite says where a quota is used up.
QUOTA = pytest.param((sqlite3.SQLITE_IOERR_WRITE, "disk I/O error"), id="quota")
LOCKED = pytest.param((sqlite3.SQLITE_BUSY, "database is locked"), id="locked")


@pytest.fixture
def failing(request: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database of a home, with migrations that fail as SQLite says it."""
    code, text = request.param

    def fail(*args: object, **options: object) -> None:
        error = sqlite3.OperationalError(text)
        error.sqlite_errorcode = code
        raise OperationalError(text) from error

    monkeypatch.setattr(of_commands, "call_command", fail)
    return home / "wire.sqlite3"


@pytest.mark.parametrize("failing", [FULL, QUOTA], indirect=True)
def test_what_a_full_disk_left_of_a_first_start_goes(failing: Path) -> None:
    with pytest.raises(OperationalError):
        of_commands._migrate(failing)
    assert not failing.exists()


@pytest.mark.parametrize("failing", [LOCKED], indirect=True)
def test_what_another_process_may_be_at_work_on_stays(failing: Path) -> None:
    with pytest.raises(OperationalError):
        of_commands._migrate(failing)
    assert failing.exists()


@pytest.mark.parametrize("failing", [FULL, QUOTA], indirect=True)
def test_a_wire_or_an_account_is_never_taken_for_a_failed_start(failing: Path) -> None:
    from tests.outlets import publish

    publish()
    with pytest.raises(OperationalError):
        of_commands._migrate(failing)
    assert failing.exists()
