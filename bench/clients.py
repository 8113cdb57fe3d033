"""The load generators: `readers.c`, built here with the system's compiler, and wrk.

Both are lean so that the server is measured and not they; each reading says how much of a core the generator
took itself, and `limited` says when it, not the server, was the limit.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.machine import cpu_s

# A generator that took this share of a core while the server took less was the limit.
_FULL = 0.95
# Every event that is counted holds these bytes once: the title of an element, in Dateline's and in nchan's.
MARK = '"title":"Mark '
# Whoever has this niceness goes before whatever else runs here.
_HURRIED = -10


@dataclass(frozen=True)
class Arrivals:
    """How an event reached its readers: how many have it, and when, in seconds of time.monotonic()."""

    count: int
    first: float
    p50: float
    p99: float
    last: float


@dataclass(frozen=True)
class Spread:
    """How many were done, how many failed, and how long they took, in milliseconds."""

    count: int
    failed: int
    p50: float
    p99: float
    worst: float


class Readers:
    """A process of the C client; see readers.c for its orders."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program, MARK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def hurry(self) -> None:
        """Let it go before all others, where the machine allows it: it stands for one with a processor of its own."""
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, self.pid, _HURRIED)

    def send(self, order: str) -> None:
        """Give an order without waiting for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()

    def answer(self) -> list[str]:
        """Return the answer to the oldest order that has none yet."""
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        if not words or words == ["?"]:
            sys.exit("The load generator (bench/readers.c) ended or did not understand an order.")
        return words

    def join(self, count: int, port: int, events: int = 0, path: str = "/live") -> float:
        """Connect so many readers, after so many events; return the seconds until each has its stream's head."""
        self.send(f"join {count} {port} {path} {events}")
        joined, took_us = map(int, self.answer())
        if joined < count:
            sys.exit(f"Only {joined} of {count} readers could join; is `ulimit -n` below 20000?")
        return took_us / 1e6

    def event(self, number: int, timeout_ms: int = 20_000) -> Arrivals:
        """Wait until every reader has the event of that number, from 1, and return when."""
        self.send(f"event {number} {timeout_ms}")
        return self.arrivals()

    def arrivals(self) -> Arrivals:
        """Return the answer to an order `event`."""
        count, *times = map(int, self.answer())
        return Arrivals(count, *(time / 1e6 for time in times))

    def spread(self, storm: bool) -> Spread:
        """Return the answer to an order `storm` or `page`."""
        count, *rest = map(int, self.answer())
        failed = rest.pop(0) if storm else 0
        return Spread(count, failed, *(time / 1e3 for time in rest))

    def shown(self) -> list[float]:
        """Return the answer to an order `until`: when each page held the text, in seconds; 0 if it never did."""
        return [int(word) / 1e6 for word in self.answer()]

    def cpu_s(self) -> float:
        """Return the processor time that the client has used so far, seconds."""
        self.send("cpu")
        return int(self.answer()[0]) / 1e6

    def leave(self) -> None:
        """Hang up on everyone."""
        self.send("leave")
        self.answer()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def readers_program() -> Iterator[Path]:
    """Build the C client; yield its path."""
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as folder:
        program = Path(folder) / "readers"
        subprocess.run(["cc", "-O2", "-o", program, Path(__file__).with_name("readers.c")], check=True)
        yield program


@dataclass(frozen=True)
class Load:
    """One round of wrk: requests a second, and the shares of a core that wrk and the server's processes took."""

    rate: float
    p99_ms: float
    generator: float
    server: float
    threads: int = 1
    workers: int = 1

    @property
    def limited(self) -> bool:
        """Whether the load generator was the limit, and not the server."""
        return self.generator >= _FULL * self.threads and self.server < _FULL * self.workers


def wrk(
    url: str,
    *headers: str,
    pids: list[int],
    seconds: float,
    connections: int = 32,
    threads: int = 1,
    workers: int = 1,
    script: Path | None = None,
    patient: bool = False,
) -> Load:
    """Ask for a page as fast as it comes; return the rate. `pids`: the server's processes; `script`: wrk's, in Lua.

    `patient`: answers that take longer than wrk's two seconds are no reason to end the measurement.
    """
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    if script is not None:
        command += ["-s", str(script)]
    before = sum(map(cpu_s, pids))
    process = subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    out = process.stdout.read()
    spent = sum(map(cpu_s, pids)) - before
    own = _children_s(process)
    found = re.search(r"Requests/sec:\s+([\d.]+)", out), re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    if found[0] is None or found[1] is None or _failures(out, patient):
        sys.exit(f"wrk on {url} failed:\n{out}")
    if "Non-2xx" in out and not any(header.startswith("If-None-Match") for header in headers):
        sys.exit(f"{url} answered with errors:\n{out}")
    scale = {"us": 1e-3, "ms": 1.0, "s": 1e3}[found[1][2]]
    return Load(float(found[0][1]), float(found[1][1]) * scale, own / seconds, spent / seconds, threads, workers)


def _failures(out: str, patient: bool) -> int:
    """Return how many connections failed, as wrk says."""
    found = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    return sum(map(int, found.groups()[: 3 if patient else 4])) if found else 0


def _children_s(process: subprocess.Popen[str]) -> float:
    """Return the processor seconds of a process that is about to be reaped."""
    _, _, use = os.wait4(process.pid, 0)
    process.returncode = 0
    return use.ru_utime + use.ru_stime
