"""Connections of clients that are old, or odd, to addresses that Django answers."""

import socket
import time

import pytest

from tests.flow.conftest import Wire
from tests.flow.test_replay import token_of, wait_for_lines


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
