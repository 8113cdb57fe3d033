"""One durable dispatch against a raw fsync loop on the same bytes; bulk against single. `python -m bench.append`

Rule, signed tree and all, in one process with nobody else at the database. The raw loop appends the same bytes to a
file of the same file system and forces each to the disk. Blocks of both alternate, and each block's ratio is taken by
itself, since a disk's fsync is now ten times slower than before and a moment later is not.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from bench.machine import median, percentile, print_table
from dateline.news.acts import Act
from dateline.news.item import NewsItem
from dateline.wire import append as append_module
from dateline.wire import bell, lock, store
from dateline.wire.append import Submission, append, append_all
from dateline.wire.dispatch import Dispatch
from dateline.wire.keys import load_signer, make_keys
from dateline.wire.merkle import grow
from dateline.wire.note import Checkpoint

ROUNDS = 40
BLOCK = 25
BULK = 256
# An editor's flash comes alone: by then the processor has done other things, and its caches hold those.
PAUSE_S = 0.15
PAUSES = 40
TARGET = 0.9
# About what a routine dispatch of a news agency has: 350 words.
PARAGRAPHS = 5
SENTENCE = "The harbour of Port Ellis reopened after three days of storms, officials said on Tuesday. "


def item(number: int) -> NewsItem:
    """Return an item of some 2 kB, no two of them alike."""
    body = "\n".join(f"<p>{number}.{part} {SENTENCE * 4}</p>" for part in range(PARAGRAPHS))
    return NewsItem(
        headline=f"Harbour of Port Ellis reopens after storm {number}",
        body=body,
        section="World",
        dateline="PORT ELLIS, April 13. /Tidewater/.",
        byline=secrets.token_hex(4),
    )


def bytes_of(dispatch: Dispatch) -> bytes:
    """Return what the raw loop writes for a dispatch."""
    return dispatch.item + dispatch.salt + dispatch.leaf + dispatch.uri.encode()


class Times:
    """What was measured, in seconds: per step of each kind; of an append also how long its commit took."""

    def __init__(self) -> None:
        self.raw: list[float] = []
        self.rows: list[float] = []
        self.single: list[float] = []
        self.commit: list[float] = []
        self.bulk: list[float] = []
        self.cold_raw: list[float] = []
        self.cold: list[float] = []
        # A block's time for one raw fsync divided by that for one append, or for its rows: the median of each.
        self.ratios: list[float] = []
        self.rows_ratios: list[float] = []


def watch_commits(times: Times) -> None:
    """Note how long each append's commit takes."""
    held = lock.held

    @contextmanager
    def timed() -> Iterator[None]:
        with held():
            yield
            begun = time.perf_counter()
        times.commit.append(time.perf_counter() - begun)

    append_module.held = timed  # type: ignore[attr-defined]


def force(file: int, record: bytes) -> float:
    """Write and force the bytes; return the seconds that took."""
    begun = time.perf_counter()
    os.write(file, record)
    os.fsync(file)
    return time.perf_counter() - begun


def publish(given: NewsItem) -> float:
    """Append one dispatch; return the seconds that took."""
    begun = time.perf_counter()
    append(Act.PUBLISH, given)
    return time.perf_counter() - begun


def write(like: Dispatch) -> float:
    """Write the rows of one more dispatch, and sign, with nothing else worked out; return the seconds that took.

    No append in SQLite with a signed head takes less. What it signs is not true: this wire is thrown away.
    """
    signer = load_signer(settings.DATELINE_HOME / "keys", settings.AGENCY.origin)
    uri, text = f"{like.uri}{secrets.token_hex(6)}", Checkpoint(signer.name, like.seq, like.leaf).text()
    begun = time.perf_counter()
    with lock.held():
        head = store.read_head()
        seq = head.seq + 1
        row = Dispatch(seq, head.sent, like.act, uri, 1, like.item, like.salt, like.leaf)
        store.insert_dispatch(row, store.ItemState(uri, f"/{uri}/", seq, "publish", 1, "usable", None))
        frontier = tuple(grow(head.frontier, head.seq, like.leaf))
        store.write_head(store.Head(seq, head.sent, frontier, signer.sign(text)))
    return time.perf_counter() - begun


def measure(times: Times, file: int, like: Dispatch, numbers: range) -> None:
    """Measure one round: a block of raw fsyncs, one of mere rows, one of appends, one bulk."""
    times.raw += [force(file, bytes_of(like)) for _ in range(BLOCK)]
    times.rows += [write(like) for _ in range(BLOCK)]
    items = [item(number) for number in numbers]
    times.single += [publish(given) for given in items[:BLOCK]]
    raw = median(times.raw[-BLOCK:])
    times.rows_ratios.append(raw / median(times.rows[-BLOCK:]))
    times.ratios.append(raw / median(times.single[-BLOCK:]))
    commits = len(times.commit)
    begun = time.perf_counter()
    append_all(Submission(act=Act.PUBLISH, item=given) for given in items[BLOCK:])
    times.bulk.append((time.perf_counter() - begun) / BULK)
    del times.commit[commits:]


def measure_cold(times: Times, file: int, record: bytes) -> None:
    """Measure one of each after a pause, when other work has the processor's caches: what a flash costs."""
    for number in range(PAUSES):
        time.sleep(PAUSE_S)
        times.cold_raw.append(force(file, record))
        given = item(-number)
        time.sleep(PAUSE_S)
        times.cold.append(publish(given))


def without_the_disk(rounds: int) -> float:
    """Return the median time of an append, in seconds, when nothing is forced to the disk: what is left is ours."""
    store.sql().execute("PRAGMA synchronous=OFF")
    return median([publish(item(-number)) for number in range(rounds)])


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(prog="python -m bench.append", description=__doc__).parse_args()
    print("Measuring takes a minute or two.", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as folder, bell.Bell():
        first = append(Act.PUBLISH, item(0))
        file = os.open(Path(folder) / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        times = Times()
        watch_commits(times)
        for number in range(ROUNDS):
            measure(times, file, first, range(number * (BLOCK + BULK), (number + 1) * (BLOCK + BULK)))
        commits = len(times.commit)
        measure_cold(times, file, bytes_of(first))
        ours = without_the_disk(500)
        del times.commit[commits:]
    raw, cold_raw = median(times.raw), median(times.cold_raw)
    rows = [
        ("raw write and fsync", _figures(times.raw), "1.00"),
        ("its rows and its signature alone", _figures(times.rows), f"{median(times.rows_ratios):.2f}"),
        ("one dispatch", _figures(times.single), f"{median(times.ratios):.2f}"),
        ("  of that its commit", _figures(times.commit), f"{raw / median(times.commit):.2f}"),
        ("  with nothing forced to the disk", f"{ours * 1e6:.0f}", f"{raw / ours:.2f}"),
        (f"one of {BULK} in one transaction", _figures(times.bulk), f"{raw / median(times.bulk):.2f}"),
        (f"raw write and fsync after {PAUSE_S * 1e3:.0f} ms", _figures(times.cold_raw), "1.00"),
        ("one dispatch after as long", _figures(times.cold), f"{cold_raw / median(times.cold):.2f}"),
    ]
    print_table(
        f"A durable dispatch of {len(bytes_of(first)):,} bytes, microseconds (median / p95)",
        ("", "time", "of the raw loop's rate"),
        rows,
        f"{ROUNDS} rounds of {BLOCK} each, alternating; the ratio is the median of the rounds'. "
        f"Bulk is {median(times.single) / median(times.bulk):.1f} times single.{_needed(times)}",
    )


def _needed(times: Times) -> str:
    """Return from which fsync on a dispatch would reach the target, if it does not: what it adds is constant."""
    added = median(times.single) - median(times.raw)
    if median(times.ratios) >= TARGET:
        return ""
    return (
        f" It adds {added * 1e6:.0f} microseconds to what the raw loop takes: it reaches {TARGET} of that on a disk "
        f"whose fsync takes {added * TARGET / (1 - TARGET) * 1e3:.1f} ms."
    )


def _figures(times: list[float]) -> str:
    return f"{median(times) * 1e6:.0f} / {percentile(times, 0.95) * 1e6:.0f}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as home:
        os.environ |= {"DATELINE_HOME": home, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        django.setup()
        call_command("migrate", verbosity=0, stdout=sys.stderr)
        make_keys(Path(home) / "keys", "tidewater.example/wire")
        main()
        connections.close_all()
