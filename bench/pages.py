"""Pages beside nginx serving the same bytes: each kind, plain, gzip, 304; from memory, cold, and while publishing.

`python -m bench.pages [--out FOLDER] [--rounds N]`. One worker against one, two against two; wrk on the same
two cores; the servers take turns, several rounds, and a ratio is the median of the rounds' ratios.
"""

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from bench.chart import write_bars
from bench.clients import Load, wrk
from bench.machine import Options, Server, console, dateline, median, need, print_table, read_options
from bench.references import HEADED, HEADED_COPIED, STATIC, STATIC_COPIED, nginx, nginx_deployed

SECONDS = 1
CONNECTIONS = 32
# The front page and the feeds are full (fifty elements), and cold pages are so many that none is asked for soon again.
ITEMS = 500
_FILL = """
import django; django.setup()
from dateline.wire.append import Submission, append_all
from dateline.news.acts import Act
from dateline.news.item import NewsItem
text = "<p>" + "A sentence of an item's text, as long as most are. " * 12 + "</p>"
items = (NewsItem(headline=f"Harbour reopens after storm, day {n}", body=text, section="Economy") for n in range(%d))
append_all(Submission(act=Act.PUBLISH, item=item) for item in items)
"""
_PUBLISHER = """
import time, django; django.setup()
from dateline.wire.append import append
from dateline.news.acts import Act
from dateline.news.item import NewsItem
n = 0
while True:
    n += 1
    append(Act.PUBLISH, NewsItem(headline=f"Story {n}, which is published while readers come", body="<p>Text.</p>"))
    print(n, flush=True)
    time.sleep(1)
"""
# Each request is for the next page of a list.
_IN_TURN = """
local requests, at = {{}}, 0
function init()
  for path in io.lines("{paths}") do requests[#requests + 1] = wrk.format("GET", path) end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"""
GZIP = "Accept-Encoding: gzip"


class Side(msgspec.Struct, frozen=True):
    """A server that is asked: its port, and what gives its processes."""

    port: int
    pids: Callable[[], list[int]]

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"


# Dateline, nginx with sendfile, nginx without.
Sides = tuple[Side, Side, Side]


class Case(msgspec.Struct, frozen=True):
    """One row: what is asked for, with which headers, and whether with its ETag; `script` asks for others, too."""

    name: str
    path: str
    headers: tuple[str, ...] = ()
    etag: bool = False
    script: Path | None = None


def fetch(url: str, *headers: str) -> tuple[str, str]:
    """Return the ETag that a page has now, and the bytes of its body as a number."""
    command = ["curl", "-s", "-o", "/dev/null", "-D", "-", "-w", "size: %{size_download}", url]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    etag, size = re.search(r"(?im)^etag: (.*?)\r?$", out), re.search(r"size: (\d+)$", out)
    if etag is None or size is None or not out.startswith("HTTP/1.1 200"):
        sys.exit(f"{url} gave no page:\n{out}")
    return etag[1], size[1]


def _pages_of(site: Path) -> list[Path]:
    return list(site.glob("2*/*/*/*/index.html.br"))  # the last of a page's files


def fill(server: Server) -> None:
    """Publish ITEMS items, and wait until each has its page's files."""
    before = len(_pages_of(server.home / "site"))
    subprocess.run([sys.executable, "-c", _FILL % ITEMS], env=server.env, check=True)
    for _ in range(600):
        if len(_pages_of(server.home / "site")) >= before + ITEMS:
            time.sleep(1)  # the lists and the feeds come with them
            return
        time.sleep(0.2)
    sys.exit(f"The pages of {ITEMS} items were not written within two minutes.")


@contextlib.contextmanager
def publishing(server: Server) -> Iterator[None]:
    """Publish one dispatch a second meanwhile, from a process of its own, as a desk does."""
    command = [sys.executable, "-c", _PUBLISHER]
    process = subprocess.Popen(command, env=server.env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(1)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def load(case: Case, side: Side, workers: int) -> Load:
    """Ask one server for one second."""
    extra = [f"If-None-Match: {fetch(side.url(case.path), *case.headers)[0]}"] if case.etag else []
    return wrk(
        side.url(case.path), *case.headers, *extra, pids=side.pids(), seconds=SECONDS, threads=workers,
        connections=CONNECTIONS * workers, workers=workers, script=case.script,
    )  # fmt: skip


def compare(case: Case, sides: Sides, options: Options, workers: int = 1) -> tuple[tuple[str, ...], float]:
    """Return a row of the table, and the ratio. Of nginx's two ways the one counts that is faster here."""
    rounds = [[load(case, side, workers) for side in sides] for _ in range(options.rounds)]
    columns = list(zip(*rounds, strict=True))
    ours, *references = columns
    best = max(references, key=lambda column: median([one.rate for one in column]))
    pairs = list(zip(ours, best, strict=True))
    ratio = median([one.rate / other.rate for one, other in pairs])
    cells = [f"{case.name}; {workers} worker{'s' * (workers > 1)}"]
    for column in (ours, best):
        limited = sum(one.limited for one in column) * 2 > len(column)
        rate, p99 = median([one.rate for one in column]), median([one.p99_ms for one in column])
        cells += [f"{rate:,.0f}{' (wrk)' if limited else ''}", f"{p99:.1f}"]
    cells.append("sendfile" if best is references[0] else "copied")
    # Requests for each second of the servers' own processor time: what other processes do changes it little.
    work = median([one.rate / one.server / (other.rate / other.server) for one, other in pairs])
    return (*cells, f"{ratio:.2f}", f"{work:.2f}"), ratio


class Table:
    """The rows so far."""

    def __init__(self, options: Options, ratio: str = "Dateline / nginx") -> None:
        self.options = options
        self.ratio = ratio
        self.rows: list[tuple[str, ...]] = []
        self.bars: list[tuple[str, dict[str, float]]] = []

    def add(self, case: Case, sides: Sides, workers: int) -> None:
        """Measure one more."""
        row, ratio = compare(case, sides, self.options, workers)
        console.print(" | ".join(row), style="dim", soft_wrap=True)
        self.rows.append(row)
        self.bars.append((row[0], {self.ratio: ratio}))


@contextlib.contextmanager
def both(workers: int, *, cold: bool = False) -> Iterator[tuple[Server, Sides]]:
    """Run Dateline with its sample and ITEMS items, and nginx, in its two ways, on the very files that it writes.

    `cold`: neither keeps anything in its own memory from one request to the next.
    """
    with contextlib.ExitStack() as stack:
        memory = {"DATELINE_MEMORY_MB": "1"} if cold else {}
        server = stack.enter_context(dateline(DATELINE_WORKERS=str(workers), **memory))
        fill(server)
        server.home.parent.chmod(0o755)
        server.home.chmod(0o755)
        sides = [Side(server.port, lambda: server.pids)]
        for static in (STATIC, STATIC_COPIED):
            port, pids = stack.enter_context(nginx(static, workers=workers, root=server.home / "site", cold=cold))
            sides.append(Side(port, lambda pids=pids: pids))  # type: ignore[misc]
        yield server, (sides[0], sides[1], sides[2])


def address(site: Path, pattern: str) -> str:
    """Return the address of the first page whose file is like this."""
    return "/" + min(site.glob(pattern)).parent.relative_to(site).as_posix() + "/"


def kinds(site: Path, workers: int) -> dict[str, str]:
    """Return the address of one page of each kind, with its size in its name; with two workers of the main ones."""
    found = {"newsfeed": "/", "item": address(site, "2*/*/*/*/index.html"), "feed.atom": "/feed.atom"}
    if workers == 1:
        found |= {"section": address(site, "sections/*/index.html"), "newsfeed.json": "/newsfeed.json"}
    return {f"{name}, {len(_file(site, path).read_bytes()) / 1000:.0f} kB": path for name, path in found.items()}


def _file(site: Path, path: str) -> Path:
    return site / (path.lstrip("/") + ("index.html" if path.endswith("/") else ""))


def check_same(case: Case, sides: Sides) -> None:
    """End the measurement if they do not give the same bytes."""
    sizes = [fetch(side.url(case.path), *case.headers)[1] for side in sides]
    if len(set(sizes)) > 1:
        sys.exit(f"{case.name}: Dateline gives {sizes[0]} bytes and nginx {sizes[1]}; nothing can be compared.")


def measure_warm(table: Table, workers: int) -> None:
    """Measure pages from memory, and while one dispatch a second is published."""
    with both(workers) as (server, sides):
        for name, path in kinds(server.home / "site", workers).items():
            cases = [Case(name, path), Case(f"{name}, gzip", path, (GZIP,)), Case(f"{name}, 304", path, etag=True)]
            for case in cases:
                check_same(case, sides)
                table.add(case, sides, workers)
        with publishing(server):
            for name, path in kinds(server.home / "site", workers).items():
                table.add(Case(f"{name}, publishing", path), sides, workers)
            table.add(Case("newsfeed, gzip, publishing", "/", (GZIP,)), sides, workers)


def measure_cold(table: Table) -> None:
    """Measure pages that neither server has in its memory; the kernel has their files in its own."""
    with both(1, cold=True) as (server, sides), tempfile.TemporaryDirectory(prefix="dateline-bench-") as folder:
        site = server.home / "site"
        paths, script = Path(folder) / "paths", Path(folder) / "in_turn.lua"
        paths.write_text("".join("/" + page.parent.relative_to(site).as_posix() + "/\n" for page in _pages_of(site)))
        script.write_text(_IN_TURN.format(paths=paths))
        first = paths.read_text().split()[0]
        for headers in ((), (GZIP,)):
            case = Case(f"items in turn, cold{', gzip' * bool(headers)}", first, headers, script=script)
            check_same(case, sides)
            table.add(case, sides, 1)


def measure_deployed(table: Table) -> None:
    """Measure nginx with docs/deploy/nginx.conf beside a plain one, on the same files.

    The plain one is at its best, as for the other rows, but looks at a file once a second. So there are rows for two
    more: beside one that sends the same headers and asks with each request, as ours does; and ours with the line that
    lets it ask once a second about lists.
    """
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(dateline(DATELINE_WORKERS="1"))
        fill(server)
        server.home.parent.chmod(0o755)
        server.home.chmod(0o755)
        root = server.home / "site"

        def side(running: contextlib.AbstractContextManager[tuple[int, list[int]]]) -> Side:
            port, pids = stack.enter_context(running)
            return Side(port, lambda: pids)

        best = side(nginx(STATIC, root=root)), side(nginx(STATIC_COPIED, root=root))
        alike = side(nginx(HEADED, root=root, asked=True)), side(nginx(HEADED_COPIED, root=root, asked=True))
        ours, once_a_second = side(nginx_deployed(server)), side(nginx_deployed(server, lists_s=1))
        for name, path in kinds(root, workers=2).items():
            for more, headers, etag in (("", (), False), (", gzip", (GZIP,), False), (", 304", (), True)):
                rows = {"": (ours, *best), ", both ask each time": (ours, *alike)}
                if not name.startswith("item"):
                    rows[", both ask once a second"] = (once_a_second, *best)
                for how, sides in rows.items():
                    case = Case(f"{name}{more}{how}", path, headers, etag)
                    check_same(case, sides)
                    table.add(case, sides, 1)


def measure(options: Options) -> None:
    """Measure, print, and draw."""
    need("nginx", "wrk", "curl")
    table = Table(options)
    for workers in (1, 2):
        measure_warm(table, workers)
    measure_cold(table)
    print_table(
        "Pages, requests a second and p99 in milliseconds",
        ("page", "Dateline", "p99", "nginx", "p99", "nginx's way", "ratio", "by CPU"), table.rows,
        f"Medians of {options.rounds} rounds of {SECONDS} s in turns; {CONNECTIONS} connections and one thread of wrk "
        "a worker, on the same two cores. (wrk): the load generator was the limit. by CPU: the ratio of requests for "
        "each second of the servers' processor time, the main process's folding included. nginx's way: with sendfile "
        f"or without, whichever was faster. cold: Dateline with memory for few of {ITEMS} pages, so that it reads each "
        "from its files, nginx without its cache of open files.",
    )  # fmt: skip
    through = Table(options, "ours / plain")
    measure_deployed(through)
    print_table(
        "Pages through docs/deploy/nginx.conf, requests a second and p99 in milliseconds",
        ("page", "ours", "p99", "plain nginx", "p99", "its way", "ratio", "by CPU"), through.rows,
        "ours: nginx with our configuration, which asks for the file with each request, beside the nginx of the table "
        "above, which asks once a second and sends fewer headers. both ask each time: beside one that asks, too, and "
        "sends the same headers (but a feed's Link). both ask once "
        "a second: with the line of our configuration that lets it, for lists.",
    )  # fmt: skip
    if options.out:
        write_bars(options.out / "pages.svg", "Pages, ratio to nginx", "times nginx", table.bars)
        write_bars(
            options.out / "deployed.svg", "Pages through nginx, ratio to a plain one", "times nginx", through.bars
        )


if __name__ == "__main__":
    measure(read_options())
