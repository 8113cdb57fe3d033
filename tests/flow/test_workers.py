"""Workers: whoever asks gets the same, and no worker's end, and no hanging one, lets a killed text be read."""

import json
import os
import signal
import socket
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.flow.conftest import Wire


@pytest.fixture
def crew(wire: Wire) -> Wire:
    wire.env["DATELINE_WORKERS"] = "2"
    wire.start()
    wait_until(lambda: wire.get("/").status_code == 200)
    return wire


def workers(wire: Wire) -> list[int]:
    assert wire.process is not None
    pid = wire.process.pid
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(what) -> None:  # type: ignore[no-untyped-def]
    for _ in range(400):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it never came about")


def answers(wire: Wire, path: str) -> set[tuple[int, str]]:
    """Ask on so many connections that every worker is asked."""
    found = [wire.get(path) for _ in range(40)]
    return {(answer.status_code, answer.headers.get("etag", "")) for answer in found}


def is_settled(wire: Wire) -> bool:
    with sqlite3.connect(wire.home / "wire.sqlite3") as database:
        return not database.execute("SELECT count(*) FROM site_dirty").fetchone()[0]


def folder_of(wire: Wire, slug: str) -> str:
    (found,) = [path for path in (wire.home / "site").glob(f"*/*/*/{slug}-*") if path.is_dir()]
    return "/" + found.relative_to(wire.home / "site").as_posix() + "/"


def test_every_worker_answers_the_same_and_what_none_has_ready_is_answered_too(crew: Wire) -> None:
    assert len(workers(crew)) == 2
    crew.publish("Harbour reopens")
    wait_until(lambda: is_settled(crew))
    assert len(answers(crew, "/")) == 1 and len(answers(crew, folder_of(crew, "harbour-reopens"))) == 1
    assert {code for code, _ in answers(crew, "/nothing/")} == {404}
    with httpx.Client(base_url=crew.url) as client:  # one connection: ready, handed on, ready again, a form
        for path, code in (("/", 200), ("/healthz", 200), ("/feed.atom", 200), ("/desk/", 302), ("/", 200)):
            assert client.get(path).status_code == code
        assert client.post("/desk/", content=b"x" * 300_000).status_code in (302, 403, 413)
        assert client.get("/").status_code == 200


def test_a_killed_item_is_gone_from_every_worker_when_the_kill_is_done(crew: Wire) -> None:
    uri = crew.publish("Secretword", body="Secretword.")
    wait_until(lambda: is_settled(crew))
    path = folder_of(crew, "secretword")
    assert {code for code, _ in answers(crew, path)} == {200}
    crew.run("kill", uri, "--advisory", "Forged.")
    wait_until(lambda: crew.get(path).status_code == 410)
    wait_until(lambda: is_settled(crew))
    assert {code for code, _ in answers(crew, path)} == {410}
    assert all("Secretword" not in crew.get("/").text for _ in range(20))


def test_a_worker_that_falls_is_replaced_and_its_port_answers_all_the_time(crew: Wire) -> None:
    crew.publish("Harbour reopens")
    wait_until(lambda: is_settled(crew))
    before = workers(crew)
    os.kill(before[0], signal.SIGKILL)
    for _ in range(60):  # a connection waits in the listener's queue until the next worker is there
        assert crew.get("/").status_code == 200
    wait_until(lambda: len(set(workers(crew)) - set(before)) == 1)
    assert len(answers(crew, "/")) == 1


def test_a_worker_that_hangs_is_ended_before_a_kill_is_called_done(crew: Wire) -> None:
    uri = crew.publish("Secretword", body="Secretword.")
    wait_until(lambda: is_settled(crew))
    path = folder_of(crew, "secretword")
    answers(crew, path)
    hanging = workers(crew)[0]
    os.kill(hanging, signal.SIGSTOP)
    crew.run("kill", uri, "--advisory", "Forged.")
    wait_until(lambda: is_settled(crew))
    wait_until(lambda: hanging not in workers(crew))
    wait_until(lambda: len(workers(crew)) == 2)
    assert {code for code, _ in answers(crew, path)} == {410}


def test_live_readers_of_every_worker_hear_the_same(crew: Wire) -> None:
    connections = []
    for _ in range(30):
        connection = socket.create_connection(("127.0.0.1", crew.port), timeout=10)
        connection.sendall(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{crew.port}\r\n\r\n".encode())
        while b"heartbeat" not in connection.recv(65536):
            pass
        connections.append(connection)
    crew.publish("Harbour reopens")
    for connection in connections:
        data = connection.recv(65536)
        assert json.loads(data.split(b"data: ")[1].split(b"\n")[0])["title"] == "Harbour reopens"
        connection.close()


def test_whoever_asks_for_many_pages_at_once_gets_all_of_them(crew: Wire) -> None:
    page = crew.get("/", **{"Accept-Encoding": "identity"}).content
    count = 10_000_000 // len(page)  # more than may wait for one client
    ask = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{crew.port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", crew.port), timeout=20) as connection:
        sender = threading.Thread(target=connection.sendall, args=(ask * count,))
        sender.start()
        time.sleep(0.5)
        file = connection.makefile("rb")
        for number in range(count):
            assert file.readline() == b"HTTP/1.1 200 OK\r\n", number
            while file.readline() != b"\r\n":
                pass
            assert file.read(len(page)) == page
        sender.join()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_server(crew: Wire, how: signal.Signals) -> None:
    pids = workers(crew)
    crew.stop(how)
    wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids))
    crew.start()
    assert crew.get("/").status_code == 200


def test_without_workers_one_process_does_everything(wire: Wire) -> None:
    wire.env["DATELINE_WORKERS"] = "0"
    wire.start()
    assert wire.get("/").status_code == 200 and workers(wire) == [] and wire.get("/healthz").status_code == 200
