"""Connections of clients that are old, or odd, to addresses that Django answers."""

import contextlib
import socket
import threading
import time

import httpx
import pytest

from tests.flow.conftest import Wire
from tests.flow.test_replay import fill, headers_of, token_of, wait_for_lines


def ask(wire: Wire, head: str, *, half_closes: bool = False) -> bytes:
    """Return all that comes for a request until the connection is closed."""
    with socket.create_connection(("127.0.0.1", wire.port), timeout=30) as connection:
        connection.sendall(f"{head}\r\n\r\n".replace("\n", "\r\n").replace("\r\r", "\r").encode())
        if half_closes:
            connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_client_that_has_sent_all_it_will_gets_its_answer(wire: Wire, workers: str) -> None:
    wire.env["DATELINE_WORKERS"] = workers
    wire.start()
    for number in range(3):
        wire.publish(f"Story {number}")
    token = token_of(wire)
    wait_for_lines(wire, token, 3)
    host, bearer = "Host: 127.0.0.1", f"Authorization: Bearer {token}"
    for head, status in {
        f"GET /healthz HTTP/1.1\n{host}": 200, f"GET /nothing/ HTTP/1.1\n{host}": 404, f"GET / HTTP/1.1\n{host}": 200,
        f"GET /api/wire?after=0 HTTP/1.1\n{host}\n{bearer}": 200,
        f"GET /api/wire?after=0&proof=1 HTTP/1.1\n{host}\n{bearer}\nAccept: application/x-ndjson": 200,
        f"POST /hub HTTP/1.1\n{host}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 5\n\nhub=x": 400,
        f"GET /healthz HTTP/1.1\n{host}\n\nGET /nothing/ HTTP/1.1\n{host}": 404,
    }.items():  # fmt: skip
        got = ask(wire, head, half_closes=True)
        assert f"HTTP/1.1 {status} ".encode() in got, (head, got)
        assert got.count(b"HTTP/1.1 ") == head.count("HTTP/1.1"), (head, got)
    assert b"Story 2" in ask(wire, f"GET /api/wire?after=0&proof=1 HTTP/1.1\n{host}\n{bearer}", half_closes=True)
    begun = time.monotonic()
    assert ask(wire, f"GET /api/wire?after=3&wait=50 HTTP/1.1\n{host}\n{bearer}", half_closes=True) == b""
    assert time.monotonic() - begun < 15, "who waits for news may have gone"
    assert ask(wire, f"POST /hub HTTP/1.1\n{host}\nContent-Length: 50\n\nhub=x", half_closes=True) == b""
    assert "Traceback" not in wire.log.read_text()


def test_a_client_of_http_1_0_gets_streams_without_chunks(server: Wire) -> None:
    for number in range(3):
        server.publish(f"Story {number}")
    token = token_of(server)
    whole = wait_for_lines(server, token, 3)
    bearer = f"Host: 127.0.0.1\nAuthorization: Bearer {token}"
    head, _, body = ask(server, f"GET /api/wire?after=0 HTTP/1.0\n{bearer}\nAccept: application/x-ndjson").partition(
        b"\r\n\r\n"
    )
    assert b" 200 OK" in head and b"transfer-encoding" not in head.lower() and b"connection: close" in head.lower()
    assert body == whole
    # What has a length keeps it.
    head, _, body = ask(server, f"GET /api/wire?after=0 HTTP/1.0\n{bearer}").partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower() and b"Story 2" in body
    head, _, body = ask(server, f"HEAD /api/wire?after=0 HTTP/1.0\n{bearer}\nAccept: application/x-ndjson").partition(
        b"\r\n\r\n"
    )
    assert b" 200 OK" in head and body == b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(f"GET /api/wire/stream?after=0 HTTP/1.0\n{bearer}\n\n".replace("\n", "\r\n").encode())
        got = b""
        while got.count(b"\nid: ") < 3:
            got += connection.recv(65_536)
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower() and body.startswith(b": the wire ")
    newer = httpx.get(f"{server.url}/api/wire?after=0&proof=0", headers=headers_of(token))
    assert newer.headers["transfer-encoding"] == "chunked" and newer.content == whole
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(params=["0", "2"])
def large(wire: Wire, request: pytest.FixtureRequest) -> tuple[Wire, list[str]]:
    """A server, and requests for more than the kernel holds: a page of the API, and a stream that is read as it goes."""
    wire.env["DATELINE_WORKERS"] = request.param
    wire.start()
    fill(wire, 1000, 3000)
    token = token_of(wire)
    wait_for_lines(wire, token, 1000)
    bearer = f"HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    return wire, [
        f"GET /api/wire?after=0&limit=1000&proof=1 {bearer}\r\n",
        f"GET /api/wire?after=0&proof=1 {bearer}Accept: application/x-ndjson\r\n\r\n",
    ]


def begin(wire: Wire, head: str) -> socket.socket:
    """Return a connection on which an answer has begun."""
    connection = socket.create_connection(("127.0.0.1", wire.port), timeout=30)
    connection.sendall(head.encode())
    assert connection.recv(1) == b"H"
    return connection


def test_a_stop_does_not_wait_for_clients_that_do_not_read_or_never_finish(large: tuple[Wire, list[str]]) -> None:
    wire, heads = large
    for reads in (False, True):
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(begin(wire, head)) for head in heads]
            time.sleep(2)
            got = b""

            def read_slowly(connection: socket.socket = connections[1]) -> None:
                nonlocal got
                with contextlib.suppress(ConnectionError):
                    while part := connection.recv(20_000):
                        got += part
                        time.sleep(0.05)

            reading = threading.Thread(target=read_slowly)
            if reads:
                reading.start()
            begun = time.monotonic()
            assert wire.stop() == 0
            took = time.monotonic() - begun
            if reads:
                reading.join(60)
                assert got and not got.endswith(b"0\r\n\r\n"), "a part must not look whole"
        log = wire.log.read_text()
        assert "Traceback" not in log and "Cancel" not in log, log
        assert took < (5 if reads else 4.5), "uvicorn's five seconds were not waited for"
        wire.start()
