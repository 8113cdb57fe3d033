"""The hub: replay without loss or repeat, an honest reset, and no harm from slow readers."""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvloop

from dateline.live import hub as hub_module
from dateline.live.events import event_of
from dateline.live.history import read_history
from dateline.live.hub import _MAX_WAITING_BYTES, _RECENT, Event, Hub
from dateline.news.acts import Act
from dateline.pages.answer import Request
from dateline.wire import store
from dateline.wire.append import append
from tests.outlets import publish, story


class Transport:
    """A client's connection; `stuck` means that nothing is read at the other end."""

    def __init__(self, stuck: bool = False) -> None:
        # Keeps apart what was written in one piece each.
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self.pieces: list[bytes] = []
        self._waiting = b""
        self.closed = False
        self.stuck = stuck

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self._ours

    def write(self, data: bytes) -> None:
        if self.stuck:
            self._waiting += data
        else:
            self._read()
            self.pieces.append(data)

    def get_write_buffer_size(self) -> int:
        return len(self._waiting)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := self._theirs.recv(1 << 20, socket.MSG_DONTWAIT):
                self.pieces.append(data)

    @property
    def written(self) -> bytes:
        self._read()
        return b"".join(self.pieces) + self._waiting

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    @property
    def events(self) -> list[tuple[str, int]]:
        found = re.findall(rb"(?:id: (\d+)\n)?event: (\w+)\n", self.written)
        return [(name.decode(), int(seq or 0)) for seq, name in found if name != b"heartbeat"]

    @property
    def seqs(self) -> list[int]:
        return [seq for name, seq in self.events if name == "element"]


def request(query: str = "", method: str = "GET", **headers: str) -> Request:
    return Request(
        method, "/live", query, {name.replace("_", "-"): value for name, value in headers.items()}, True, "1.1"
    )


def element(seq: int) -> Event:
    return Event(seq, b"id: %d\nevent: element\ndata: {}\n\n" % seq)


def history_of(head: int):  # type: ignore[no-untyped-def]
    def history(after: int, limit: int) -> tuple[int, list[bytes]]:
        last = min(after + limit, head)
        return last, [element(seq).chunk or b"" for seq in range(after + 1, last + 1)]

    return history


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No slice ends by the clock, which a busy machine moves on: a round is over when `announce` returns."""
    monkeypatch.setattr(hub_module, "_SLICE_S", 3600.0)
    monkeypatch.setattr(hub_module, "_SHORT_SLICE_S", 3600.0)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_a_reader_gets_what_comes_after_its_page_once_and_in_order() -> None:
    async def scenario() -> None:
        hub = Hub("wire", 10, history_of(10))
        hub.announce([element(11), element(12)])
        client = Transport()
        hub.open(request("wire=wire&after=11"), client)
        hub.announce([element(13)])
        hub.announce([element(13), element(14)])  # told twice: sent once
        assert client.seqs == [12, 13, 14]

    run(scenario())


def test_a_reader_that_was_away_long_is_served_from_the_log_before_it_joins() -> None:
    async def scenario() -> None:
        hub = Hub("wire", 1300, history_of(1302))  # the log is ahead of what was announced
        client = Transport()
        hub.open(request("after=1", last_event_id="3"), client)
        hub.announce([element(1301)])  # while the history is being read
        for _ in range(200):
            await asyncio.sleep(0.01)
            if len(client.seqs) == 1298:
                break
        hub.announce([element(1302)])
        assert client.seqs == list(range(4, 1303))

    run(scenario())


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("wire=another&after=5", {}),
        ("wire=wire&after=99", {}),
        ("wire=wire&after=5", {"last_event_id": "99"}),
        ("wire=wire&after=5", {"last_event_id": "abc"}),
        ("wire=wire&after=-1", {}),
        ("wire=wire&after=" + "9" * 400, {}),
    ],
)
def test_an_id_that_is_not_ours_gets_an_explicit_reset(query: str, headers: dict[str, str]) -> None:
    async def scenario() -> None:
        hub = Hub("wire", 10, history_of(10))
        client = Transport()
        hub.open(request(query, **headers), client)
        hub.announce([element(11)])
        assert client.events == [("reset", 10), ("element", 11)]

    run(scenario())


def test_a_slow_reader_is_dropped_without_harm_to_the_others() -> None:
    async def scenario() -> None:
        hub = Hub("wire", 0, history_of(0))
        slow, good = Transport(stuck=True), Transport()
        hub.open(request(), slow)
        hub.open(request(), good)
        count = _MAX_WAITING_BYTES // 1000 + 10
        for seq in range(1, count + 1):
            hub.announce([Event(seq, b"id: %d\nevent: element\ndata: %s\n\n" % (seq, b"x" * 1000))])
        assert slow.closed and not good.closed and len(hub) == 1
        assert good.seqs == list(range(1, count + 1))
        assert len(slow.written) < _MAX_WAITING_BYTES + 10_000

    run(scenario())


class Joining(asyncio.Protocol):
    """Hands its connection to a hub, with little room between the server and a client that does not read."""

    hub: Hub

    def connection_made(self, transport: Any) -> None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        self.hub.open(request(), transport)


def test_a_reader_whose_socket_is_full_gets_everything_once_and_in_order() -> None:
    def events(first: int, last: int) -> list[Event]:
        chunks = {seq: b"id: %d\nevent: element\ndata: %s\n\n" % (seq, b"x" * 2000) for seq in range(first, last + 1)}
        return [Event(seq, chunk) for seq, chunk in chunks.items()]

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        Joining.hub = hub = Hub("wire", 0, history_of(0))
        server = await loop.create_server(Joining, "127.0.0.1", 0)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            client.setblocking(False)
            await loop.sock_connect(client, server.sockets[0].getsockname())
            while not len(hub):
                await asyncio.sleep(0.01)
            for event in events(1, 100):
                hub.announce([event])
            (reader,) = hub._readers
            assert reader.transport.get_write_buffer_size() > 100_000
            data = b""
            for last in (100, 150):
                while b"id: %d\n" % last not in data or not data.endswith(b"\n\n"):
                    data += await loop.sock_recv(client, 65_536)
                assert re.findall(rb"id: (\d+)\nevent: element\ndata: x{2000}\n\n", data) == [
                    b"%d" % seq for seq in range(1, last + 1)
                ]
                for event in events(101, 150):  # twice: what was told is not told again
                    hub.announce([event])
        while len(hub):  # it has gone, and is forgotten
            hub.announce(events(hub._head + 1, hub._head + 1))
            await asyncio.sleep(0.01)
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario(), 20))


def test_the_memory_of_recent_events_is_bounded_and_its_edge_is_exact() -> None:
    async def scenario() -> None:
        total = _RECENT + 50
        hub = Hub("wire", 0, history_of(total))
        for seq in range(1, total + 1):
            hub.announce([element(seq)])
        for after in (0, 49, 50, 51):
            client = Transport()
            hub.open(request(f"after={after}"), client)
            await asyncio.sleep(0.05)
            assert client.seqs == list(range(after + 1, total + 1))

    run(scenario())


def test_another_method_is_refused() -> None:
    async def scenario() -> None:
        client = Transport()
        Hub("wire", 0, history_of(0)).open(request(method="POST"), client)
        assert client.written.startswith(b"HTTP/1.1 405 ") and client.closed

    run(scenario())


@pytest.mark.usefixtures("home")
def test_events_say_what_changes_for_a_reader_and_nothing_else() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    uri = publish("First").uri
    hidden = publish("Secretword", embargoed=later).uri
    append(Act.ADVISORY, story("A note"))
    append(Act.ARCHIVE, story("Old", content_created=later))
    append(Act.CORRECT, story("First, corrected", uri=uri), note="Wrong.")
    append(Act.HOLD, uri=uri, note="Checking.")
    append(Act.RELEASE, uri=uri)
    append(Act.RELEASE, uri=hidden)
    append(Act.KILL, uri=uri, note="Forged.")
    told = []
    for row in store.read_rows(0, 100):
        chunk = event_of(row)
        if chunk is None:
            continue
        match = re.fullmatch(rb"id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n", chunk)
        assert match and int(match[1]) == row.seq
        data = json.loads(match[3])
        told.append((row.seq, match[2].decode(), data.get("mark", data.get("act"))))
    assert told == [
        (1, "element", ""), (5, "element", "Corrected"), (6, "withdrawal", "hold"), (7, "element", "Corrected"),
        (8, "element", ""), (9, "withdrawal", "kill"),
    ]  # fmt: skip
    last, chunks = read_history(0, 100)
    # Whoever comes back later hears that it went, and no word of what it said.
    assert last == 9 and [re.match(rb"id: (\d+)", chunk)[1] for chunk in chunks] == [b"6", b"8", b"9"]  # type: ignore[index]
    assert b"First" not in b"".join(chunks)


def test_a_reader_who_comes_back_after_a_kill_gets_no_word_of_the_item() -> None:
    async def scenario() -> None:
        hub = Hub("wire", 0, history_of(0))
        hub.announce([Event(1, b"id: 1\nevent: element\ndata: secret\n\n", "tag:a"), element(2)])
        hub.announce([Event(3, b"id: 3\nevent: withdrawal\ndata: {}\n\n", "tag:a", True)])
        client = Transport()
        hub.open(request("after=0"), client)
        assert client.events == [("element", 2), ("withdrawal", 3)] and b"secret" not in client.written

    run(scenario())


def test_the_loop_answers_others_while_a_round_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "_FRONT_S", 0.0)
    monkeypatch.setattr(hub_module, "_SHORT_SLICE_S", 0.0)
    monkeypatch.setattr(hub_module, "_SLICE_S", 0.0)  # a look at the clock ends each slice

    async def scenario() -> None:
        hub = Hub("wire", 0, history_of(0))
        clients = [Transport() for _ in range(200)]
        for client in clients:
            hub.open(request(), client)
        hub.announce([element(1)])
        told = sum(client.seqs == [1] for client in clients)
        assert 0 < told < 100
        for _ in range(20):
            await asyncio.sleep(0)
        assert all(client.seqs == [1] for client in clients)

    run(scenario())


def test_a_crowd_waits_for_the_front_page_and_no_longer_than_some_milliseconds() -> None:
    async def scenario() -> None:
        hub = Hub("wire", 0, history_of(0))
        clients = [Transport() for _ in range(200)]
        for client in clients:
            hub.open(request(), client)

        def told(seq: int) -> int:
            return sum(seq in client.seqs for client in clients)

        hub.announce([element(1)])
        first = told(1)
        await asyncio.sleep(0)
        assert 0 < told(1) == first < 100
        hub.front_is_up()
        assert told(1) == 200
        hub.announce([element(2)])
        assert told(2) == first
        hub.announce([element(3)])
        await asyncio.sleep(0.1)  # no front page comes
        assert all(client.seqs == [1, 2, 3] for client in clients)
        hub.heartbeat()
        # A heartbeat waits for nothing; each reader got one when it joined.
        assert all(client.written.count(b"event: heartbeat") == 2 for client in clients)
        # Nor does a kill, whose front page was up before anyone was told.
        hub.announce([Event(4, b"id: 4\nevent: withdrawal\ndata: {}\n\n", "tag:a", True)])
        for _ in range(20):
            await asyncio.sleep(0)
        assert all(("withdrawal", 4) in client.events for client in clients)
        hub.announce([element(5)])
        hub.close()

    run(scenario())


def test_who_was_not_told_of_an_item_yet_when_it_is_withdrawn_never_is() -> None:
    async def scenario() -> None:
        hub = Hub("wire", 0, history_of(0))
        clients = [Transport() for _ in range(200)]
        for client in clients:
            hub.open(request(), client)
        hub.announce([Event(1, b"id: 1\nevent: element\ndata: secret\n\n", "tag:a")])
        told = sum(b"secret" in client.written for client in clients)
        hub.announce([Event(2, b"id: 2\nevent: withdrawal\ndata: {}\n\n", "tag:a", True), element(3)])
        await asyncio.sleep(0.1)
        assert sum(b"secret" in client.written for client in clients) == told < 100
        assert all(client.events[-2:] == [("withdrawal", 2), ("element", 3)] for client in clients)
        hub.announce([element(4), Event(5, b"id: 5\nevent: element\ndata: secret\n\n", "tag:b")])
        hub.announce([Event(6, b"id: 6\nevent: withdrawal\ndata: {}\n\n", "tag:b", True)])
        await asyncio.sleep(0.1)
        assert all(client.events[-2:] in ([("element", 4), ("withdrawal", 6)], [("element", 5), ("withdrawal", 6)])
                   for client in clients)  # fmt: skip
        assert all(4 in client.seqs for client in clients)
        hub.close()

    run(scenario())


def test_who_comes_or_goes_during_a_round_misses_nothing_and_gets_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "_FRONT_S", 0.0)
    monkeypatch.setattr(hub_module, "_SHORT_SLICE_S", 0.0)
    monkeypatch.setattr(hub_module, "_SLICE_S", 0.0)

    async def scenario() -> None:
        hub = Hub("wire", 0, history_of(0))
        there = [Transport() for _ in range(100)]
        readers = [hub.open(request(), client) for client in there]
        hub.announce([element(1)])
        hub.announce([element(2), Event(3, b"id: 3\nevent: element\ndata: secret\n\n", "tag:a")])
        hub.announce([Event(4, b"id: 4\nevent: withdrawal\ndata: {}\n\n", "tag:a", True), element(5)])
        late = {after: Transport() for after in (0, 1, 2, 5)}  # their pages are of different moments
        for after, client in late.items():
            hub.open(request(f"after={after}"), client)
        readers[-1].connection_lost(None)
        hub.heartbeat()
        for _ in range(30):
            await asyncio.sleep(0)
        hub.announce([element(6)])
        for _ in range(30):
            await asyncio.sleep(0)
        assert all(client.seqs == [1, 2, 5, 6] for client in there[:-1]) and there[-1].seqs == []
        assert [client.seqs for client in late.values()] == [[1, 2, 5, 6], [2, 5, 6], [5, 6], [6]]
        everything = b"".join(client.written for client in (*there, *late.values()))
        assert b"secret" not in everything  # it was killed before its round began
        assert ("withdrawal", 4) in late[2].events and ("withdrawal", 4) not in late[5].events

    run(scenario())


def test_a_burst_goes_out_in_pieces_that_a_reader_can_take() -> None:
    async def scenario() -> None:
        hub = Hub("wire", 0, history_of(0))
        client = Transport()
        hub.open(request(), client)
        hub.announce(
            [Event(seq, b"id: %d\nevent: element\ndata: %s\n\n" % (seq, b"x" * 1000)) for seq in range(1, 501)]
        )
        for _ in range(30):
            await asyncio.sleep(0)
        assert client.seqs == list(range(1, 501)) and 8 <= len(client.pieces) <= 20
        assert max(map(len, client.pieces)) < 70_000

    run(scenario())
