"""Replay through the real server: the connection is lent to a thread and comes back."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Wire

# What tells the two ways of one answer apart: `proof` in any form is Django's.
WAYS = ("", "&proof=0")


def fill(wire: Wire, count: int, length: int) -> None:
    """Publish items of some length in one transaction."""
    script = (
        "import django; django.setup()\nfrom dateline.news.acts import Act\nfrom dateline.news.item import NewsItem\n"
        "from dateline.wire.append import Submission, append_all\n"
        f"append_all(Submission(act=Act.PUBLISH, item=NewsItem(headline=f'Item {{n}}', body='<p>' + 'Text. ' * {length}"
        f" + '</p>')) for n in range({count}))"
    )
    env = {**wire.env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
    subprocess.run([sys.executable, "-c", script], env=env, check=True, timeout=120)


def token_of(wire: Wire, *options: str) -> str:
    said = wire.run("subscriber", "add", "Quay", "--from-start", *options)
    return next(line.split()[1] for line in said.splitlines() if line.startswith("Token"))


def headers_of(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/x-ndjson"}


def wait_for_lines(wire: Wire, token: str, count: int) -> bytes:
    for _ in range(200):
        got = httpx.get(f"{wire.url}/api/wire?after=0", headers=headers_of(token), timeout=30).content
        if got.count(b"\n") >= count:
            return got
        time.sleep(0.1)
    raise AssertionError("the stream was not folded")


def contents(folder: Path) -> Iterator[bytes]:
    """Yield what is in a folder's files; blocks come and go while it is read."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield path.read_bytes()


def request_of(token: str, query: str = "after=0") -> bytes:
    return (
        f"GET /api/wire?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/x-ndjson\r\n\r\n"
    ).encode()


def read_answer(file: Any) -> bytes:
    """Return the body of one chunked answer; what follows it stays to be read."""
    assert file.readline() == b"HTTP/1.1 200 OK\r\n"
    while file.readline().strip():
        pass
    parts = []
    while part := file.read(int(file.readline(), 16)):
        parts.append(part)
        assert file.readline() == b"\r\n"
    assert file.readline() == b"\r\n"
    return b"".join(parts)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_both_ways_answer_alike_and_the_connection_goes_on(wire: Wire, workers: str) -> None:
    wire.env["DATELINE_WORKERS"] = workers
    wire.start()
    fill(wire, 400, 300)
    token = token_of(wire)
    whole = wait_for_lines(wire, token, 400)
    with httpx.Client(base_url=wire.url, headers=headers_of(token), timeout=30) as client:
        # Without a cursor first: what the others acknowledge is noted some time after their answers.
        for query in ("", "after=0", "after=7", "after=400"):
            ours, theirs = (client.get(f"/api/wire?{query}{way}") for way in WAYS)
            assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content) and ours.status_code == 200
            assert {**ours.headers, "date": ""} == {**theirs.headers, "date": ""}
        for query in ("after=999", "after=x", "after=0&wire=another"):
            ours, theirs = (client.get(f"/api/wire?{query}{way}") for way in WAYS)
            assert (ours.status_code, ours.json()) == (theirs.status_code, theirs.json()) and ours.status_code >= 400
        ours, theirs = (
            client.get(f"/api/wire?after=0{way}", headers={"Authorization": "Bearer dl_no"}) for way in WAYS
        )
        assert (ours.status_code, ours.json()) == (theirs.status_code, theirs.json())
        assert ours.status_code == 401 and ours.headers["www-authenticate"] == theirs.headers["www-authenticate"]
    with socket.create_connection(("127.0.0.1", wire.port), timeout=30) as connection:
        file = connection.makefile("rb")
        # Three requests in one packet, the middle one Django's, are answered one after the other.
        connection.sendall(request_of(token) + request_of(token, "after=390&proof=0") + request_of(token, "after=399"))
        assert read_answer(file) == whole
        assert read_answer(file).count(b"\n") == 10
        assert read_answer(file).count(b"\n") == 1
        # A ready page on the same connection, and a replay again.
        connection.sendall(b"GET /newsfeed.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"
        length = 0
        while line := file.readline().strip():
            length = int(line.split()[1]) if line.lower().startswith(b"content-length") else length
        assert len(file.read(length)) == length
        connection.sendall(request_of(token))
        assert read_answer(file) == whole
        connection.sendall(request_of(token).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_answer(file) == whole and file.read() == b""
    assert "Traceback" not in wire.log.read_text()


def test_a_kill_from_another_process_reaches_who_reads_slowly_and_the_disk(server: Wire) -> None:
    fill(server, 4000, 350)
    forged = server.publish("Forged", body="The palace was never on fire. " * 20)
    fill(server, 300, 350)
    token = token_of(server)
    wait_for_lines(server, token, 4301)
    blocks = server.home / "replay"
    assert any(b"never on fire" in data for data in contents(blocks))
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.sendall(request_of(token))
        time.sleep(0.5)
        server.run("kill", forged, "--advisory", "It was forged.")
        got = read_answer(connection.makefile("rb"))
    assert b"never on fire" not in got and b'"withdrawn":4302' in got
    assert got.count(b"\n") >= 4301
    for _ in range(100):
        if not any(b"never on fire" in data for data in contents(blocks)):
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the text stayed in a block")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_a_client_does_meanwhile_does_not_come_between(wire: Wire, workers: str) -> None:
    wire.env["DATELINE_WORKERS"] = workers
    wire.start()
    fill(wire, 3000, 600)
    token = token_of(wire)
    whole = wait_for_lines(wire, token, 3000)
    for half_closes in (False, True):
        with socket.create_connection(("127.0.0.1", wire.port), timeout=30) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            connection.sendall(request_of(token))
            time.sleep(0.3)
            if half_closes:
                connection.shutdown(socket.SHUT_WR)
            else:
                # Each in a packet of its own: another replay, and a page.
                connection.sendall(request_of(token, "after=2990"))
                time.sleep(0.1)
                connection.sendall(b"GET /newsfeed.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                time.sleep(0.1)
            file = connection.makefile("rb")
            assert read_answer(file) == whole
            if half_closes:
                assert file.read() == b""
            else:
                assert read_answer(file).count(b"\n") == 10
                assert file.readline() == b"HTTP/1.1 200 OK\r\n"
    assert "Traceback" not in wire.log.read_text()


def test_the_server_stops_beside_a_client_that_does_not_read_and_believes_no_block_of_before(server: Wire) -> None:
    fill(server, 1500, 500)
    token = token_of(server)
    whole = wait_for_lines(server, token, 1500)
    blocks = server.home / "replay"
    server.stop(signal.SIGKILL)
    left = list(blocks.iterdir())
    assert left
    left[0].write_bytes(b"spoiled")
    server.start()
    assert wait_for_lines(server, token, 1500) == whole
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request_of(token))
        time.sleep(0.3)
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 20
    assert not blocks.exists()
    assert "Traceback" not in server.log.read_text()
