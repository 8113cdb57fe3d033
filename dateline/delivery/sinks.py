"""Where `dateline follow` puts what it receives: files, a database, a command.

What was taken but not yet noted when the machine died comes once more, and is taken without being repeated: a file is
replaced by the same file, a row by the same row, a command is told the seq.
"""

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from dateline.delivery.write_whole import write_whole


class NotTaken(Exception):
    """A sink could not take a dispatch."""


class Line(msgspec.Struct):
    """A dispatch as it came; `item` are the bytes that were signed."""

    seq: int
    prev: int
    act: str
    uri: str
    version: int
    sent: str
    item: msgspec.Raw
    salt: str = ""
    proof: list[str] = []
    checkpoint: str = ""
    digest: str = ""
    withdrawn: int = 0
    embargoed: bool = False
    headlines: bool = False


class Sink(Protocol):
    """Where dispatches go. Taking one twice changes nothing.

    `in_bulk`: it is well served with many at a time, of which the last ones come again after a crash.
    """

    in_bulk: bool

    def take(self, line: Line, raw: bytes) -> None:
        """Take one dispatch."""

    def keep(self) -> None:
        """Return when all that was taken is safe."""


class Folder:
    """Writes each dispatch as a file SEQ.json, whole or not at all."""

    in_bulk = True

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def take(self, line: Line, raw: bytes) -> None:
        """Write one."""
        write_whole(self._folder / f"{line.seq:010d}.json", raw + b"\n")

    def keep(self) -> None:
        """Each is safe when it is written."""


class Command:
    """Runs a command for each dispatch: the line on its standard input, WIRE_SEQ, WIRE_ACT and WIRE_URI beside it."""

    # It takes its time: what it is given should be of now, and be noted one by one.
    in_bulk = False

    def __init__(self, command: str) -> None:
        self._command = command

    def take(self, line: Line, raw: bytes) -> None:
        """Run it; a failure stops the follower, and the dispatch comes again."""
        env = {**os.environ, "WIRE_SEQ": str(line.seq), "WIRE_ACT": line.act, "WIRE_URI": line.uri}
        env.pop("WIRE_TOKEN", None)
        done = subprocess.run(self._command, shell=True, input=raw + b"\n", env=env, check=False)  # noqa: S602
        if done.returncode:
            raise NotTaken(f"The command answered {done.returncode} for seq {line.seq}; it comes again.")

    def keep(self) -> None:
        """Each is the command's when it has run."""


class Database:
    """Keeps every dispatch, and the state of each item, in a SQLite file. Raises NotTaken where it cannot."""

    in_bulk = True

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._naming_it():
            self._open()

    def _open(self) -> None:
        self._sql = sqlite3.connect(self._path, isolation_level=None)
        self._sql.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE IF NOT EXISTS dispatch (seq INTEGER PRIMARY KEY, prev INTEGER, act TEXT, uri TEXT, "
            "version INTEGER, sent TEXT, item TEXT);"
            "CREATE INDEX IF NOT EXISTS dispatch_uri ON dispatch (uri, seq);"
            "CREATE VIEW IF NOT EXISTS item AS SELECT uri, version, act, sent, item, max(seq) AS seq FROM dispatch "
            "GROUP BY uri;"
        )

    def take(self, line: Line, raw: bytes) -> None:
        """Keep one."""
        row = (line.seq, line.prev, line.act, line.uri, line.version, line.sent, bytes(line.item).decode())
        with self._naming_it():
            if not self._sql.in_transaction:
                self._sql.execute("BEGIN IMMEDIATE")
            self._sql.execute("INSERT OR REPLACE INTO dispatch VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def keep(self) -> None:
        """Commit what was taken."""
        with self._naming_it():
            if self._sql.in_transaction:
                self._sql.execute("COMMIT")

    @contextlib.contextmanager
    def _naming_it(self) -> Iterator[None]:
        """Say of what goes wrong which file it is about: it is none of the home's."""
        try:
            yield
        except sqlite3.Error as error:
            raise NotTaken(
                f"Dispatches cannot be kept in {self._path}: {error}. Mend that, or name another file with --sqlite."
            ) from error
