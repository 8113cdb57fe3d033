"""Append to new bytes: front page, feeds, section, first live reader. `python -m bench.fresh`

A thousand live readers are connected. The reference in the same run is a raw fsync of the same bytes before each
append, the least that durability costs here. One more reader asks for each page (is it still this one?) every third of
a millisecond until the new item is in it; what it needs for asking counts.
"""

import contextlib
import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.machine import dateline_server, median, percentile, print_table

DISPATCHES = 200
READERS = 1000
PAUSE_S = 0.15
# Readers that ask without a pause would take the server's core from what they wait for.
ASK_S = 0.0003
PAGES = ("/", "/feed.atom", "/feed.rss", "/feed.json", "/sections/world/")
_LONGEST_S = 30.0
# Append's own cost counts: both are measured from its call.
TARGET_FSYNCS, TARGET_MS = 3, 5.0

# Appends when told to; says how long a raw fsync of the same bytes took just before, and when append began and ended.
PRODUCER = """
import os, sys, time, django; django.setup()
from dateline.wire.append import append
from dateline.news.acts import Act
from dateline.news.item import NewsItem
body = '<p>' + 'The harbour of Port Ellis reopened after three days. ' * 35 + '</p>'
file = os.open(os.environ['DATELINE_HOME'] + '/raw', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
record = os.urandom(2600)
for line in sys.stdin:
    item = NewsItem(headline='Story ' + line.strip(), body=body, section='World')
    raw = time.perf_counter(); os.write(file, record); os.fsync(file)
    begun = time.perf_counter(); append(Act.PUBLISH, item); done = time.perf_counter()
    print(begun - raw, begun, done, flush=True)
"""


class Reader:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._host = f"127.0.0.1:{port}"
        self._etags: dict[str, str] = {}

    def get_changed(self, path: str) -> bytes:
        """Return a page's body if it is not the one that this reader has; else nothing, for a few bytes."""
        return self.get(path, f"If-None-Match: {self._etags.get(path, '')}\r\n" if path in self._etags else "")

    def get(self, path: str, condition: str = "") -> bytes:
        """Return a page's body, or nothing where the condition says that it is known."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n{condition}\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._socket.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 304"):
            return b""
        if tag := re.search(rb"(?i)\netag: ([^\r]+)", head):
            self._etags[path] = tag[1].decode()
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += self._socket.recv(65536)
        return body


def follow(port: int, count: int) -> None:
    """Be `count` live readers; say "ready" when all have joined, then when the first and the last has each element."""
    poll, sockets = select.epoll(), {}
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        connection.setblocking(False)
        poll.register(connection, select.EPOLLIN)
        sockets[connection.fileno()] = connection
    joined: set[int] = set()
    first, had = 0.0, 0
    while True:
        for fd, _ in poll.poll():
            data = sockets[fd].recv(65536)
            if not data:
                return
            if len(joined) < count and b"event: heartbeat" in data:
                joined.add(fd)
                if len(joined) == count:
                    print("ready", flush=True)
            if found := data.count(b"event: element"):
                first = first if had else time.perf_counter()
                had += found
                if had >= count:
                    print(first, time.perf_counter(), flush=True)
                    had -= count


class Told:
    """A process that is told a line and answers with one."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, line: str) -> None:
        """Send a line."""
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)

    def hear(self) -> list[str]:
        """Return the words of the next line."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], _LONGEST_S)
        if not ready:
            sys.exit(f"{self.process.args!r:.80} said nothing for {_LONGEST_S:.0f} s.")
        return self.process.stdout.readline().split()


@contextlib.contextmanager
def told(command: list[str], env: dict[str, str]) -> Iterator[Told]:
    """Run such a process."""
    found = Told(command, env)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def measure(port: int, producer: Told, live: Told, dispatches: int) -> dict[str, list[float]]:
    """Return, in milliseconds: raw fsyncs, appends, and from each append's call to each page and reader."""
    reader = Reader(port)
    seen: dict[str, list[float]] = {name: [] for name in ("raw", "append", "first reader", "last reader", *PAGES)}
    for number in range(dispatches):
        time.sleep(PAUSE_S)
        producer.tell(str(number))
        raw, begun, done = map(float, producer.hear())
        seen["raw"].append(raw * 1000)
        seen["append"].append((done - begun) * 1000)
        forms = [f"Story {number}{end}".encode() for end in '<&"']
        waiting = list(PAGES)
        while waiting and time.perf_counter() - done < 5:
            for path in list(waiting):
                body = reader.get_changed(path)
                if any(form in body for form in forms):
                    seen[path].append((time.perf_counter() - begun) * 1000)
                    waiting.remove(path)
            time.sleep(ASK_S)
        if waiting:
            sys.exit(f"Dispatch {number} never came to {', '.join(waiting)}.")
        first, last = map(float, live.hear())
        seen["first reader"].append((first - begun) * 1000)
        seen["last reader"].append((last - begun) * 1000)
    return seen


def main() -> None:
    """Measure and print."""
    with dateline_server() as (port, _, env):
        env = {**env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        follower = [sys.executable, "-m", "bench.fresh", "--follow", str(port), str(READERS)]
        with told([sys.executable, "-c", PRODUCER], env) as producer, told(follower, dict(os.environ)) as live:
            live.hear()
            producer.tell("warm")  # the first one loads what is loaded once
            producer.hear()
            live.hear()
            seen = measure(port, producer, live, DISPATCHES)
    limit = TARGET_FSYNCS * median(seen["raw"]) + TARGET_MS
    rows = [
        (
            name,
            *(f"{value:.1f}" for value in (median(times), percentile(times, 0.95), percentile(times, 0.99))),
            "" if name in ("raw", "append", "last reader") else f"{percentile(times, 0.99) / limit:.2f}",
        )
        for name, times in seen.items()
    ]
    print_table(
        f"From the call of append, {READERS:,} live readers connected, milliseconds",
        ("until", "median", "p95", "p99", f"p99 / {limit:.1f} ms"),
        rows,
        f"{DISPATCHES} dispatches. The last column is against three raw fsyncs (median) and {TARGET_MS:.0f} ms; "
        "1.00 is the target. Producer, readers and server share the machine.",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--follow"]:
        follow(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
