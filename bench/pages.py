"""Pages beside nginx serving the same bytes: newsfeed, item, section, feed; plain, gzip, 304; while publishing.

`python -m bench.pages [--out FOLDER] [--rounds N]`. One worker against one, two against two; wrk on the same
two cores; the servers take turns, several rounds, and a ratio is the median of the rounds' ratios.
"""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from bench.chart import write_bars
from bench.clients import Load, wrk
from bench.machine import Options, Server, dateline, median, need, print_table, read_options
from bench.references import STATIC, nginx

SECONDS = 1
CONNECTIONS = 32
_PUBLISHER = """
import time, django; django.setup()
from dateline.wire.append import append
from dateline.news.acts import Act
from dateline.news.item import NewsItem
n = 0
while True:
    n += 1
    append(Act.PUBLISH, NewsItem(headline=f"Story {n}", body="<p>Text.</p>"))
    print(n, flush=True)
    time.sleep(1)
"""
Target = tuple[int, Callable[[], list[int]]]


def etag_of(url: str, *headers: str) -> str:
    """Return the ETag that a page has now."""
    command = ["curl", "-s", "-o", "/dev/null", "-D", "-", url]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"(?i)^etag: (.*?)\r?$", out, re.MULTILINE)
    assert match is not None
    return match[1]


@contextlib.contextmanager
def publishing(server: Server) -> Iterator[None]:
    """Publish one dispatch a second meanwhile, from a process of its own, as a desk does."""
    command = [sys.executable, "-c", _PUBLISHER]
    process = subprocess.Popen(command, env=server.env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.wait()


def compare(
    name: str, path: str, ours: Target, theirs: Target, options: Options, *headers: str, etags: bool = False,
    workers: int = 1,
) -> tuple[tuple[str, ...], float]:  # fmt: skip
    """Return a row of the table, and the ratio."""
    loads: list[tuple[Load, Load]] = []
    for _ in range(options.rounds):
        pair = []
        for port, pids in (ours, theirs):
            url = f"http://127.0.0.1:{port}{path}"
            extra = [f"If-None-Match: {etag_of(url, *headers)}"] if etags else []
            pair.append(
                wrk(url, *headers, *extra, pids=pids(), seconds=SECONDS, threads=workers,
                    connections=CONNECTIONS * workers, workers=workers)
            )  # fmt: skip
        loads.append((pair[0], pair[1]))
    ratio = median([one.rate / other.rate for one, other in loads])
    cells = [name]
    for side in (0, 1):
        limited = sum(pair[side].limited for pair in loads) * 2 > len(loads)
        rate, p99 = median([pair[side].rate for pair in loads]), median([pair[side].p99_ms for pair in loads])
        cells += [f"{rate:,.0f}{' (wrk)' if limited else ''}", f"{p99:.1f}"]
    # Requests for each second of the servers' own processor time: what other processes do changes it little.
    work = median([one.rate / one.server / (other.rate / other.server) for one, other in loads])
    return (*cells, f"{ratio:.2f}", f"{work:.2f}"), ratio


def measure(options: Options) -> None:
    """Measure, print, and draw."""
    need("nginx", "wrk", "curl")
    rows: list[tuple[str, ...]] = []
    bars: list[tuple[str, dict[str, float]]] = []
    with contextlib.ExitStack() as stack:
        servers = {count: stack.enter_context(dateline(DATELINE_WORKERS=str(count))) for count in (1, 2)}
        for count, server in servers.items():
            server.home.parent.chmod(0o755)
            server.home.chmod(0o755)
            site = server.home / "site"
            port, pids = stack.enter_context(nginx(STATIC, workers=count, root=site))
            ours: Target = server.port, lambda server=server: server.pids  # type: ignore[misc]
            theirs: Target = port, lambda pids=pids: pids  # type: ignore[misc]
            item = "/" + next(site.glob("2*/*/*/*/index.html")).parent.relative_to(site).as_posix() + "/"
            section = "/" + next(site.glob("sections/*/index.html")).parent.relative_to(site).as_posix() + "/"
            size = (site / "index.html").stat().st_size / 1000
            cases: list[tuple[str, str, tuple[str, ...], bool]] = [
                (f"newsfeed, {size:.0f} kB", "/", (), False),
                ("newsfeed, gzip", "/", ("Accept-Encoding: gzip",), False),
                ("newsfeed, 304", "/", (), True),
                ("item", item, (), False),
                ("section, gzip", section, ("Accept-Encoding: gzip",), False),
                ("feed.atom", "/feed.atom", (), False),
                ("feed.atom, 304", "/feed.atom", (), True),
            ]
            for name, path, headers, etags in cases if count == 1 else cases[:4]:
                label = f"{name}; {count} worker{'s' * (count > 1)}"
                row, ratio = compare(label, path, ours, theirs, options, *headers, etags=etags, workers=count)
                rows.append(row)
                bars.append((label, {"Dateline / nginx": ratio}))
            with publishing(server):
                time.sleep(1)
                for name, headers in (("newsfeed", ()), ("newsfeed, gzip", ("Accept-Encoding: gzip",))):
                    label = f"{name}, publishing; {count} worker{'s' * (count > 1)}"
                    row, ratio = compare(label, "/", ours, theirs, options, *headers, workers=count)
                    rows.append(row)
                    bars.append((label, {"Dateline / nginx": ratio}))
    print_table(
        "Pages, requests a second and p99 in milliseconds",
        ("page", "Dateline", "p99", "nginx", "p99", "ratio", "by CPU"), rows,
        f"Medians of {options.rounds} rounds of {SECONDS} s in turns; {CONNECTIONS} connections and one thread of wrk "
        "a worker, on the same two cores. (wrk): the load generator was the limit. by CPU: the ratio of requests for "
        "each second of the servers' processor time, the main process's folding included.",
    )  # fmt: skip
    if options.out:
        write_bars(options.out / "pages.svg", "Pages, ratio to nginx", "times nginx", bars)


if __name__ == "__main__":
    measure(read_options())
