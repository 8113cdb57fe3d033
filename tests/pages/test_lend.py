"""Large answers: lent, not copied; whole and right for every reader, however slowly it reads, and nothing is left open."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop

from dateline.pages import lend
from dateline.pages.answer import Answerer
from dateline.pages.lend import LARGE_BYTES, MOST_FILES, WORTH_A_FILE, Lender
from dateline.pages.protocol import ReadyProtocol
from dateline.pages.ready import Page
from dateline.pages.store import PageStore

MODIFIED = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HEAD = b"GET / HTTP/1.1\r\nHost: news.example\r\n\r\n"
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def page(letter: str, size: int = 4 * LARGE_BYTES) -> Page:
    return Page("text/html; charset=utf-8", (letter * size).encode(), MODIFIED)


def files() -> int:
    """Return how many pages' files this process has open."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += "dateline-page" in os.readlink(entry)
        except OSError:  # the look's own
            continue
    return found


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PageStore]:
    store = PageStore(tmp_path / "site", 100_000_000)
    store.put("/", page("a"))
    answerer = Answerer(store, ["news.example"])
    monkeypatch.setattr(ReadyProtocol, "answerer", answerer, raising=False)
    monkeypatch.setattr(ReadyProtocol, "hosts", frozenset({"news.example"}), raising=False)
    monkeypatch.setattr(ReadyProtocol, "streams", {}, raising=False)
    yield store
    answerer.forget()
    assert files() == 0


@pytest.fixture
def lendings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What each sendfile took."""
    found: list[int] = []

    def counting(*args: int) -> int:
        found.append(sendfile(*args))
        return found[-1]

    sendfile = os.sendfile
    monkeypatch.setattr(lend.os, "sendfile", counting)
    return found


def serve(loop: str, talk: Callable[[int], None]) -> None:
    """Run a server of ready pages; `talk` is a client in a thread, which is told the port."""

    async def scenario() -> None:
        state = SimpleNamespace(connections=set())
        server = await asyncio.get_running_loop().create_server(lambda: ReadyProtocol(None, state, {}), "127.0.0.1", 0)
        await asyncio.to_thread(talk, server.sockets[0].getsockname()[1])
        server.close()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(scenario())


def read(client: Any) -> bytes:
    """Return the next answer's body."""
    length = 0
    for line in iter(client.readline, b"\r\n"):
        name, _, value = line.partition(b": ")
        length = int(value) if name == b"Content-Length" else length
    return bytes(client.read(length))


@pytest.mark.parametrize("loop", LOOPS)
def test_a_large_answer_is_lent_whole_from_when_it_is_asked_for_often(
    pages: PageStore, lendings: list[int], loop: str
) -> None:
    def talk(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as one, one.makefile("rb") as client:
            for _ in range(200):
                one.sendall(HEAD)
                assert read(client) == b"a" * 4 * LARGE_BYTES
            pages.put("/", page("b"))
            for _ in range(100):
                one.sendall(HEAD)
                assert read(client) == b"b" * 4 * LARGE_BYTES

    serve(loop, talk)
    assert len(lendings) > 100 and min(lendings) > 4 * LARGE_BYTES


@pytest.mark.parametrize("loop", LOOPS)
def test_who_reads_slowly_gets_what_was_there_when_it_asked_and_then_what_is_new(
    pages: PageStore, lendings: list[int], loop: str
) -> None:
    big = 800 * LARGE_BYTES  # more than a socket takes at once
    pages.put("/", page("a", big))

    def talk(port: int) -> None:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(10)
        slow.connect(("127.0.0.1", port))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as one, one.makefile("rb") as client:

            def warm(letter: bytes) -> None:
                for _ in range(WORTH_A_FILE + 2):
                    one.sendall(HEAD)
                    assert read(client) == letter * big

            warm(b"a")
            slow.sendall(HEAD)
            warm(b"a")  # by now the slow one's answer was begun
            pages.put("/", page("b", big))
            warm(b"b")
            slow.sendall(HEAD)
            warm(b"b")
        with slow, slow.makefile("rb") as late:
            assert (read(late), read(late)) == (b"a" * big, b"b" * big)

    serve(loop, talk)
    assert any(sent < big for sent in lendings)


def test_no_more_files_are_open_than_said_and_none_when_the_answers_are_others(
    pages: PageStore, lendings: list[int]
) -> None:
    one, other = socket.socketpair()
    copied: list[int] = []
    transport = SimpleNamespace(get_write_buffer_size=lambda: 0, write=lambda data: copied.append(len(data)))
    lender = Lender()
    answers = [bytes(LARGE_BYTES) + bytes([number]) for number in range(2 * MOST_FILES)]
    with one, other:
        for answer in answers:
            loan = lender.lend(answer)
            assert lender.lend(answer) is loan
            for _ in range(WORTH_A_FILE + 1):
                loan.send(transport, one.fileno())
                got = 0
                while lendings and got < lendings[-1]:
                    got += len(other.recv(65536))
                lendings.clear()
    assert files() == MOST_FILES
    assert len(copied) == MOST_FILES * WORTH_A_FILE + MOST_FILES * (WORTH_A_FILE + 1)
    del lender, loan
    assert files() == 0


@pytest.mark.parametrize("name", ["memfd_create", "write", "sendfile"])
def test_what_cannot_be_lent_is_copied(pages: PageStore, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def failing(*_: object) -> int:
        raise OSError(errno.ENFILE, "none is left")

    copied: list[bytes] = []
    transport = SimpleNamespace(
        get_write_buffer_size=lambda: 0, write=lambda data: copied.append(bytes(data)), is_closing=lambda: False,
        get_extra_info=lambda _: SimpleNamespace(fileno=lambda: 0),
    )  # fmt: skip
    protocol = ReadyProtocol(None, SimpleNamespace(connections=set()), {})
    protocol.connection_made(transport)
    monkeypatch.setattr(lend.os, name, failing)
    for _ in range(3 * WORTH_A_FILE):
        protocol.data_received(HEAD)
    assert len(copied) == 3 * WORTH_A_FILE and all(answer.endswith(b"aaaa") for answer in copied)
    assert name == "sendfile" or files() == 0
