"""What readers and dispatches may cost, in counts that no clock and no other load changes.

A change that puts a query, a rendering, a copy or a system call on a reader's way fails here.
"""

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from django.db import connection
from django.template.base import Template

from dateline.delivery.fold import catch_up
from dateline.delivery.store import streams
from dateline.delivery.subscribing import Terms, subscribe
from dateline.live import events
from dateline.live import hub as hub_module
from dateline.live.events import event_of
from dateline.live.hub import Event, Hub
from dateline.news.acts import Act
from dateline.pages.answer import Answerer, Request
from dateline.pages.lend import LARGE_BYTES
from dateline.pages.protocol import ReadyProtocol
from dateline.server.outlets import Outlets, open_pages
from dateline.wire import store
from dateline.wire.append import Submission, append_all
from dateline.wire.bell import Bell
from tests.flow.conftest import Wire, free_port
from tests.outlets import Public, publish, story
from tests.web_servers import running

HOST = "news.example"


class Transport:
    """Keeps the very objects that are written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def set_protocol(self, protocol: Any) -> None:
        pass

    def get_extra_info(self, name: str) -> "Transport":
        assert name == "socket"
        return self

    def fileno(self) -> int:
        return id(self)


@contextlib.contextmanager
def statements() -> Iterator[list[str]]:
    """Give the SQL that runs meanwhile, as SQLite itself sees it, so that none is missed."""
    connection.ensure_connection()
    found: list[str] = []
    connection.connection.set_trace_callback(found.append)
    try:
        yield found
    finally:
        connection.connection.set_trace_callback(None)


def head(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {HOST}", *headers, "", ""]).encode()


@pytest.fixture
def outlets(home: Path) -> Outlets:
    publish("Harbour reopens")
    found = Outlets(open_pages())
    found.start()
    return found


@pytest.fixture
def protocol(outlets: Outlets, monkeypatch: pytest.MonkeyPatch) -> ReadyProtocol:
    monkeypatch.setattr(ReadyProtocol, "answerer", Answerer(outlets.pages, [HOST]), raising=False)
    monkeypatch.setattr(ReadyProtocol, "hosts", frozenset({HOST}), raising=False)
    monkeypatch.setattr(ReadyProtocol, "streams", {}, raising=False)
    found = ReadyProtocol(None, SimpleNamespace(connections=set()), {})
    found.connection_made(Transport())
    return found


def test_a_reader_costs_no_query_no_rendering_no_copy_and_one_write(
    protocol: ReadyProtocol, outlets: Outlets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise AssertionError("a template was rendered for a reader")

    monkeypatch.setattr(Template, "render", refuse)
    monkeypatch.setattr(time, "time", lambda: 1_790_000_000.5)  # one second, so that no answer is made anew
    item = next(path for path in outlets.pages.paths() if path.count("/") == 5)
    etag = outlets.pages.get("/").variants[""].etag  # type: ignore[union-attr]
    requests = [
        head(path, *extra)
        for path in ("/", item, "/newsfeed.json", "/feed.atom", "/feed.rss", "/feed.json", "/sections/")
        for extra in ((), ("Accept-Encoding: gzip",), ("Accept-Encoding: br",), (f"If-None-Match: {etag}",))
    ]
    with statements() as found:
        for request in requests:
            for _ in range(3):
                protocol.data_received(request)
    written = protocol.transport.written
    assert not found
    assert len(written) == 3 * len(requests)
    for place in range(0, len(written), 3):
        assert written[place] is written[place + 1] is written[place + 2]
        assert written[place].startswith((b"HTTP/1.1 200", b"HTTP/1.1 304"))


def test_a_page_that_is_not_in_memory_costs_one_look_at_each_of_its_files_and_no_query(
    outlets: Outlets, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    really_open = os.open

    def counting(path: str, *args: Any, **kwargs: Any) -> int:
        opened.append(path)
        return really_open(path, *args, **kwargs)

    item = next(path for path in outlets.pages.paths() if path.count("/") == 5)
    answerer = Answerer(open_pages(), [HOST])  # as in a worker that has just been started
    monkeypatch.setattr(os, "open", counting)
    with statements() as found:
        for _ in range(3):
            for extra in ((), ("Accept-Encoding: gzip",), ("Accept-Encoding: br",)):
                answer = answerer.answer(head(item, *extra))
                assert answer is not None and answer[0].startswith(b"HTTP/1.1 200")
    assert [path.rpartition("/")[2] for path in opened] == ["index.html", "index.html.gz", "index.html.br"]
    assert not found


def test_a_dispatch_is_encoded_once_and_written_once_to_each_live_reader(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = events.encode

    def counting(name: str, *args: Any) -> bytes:
        encoded.append(name)
        return encode(name, *args)

    monkeypatch.setattr(events, "encode", counting)
    row = store.read_rows(publish("Harbour reopens").seq - 1, 1)[0]

    written: dict[int, list[bytes]] = {}

    def write(fd: int, data: bytes) -> int:
        written.setdefault(fd, []).append(data)
        return len(data)

    async def scenario() -> None:
        hub = Hub("wire", 0, lambda after, limit: (after, []))
        clients = [Transport() for _ in range(500)]
        for client in clients:
            hub.open(Request("GET", "/live", "", {}, True, "1.1"), client)
            client.written.clear()
        monkeypatch.setattr(hub_module, "os", SimpleNamespace(write=write))
        # In a running loop Django refuses any query.
        hub.announce([Event(row.seq, event_of(row), row.uri)])
        hub.front_is_up()
        for _ in range(100):
            await asyncio.sleep(0)
        assert encoded == ["element"]
        assert not any(client.written for client in clients)
        assert [len(written[id(client)]) for client in clients] == [1] * 500
        assert len({id(data) for (data,) in written.values()}) == 1  # the same bytes, not copies of them

    asyncio.run(scenario())


@pytest.mark.usefixtures("home")
def test_an_append_is_seven_statements_and_each_further_dispatch_in_it_three() -> None:
    publish("Harbour reopens")  # loads the key, opens the database
    with statements() as found:
        publish("One more")
    # Where a trigger runs SQLite reports its statement once more.
    verbs = [statement.split()[0] for statement, _ in itertools.groupby(found)]
    assert verbs == ["BEGIN", "SELECT", "SELECT", "INSERT", "INSERT", "INSERT", "COMMIT"], found
    with statements() as found:
        append_all(Submission(act=Act.PUBLISH, item=story(f"Item {number}")) for number in range(10))
    assert len(list(itertools.groupby(found))) == 7 + 9 * 3, found


def cost_of_a_dispatch(public: Public) -> int:
    """Return how many statements it takes from the append's return until its first pages can be read."""
    public.catch_up()
    after = publish("One more").seq - 1
    with statements() as found:
        public.outlets.step(after, lambda _: None)
    assert any("INSERT INTO site_item" in statement for statement in found)
    return len(found)


@pytest.mark.usefixtures("home")
def test_what_a_dispatch_asks_of_the_database_does_not_grow_with_the_wire() -> None:
    public = Public()
    append_all(Submission(act=Act.PUBLISH, item=story(f"Item {number}")) for number in range(60))
    cost_of_a_dispatch(public)
    few = cost_of_a_dispatch(public)
    append_all(Submission(act=Act.PUBLISH, item=story(f"Later item {number}")) for number in range(120))
    many = cost_of_a_dispatch(public)
    # A few more or less: how many pages a dispatch marks depends on what stands beside it.
    assert many <= few + 5 and few <= MOST_STATEMENTS, (few, many)


@pytest.mark.usefixtures("home")
def test_what_is_published_while_a_late_stream_catches_up_waits_for_one_piece_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append_all(Submission(act=Act.PUBLISH, item=story(f"Item {number}")) for number in range(400))
    public = Public()
    public.catch_up()
    subscribe("Late", Terms(), from_start=True)
    head = public.outlets.step(store.head_seq(), lambda _: None)
    (stream,) = streams()
    assert 0 < stream.cursor <= 50
    with Bell() as bell:
        pieces = [stream.cursor]

        def piece() -> bool:
            behind = catch_up()
            pieces.append(streams()[0].cursor)
            if len(pieces) == 4:
                publish("Storm")  # rings the bell
            return behind

        monkeypatch.setattr("dateline.server.outlets.catch_up", piece)
        assert public.outlets.wait(bell)
        assert len(pieces) == 4 and pieces[-1] <= 200
        assert public.outlets.step(head, lambda _: None) == head + 1
        told: list[int] = []
        public.outlets.on_delivery = lambda: told.append(streams()[0].cursor)
        # Without a dispatch it goes on to the end, and who waits for it is told.
        while streams()[0].cursor < store.head_seq():
            assert not public.outlets.wait(bell)
        public.outlets.step(head + 1, lambda _: None)
        assert told == [store.head_seq()]


# Fold, render and publish of one new item: what it takes now. Fewer is welcome; more needs a reason.
MOST_STATEMENTS = 120


def strace(pid: int, during: Any) -> dict[str, int]:
    """Return how often a process makes each system call meanwhile; skip where that cannot be seen."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace, which is not installed here")
    process = subprocess.Popen(["strace", "-f", "-c", "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    if process.poll() is not None:
        pytest.skip("strace may not look at other processes here")
    during()
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=20)
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +(\w+)$", text, re.MULTILINE)
    return {name: int(count) for count, name in rows if name != "total"}


def worker_of(wire: Wire) -> int:
    """Start the server with one worker; return its process id."""
    wire.env["DATELINE_WORKERS"] = "1"
    wire.start()
    assert wire.get("/").status_code == 200 and wire.process is not None
    parent = wire.process.pid
    (worker,) = map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return worker


def ask(port: int, path: str, times: int, *headers: str) -> int:
    """Ask for a page so often, on one connection; return its length."""
    request = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "", ""]).encode()
    length = 0
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        for _ in range(times):
            client.sendall(request)
            data = client.recv(65536)
            if data.startswith(b"HTTP/1.1 304"):
                continue
            assert data.startswith(b"HTTP/1.1 200"), data
            length = int(re.search(rb"Content-Length: (\d+)", data)[1])  # type: ignore[index]
            missing = data.index(b"\r\n\r\n") + 4 + length - len(data)
            while missing:
                missing -= len(client.recv(65536))
    return length


def test_a_request_costs_the_server_three_system_calls_and_a_live_reader_one(wire: Wire) -> None:
    worker = worker_of(wire)
    ask(wire.port, "/", 1)
    calls = strace(worker, lambda: ask(wire.port, "/", 1000))
    # Read, write, wait for the next; the rest is the server's own clock ticking.
    assert 2000 <= sum(calls.values()) <= 3500, calls

    readers = []
    for _ in range(200):
        reader = socket.create_connection(("127.0.0.1", wire.port), timeout=20)
        reader.sendall(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\n\r\n".encode())
        while b"heartbeat" not in reader.recv(4096):
            pass
        readers.append(reader)

    def tell() -> None:
        wire.publish("Harbour reopens")
        for reader in readers:
            assert b"Harbour reopens" in reader.recv(4096)

    calls = strace(worker, tell)
    for reader in readers:
        reader.close()
    writes = sum(count for name, count in calls.items() if name.startswith(("write", "send")))
    assert 200 <= writes <= 230, calls


def test_a_large_page_is_lent_to_its_readers_and_not_copied(wire: Wire) -> None:
    worker = worker_of(wire)
    wire.publish("Harbour reopens", body="A sentence of the long text. " * 1500)
    wire.wait_for("/", "Harbour reopens")
    path = re.search(r'href="(/[^"]*harbour-reopens[^"]*)"', wire.get("/").text)[1]  # type: ignore[index]
    wire.wait_for(path, "long text")
    sizes: list[int] = []
    calls = strace(worker, lambda: sizes.append(ask(wire.port, path, 1000)))
    assert sizes[0] > 2 * LARGE_BYTES
    # Read, sendfile, wait. A few answers of each second are copied, before it shows that the page is asked for often.
    assert 2000 <= sum(calls.values()) <= 3500, calls
    assert calls["sendfile"] >= 800 and calls["memfd_create"] <= 20, calls
    assert calls["sendfile"] + calls["write"] <= 1100, calls


def test_a_request_costs_nginx_with_our_configuration_one_look_at_one_file(server: Wire, tmp_path: Path) -> None:
    server.publish("Harbour reopens", body="A sentence of the text. " * 100)
    server.publish_many(3)  # more than is too little to compress
    server.wait_for("/feed.atom", "Item 2")
    item = re.search(r'href="(/[^"]*harbour-reopens[^"]*)"', server.get("/").text)[1]  # type: ignore[index]
    port = free_port()
    with running("nginx", server, tmp_path / "front", port) as pid:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}")
        for path in ("/", item, "/feed.atom", "/newsfeed.json"):
            while client.get(path, headers={"Accept-Encoding": "gzip"}).headers.get("content-encoding") != "gzip":
                time.sleep(0.05)  # its files are written a moment later
        (worker,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        for path in ("/", item, "/feed.atom", "/newsfeed.json"):
            etag = f"If-None-Match: {client.get(path, headers={'Accept-Encoding': 'identity'}).headers['etag']}"
            # Wait, read, look at the file; then read it and write, or hold the head back, write it, send the file, let go.
            for header, most in (("Accept-Encoding: gzip", 5), (etag, 4), ("Accept: */*", 7)):
                ask(port, path, 1, header)
                calls = strace(worker, lambda path=path, header=header: ask(port, path, 300, header))
                # The rest is the connection's own.
                assert 300 * 4 <= sum(calls.values()) <= 300 * most + 30, (path, header, calls)
                assert calls["newfstatat"] <= 305 and calls.get("openat", 0) <= 5, (path, header, calls)
        client.close()
