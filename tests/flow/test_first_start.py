"""A first start that fails half-way leaves nothing in the way of the next one, and never takes what was kept."""

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError


@pytest.fixture
def failing(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Migrations that a full disk stops."""
    from dateline.cli import home as of_commands

    def full(*args: object, **options: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(of_commands, "call_command", full)
    return of_commands


def test_what_a_full_disk_left_of_a_first_start_goes(failing: Any, home: Path) -> None:
    database = home / "wire.sqlite3"
    with pytest.raises(OperationalError):
        failing._migrate(database)
    assert not database.exists()


def test_a_wire_or_an_account_is_never_taken_for_a_failed_start(failing: Any, home: Path) -> None:
    from tests.outlets import publish

    publish()
    database = home / "wire.sqlite3"
    with pytest.raises(OperationalError):
        failing._migrate(database)
    assert database.exists()
