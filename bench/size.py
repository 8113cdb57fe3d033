"""The same figures at a thousand dispatches and at a million: no wait may grow. `python -m bench.size`

Two homes, two servers on one machine, asked in turn, so that the machine's noise meets both. The big wire is made by
`append_all` in large batches (no faster way is honest: every rule is asked, every leaf signed for) and folded by the
projections' own folds; that takes minutes. `--big 100000` makes a smaller one, `--keep FOLDER` keeps both for the next
time. Pages of old items are not rendered: nobody waits for them, and each would be one file like the others.
"""

import argparse
import contextlib
import json
import os
import select
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.machine import folder_for, free_port, median, print_table, spread

FEW, MANY = 1_000, 1_000_000
ROUNDS = 30
STARTS = 5
# A large agency's day.
A_DAY = 500
# The newest dispatches are of today and public: what readers who come back are replayed.
TODAY = 400
REPLAYED = 300
_LONGEST_S = 20.0
# The first start renders some hundred pages before it answers.
_FIRST_START_S = 120.0

# Fills an empty home with the number of dispatches that it is told, then folds them.
FILL = """
import os, random, sys, time
import django
django.setup()
from datetime import UTC, datetime, timedelta
from django.conf import settings
from django.core.management import call_command
from dateline.delivery import subscribing
from dateline.news.acts import Act
from dateline.news.codes import mint_uri
from dateline.news.item import NewsItem
from dateline.projections import all_projections
from dateline.wire import store
from dateline.wire.append import Submission, append_all
from dateline.wire.follow import fold, use_lazy_commits
from dateline.wire.keys import make_keys

count, a_day, today = map(int, sys.argv[1:])
call_command("migrate", verbosity=0)
make_keys(settings.DATELINE_HOME / "keys", settings.AGENCY.origin)
chance = random.Random(1)
words = ("harbour ferry council budget storm bridge winter school market island captain mayor police tide grain court "
         "minister strike port election river price coast union vote fire museum railway clinic fishery").split()
sections = ["World", "Economy", "Politics", "Sport", "Culture", "Science", "Weather", "Region"]
now = datetime.now(UTC)

def sentence():
    return " ".join(chance.choices(words, k=11)).capitalize() + "."

def item(number, **fields):
    body = "".join(f"<p>{' '.join(sentence() for _ in range(4))}</p>" for _ in range(5))
    return NewsItem(headline=" ".join(chance.choices(words, k=6)).capitalize(), body=body,
                    section=chance.choice(sections), dateline="PORT ELLIS, April 13. /Tidewater/.", **fields)

def submissions(first, last):
    recent = []
    for number in range(first, last):
        if number > count - today:
            yield Submission(act=Act.PUBLISH, item=item(number))
        elif recent and number % 10 == 0:
            # An item of some minutes ago is updated.
            yield Submission(act=Act.UPDATE, item=NewsItem(uri=chance.choice(recent), body=f"<p>{sentence()}</p>"),
                             note="Adds a quote.")
        else:
            created = now - timedelta(days=(count - number) / a_day)
            # As it would have been minted on its day, by a wire that is years old.
            uri = mint_uri(settings.AGENCY.domain, created)
            recent = [*recent[-20:], uri]
            yield Submission(act=Act.ARCHIVE, item=item(number, uri=uri, content_created=created))

if not store.head_seq():
    subscribing.subscribe("puller", subscribing.Terms(), from_start=True)
begun = time.perf_counter()
step = 2000
for first in range(store.head_seq() + 1, count + 1, step):
    append_all(submissions(first, min(first + step, count + 1)))
appended = time.perf_counter()
use_lazy_commits()
store.sql().execute("PRAGMA wal_autocheckpoint=20000")
while fold(all_projections(), batch=step):
    pass
store.sql().execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(f"{count} dispatches: appended in {appended - begun:.0f} s, folded in {time.perf_counter() - appended:.0f} s",
      file=sys.stderr)
"""

# Appends what it is told, and says when each append began and ended.
PRODUCER = """
import json, sys, time
import django
django.setup()
from datetime import UTC, datetime, timedelta
from dateline.delivery import subscribing
from dateline.delivery.store import subscriptions
from dateline.news.acts import Act
from dateline.news.item import NewsItem
from dateline.wire import store
from dateline.wire.append import append
body = "<p>" + "The harbour of Port Ellis reopened after three days. " * 35 + "</p>"
for line in sys.stdin:
    what, *values = json.loads(line)
    if what == "token":
        (puller,) = subscriptions("name = ?", ("puller",))
        print(json.dumps([subscribing.issue_token(puller), store.head_seq()]), flush=True)
        continue
    fields = dict(headline=f"Story {values[0]}", body=body, section="World")
    if what == "update":
        given = (Act.UPDATE, NewsItem(uri=values[1], **fields))
    elif what == "archive":
        given = (Act.ARCHIVE, NewsItem(content_created=datetime.fromisoformat(values[1]), **fields))
    else:
        given = (Act.PUBLISH, NewsItem(**fields))
    begun, cpu = time.perf_counter(), time.process_time()
    dispatch = append(*given, note="why")
    done, cpu_ms = time.perf_counter(), (time.process_time() - cpu) * 1000
    print(json.dumps([begun, done, cpu_ms, dispatch.uri, dispatch.news.path]), flush=True)
"""


class Reader:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._host = f"127.0.0.1:{port}"

    def get(self, path: str) -> bytes:
        """Return a page's body."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._socket.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += self._socket.recv(65536)
        return body


class Wire:
    """One wire of some size, its server and a producer."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, 0
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("DATELINE_", "DJANGO_"))}
        self.env = clean | {"DATELINE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        self._server: subprocess.Popen[bytes] | None = None
        self._producer: subprocess.Popen[str] | None = None
        self._number = 0
        self.token = ""
        # Of the last append, in the process that did it.
        self.append_cpu_ms = 0.0

    def fill(self, count: int) -> None:
        """Make the wire, unless it is there; go on with one that was begun."""
        if not (self.home / "filled").exists():
            self.home.mkdir(parents=True, exist_ok=True)
            subprocess.run([sys.executable, "-c", FILL, str(count), str(A_DAY), str(TODAY)], env=self.env, check=True)
            (self.home / "filled").touch()

    def start(self) -> float:
        """Start the server; return the milliseconds until it has answered a reader."""
        # The same at each start: the address is part of every page, and a new one has them all rendered anew.
        self.port = self.port or free_port()
        env = self.env | {"DATELINE_PORT": str(self.port)}
        begun = time.perf_counter()
        with (self.home / "server.log").open("a") as log:
            self._server = subprocess.Popen([sys.executable, "-m", "dateline", "run"], env=env, stdout=log, stderr=log)
        self._wait()
        Reader(self.port).get("/")
        return (time.perf_counter() - begun) * 1000

    def forget_old_pages(self) -> None:
        """Let no page wait to be rendered: those of old items, which nobody asks for here, would take hours."""
        with contextlib.closing(sqlite3.connect(self.home / "wire.sqlite3")) as database, database:
            database.execute("DELETE FROM site_dirty")
            database.execute("UPDATE site_stamp SET value = '' WHERE name = 'again'")

    def _wait(self) -> None:
        deadline = time.monotonic() + _FIRST_START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.01)
        sys.exit(f"The server of {self.home} did not start; see its server.log.")

    def stop(self) -> None:
        """Stop the server and the producer."""
        for process in (self._server, self._producer):
            if process is not None:
                process.terminate()
                process.wait()
        self._server = self._producer = None

    def tell(self, *what: object) -> list[object]:
        """Let the producer do something; return what it says."""
        if self._producer is None:
            command = [sys.executable, "-c", PRODUCER]
            self._producer = subprocess.Popen(
                command, env=self.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        assert self._producer.stdin is not None and self._producer.stdout is not None
        print(json.dumps(what), file=self._producer.stdin, flush=True)
        return list(json.loads(self._producer.stdout.readline()))

    def append(self, what: str, *values: str) -> tuple[str, float, float, str, str]:
        """Append a dispatch; return its headline, when its append began and ended, its uri and its path."""
        self._number += 1
        begun, done, cpu_ms, uri, path = self.tell(what, self._number, *values)
        self.append_cpu_ms = float(str(cpu_ms))
        return f"Story {self._number}", float(str(begun)), float(str(done)), str(uri), str(path)


def until_shown(wire: Wire, path: str, headline: str, begun: float) -> float:
    """Return the milliseconds since `begun` until a page shows a headline."""
    reader = Reader(wire.port)
    forms = [f"{headline}{end}".encode() for end in '<&" ']
    while time.perf_counter() - begun < _LONGEST_S:
        body = reader.get(path)
        if any(form in body for form in forms):
            return (time.perf_counter() - begun) * 1000
        time.sleep(0.0005)
    sys.exit(f"{path} never showed {headline!r}.")


def asked(wire: Wire, path: str, headers: str = "") -> float:
    """Return the milliseconds of one request on a fresh connection."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", wire.port), timeout=_LONGEST_S) as connection:
        # HTTP/1.0: the server closes the connection when it has answered.
        head = f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{wire.port}\r\n{headers}\r\n"
        connection.sendall(head.encode())
        data = b""
        while part := connection.recv(1 << 20):
            data += part
    if not data.startswith(b"HTTP/1.1 200"):
        sys.exit(f"{path} answered {data[:300]!r}")
    return (time.perf_counter() - begun) * 1000


def replayed(wire: Wire, head: int) -> float:
    """Return the milliseconds until a live reader who was away for `REPLAYED` dispatches has the last of them."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", wire.port), timeout=_LONGEST_S) as connection:
        head_line = f"GET /live?after={head - REPLAYED} HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\n\r\n"
        connection.sendall(head_line.encode())
        data, last = b"", f"id: {head}\n".encode()
        while last not in data:
            ready, _, _ = select.select([connection], [], [], _LONGEST_S)
            if not ready or not (part := connection.recv(1 << 20)):
                sys.exit(f"The replay to {head} ended early.")
            data += part
    return (time.perf_counter() - begun) * 1000


def measures(wire: Wire) -> Iterator[tuple[str, Callable[[], float]]]:
    """Yield what is measured of a wire: its name, and what gives milliseconds."""
    _, _, _, uri, path = wire.append("publish")
    token, head = wire.tell("token")
    wire.token = str(token)
    old = "2026-03-02T10:00:00+00:00"
    _, _, _, _, old_path = wire.append("archive", old)
    day = "/".join(old_path.split("/")[:4]) + "/"
    # What is asked of later lies behind what the server has in memory.
    head = int(str(head))

    def publish() -> float:
        _, begun, done, _, _ = wire.append("publish")
        return (done - begun) * 1000

    def worked() -> float:
        wire.append("publish")
        return wire.append_cpu_ms

    def shown(page: str, what: str, *values: str) -> float:
        headline, begun, _, _, _ = wire.append(what, *values)
        return until_shown(wire, page, headline, begun)

    authorization = f"Authorization: Bearer {wire.token}\r\n"
    yield "append", publish
    yield "append, its processor time", worked
    yield "append to the front page", lambda: shown("/", "publish")
    yield "append to the feed", lambda: shown("/feed.atom", "publish")
    yield "append to the item's page (an update)", lambda: shown(path, "update", uri)
    yield "append to an old day's page", lambda: shown(day, "archive", old)
    yield "front page", lambda: asked(wire, "/")
    yield "item page", lambda: asked(wire, path)
    yield "older elements", lambda: asked(wire, f"/newsfeed.json?before={head}")
    yield f"live join, {REPLAYED} replayed", lambda: replayed(wire, head)
    yield "pull, 50 after a recent cursor", lambda: asked(wire, f"/api/wire?after={head - 50}&limit=50", authorization)


def measure(wires: dict[int, Wire]) -> dict[str, dict[int, list[float]]]:
    """Return the milliseconds of each measure by the wire's size."""
    found: dict[str, dict[int, list[float]]] = {"start": {size: [] for size in wires}}
    for turn in range(STARTS + 1):
        for size, wire in wires.items():
            wire.stop()
            wire.forget_old_pages()
            took = wire.start()
            if turn:  # the first brings a home's pages up to date
                found["start"][size].append(took)
    time.sleep(2)
    each = {size: dict(measures(wire)) for size, wire in wires.items()}
    names = list(next(iter(each.values())))
    found |= {name: {size: [] for size in wires} for name in names}
    for turn in range(ROUNDS + 1):
        for name in names:
            # Each in turn comes first: what comes second meets the other's server, which still renders.
            for size in wires if turn % 2 else reversed(wires):
                took = each[size][name]()
                if turn:  # the first fills caches
                    found[name][size].append(took)
                time.sleep(0.03)
    return found


def main() -> None:
    """Make both wires, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.size")
    parser.add_argument("--big", type=int, default=MANY, help="how many dispatches the big wire has")
    parser.add_argument("--keep", type=Path, help="a folder that keeps the wires for the next time")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(folder_for(given.keep))
        wires = {size: Wire(home / str(size)) for size in (FEW, given.big)}
        for size, wire in wires.items():
            wire.fill(size)
            stack.callback(wire.stop)
        found = measure(wires)
    rows = [
        (
            name,
            *(spread(times[size]) for size in wires),
            f"{median(times[given.big]) / median(times[FEW]):.2f}",
        )
        for name, times in found.items()
    ]
    print_table(
        "By the wire's size, milliseconds (median / p95)",
        ("", *(f"{size:,} dispatches" for size in wires), "ratio"),
        rows,
        f"{ROUNDS} rounds, {STARTS} starts, the two wires in turn; {A_DAY} items a day, a tenth of them updated. "
        "The target is 1.20, and for the start a second more.",
    )


if __name__ == "__main__":
    main()
