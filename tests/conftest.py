"""Every test has its own DATELINE_HOME: its own keys, its own real SQLite file."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The data beside the project; a test that needs it skips where it is absent."""
    if not SHARED.exists():
        pytest.skip("needs the folder shared/data beside the project, which is absent here")
    return SHARED


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Path:
    """A migrated, empty home, to be copied."""
    from django.core.management import call_command
    from django.db import connections

    folder = tmp_path_factory.mktemp("migrated")
    with django_db_blocker.unblock():
        connections["default"].close()
        connections.settings["default"]["NAME"] = str(folder / "wire.sqlite3")
        connections["default"].settings_dict["NAME"] = str(folder / "wire.sqlite3")
        call_command("migrate", verbosity=0)
        connections["default"].close()
    return folder


@pytest.fixture
def home(tmp_path: Path, migrated: Path, settings: Any, django_db_blocker: Any) -> Iterator[Path]:
    """A fresh DATELINE_HOME with keys and a migrated database, used by this process."""
    from django.db import connections

    from dateline.wire.keys import make_keys

    folder = tmp_path / "home"
    shutil.copytree(migrated, folder)
    settings.DATELINE_HOME = folder
    make_keys(folder / "keys", settings.AGENCY.origin)
    with django_db_blocker.unblock():
        connections["default"].close()
        connections.settings["default"]["NAME"] = str(folder / "wire.sqlite3")
        connections["default"].settings_dict["NAME"] = str(folder / "wire.sqlite3")
        yield folder
        connections["default"].close()
