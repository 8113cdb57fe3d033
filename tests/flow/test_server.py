"""The running server and the command line: what is acknowledged stays, what is embargoed waits, what is wrong is said."""

import json
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.flow.conftest import Wire

KILLS = 50


class Follower(threading.Thread):
    """A live reader that reconnects with its last id whenever the server dies."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(daemon=True)
        self._wire = wire
        self.seqs: list[int] = []
        self.last = 0
        self.resets = 0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            try:
                self._read()
            except OSError:
                time.sleep(0.05)

    def _read(self) -> None:
        with socket.create_connection(("127.0.0.1", self._wire.port), timeout=1) as connection:
            head = f"GET /live?after=0 HTTP/1.1\r\nHost: 127.0.0.1:{self._wire.port}\r\n"
            head += f"Last-Event-ID: {self.last}\r\n" if self.last else ""
            connection.sendall((head + "\r\n").encode())
            data = b""
            while not self.done.is_set():
                try:
                    received = connection.recv(65536)
                except TimeoutError:
                    continue
                if not received:
                    return
                data += received
                *events, data = data.split(b"\n\n")
                for event in events:
                    fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line)
                    self.resets += fields.get(b"event") == b"reset"
                    if b"id" in fields:
                        self.last = int(fields[b"id"])
                        self.seqs.append(self.last)


def files(root: Path) -> dict[str, bytes]:
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file() and ".fresh" not in p.parts
    }


def test_fifty_kills_of_the_server_during_a_stream_of_publishes_lose_nothing(wire: Wire) -> None:
    chance = random.Random(20261125)
    acknowledged = wire.home.parent / "acknowledged.txt"

    def publisher() -> subprocess.Popen[bytes]:
        env = {**wire.env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("publisher.py")), str(acknowledged)], env=env
        )

    wire.start()
    follower = Follower(wire)
    follower.start()
    stream = publisher()
    try:
        for number in range(KILLS):
            time.sleep(chance.uniform(0, 0.6))
            wire.stop(signal.SIGKILL)
            if number % 10 == 5:  # the publisher's own process, too
                stream.kill()
                stream.wait()
                stream = publisher()
            wire.start()
    finally:
        stream.terminate()
        stream.wait()
    said = [json.loads(line) for line in acknowledged.read_text().splitlines() if line.endswith("}")]
    export = [json.loads(line) for line in wire.run("export").splitlines()[1:-1]]
    by_seq = {row["seq"]: row for row in export}
    assert len(by_seq) == len(export) and [row["seq"] for row in export] == list(range(1, len(export) + 1))
    assert len(said) > 100
    for line in said:
        assert (by_seq[line["seq"]]["uri"], by_seq[line["seq"]]["act"]) == (line["uri"], line["act"])
    assert "Verified" in wire.run("verify")

    shown = [row["seq"] for row in export if row["act"] != "advisory"]
    deadline = time.monotonic() + 30
    while follower.last < max(shown) and time.monotonic() < deadline:
        time.sleep(0.1)
    follower.done.set()
    # In order, none twice, none missing, but for what was withdrawn before the reader came back for it.
    last_withdrawal = {row["uri"]: row["seq"] for row in export if row["act"] in ("hold", "kill")}
    assert follower.seqs == sorted(set(follower.seqs)) and follower.resets == 0
    for seq in set(shown) - set(follower.seqs):
        assert last_withdrawal.get(by_seq[seq]["uri"], 0) > seq
    assert len(follower.seqs) > len(shown) // 2

    # The last pages of a long catch-up may be under way still; a stop leaves their marks for the next start.
    with sqlite3.connect(wire.home / "wire.sqlite3") as database:
        for _ in range(600):
            if not database.execute("SELECT count(*) FROM site_dirty").fetchone()[0]:
                break
            time.sleep(0.1)
    wire.stop()
    served = files(wire.home / "site")
    wire.run("rebuild", "site")
    wire.run("rebuild", "feeds")
    assert files(wire.home / "site") == served
    shutil.rmtree(wire.home / "site")
    wire.run("rebuild", "feeds")
    wire.run("rebuild", "site")
    assert files(wire.home / "site") == served


def test_an_embargo_is_never_lifted_early_and_by_a_release_dispatch(server: Wire) -> None:
    at = datetime.now(UTC) + timedelta(seconds=3)
    uri = server.publish("Secretword", Embargo=at.isoformat(), body="Secretword.")
    places = ["/", "/feed.atom", "/feed.rss", "/feed.json", "/newsfeed.json", "/news-sitemap.xml", "/sections/"]
    while datetime.now(UTC) < at - timedelta(seconds=0.3):
        assert not any("ecretword" in server.get(path).text for path in places)
        time.sleep(0.1)
    deadline = time.monotonic() + 20
    while "Secretword" not in server.get("/").text and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "Secretword" in server.get("/").text
    rows = [json.loads(line) for line in server.run("export").splitlines()[1:-1]]
    (release,) = [row for row in rows if row["uri"] == uri and row["act"] == "release"]
    assert datetime.fromisoformat(release["sent"]) >= at
    assert "embargoedUntil" not in release["item"]


def test_an_embargo_that_ended_while_the_server_was_down_is_lifted_at_its_start(wire: Wire) -> None:
    at = datetime.now(UTC) + timedelta(seconds=2)
    wire.publish("Waits", Embargo=at.isoformat())
    while datetime.now(UTC) < at:
        time.sleep(0.1)
    wire.start()
    deadline = time.monotonic() + 20
    while "Waits" not in wire.get("/").text and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "Waits" in wire.get("/").text


def test_the_log_is_served_and_verifies_from_outside(server: Wire) -> None:
    uri = server.publish("Harbour reopens", Section="World")
    server.publish("Harbour stays shut", act=("correct", uri, "--note", "It is shut."))
    key = str(server.home / "keys" / "wire.pub")
    assert "2 dispatches" in server.run("verify", server.url + "/", "--key", key)
    path = "/" + next((server.home / "site").rglob("v1")).parent.relative_to(server.home / "site").as_posix() + "/"
    assert "2 dispatches" in server.run("verify", server.url + path, "--key", key)
    saved = server.home.parent / "saved.ndjson"
    saved.write_bytes(server.get(path + "dispatch.ndjson").content)
    server.run("verify", str(saved), "--key", key)
    saved.write_bytes(saved.read_bytes().replace(b"stays", b"seems"))
    assert "not a dispatch that the agency signed" in server.run("verify", str(saved), "--key", key, code=1)
    tile = server.get("/log/tile/0/000.p/2")
    assert (tile.status_code, len(tile.content)) == (200, 64)
    for wrong in ("000", "000.p/3", "001", "x000/000.p/1", "0", "000.p/0", "../../keys"):
        assert server.get(f"/log/tile/0/{wrong}").status_code == 404


def test_conditional_requests_are_answered_with_304(server: Wire) -> None:
    server.publish("Harbour reopens", Section="World")
    for path in ("/", "/feed.atom", "/feed.rss", "/feed.json", "/sections/world/feed.atom", "/news-sitemap.xml"):
        first = server.get(path)
        assert first.status_code == 200 and first.headers["etag"].startswith('"')
        again = server.get(path, **{"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        since = server.get(path, **{"If-Modified-Since": first.headers["last-modified"], "Accept-Encoding": "identity"})
        assert since.status_code == 304


def test_http_that_is_split_piped_or_nonsense_harms_nobody(server: Wire) -> None:
    server.publish("Harbour reopens")

    def talk(*parts: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            for part in parts:
                connection.sendall(part)
                time.sleep(0.05)
            data = b""
            try:
                while chunk := connection.recv(65536):
                    data += chunk
            except TimeoutError:
                pass
            return data

    host = f"Host: 127.0.0.1:{server.port}\r\n".encode()
    close = b"Connection: close\r\n\r\n"
    assert talk(b"GE", b"T / HT", b"TP/1.1\r\n" + host, close).startswith(b"HTTP/1.1 200 OK")
    piped = talk(
        b"GET / HTTP/1.1\r\n"
        + host
        + b"\r\nGET /feed.atom HTTP/1.1\r\n"
        + host
        + b"\r\nGET /nothing/ HTTP/1.1\r\n"
        + host
        + close
    )
    assert piped.count(b"HTTP/1.1 200 OK") == 2 and piped.lower().count(b"http/1.1 404 not found") == 1
    assert b"400" in talk(b"\x16\x03\x01 not http\r\n\r\n")[:40]
    assert b"400" in talk(b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + close)[:40]
    assert b"400" in talk(b"GET / HTTP/1.1\r\n" + close)[:40]
    assert b"431" in talk(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n" + host + close)[:40]
    assert b"HTTP/1.1 405" in talk(b"POST /live HTTP/1.1\r\n" + host + close)
    assert b"event: reset" in talk(b"GET /live?wire=another&after=1 HTTP/1.1\r\n" + host + b"\r\n")
    assert talk(b"GET / HTTP/1.0\r\n" + host + b"\r\n").startswith(b"HTTP/1.1 200 OK")
    assert server.get("/").status_code == 200


@pytest.mark.parametrize(
    ("args", "text", "sentence"),
    [
        (("publish", "-"), "", "empty"),
        (("publish", "-"), "no header here\n\ntext", "header"),
        (("publish", "-"), "Headline: x\nEmbargo: 2020-01-01T00:00\n\ntext", "past"),
        (("publish", "nothing.txt"), None, "No such file"),
        (("kill", "tag:x,2026:nothing", "--advisory", "x"), None, "No item on the wire"),
        (("kill", "tag:x,2026:nothing"), None, "--advisory"),
        (("correct", "tag:x,2026:nothing", "-", "--note", "x"), "Headline: x\n\nx", "No item on the wire"),
        (("export", "--from", "99"), None, "no seq 99"),
        (("verify", "http://127.0.0.1:1/"), None, "cannot be reached"),
        (("verify", "/dev/null"), None, "neither an export nor a saved dispatch"),
        (("rebuild", "everything"), None, "everything"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_nothing_is_appended(
    wire: Wire, args: tuple[str, ...], text: str | None, sentence: str
) -> None:
    assert sentence in wire.run(
        *args, text=text, code=2 if "--advisory" in sentence or args[-1] in ("nothing.txt", "everything") else 1
    )
    assert "seq 0" in wire.run("status")


def test_every_command_has_help_with_an_example(wire: Wire) -> None:
    help_ = wire.run("--help")
    commands = [line.split()[0] for line in help_.partition("Commands:")[2].splitlines() if line.strip()]
    assert {"run", "publish", "update", "correct", "refile", "hold", "release", "kill", "import", "verify"} <= set(
        commands
    )
    for command in commands:
        help_ = wire.run(command, "--help")
        if "Commands:" not in help_:
            assert f"dateline {command}" in help_.partition("Example")[2]
            continue
        for line in help_.partition("Commands:")[2].splitlines():
            if line.strip() and (name := line.split()[0]):
                assert f"dateline {command} {name}" in wire.run(command, name, "--help").partition("Example")[2]


def test_a_bad_setting_stops_the_start_with_a_sentence(wire: Wire) -> None:
    for name, value, words in [
        ("DATELINE_TIMEZONE", "Mars/Olympus", "IANA"),
        ("DATELINE_URL", "news", "https://news.example.org"),
        ("DATELINE_STYLE", "bold", "slashes"),
        ("DATELINE_COLOUR", "red", "not a setting"),
        ("DATELINE_FRONT", "-5", "whole number"),
        ("DATELINE_LANGUAGE", "xx-klingon", "language tag"),
    ]:
        wire.env[name] = value
        assert words in wire.run("status", code=1)
        del wire.env[name]


def test_a_second_server_on_the_port_says_so(server: Wire) -> None:
    assert "already" in server.run("run", code=1)
    server.env["DATELINE_HOME"] = str(server.home.parent / "other")
    assert "cannot listen" in server.run("run", code=1)


def test_a_full_disk_is_a_sentence_and_loses_nothing(wire: Wire) -> None:
    wire.publish("Before")
    script = (
        "import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "sys.argv = ['dateline', 'publish', '-']\nfrom dateline.cli import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=wire.env,
        input="Headline: Too much\n\nText.\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and done.stderr.startswith("Error: The database") and "Traceback" not in done.stderr
    assert "1 dispatch " in wire.run("verify")
    wire.publish("After")


def test_an_export_that_cannot_be_written_is_an_error(wire: Wire) -> None:
    wire.publish("Story")
    assert Path("/dev/full").is_char_device()
    assert "No space left" in wire.run("export", "--output", "/dev/full", code=1)
    assert Path("/dev/full").is_char_device()


def test_two_writers_at_once_leave_one_order(wire: Wire) -> None:
    script = (
        "import sys, django; django.setup()\nfrom dateline.wire.append import append\nfrom dateline.news.acts import Act\n"
        "from dateline.news.item import NewsItem\n"
        "for n in range(60): append(Act.PUBLISH, NewsItem(headline=f'{sys.argv[1]} {n}', body='<p>x</p>'))\n"
    )
    env = {**wire.env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
    writers = [subprocess.Popen([sys.executable, "-c", script, name], env=env) for name in ("A", "B", "C")]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    assert "180 dispatches" in wire.run("verify")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_finishes_what_it_began(wire: Wire, how: int) -> None:
    wire.start()
    assert wire.get("/").status_code == 200
    wire.publish("Harbour reopens")
    # Its threads stop too: what was rendered is in its file, and no bell is left for whoever appends to ring.
    assert wire.stop(how) == 0
    assert "Traceback" not in wire.log.read_text()
    assert "Harbour reopens" in (wire.home / "site" / "index.html").read_text()
    assert not list((wire.home / "run").glob("bell-*")) and not (wire.home / "replay").exists()
    assert wire.run("status").count("up to date") == 3


def test_a_server_that_is_told_to_stop_answers_who_waits_for_a_dispatch(wire: Wire) -> None:
    wire.start()
    wire.publish("Harbour reopens")
    said = wire.run("subscriber", "add", "Quay")
    token = next(line.split()[1] for line in said.splitlines() if line.startswith("Token"))
    found: list[httpx.Response] = []

    def wait(path: str) -> None:
        found.append(httpx.get(wire.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=30))

    waiting = [threading.Thread(target=wait, args=(path,)) for path in ("/api/wire?wait=50", "/api/wire/stream")]
    for thread in waiting:
        thread.start()
    time.sleep(1.5)
    begun = time.monotonic()
    assert wire.stop() == 0
    for thread in waiting:
        thread.join(20)
    assert time.monotonic() - begun < 4.5, "uvicorn's five seconds were not waited for"
    assert [answer.status_code for answer in found] == [200, 200] and "Traceback" not in wire.log.read_text()
