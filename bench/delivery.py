"""Delivery: from release to a webhook received, with a hundred subscribers; what a dead one costs; bulk replay.

The references run in the same minute: a bare client that posts the same bytes to the same endpoint, and nginx that
sends the same lines as a file. The endpoint and the clients are Python beside the server on the same cores, so that
with a hundred subscribers the endpoint's own share is part of each figure. `--replay` measures the replay alone.
"""

import argparse
import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import httpx

from bench.machine import Server, children, cpu_s, dateline, free_port, median, need, percentile, print_table, wait_for

SUBSCRIBERS = 100
RELEASES = 20
REPLAYED = 5_000
REPLAYS = 21

# In a process of its own: makes subscriptions, fills the wire, publishes one dispatch for each line it reads.
PRODUCER = """
import json, sys, time
import django
django.setup()
from dateline.delivery import subscribing
from dateline.delivery.subscribing import Terms
from dateline.news.acts import Act
from dateline.news.item import NewsItem
from dateline.wire.append import Submission, append, append_all

def item(number):
    return NewsItem(headline=f"Item {number}", body="<p>" + "The harbour reopened on Monday. " * 40 + "</p>")

for line in sys.stdin:
    what, *values = json.loads(line)
    if what == "subscribe":
        for number in range(values[0]):
            subscribing.subscribe(f"{values[2]}{number}", Terms(url=values[1].format(number)))
    elif what == "pull":
        puller = subscribing.subscribe("puller", Terms(), from_start=True)
        print(json.dumps(subscribing.issue_token(puller)), flush=True)
        continue
    elif what == "fill":
        for begin in range(0, values[0], 500):
            append_all(Submission(act=Act.PUBLISH, item=item(n)) for n in range(begin, begin + 500))
    else:
        dispatch = append(Act.PUBLISH, item(values[0]))
        print(json.dumps([time.time(), dispatch.seq]), flush=True)
        continue
    print("0", flush=True)
"""


class Endpoint:
    """Takes every webhook and notes when each came; in a thread with its own loop."""

    def __init__(self) -> None:
        self.came: dict[int, list[float]] = {}
        self.port = free_port()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        wait_for(self.port)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._take, "127.0.0.1", self.port, backlog=1024)
        await server.serve_forever()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
                await reader.readexactly(int(fields[b"content-length"]))
                now = time.time()
                key = fields.get(b"webhook-id", b"-0").rpartition(b"-")[2]
                self.came.setdefault(int(key), []).append(now)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def wait(self, seq: int, count: int) -> list[float]:
        """Return when a dispatch came to each subscriber."""
        until = time.time() + 60
        while len(self.came.get(seq, [])) < count and time.time() < until:
            time.sleep(0.002)
        found = sorted(self.came.get(seq, []))
        if len(found) < count:
            sys.exit(f"Only {len(found)} of {count} subscribers received dispatch {seq}.")
        return found


class Producer:
    """The process that appends."""

    def __init__(self, env: dict[str, str]) -> None:
        command = [sys.executable, "-c", PRODUCER]
        env = {**env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *order: object) -> list[float]:
        """Give an order; return its answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        found: list[float] = json.loads(self.process.stdout.readline())
        return found


def bare_posts(port: int, body: bytes) -> list[float]:
    """Return how long a bare client takes for one post, and for a hundred at once, in ms."""

    async def measure() -> list[float]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            url = f"http://127.0.0.1:{port}/"

            async def one() -> None:
                async with client.post(url, data=body) as answer:
                    await answer.read()

            async def many(count: int) -> float:
                begun = time.perf_counter()
                await asyncio.gather(*(one() for _ in range(count)))
                return (time.perf_counter() - begun) * 1000

            await many(SUBSCRIBERS)
            return [median([await many(count) for _ in range(10)]) for count in (1, SUBSCRIBERS)]

    return asyncio.run(measure())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Webhooks and bulk replay.")
    parser.add_argument("--replay", action="store_true", help="measure the replay alone")
    parser.add_argument("--dispatches", type=int, default=REPLAYED, help="how many are replayed")
    parser.add_argument("--rounds", type=int, default=REPLAYS, help="how often they are replayed")
    options = parser.parse_args()
    need("nginx", "curl")
    if not options.replay:
        endpoint = Endpoint()
        with wire() as (producer, _):
            rows = pushed(producer, endpoint)
        print_table(
            "From append to webhook received, milliseconds (median / p99)", ("", "first", "last"), rows,
            f"{RELEASES} releases of one dispatch of 1.4 kB; {SUBSCRIBERS} subscriptions, one endpoint for all.",
        )  # fmt: skip
    # A wire of its own: nothing is pushed beside what is pulled.
    with wire() as (producer, server):
        print_table(*replayed(producer, server, options.dispatches, options.rounds))


@contextlib.contextmanager
def wire() -> Iterator[tuple[Producer, Server]]:
    """Run a wire and a process that appends to it; yield that and the server."""
    with dateline(DATELINE_WEBHOOK_NETWORKS="127.0.0.0/8") as server:
        producer = Producer(server.env)
        try:
            yield producer, server
        finally:
            producer.process.terminate()
            producer.process.wait()


def pushed(producer: Producer, endpoint: Endpoint) -> list[tuple[str, str, str]]:
    """Measure webhooks: a hundred live ones, then with ten dead ones beside them."""
    producer.ask("subscribe", SUBSCRIBERS, f"http://127.0.0.1:{endpoint.port}/{{}}", "live")
    rows = []
    for name in ("100 subscribers", "the same beside 10 dead ones"):
        if "dead" in name:
            producer.ask("subscribe", 10, "http://127.0.0.1:9/{}", "dead")
        firsts, lasts = [], []
        for number in range(RELEASES + 2):
            sent, seq = producer.ask("publish", number)
            came = endpoint.wait(int(seq), SUBSCRIBERS)
            if number >= 2:  # connections open with the first
                firsts.append((came[0] - sent) * 1000)
                lasts.append((came[-1] - sent) * 1000)
            time.sleep(0.3)
        rows.append((name, _figures(firsts), _figures(lasts)))
    one, hundred = bare_posts(endpoint.port, b"x" * 1400)
    rows.append(("a bare client, the same bytes (median)", f"{one:.1f}", f"{hundred:.1f}"))
    return rows


def _figures(times: list[float]) -> str:
    return f"{median(times):.1f} / {percentile(times, 0.99):.1f}"


def replayed(
    producer: Producer, server: Server, dispatches: int, rounds: int
) -> tuple[str, tuple[str, ...], list[tuple[str, ...]], str]:
    """Measure a replay as NDJSON beside nginx sending the same bytes."""
    producer.ask("fill", dispatches)
    token = str(producer.ask("pull"))
    wait_until_quiet(server.home)
    url = f"http://127.0.0.1:{server.port}/api/wire?after=0"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/x-ndjson"}
    lines = httpx.get(f"{url}&proof=0", headers=headers, timeout=120).content
    if lines.count(b"\n") < dispatches:
        sys.exit("The new subscription was not folded in time.")
    # The first replay after a start makes the blocks that the others are sent from.
    first = _fetch(url, headers)
    if httpx.get(url, headers=headers, timeout=120).content != lines:
        sys.exit("What is sent from blocks is not what is read from the log.")
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as folder, nginx(Path(folder), lines) as other:
        took: dict[str, list[tuple[float, float]]] = {"Dateline": [], "nginx": []}
        for _ in range(rounds):
            took["Dateline"].append(_timed(server.pids, url, headers))
            took["nginx"].append(_timed([other.worker], f"http://127.0.0.1:{other.port}/lines.ndjson", {}))
    count, size_mb = lines.count(b"\n"), len(lines) / 1e6
    rows: list[tuple[str, ...]] = [("Dateline, the first", f"{first * 1000:.1f} ms", "", f"{count / first:,.0f}", "")]
    for name, found in took.items():
        time_s, work_s = (median(values) for values in zip(*found, strict=True))
        rows.append((
            name, f"{time_s * 1000:.1f} ms", f"{work_s * 1000:.1f} ms", f"{count / time_s:,.0f}",
            f"{size_mb / time_s:,.0f}",
        ))  # fmt: skip
    ratio = median([theirs[0] / ours[0] for ours, theirs in zip(*took.values(), strict=True)])
    rows.append(("ratio, median of the rounds'", f"{ratio:.2f}", "", "", ""))
    note = f"{count:,} dispatches, {size_mb:.1f} MB; one client (curl), {rounds} rounds in turn."
    return "Bulk replay", ("", "time", "server's CPU", "dispatches/s", "MB/s"), rows, note


def _timed(pids: list[int], url: str, headers: dict[str, str]) -> tuple[float, float]:
    """Return how long a fetch takes, and the processor time that it costs the server, seconds."""
    before = sum(map(cpu_s, pids))
    time_s = _fetch(url, headers)
    return time_s, sum(map(cpu_s, pids)) - before


def wait_until_quiet(home: Path) -> None:
    """Wait until all that was appended is folded and rendered: what renders takes from what is measured."""
    with contextlib.closing(sqlite3.connect(home / "wire.sqlite3")) as database:
        while True:
            time.sleep(1)
            pages, streams = (
                database.execute(f"SELECT {what}").fetchone()[0]
                for what in ("count(*) FROM site_dirty", "max(cursor) - min(cursor) FROM delivery_stream")
            )
            if not pages and not streams:
                return


def _fetch(url: str, headers: dict[str, str]) -> float:
    """Return how long curl takes to fetch something; it counts by itself, from its request to the last byte."""
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-w", "%{time_total}", *given, url]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class nginx:
    """nginx that serves some bytes."""

    def __init__(self, folder: Path, data: bytes) -> None:
        self.port = free_port()
        (folder / "lines.ndjson").write_bytes(data)
        (folder / "nginx.conf").write_text(
            f"worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
            f"events {{}} http {{ access_log off; sendfile on; "
            f"server {{ listen 127.0.0.1:{self.port}; root {folder}; }} }}\n"
        )
        folder.chmod(0o755)
        self._process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(folder / "nginx.conf")])

    def __enter__(self) -> "nginx":
        wait_for(self.port)
        self.worker = children(self._process.pid)[0]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


if __name__ == "__main__":
    main()
