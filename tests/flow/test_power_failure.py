"""A power failure at any moment: what append acknowledged is there, and what is folded from it is folded again.

A server and a publisher run with a recorder preloaded, which writes down each write to the database and to its
write-ahead file, and each sync. From the record a disk is put together as a power failure might leave it: whatever
was forced to it, and of the rest some sectors, in no order. The log on that disk must be whole.
"""

import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.flow.conftest import Wire

FAILURES = 40
DISPATCHES = 160
# What a disk writes whole; a page has several.
SECTOR = 512
HEAD = struct.Struct("<ccQI")

PUBLISHER = """
import os, struct, sys, django; django.setup()
from dateline.news.acts import Act
from dateline.news.item import NewsItem
from dateline.wire.append import Submission, append, append_all
record = os.open(os.environ['RECORD'], os.O_WRONLY | os.O_APPEND)
def item(number):
    return NewsItem(headline=f'Story {number}', body='<p>' + 'The harbour reopened. ' * 60 + '</p>', section='World')
def keep(dispatch):
    os.write(record, struct.pack('<ccQI', b'a', b'-', dispatch.seq, 0))
for number in range(int(sys.argv[1])):
    if number % 10 == 9:
        keep(append_all(Submission(act=Act.PUBLISH, item=item(number)) for _ in range(4))[-1])
        keep(append(Act.KILL, uri=keep_uri, note='Withdrawn.'))
    else:
        dispatch = append(Act.PUBLISH, item(number))
        keep_uri = dispatch.uri
        keep(dispatch)
"""

# Run on disks that were put together, each in a folder: is it whole, and does folding from where it stands give what
# folding anew gives? Prints the head of each, and how far its newsfeed had been folded.
CHECK = """
import sys, django; django.setup()
from pathlib import Path
from django.conf import settings
from django.db import connection
from dateline.projections import all_projections
from dateline.wire import store
from dateline.wire.follow import fold, refold
from dateline.wire.verify import read_verifier, verify_wire
TABLES = ('site_item', 'site_version', 'site_section', 'feeds_entry', 'feeds_feed')
def folded():
    return [store.sql().execute(f'SELECT * FROM {name} ORDER BY 1, 2').fetchall() for name in TABLES]
for folder in sys.stdin.read().splitlines():
    connection.close()
    settings.DATELINE_HOME, connection.settings_dict['NAME'] = Path(folder), folder + '/wire.sqlite3'
    assert store.sql().execute('PRAGMA integrity_check').fetchall() == [('ok',)], folder
    head = store.head_seq()
    if head:
        verify_wire(read_verifier())
    cursors = {projection.name: store.read_cursor(projection.name) for projection in all_projections()}
    assert max(cursors.values()) <= head, (folder, cursors, head)
    while fold(all_projections()):
        pass
    once = folded()
    for projection in all_projections():
        refold(projection)
    assert folded() == once, folder
    print(head, cursors['site'])
"""


class Record(msgspec.Struct):
    """One thing that was done: see recorder.c; `a` says that append acknowledged the seq `offset`."""

    kind: str
    file: str
    offset: int
    data: bytes


def read_record(path: Path) -> Iterator[Record]:
    data, at = path.read_bytes(), 0
    while at < len(data):
        kind, file, offset, size = HEAD.unpack_from(data, at)
        at += HEAD.size
        yield Record(kind.decode(), file.decode(), offset, data[at : at + size])
        at += size


class Disk:
    """Two files, as they are for sure and with what may or may not have reached the disk."""

    def __init__(self, **files: bytes) -> None:
        self.sure = {name: bytearray(data) for name, data in files.items()}
        self.open: dict[str, list[Record]] = {name: [] for name in files}
        self._begun: dict[str, list[int]] = {name: [] for name in files}
        self.acknowledged = 0

    def take(self, record: Record) -> None:
        match record.kind:
            case "a":
                self.acknowledged = record.offset
            case "b":
                self._begun[record.file].append(len(self.open[record.file]))
            case "e":
                # Of two syncs at once the later one's beginning may be taken for the earlier's: it claims less.
                forced = min(self._begun[record.file])
                self._begun[record.file] = [0 for _ in self._begun[record.file][1:]]
                for written in self.open[record.file][:forced]:
                    self._put(self.sure[record.file], written)
                del self.open[record.file][:forced]
            case "w" | "t":
                self.open[record.file].append(record)
            case kind:
                raise AssertionError(f"the recorder wrote {kind}: the files were taken away while the wire was open")

    def _put(self, file: bytearray, record: Record, chance: random.Random | None = None) -> None:
        if record.kind == "t":
            if chance is None or chance.random() < 0.5:
                del file[record.offset :]
            return
        for at in range(0, len(record.data), SECTOR):
            if chance is None or chance.random() < 0.5:
                part = record.data[at : at + SECTOR]
                begin = record.offset + at
                file.extend(bytes(max(0, begin + len(part) - len(file))))
                file[begin : begin + len(part)] = part

    def fail(self, chance: random.Random) -> dict[str, bytes]:
        """Return the files as a power failure in this moment might leave them."""
        found = {name: bytearray(data) for name, data in self.sure.items()}
        for name, records in self.open.items():
            # Now and then all of it was written, or none.
            share = chance.choice([None, chance, chance, random.Random(0)])
            for record in records if share is None or share is chance else []:
                self._put(found[name], record, share)
        return {name: bytes(data) for name, data in found.items()}


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """The recorder, compiled."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler (cc) for the recorder, which is not installed here")
    path = tmp_path / "recorder.so"
    source = Path(__file__).with_name("recorder.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(path), str(source), "-ldl"], check=True)
    return path


def test_a_power_failure_takes_nothing_that_was_acknowledged_and_leaves_every_fold_at_its_cursor(
    wire: Wire, recorder: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    database = wire.home / "wire.sqlite3"
    with sqlite3.connect(database) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    opened.close()
    disk = Disk(d=database.read_bytes(), l=b"")
    # As long as one connection is open the write-ahead file stays, as it does while a server runs.
    holder = sqlite3.connect(database)
    holder.execute("SELECT * FROM wire_cursor").fetchall()
    wire.env |= {"LD_PRELOAD": str(recorder), "RECORD": str(record)}
    wire.start()
    env = {**wire.env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
    subprocess.run([sys.executable, "-c", PUBLISHER, str(DISPATCHES)], env=env, check=True, timeout=120)
    time.sleep(1)  # the last folds, and what the settler writes back
    copied = tmp_path / "record.copy"
    shutil.copy(record, copied)
    wire.stop()
    holder.close()

    records = list(read_record(copied))
    assert sum(row.kind == "a" for row in records) > DISPATCHES
    assert any(row.kind == "w" and row.file == "d" for row in records), "nothing was written back into the database"
    chance = random.Random(20261125)
    # Between any two operations; the end is one of them.
    failures = {*chance.sample(range(len(records)), FAILURES - 1), len(records) - 1}
    acknowledged = []
    for number, row in enumerate(records):
        disk.take(row)
        if number in failures:
            write_down(disk.fail(chance), wire.home, tmp_path / f"failure-{number:06}")
            acknowledged.append(disk.acknowledged)
    found = check(sorted(tmp_path.glob("failure-*")), wire.env)
    for (head, _), least in zip(found, acknowledged, strict=True):
        assert head >= least
    assert any(cursor < head for head, cursor in found), "no failure took a fold back: the lazy commits were not tested"


def write_down(files: dict[str, bytes], home: Path, folder: Path) -> None:
    """Make a home with this disk's database in it."""
    shutil.copytree(home / "keys", folder / "keys")
    (folder / "wire.sqlite3").write_bytes(files["d"])
    (folder / "wire.sqlite3-wal").write_bytes(files["l"])


def check(folders: list[Path], env: dict[str, str]) -> list[tuple[int, int]]:
    """Return the head and the newsfeed's cursor on each disk, or fail if one is not whole."""
    env = {name: value for name, value in env.items() if name not in ("LD_PRELOAD", "RECORD")}
    env |= {"DJANGO_SETTINGS_MODULE": "dateline.settings"}
    text = "\n".join(map(str, folders))
    done = subprocess.run(
        [sys.executable, "-c", CHECK], env=env, input=text, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return [(int(head), int(cursor)) for head, cursor in map(str.split, done.stdout.splitlines())]
