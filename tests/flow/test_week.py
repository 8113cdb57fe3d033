"""A week in a minute: many subscribers, endpoints that fail in every way, a server that is killed; nothing is lost.

`WEEK=50x5000` in the environment runs it with fifty subscribers and five thousand dispatches.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from conftest import Wire
from week import SECTIONS

from dateline.delivery.filter import Filter, wants
from dateline.news.acts import Act
from dateline.news.formats import ninjs

SUBSCRIBERS, DISPATCHES = map(int, os.environ.get("WEEK", "10x240").split("x"))
KILLS = 4


class Endpoints:
    """One server that plays every subscriber's endpoint, each at a path of its own."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.got: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        self.quiet = False
        endpoints = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                roll = 1.0 if endpoints.quiet else endpoints.chance.random()
                if roll < 0.03:
                    self.connection.close()
                    return
                if roll < 0.06:
                    time.sleep(endpoints.chance.random())
                status = 500 if roll < 0.10 else 429 if roll < 0.12 else 503 if roll < 0.14 else 204
                # What fails after it was taken comes again: the endpoint keeps what it has by its key.
                if status == 204 or roll < 0.08:
                    endpoints.got[self.path].append((self.headers["webhook-id"], json.loads(body)["data"]))
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def filters(chance: random.Random) -> list[Filter]:
    made = [Filter(), Filter(embargoed=True)]
    while len(made) < SUBSCRIBERS:
        made.append(
            Filter(
                sections=tuple(sorted(chance.sample([name.lower() for name in SECTIONS], chance.randint(0, 3)))),
                urgency=chance.choice((3, 5, 9)),
                languages=chance.choice(((), ("en",), ("de",))),
                embargoed=chance.random() < 0.4,
            )
        )
    return made


def options(wanted: Filter) -> list[str]:
    given = [f"--section={name}" for name in wanted.sections] + [f"--language={tag}" for tag in wanted.languages]
    return [*given, f"--urgency={wanted.urgency}", *(["--embargoed"] if wanted.embargoed else [])]


def expected(rows: list[dict[str, Any]], wanted: Filter) -> list[int]:
    """Decide afresh, from the exported log alone."""
    got: set[str] = set()
    found = []
    for row in rows:
        item = ninjs.decode(msgspec.json.encode(row["item"]))
        if wants(wanted, Act(row["act"]), item, has_it=row["uri"] in got):
            got.add(row["uri"])
            found.append(row["seq"])
    return found


def test_every_subscriber_has_exactly_what_its_subscription_says(wire: Wire, tmp_path: Path) -> None:
    chance = random.Random(7)
    endpoints = Endpoints(7)
    wire.env["DATELINE_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
    wanted = filters(chance)
    for number, one in enumerate(wanted):
        wire.run("subscriber", "add", f"s{number}", "--push", f"{endpoints.url}/s{number}", *options(one))
    wire.start()
    writer = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("week.py")), str(DISPATCHES), "0.05", "7"],
        env={**wire.env, "DJANGO_SETTINGS_MODULE": "dateline.settings"},
    )
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(1, DISPATCHES * 0.05 / KILLS))
            wire.stop(signal.SIGKILL)
            time.sleep(chance.random())
            wire.start()
    finally:
        assert writer.wait(timeout=600) == 0
    # The last embargo opens, what failed comes again.
    time.sleep(7)
    endpoints.quiet = True
    rows = [json.loads(line) for line in wire.run("export").splitlines()[1:-1]]
    due = {f"/s{number}": expected(rows, one) for number, one in enumerate(wanted)}
    # What was not handed over when the endpoints failed comes one by one, to all of them from one machine.
    until = time.monotonic() + 60 + SUBSCRIBERS * DISPATCHES / 200
    while time.monotonic() < until and any(
        {line["seq"] for _, line in endpoints.got[path]} != set(seqs) for path, seqs in due.items()
    ):
        time.sleep(0.25)
    kills = {row["uri"]: row["seq"] for row in rows if row["act"] == "kill"}
    assert len(rows) > DISPATCHES // 2 and kills
    for path, seqs in due.items():
        received = endpoints.got[path]
        by_key = dict(received)
        assert sorted(line["seq"] for line in by_key.values()) == seqs, path
        assert len(by_key) == len(seqs)
        follows_prev(path, received, seqs)
        text_keeps_its_time(path, received, kills, wanted[int(path[2:])])
    endpoints.server.shutdown()


def follows_prev(path: str, received: list[tuple[str, dict[str, Any]]], seqs: list[int]) -> None:
    """In order, each after the one that it names; only kills and holds come before their turn.

    What a killed server repeats, under the same key, is nothing new.
    """
    before = dict(zip(seqs, [0, *seqs], strict=False))
    had: set[int] = {0}
    last = 0
    for _, line in received:
        seq = line["seq"]
        assert line["prev"] == before[seq], (path, seq)
        if seq in had:
            continue
        if line["act"] not in ("kill", "hold"):
            assert seq > last, (path, seq, last)
            last = seq
            assert line["prev"] in had, (path, seq, line["prev"])
        had.add(seq)


def text_keeps_its_time(
    path: str, received: list[tuple[str, dict[str, Any]]], kills: dict[str, int], wanted: Filter
) -> None:
    killed: set[str] = set()
    held: dict[str, int] = {}
    for _, line in received:
        if not wanted.embargoed:
            assert "embargoedUntil" not in line["item"], (path, line["seq"])
        if line["act"] == "hold":
            held[line["uri"]] = line["seq"]
        elif line["seq"] < held.get(line["uri"], 0):
            # What was still in the line when its hold came does not put it back.
            assert line["withdrawn"] and "bodies" not in line["item"], (path, line["seq"])
        if line["act"] == "kill":
            killed.add(line["uri"])
        elif line["uri"] in killed:
            assert line["withdrawn"] == kills[line["uri"]] and "bodies" not in line["item"], (path, line["seq"])
