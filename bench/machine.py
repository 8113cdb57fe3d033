"""What the measurements share: servers in temporary folders on free ports, medians, a table."""

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

console = Console(highlight=False)


@dataclass(frozen=True)
class Options:
    """What a measurement is told: how often to measure, and where charts go, if anywhere."""

    rounds: int
    out: Path | None


def read_options(rounds: int = 5) -> Options:
    """Return the options of the command line: `--rounds N`, `--out FOLDER`."""
    parser = argparse.ArgumentParser(description="One of the measurements; `make bench` runs all.")
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each thing is measured")
    parser.add_argument("--out", type=Path, help="a folder for charts (SVG)")
    found = parser.parse_args()
    return Options(found.rounds, found.out)


@contextlib.contextmanager
def folder_for(keep: Path | None = None) -> Iterator[Path]:
    """Give the folder that is kept for the next time, or one that goes at the end."""
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as name:
        yield Path(name)


def need(*programs: str) -> None:
    """Stop with a sentence if a program is missing."""
    missing = [name for name in programs if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if missing:
        sys.exit(f"This measurement needs {' and '.join(missing)}; on Debian: apt-get install {' '.join(missing)}")


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> bool:
    """Wait until something listens on the port, and return true; end the measurement if nothing does."""
    for _ in range(1200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    sys.exit(f"Nothing came up on port {port}.")


@dataclass(frozen=True)
class Server:
    """A Dateline that runs: its port, its home, its settings, its first process."""

    port: int
    home: Path
    env: dict[str, str]
    pid: int

    @property
    def pids(self) -> list[int]:
        """The ids of all its processes."""
        return [self.pid, *children(self.pid)]


@contextlib.contextmanager
def dateline(**options: str) -> Iterator[Server]:
    """Run Dateline with its sample wire and these settings."""
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as folder:
        home, port = Path(folder) / "home", free_port()
        env = {name: value for name, value in os.environ.items() if not name.startswith(("DATELINE_", "DJANGO_"))}
        env |= {"DATELINE_HOME": str(home), "DATELINE_PORT": str(port), **options}
        command = [sys.executable, "-m", "dateline", "run", "--sample"]
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
            try:
                wait_for(port)
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).close()  # the listener is there first
                time.sleep(1)  # the compressed twins are written after the first answer is possible
                yield Server(port, home, {**env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}, process.pid)
            finally:
                process.terminate()
                process.wait()


@contextlib.contextmanager
def dateline_server(**options: str) -> Iterator[tuple[int, Path, dict[str, str]]]:
    """Run Dateline with its sample wire and these settings; yield its port, home and environment."""
    with dateline(**options) as server:
        yield server.port, server.home, server.env


def cpu_s(pid: int) -> float:
    """Return the processor time that a process's threads have used so far, seconds, to the microsecond."""
    return _scheduled(pid, 0)


def waited_s(pid: int) -> float:
    """Return how long a process's threads were ready to run and had no core: what other processes cost it."""
    return _scheduled(pid, 1)


def _scheduled(pid: int, field: int) -> float:
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            total += int(path.read_text().split()[field])
    return total / 1e9


def memory_kb(pid: int) -> float:
    """Return the memory that is this process's own, kB: what would be free if it ended."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def children(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def spread(values: Sequence[float]) -> str:
    """Return the median and what 95 % lie below, as a table has them."""
    return f"{median(values):.1f} / {percentile(values, 0.95):.1f}"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> None:
    """Print a table of results and what they mean."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(note, style="dim")
