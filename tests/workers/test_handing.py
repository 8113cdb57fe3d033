"""What passes between the main process and its workers: whole, in order, whatever the pieces."""

import asyncio
import contextlib
import socket
from datetime import UTC, datetime

import pytest
import uvloop

from dateline.live.hub import Event
from dateline.pages.ready import Page
from dateline.workers.handing import Giver, Taker
from dateline.workers.messages import Hello, Put, Sync, Tell, Unframer, Written, frame

PAGE = Page("text/html; charset=utf-8", b"x" * 3000, datetime(2026, 11, 25, tzinfo=UTC), 410)
MESSAGES = [
    Hello("wire", 5), Put("/a/", PAGE), Put("/b/", None), Written("/a/", "digest", {"gzip": b"\0\1"}),
    Tell([Event(6, b"data", "tag:a", True), Event(7, None)]), Sync(9),
]  # fmt: skip


@pytest.mark.parametrize("piece", [1, 2, 5, 1000, 100_000])
def test_messages_are_whole_whatever_pieces_they_come_in(piece: int) -> None:
    data = b"".join(map(frame, MESSAGES))
    unframer = Unframer()
    found = [m for at in range(0, len(data), piece) for m in unframer.feed(data[at : at + piece])]
    assert found == MESSAGES


class Echo(asyncio.Protocol):
    """Answers with what it was handed and with what came after it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def]
        self.transport = transport
        transport.write(self.data)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Handing(asyncio.Protocol):
    """A worker's protocol that hands on whatever comes."""

    def __init__(self, giver: Giver) -> None:
        self.giver = giver

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.giver.take(self.transport, data)


def run(scenario) -> None:  # type: ignore[no-untyped-def]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


def test_a_connection_is_handed_on_with_what_was_read_and_what_follows() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        giver, taker = Giver(theirs), Taker(ours, Echo)
        server = await loop.create_server(lambda: Handing(giver), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def talk(number: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            first = b"%d:" % number + b"a" * (number * 9000)  # up to more than one packet
            writer.write(first)
            assert await reader.readexactly(len(first)) == first
            writer.write(b"more")
            assert await reader.readexactly(4) == b"more"
            writer.close()

        await asyncio.wait_for(asyncio.gather(*map(talk, range(40))), 20)  # more than the pair takes at once
        taker.close()
        server.close()

    run(scenario)


def test_a_main_process_that_is_gone_costs_the_client_its_connection_and_no_more() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        giver = Giver(theirs)
        ours.close()
        server = await loop.create_server(lambda: Handing(giver), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        server.close()

    run(scenario)
