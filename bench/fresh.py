"""Append to new bytes: front page, feeds, section, first live reader. `python -m bench.fresh`

A thousand live readers are connected. The reference in the same run is a raw fsync of the same bytes before each
append, the least that durability costs here. One more client asks for each page (is it still this one?) every
millisecond until the new item is in it; what it needs for asking counts. It goes before all others on the processor,
where that is allowed: it stands for readers elsewhere, who wait for no core of ours. Both are the client in C
(readers.c).
"""

import argparse
import subprocess
import sys
import time

from bench.clients import Readers, readers_program
from bench.machine import dateline_server, median, need, percentile, print_table

DISPATCHES = 300
READERS = 1000
PAUSE_S = 0.15
# Readers that ask without a pause would take the server's core from what they wait for.
ASK_US = 1000
PAGES = ("/", "/feed.atom", "/feed.rss", "/feed.json", "/sections/world/")
_LONGEST_MS = 5000
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
    item = NewsItem(headline='Mark ' + line.strip(), body=body, section='World')
    raw = time.monotonic(); os.write(file, record); os.fsync(file)
    begun = time.monotonic(); append(Act.PUBLISH, item); done = time.monotonic()
    print(begun - raw, begun, done, flush=True)
"""


class Producer:
    """The process that appends."""

    def __init__(self, env: dict[str, str]) -> None:
        command = [sys.executable, "-c", PRODUCER]
        self.process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def append(self, mark: str) -> tuple[float, float, float]:
        """Append; return the seconds of a raw fsync, and when the append began and ended (time.monotonic())."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(mark, file=self.process.stdin, flush=True)
        raw, begun, done = map(float, self.process.stdout.readline().split())
        return raw, begun, done


def measure(port: int, producer: Producer, live: Readers, asker: Readers) -> dict[str, list[float]]:
    """Return, in milliseconds: raw fsyncs, appends, and from each append's call to each page and reader."""
    seen: dict[str, list[float]] = {name: [] for name in ("raw", "append", "first reader", "last reader", *PAGES)}
    for number in range(1, DISPATCHES + 2):
        time.sleep(PAUSE_S)
        mark = f"t{number:06}"
        live.send(f"event {number} {_LONGEST_MS}")
        asker.send(f"until {port} {mark} {ASK_US} {_LONGEST_MS} {' '.join(PAGES)}")
        # It asks by the time the append begins: what it is told now must have reached it.
        time.sleep(0.005)
        raw, begun, done = producer.append(mark)
        came, shown = live.arrivals(), asker.shown()
        if came.count < READERS or not all(shown):
            sys.exit(f"Dispatch {number} came to {came.count} readers, and at {shown} to the pages.")
        if number == 1:
            continue  # the first one loads what is loaded once
        times = (raw, done - begun, came.first - begun, came.last - begun, *(at - begun for at in shown))
        for name, took in zip(seen, times, strict=True):
            seen[name].append(took * 1000)
    return seen


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(prog="python -m bench.fresh", description=__doc__).parse_args()
    print("Measuring takes a minute or two.", file=sys.stderr)
    need("cc")
    with readers_program() as program, dateline_server() as (port, _, env):
        live, asker = Readers(program), Readers(program)
        producer = Producer({**env, "DJANGO_SETTINGS_MODULE": "dateline.settings"})
        try:
            live.join(READERS, port)
            asker.hurry()
            seen = measure(port, producer, live, asker)
        finally:
            live.close()
            asker.close()
            producer.process.kill()
            producer.process.wait()
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
    main()
