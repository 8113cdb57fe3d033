"""Live readers beside nginx with nchan: fan-out, bursts, memory, storms, slow readers, pages meanwhile.

`python -m bench.live [--out FOLDER] [--rounds N]`. One worker each, then two, the same bytes, the same C client
(readers.c) on the same two cores; the two take turns, event by event. A time begins when Dateline's append,
or nchan's POST, is called, and Dateline's has forced its dispatch to the disk within it.
"""

import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.chart import write_bars
from bench.clients import Readers, readers_program
from bench.machine import (
    Options,
    cpu_s,
    dateline,
    median,
    memory_kb,
    need,
    print_table,
    read_options,
    waited_s,
)
from bench.references import NCHAN, nginx

COUNTS = (1_000, 5_000, 10_000)
BURST = 100
# A client that used more of a core than this until the last event had come was the limit, not the server.
_BUSY = 0.95
# What an element of the newsfeed is as an event, so that both send as much.
_BODY = '{"id":"d6rgetvr8t8h","title":"Mark %d","heading":"World","heading_url":"/sections/world/","pad":"%s"}'
_PAD = "y" * 330
BODY = "<p>" + "The harbour of Port Ellis reopened after three days. " * 20 + "</p>"

# Appends when told to, and says when it began and ended.
PRODUCER = """
import sys, time, django; django.setup()
from dateline.wire.append import append
from dateline.news.acts import Act
from dateline.news.item import NewsItem
body = sys.argv[1]
for line in sys.stdin:
    item = NewsItem(headline='Mark ' + line.strip(), body=body, section='World')
    begun = time.monotonic(); append(Act.PUBLISH, item); done = time.monotonic()
    print(begun, done, flush=True)
"""


@dataclass
class Side:
    """One of the two that are compared: where it is, its processes, how something is published on it."""

    name: str
    port: int
    pids: list[int]
    tellers: list[int]  # those of them that write to readers
    publish: Callable[[int], tuple[float, float]]
    readers: Readers
    others: Readers
    events: int = 0
    lasts: list[float] = field(default_factory=list)

    def tell(self) -> tuple[float, float, float, float, float]:
        """Publish once; return the ms to the first and the last reader, the µs a reader that the processes which
        tell them and the client took, and the ms that these processes were ready and had no core.
        """
        self.events += 1
        before, waited, client = self._worked(), self._waited(), cpu_s(self.readers.pid)
        self.readers.send(f"event {self.events} 20000")
        begun, _ = self.publish(self.events)
        came = self.readers.arrivals()
        if came.count % 1000:
            sys.exit(f"{self.name} told only {came.count} readers of event {self.events}.")
        server, waited = self._worked() - before, self._waited() - waited
        client = cpu_s(self.readers.pid) - client
        first, last = (came.first - begun) * 1e3, (came.last - begun) * 1e3
        time.sleep(0.1)
        return first, last, server * 1e6 / came.count, client * 1e6 / came.count, waited * 1e3

    def _worked(self) -> float:
        return sum(map(cpu_s, self.tellers))

    def _waited(self) -> float:
        return sum(map(waited_s, self.tellers))


def producer(
    command: list[str], env: dict[str, str]
) -> tuple[subprocess.Popen[str], Callable[[int], tuple[float, float]]]:
    """Start a process that appends on demand and says when it began and ended (time.monotonic())."""
    process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def append(number: int) -> tuple[float, float]:
        assert process.stdin is not None and process.stdout is not None
        print(number, file=process.stdin, flush=True)
        begun, done = process.stdout.readline().split()
        return float(begun), float(done)

    append(0)  # the first one loads what is loaded once
    return process, append


@contextlib.contextmanager
def sides(program: Path, workers: int) -> Iterator[tuple[Side, Side]]:
    """Run Dateline with so many workers, and nchan with as many."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(dateline(DATELINE_WORKERS=str(workers)))
        for folder in (server.home.parent, server.home):
            folder.chmod(0o755)
        process, append = producer([sys.executable, "-c", PRODUCER, BODY[:280]], server.env)
        stack.callback(process.kill)
        port, pids = stack.enter_context(nginx(NCHAN, workers, root=server.home / "site"))
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def post(number: int) -> tuple[float, float]:
            begun = time.monotonic()
            connection.request("POST", "/publish", _BODY % (number, _PAD))
            connection.getresponse().read()
            return begun, time.monotonic()

        clients = [Readers(program) for _ in range(4)]
        for client in clients:
            stack.callback(client.close)
        yield (
            Side("Dateline", server.port, server.pids, server.pids[1:], append, clients[0], clients[1]),
            Side("nchan", port, pids, pids, post, clients[2], clients[3]),
        )


def fan_out(both: tuple[Side, Side], rounds: int) -> tuple[list[tuple[str, ...]], list[tuple[str, dict[str, float]]]]:
    """Measure one dispatch to ever more readers; leaves the most of them connected."""
    rows: list[tuple[str, ...]] = []
    bars: list[tuple[str, dict[str, float]]] = []
    memory: dict[str, list[float]] = {side.name: [] for side in both}
    for before, count in zip((0, *COUNTS), COUNTS, strict=False):
        for side in both:
            side.readers.join(count - before, side.port, side.events)
            memory[side.name].append(sum(map(memory_kb, side.pids)))
            side.tell()
        found: dict[str, list[tuple[float, ...]]] = {side.name: [] for side in both}
        for _ in range(rounds):
            for side in both:
                found[side.name].append(side.tell())
        figures = {name: [median(values) for values in zip(*told, strict=True)] for name, told in found.items()}
        pairs = list(zip(found["Dateline"], found["nchan"], strict=True))
        ratios = [median([a[place] / b[place] for a, b in pairs]) for place in (1, 2)]
        for name, (first, last, server, client, waited) in figures.items():
            limit = " (client)" if client * count / 1e3 > _BUSY * last else ""
            rows.append((
                f"{count:,}", name, f"{first:.1f}", f"{last:.0f}{limit}", f"{waited:.0f}", f"{server:.2f}",
                f"{client:.1f}", *(f"{ratio:.2f}" if name == "Dateline" else "" for ratio in ratios),
            ))  # fmt: skip
        bars.append((f"last of {count:,}", {name: values[1] for name, values in figures.items()}))
    spread = COUNTS[-1] - COUNTS[0]
    each = {name: (sizes[-1] - sizes[0]) / spread for name, sizes in memory.items()}
    rows.append(("kB a reader", *(f"{name} {size:.1f}" for name, size in each.items()), *[""] * 6))
    return rows, bars


def burst(both: tuple[Side, Side], rounds: int) -> list[tuple[str, ...]]:
    """Measure how many deliveries a second come out of one publisher that goes as fast as it can."""
    rates: dict[str, list[float]] = {side.name: [] for side in both}
    for _ in range(rounds):
        for side in both:
            side.readers.send(f"event {side.events + BURST} 60000")
            begun = 0.0
            for number in range(BURST):
                at, _ = side.publish(side.events + number + 1)
                begun = begun or at
            side.events += BURST
            rates[side.name].append(BURST * COUNTS[-1] / (side.readers.arrivals().last - begun))
            time.sleep(1)
    ours, theirs = (median(rates[side.name]) for side in both)
    ratio = median([a / b for a, b in zip(*rates.values(), strict=True)])
    return [("deliveries a second, burst", f"{ours:,.0f}", f"{theirs:,.0f}", f"{ratio:.2f}")]


def beside(both: tuple[Side, Side], rounds: int) -> list[tuple[str, ...]]:
    """Measure what pages, storms of joins and readers that never read do beside ten thousand readers."""
    rows = []
    p99: dict[str, list[float]] = {side.name: [] for side in both}
    for _ in range(rounds):
        for side in both:
            side.others.send(f"page {side.port} / 1000 4000")
            for _ in range(6):
                side.tell()
                time.sleep(0.3)
            p99[side.name].append(side.others.spread(storm=False).p99)
    rows.append(_row("page p99 while dispatches go out, ms", p99, "{:.1f}"))
    for rate in (1_000, 4_000):
        joins: dict[str, list[float]] = {side.name: [] for side in both}
        lasts: dict[str, list[float]] = {side.name: [] for side in both}
        done: dict[str, list[float]] = {side.name: [] for side in both}
        for _ in range(rounds):
            for side in both:
                side.others.send(f"storm {rate} 3 {side.port} /live")
                lasts[side.name] += [side.tell()[1] for _ in range(4)]
                storm = side.others.spread(storm=True)
                joins[side.name].append(storm.p99)
                done[side.name].append(100 * storm.count / (storm.count + storm.failed))
        rows.append(_row(f"{rate:,} joins and leaves a second: join p99, ms", joins, "{:.1f}"))
        rows.append(_row(f"{rate:,} a second: joins that came about, %", done, "{:.1f}"))
        rows.append(_row(f"{rate:,} a second: last of the others, ms", lasts, "{:.0f}"))
    stuck: dict[str, list[float]] = {side.name: [] for side in both}
    for side in both:
        side.others.send(f"stuck 1000 {side.port} /live")
        side.others.answer()
    for _ in range(2 * rounds):
        for side in both:
            stuck[side.name].append(side.tell()[1])
    rows.append(_row("beside 1,000 that never read: last of the others, ms", stuck, "{:.0f}"))
    return rows


def _row(name: str, found: dict[str, list[float]], form: str) -> tuple[str, ...]:
    ours, theirs = (median(values) for values in found.values())
    return name, form.format(ours), form.format(theirs), f"{ours / theirs:.2f}"


def print_fan_out(workers: str, rows: list[tuple[str, ...]]) -> None:
    """Print what `fan_out` found."""
    print_table(
        "One dispatch to all live readers (medians)",
        (
            "readers", "", "first, ms", "last, ms", "no core, ms", "server µs each", "client µs each", "ratio of last",
            "ratio of µs",
        ),
        rows,
        f"From the call of append (durable) or of the POST. {workers}; the C client shares the two cores. "
        "no core: how long workers were ready and other processes ran. (client): the client was the limit.",
    )  # fmt: skip


def measure(options: Options) -> None:
    """Measure, print, and draw."""
    need("nginx", "cc")
    with readers_program() as program:
        with sides(program, 1) as both:
            rows, bars = fan_out(both, 4 * options.rounds)
            print_fan_out("One worker each", rows)
            more = burst(both, options.rounds) + beside(both, options.rounds)
            note = f"{BURST} dispatches by one publisher; {COUNTS[-1]:,} readers connected all the time."
            print_table(f"Beside {COUNTS[-1]:,} live readers (medians)", ("", "Dateline", "nchan", "ratio"), more, note)
        with sides(program, 2) as both:
            rows, _ = fan_out(both, 4 * options.rounds)
            print_fan_out("Two workers each", rows)
    if options.out:
        write_bars(options.out / "live.svg", "From append, or POST, to the last reader", "ms", bars)


if __name__ == "__main__":
    measure(read_options())
