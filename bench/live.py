"""Append to live reader, with 1,000 readers connected. `python -m bench.live`

The reference in the same run is the least that the task can cost: a bare event loop that writes the
same bytes to a file, forces them to the disk, and writes a ready event to as many sockets.
"""

import asyncio
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.machine import dateline_server, free_port, median, percentile, print_table, wait_for

READERS = 1000
DISPATCHES = 100
PAUSE_S = 0.1
BODY = "<p>" + "The harbour of Port Ellis reopened after three days. " * 20 + "</p>"


class Readers:
    """Many live readers in one thread. Notes when the first and the last of them has each event."""

    def __init__(self, port: int, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.times: list[list[float]] = []
        self._buffers: dict[socket.socket, bytes] = {}
        self._stop = threading.Event()
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ)
            self._buffers[connection] = b""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.1):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                data = connection.recv(65536)
                if not data:
                    raise RuntimeError("the server dropped a reader")
                if b"event: element" in data:
                    self.times[-1].append(time.perf_counter())

    def expect(self) -> None:
        """Begin to wait for the next event."""
        self.times.append([])

    def wait(self) -> None:
        """Wait until everyone has it."""
        deadline = time.perf_counter() + 10
        while len(self.times[-1]) < len(self._buffers) and time.perf_counter() < deadline:
            time.sleep(0.001)

    def close(self) -> None:
        """Hang up."""
        self._stop.set()
        self._thread.join()
        for connection in self._buffers:
            connection.close()


def measure(port: int, append: Callable[[int], tuple[float, float]]) -> dict[str, list[float]]:
    """Return, in milliseconds: each append, and from its call to the first and the last reader."""
    readers = Readers(port, READERS)
    time.sleep(1.5)
    results: dict[str, list[float]] = {"append": [], "first": [], "last": []}
    for number in range(DISPATCHES):
        readers.expect()
        begun, done = append(number)
        readers.wait()
        times = readers.times[-1]
        if len(times) != READERS:
            raise RuntimeError(f"{len(times)} of {READERS} readers had the event")
        results["append"].append((done - begun) * 1000)
        results["first"].append((times[0] - begun) * 1000)
        results["last"].append((times[-1] - begun) * 1000)
        time.sleep(PAUSE_S)
    readers.close()
    return results


# Appends when told to, and says when it began and ended.
PRODUCER = """
import sys, time, django; django.setup()
from dateline.wire.append import append
from dateline.news.acts import Act
from dateline.news.item import NewsItem
body = sys.argv[1]
for line in sys.stdin:
    item = NewsItem(headline='Story ' + line.strip(), body=body, section='World')
    begun = time.perf_counter(); append(Act.PUBLISH, item); done = time.perf_counter()
    print(begun, done, flush=True)
"""


def producer(
    command: list[str], env: dict[str, str]
) -> tuple[subprocess.Popen[str], Callable[[int], tuple[float, float]]]:
    """Start a process that appends on demand and says when it began and ended (the clock is the machine's)."""
    process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def append(number: int) -> tuple[float, float]:
        assert process.stdin is not None and process.stdout is not None
        print(number, file=process.stdin, flush=True)
        begun, done = process.stdout.readline().split()
        return float(begun), float(done)

    append(0)  # the first one loads what is loaded once
    return process, append


def bare(port: int, path: Path) -> None:
    """The reference: fsync the bytes, then write a ready event to every socket. Reads orders from stdin."""
    record, event = BODY.encode() * 4, b"id: 1\nevent: element\ndata: " + b"x" * 400 + b"\n\n"

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        transports: set[Any] = set()

        class Reader(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                transports.add(transport)
                self._transport = transport

            def data_received(self, data: bytes) -> None:
                self._transport.write(b"HTTP/1.1 200 OK\r\n\r\n")

            def connection_lost(self, exc: Exception | None) -> None:
                transports.discard(self._transport)

        await loop.create_server(Reader, "127.0.0.1", port, backlog=4096)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        while await loop.run_in_executor(None, sys.stdin.readline):
            begun = time.perf_counter()
            os.write(file, record)
            os.fsync(file)
            done = time.perf_counter()
            for transport in transports:
                transport.write(event)
            print(begun, done, flush=True)

    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(serve())


def main() -> None:
    """Measure and print."""
    with dateline_server() as (port, _, env), tempfile.TemporaryDirectory() as folder:
        env = {**env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        process, append = producer([sys.executable, "-c", PRODUCER, BODY], env)
        ours = measure(port, append)
        process.kill()
        other = free_port()
        command = [sys.executable, "-m", "bench.live", "--bare", str(other), str(Path(folder) / "log")]
        process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        wait_for(other)

        def order(number: int) -> tuple[float, float]:
            assert process.stdin is not None and process.stdout is not None
            print(number, file=process.stdin, flush=True)
            begun, done = process.stdout.readline().split()
            return float(begun), float(done)

        theirs = measure(other, order)
        process.kill()
    names = {
        "append": "append is durable",
        "first": "first reader has it",
        "last": f"last of {READERS:,} readers has it",
    }
    rows = [
        (
            text,
            *(f"{median(result[name]):.1f} / {percentile(result[name], 0.99):.1f}" for result in (ours, theirs)),
            f"{median(ours[name]) / median(theirs[name]):.1f}",
        )
        for name, text in names.items()
    ]
    print_table(
        f"From the call of append, {READERS:,} live readers, milliseconds (median / p99)",
        ("until", "Dateline", "bare loop", "ratio"),
        rows,
        f"{DISPATCHES} dispatches each. The readers are one Python thread on the same two cores: most of the time "
        "to the last reader is theirs, in both columns.",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        bare(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
