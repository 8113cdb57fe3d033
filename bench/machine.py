"""What the measurements share: servers in temporary folders on free ports, medians, a table."""

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

console = Console(highlight=False)


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


def wait_for(port: int) -> None:
    """Wait until something listens on the port."""
    for _ in range(400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    sys.exit(f"Nothing came up on port {port}.")


@contextlib.contextmanager
def dateline_server(**options: str) -> Iterator[tuple[int, Path, dict[str, str]]]:
    """Run Dateline with its sample wire and these settings; yield its port, home and environment."""
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as folder:
        home, port = Path(folder) / "home", free_port()
        env = {name: value for name, value in os.environ.items() if not name.startswith(("DATELINE_", "DJANGO_"))}
        env |= {"DATELINE_HOME": str(home), "DATELINE_PORT": str(port), **options}
        command = [sys.executable, "-m", "dateline", "run", "--sample"]
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
            try:
                wait_for(port)
                time.sleep(1)  # the compressed twins are written after the first answer is possible
                yield port, home, env
            finally:
                process.terminate()
                process.wait()


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> None:
    """Print a table of results and what they mean."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(note, style="dim")
