"""Delivery with a real server: streams, long polls, webhooks that fail and come back, kills that jump, the client."""

import contextlib
import json
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.endpoints import Endpoint
from tests.flow.conftest import Wire
from tests.flow.test_replay import fill
from tests.mailbox import Mailbox
from tests.subscriber_servers import PASSWORD, USER, Sftp


class Receiver(Endpoint):
    """A subscriber's endpoint."""

    path = "/wire"

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(body)["data"] for _, body in self.got]

    def wait(self, count: int, timeout_s: float = 30) -> list[dict[str, Any]]:
        until = time.monotonic() + timeout_s
        while len(self.got) < count and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.got) >= count, [line["seq"] for line in self.lines()]
        return self.lines()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def served(wire: Wire) -> Wire:
    wire.env["DATELINE_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
    wire.start()
    return wire


def add(wire: Wire, name: str, *options: str) -> dict[str, str]:
    said = wire.run("subscriber", "add", name, *options)
    return {line.split()[0]: line.split()[1] for line in said.splitlines() if line.split()[0] in ("Token", "Secret")}


def state(wire: Wire, name: str) -> str:
    return wire.run("subscriber", "show", name)


def wait_for_state(wire: Wire, name: str, text: str) -> None:
    for _ in range(60):
        if text in state(wire, name):
            return
        time.sleep(0.25)
    raise AssertionError(state(wire, name))


def test_a_webhook_gets_every_dispatch_once_in_order_through_failures_and_restarts(
    served: Wire, receiver: Receiver
) -> None:
    secret = add(served, "Quay", "--push", receiver.url)["Secret"]
    receiver.answers = [500, "cut", 429, 307]
    uri = served.publish("Harbour reopens")
    served.publish_many(3)
    lines = receiver.wait(4)
    served.stop(signal.SIGKILL)
    served.publish("While it was down")
    served.start()
    served.run("correct", uri, "-", "--note", "The depth.", text="Headline: Harbour reopens in part\n\nText.\n")
    lines = receiver.wait(6)
    # A crash can repeat what was acknowledged in its last moment, under the same key.
    keys = [headers["webhook-id"] for headers, _ in receiver.got]
    once = dict(zip(keys, lines, strict=True))
    assert [line["seq"] for line in once.values()] == [1, 2, 3, 4, 5, 6]
    assert [line["prev"] for line in once.values()] == [0, 1, 2, 3, 4, 5]
    for headers, body in receiver.got:
        assert Webhook(secret).verify(body.decode(), headers)
    told = state(served, "Quay")
    for outcome in ("Answered 500", "Answered 429", "redirects are not followed", "acknowledged (204)"):
        assert outcome in told, told


def test_a_kill_jumps_the_queue_and_the_killed_text_never_follows_it(served: Wire, receiver: Receiver) -> None:
    add(served, "Quay", "--push", receiver.url)
    first = served.publish("Forged report", body="The mayor has resigned.")
    receiver.wait(1)
    served.run("subscriber", "pause", "Quay")
    time.sleep(0.3)
    second = served.publish("Another forged report", body="The bank has failed.")
    served.publish_many(60)
    served.run("kill", second, "--advisory", "Forged.")
    served.run("kill", first, "--advisory", "Forged.")
    served.run("subscriber", "resume", "Quay")
    lines = receiver.wait(64, 60)
    assert [line["act"] for line in lines[1:3]] == ["kill", "kill"]
    seqs = [line["seq"] for line in lines]
    assert sorted(seqs) == list(range(1, 65)) and seqs[3:] == list(range(2, 63))
    # Every prev is a dispatch that was received before.
    had = {0}
    for line in lines[3:]:
        assert line["prev"] in had | set(seqs[:3])
        had.add(line["seq"])
    stub = next(line for line in lines if line["seq"] == 2)
    assert stub["withdrawn"] == 63
    assert b"bank has failed" not in b"".join(body for _, body in receiver.got)


def test_one_dead_endpoint_delays_nobody_and_gone_pauses(served: Wire, receiver: Receiver) -> None:
    add(served, "Dead", "--push", "http://127.0.0.1:9/wire")
    gone = Receiver()
    gone.answers = [410]
    add(served, "Gone", "--push", gone.url)
    add(served, "Quay", "--push", receiver.url)
    began = time.monotonic()
    served.publish_many(5)
    receiver.wait(5)
    assert time.monotonic() - began < 20
    wait_for_state(served, "Gone", "stopped: Answered 410")
    wait_for_state(served, "Dead", "ClientConnectorError")
    # A failing subscriber keeps nobody from stopping.
    began = time.monotonic()
    served.stop(signal.SIGINT)
    assert time.monotonic() - began < 10
    served.start()
    served.run("subscriber", "resume", "Gone")
    assert [line["seq"] for line in gone.wait(5)] == [1, 2, 3, 4, 5]
    gone.close()


def test_an_address_inside_is_never_reached_without_leave(wire: Wire, receiver: Receiver) -> None:
    wire.start()
    refused = wire.run("subscriber", "add", "Inside", "--push", receiver.url, code=1)
    assert "https" in refused
    inside = receiver.url.replace("http", "https")
    assert "not a public address" in wire.run("subscriber", "add", "Inside", "--push", inside, code=1)
    # A name is looked at each time.
    said = wire.run("subscriber", "add", "Inside", "--push", inside.replace("127.0.0.1", "localhost"))
    assert "Token" in said
    wire.publish("Item")
    wait_for_state(wire, "Inside", "not a public address")
    assert not receiver.got


def test_a_long_poll_and_a_stream_hear_of_a_dispatch_at_once(served: Wire) -> None:
    token = add(served, "Quay")["Token"]
    headers = {"Authorization": f"Bearer {token}"}
    heard: dict[str, Any] = {}

    def poll() -> None:
        answer = httpx.get(f"{served.url}/api/wire?after=0&wait=20", headers=headers, timeout=30)
        heard["poll"] = (time.time(), answer.json())

    def listen() -> None:
        with httpx.stream("GET", f"{served.url}/api/wire/stream?after=0", headers=headers, timeout=30) as answer:
            heard["type"] = answer.headers["content-type"]
            lines = []
            for line in answer.iter_lines():
                lines.append(line)
                if line.startswith("data:"):
                    heard["stream"] = (time.time(), lines[-3:])
                    return

    threads = [threading.Thread(target=poll), threading.Thread(target=listen)]
    for thread in threads:
        thread.start()
    time.sleep(1.5)
    served.publish("Harbour reopens")
    for thread in threads:
        thread.join(30)
    assert heard["type"] == "text/event-stream"
    assert heard["poll"][1]["dispatches"][0]["act"] == "publish"
    assert heard["stream"][1][:2] == ["id: 1", "event: publish"]
    sent = heard["poll"][1]["dispatches"][0]["sent"]
    assert sent and heard["stream"][0]


def test_the_whole_wire_is_replayed_as_its_bytes(served: Wire) -> None:
    served.publish_many(30)
    token = add(served, "Late", "--from-start")["Token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/x-ndjson"}
    lines = httpx.get(f"{served.url}/api/wire?after=0", headers=headers, timeout=30).content.splitlines()
    exported = served.run("export").encode().splitlines()[1:-1]
    assert len(lines) == len(exported) == 30
    for line, kept in zip(lines, exported, strict=True):
        assert line.partition(b',"item":')[2] == kept.partition(b',"item":')[2]


def test_follow_survives_its_own_kill_and_the_servers_without_gap_or_repeat(served: Wire, tmp_path: Path) -> None:
    import subprocess
    import sys

    token = add(served, "Quay")["Token"]
    key = str(served.home / "keys" / "wire.pub")
    kept = tmp_path / "wire.db"

    def follower() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dateline", "follow", served.url, "--key", key, "--sqlite", str(kept)],
            env={**served.env, "WIRE_TOKEN": token},
        )

    running = follower()
    try:
        for number in range(12):
            served.publish(f"Item {number}")
            if number in (3, 7):
                running.kill()
                running.wait()
                running = follower()
            if number == 5:
                served.stop(signal.SIGKILL)
                served.start()
        for _ in range(200):
            if kept.exists() and _count(kept) == 12:
                break
            time.sleep(0.1)
    finally:
        running.kill()
        running.wait()
    with sqlite3.connect(kept) as database:
        rows = database.execute("SELECT seq, prev FROM dispatch ORDER BY seq").fetchall()
    assert rows == [(number, number - 1) for number in range(1, 13)]
    # Another agency's key opens nothing; a wrong token is told at once, and one that is none.
    empty = ("follow", served.url, "--token", "", "--key", key, "--into", str(tmp_path / "x"), "--once")
    assert "token is empty" in served.run(*empty, code=2)
    refused = served.run(
        "follow", served.url, "--token", "dl_wrong", "--key", key, "--into", str(tmp_path / "x"), "--once", code=1
    )
    assert "token" in refused
    into = tmp_path / "files"
    notes = tmp_path / "notes.txt"
    notes.write_text("Not a database, but what somebody wrote. " * 50)
    said = served.run("follow", served.url, "--token", token, "--key", key, "--sqlite", str(notes), "--once", code=1)
    assert str(notes) in said and str(served.home) not in said
    served.run("follow", served.url, "--token", token, "--key", key, "--into", str(into), "--once")
    assert len(list(into.glob("*.json"))) == 12


class Cutting:
    """A way to the server on which every connection is cut after some bytes of answers."""

    def __init__(self, port: int, cut_after: int) -> None:
        self._port, self._cut_after = port, cut_after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server, contextlib.suppress(OSError):
            left = self._cut_after
            while left > 0:
                for end in select.select([client, server], [], [])[0]:
                    data = end.recv(min(left, 65_536))
                    if not data:
                        return
                    (server if end is client else client).sendall(data)
                    left -= len(data) if end is server else 0
            self.cuts += 1

    def close(self) -> None:
        self._listener.close()


def test_a_follower_that_is_far_behind_has_it_all_however_often_it_is_cut_or_killed(
    served: Wire, tmp_path: Path
) -> None:
    fill(served, 900, 100)
    forged = served.publish("Forged", body="The palace was never on fire.")
    fill(served, 600, 100)
    served.run("kill", forged, "--advisory", "It was forged.")
    token = add(served, "Quay", "--from-start")["Token"]
    key, kept, last = str(served.home / "keys" / "wire.pub"), tmp_path / "wire.db", 1502
    way = Cutting(served.port, 700_000)
    command = [sys.executable, "-m", "dateline", "follow", way.url, "--key", key, "--sqlite", str(kept)]
    env = {**served.env, "WIRE_TOKEN": token}
    counts = []
    for _ in range(3):
        running = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
        before = counts[-1] if counts else 0
        wait_for(lambda before=before: kept.exists() and _count(kept) > min(before + 100, last - 1))
        running.kill()
        running.wait()
        counts.append(_count(kept))
    served.run("follow", way.url, "--token", token, "--key", key, "--sqlite", str(kept), "--once")
    way.close()
    with sqlite3.connect(kept) as database:
        rows = database.execute("SELECT seq, prev FROM dispatch ORDER BY seq").fetchall()
        whole = "".join(row[0] for row in database.execute("SELECT item FROM dispatch"))
    assert rows == [(seq, seq - 1) for seq in range(1, last + 1)] and way.cuts
    assert "never on fire" not in whole and counts[0] > 0


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[0-9]*")) if folder.exists() else []


def wait_for(what: Any, timeout_s: float = 30) -> Any:
    until = time.monotonic() + timeout_s
    while not (found := what()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_drops_and_mails_go_on_where_they_stopped_and_a_kill_jumps_their_queue(wire: Wire, tmp_path: Path) -> None:
    box = Mailbox()
    root = tmp_path / "server"
    root.mkdir()
    server = Sftp(root)
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    wire.env["DATELINE_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
    wire.env["DATELINE_SMTP"] = f"smtp://127.0.0.1:{box.port}"
    wire.start()
    add(wire, "Folder", "--push", "file:folder", "--form", "newsml-g2")
    at = f"sftp://{USER}@127.0.0.1:{server.port}/in"
    add(wire, "Files", "--push", at, "--option", f"password=@{tmp_path / 'password'}")
    add(wire, "Mail", "--push", "mailto:desk@quay.example")
    folder = wire.home / "drops" / "folder"
    forged = wire.publish("Forged report", body="The mayor has resigned.")
    wire.publish("Harbour reopens")
    assert wait_for(lambda: len(names(folder)) == len(names(root / "in")) == len(box.got) == 2)
    assert PASSWORD not in state(wire, "Files") and "host_key=SHA256:" in state(wire, "Files")
    wire.run("subscriber", "pause", "Files")
    wire.stop(signal.SIGKILL)
    wire.publish_many(3)
    wire.run("kill", forged, "--advisory", "Forged.")
    wire.start()
    assert wait_for(lambda: len(names(folder)) == 6 and len(box.got) >= 6)
    assert "stat:canceled" in (folder / names(folder)[-1]).read_text()
    keys = [message["Message-ID"] for message in box.got]
    assert len(set(keys)) == 6 and box.got[2]["Subject"].startswith("KILL")
    wire.run("subscriber", "resume", "Files")
    assert wait_for(lambda: len(names(root / "in")) == 6)
    # One dispatch, once more, to all.
    (folder / names(folder)[1]).unlink()
    said = wire.run("subscriber", "resend", "--all", "--from", "2", "--to", "2")
    assert said.count("1 dispatch again") == 3
    assert wait_for(lambda: len(names(folder)) == 6 and len(box.got) >= 7)
    # Another form from now on.
    wire.run("subscriber", "change", "Folder", "--form", "nitf", "--urgency", "3")
    wire.publish("Routine")
    wire.run("publish", "-", text="Headline: Urgent now\nUrgency: 2\n\nText.\n")
    assert wait_for(lambda: any(name.endswith(".nitf.xml") for name in names(folder)))
    assert len(names(folder)) == 7
    server.close()
    box.stop()


def _count(path: Path) -> int:
    try:
        with sqlite3.connect(path) as database:
            return int(database.execute("SELECT count(*) FROM dispatch").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_the_example_in_the_docs_receives_the_wire_and_says_why_where_it_is_refused(
    served: Wire, tmp_path: Path
) -> None:
    docs = (Path(__file__).resolve().parents[2] / "docs" / "subscribers.md").read_text()
    example = docs.partition("```python\n")[2].partition("```")[0].replace("https://news.example.org", served.url)
    token = add(served, "Quay")["Token"]
    served.publish("Harbour reopens")

    def run(token: str) -> subprocess.Popen[str]:
        env = {**os.environ, "WIRE_TOKEN": token, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            [sys.executable, "-c", example], env=env, cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    running = run(token)
    assert running.stdout is not None
    assert running.stdout.readline() == "1 publish Harbour reopens\n"
    running.kill()
    running.communicate()
    refused = run("dl_wrong")
    _, said = refused.communicate(timeout=30)
    assert refused.returncode == 1 and said.startswith("Send your subscription's token") and "Traceback" not in said
