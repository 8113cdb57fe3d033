"""Append to the newsfeed's new bytes: front page, feeds, section, item. `python -m bench.fresh`

The reference in the same run is a raw fsync of the same bytes, the least that durability costs here. A
reader asks for each page again and again until the new item is in it; what it needs for asking counts.
"""

import os
import socket
import sys
import tempfile
import time
from pathlib import Path

from bench.live import BODY, PRODUCER, producer
from bench.machine import dateline_server, median, percentile, print_table

DISPATCHES = 100
PAUSE_S = 0.15
PAGES = ("/", "/feed.atom", "/feed.rss", "/feed.json", "/sections/world/")


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


def raw_fsync(folder: Path) -> list[float]:
    """Return how long a raw durable write of a dispatch's bytes takes, in milliseconds."""
    record, times = BODY.encode() * 4, []
    file = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(DISPATCHES):
        begun = time.perf_counter()
        os.write(file, record)
        os.fsync(file)
        times.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.01)
    os.close(file)
    return times


def main() -> None:
    """Measure and print."""
    with dateline_server() as (port, home, env), tempfile.TemporaryDirectory(dir=home.parent) as folder:
        env = {**env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        process, append = producer([sys.executable, "-c", PRODUCER, BODY], env)
        reader = Reader(port)
        seen: dict[str, list[float]] = {path: [] for path in PAGES}
        appended = []
        for number in range(1, DISPATCHES + 1):
            time.sleep(PAUSE_S)
            mark = f"Story {number}<".encode(), f"Story {number}&".encode(), f'Story {number}"'.encode()
            begun, done = append(number)
            appended.append((done - begun) * 1000)
            waiting = list(PAGES)
            while waiting and time.perf_counter() - done < 5:
                for path in list(waiting):
                    body = reader.get(path)
                    if any(form in body for form in mark):
                        seen[path].append((time.perf_counter() - done) * 1000)
                        waiting.remove(path)
        process.kill()
        raw = raw_fsync(Path(folder))
    reference = median(raw)
    rows = [("raw fsync", _figures(raw), "1.0"), ("append", _figures(appended), f"{median(appended) / reference:.1f}")]
    rows += [(path, _figures(times), f"{median(times) / reference:.1f}") for path, times in seen.items()]
    print_table(
        "From append's return to the new bytes, milliseconds (median / p95)",
        ("until", "Dateline", "raw fsyncs"),
        rows,
        f"{DISPATCHES} dispatches; one reader polls all five pages in turn on the same two cores.",
    )


def _figures(times: list[float]) -> str:
    return f"{median(times):.1f} / {percentile(times, 0.95):.1f}"


if __name__ == "__main__":
    main()
