"""Replay: the same bytes with blocks and without, whatever becomes of the wire, the disk and the client."""

import contextlib
import errno
import os
import random
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_streams import fold_all, make_wire

from dateline.delivery.filter import Filter
from dateline.delivery.subscribing import Terms
from dateline.news.acts import Act
from dateline.news.item import NewsItem
from dateline.pages.answer import Request

FOREVER_S = 30


class Lent:
    """A connection that was lent, as the server's protocol lends it."""

    def __init__(self, copy: socket.socket) -> None:
        self.socket = copy
        self.lost = False
        self.kept: bool | None = None
        self.over = threading.Event()

    def give_back(self, *, keep: bool) -> None:
        self.kept = keep
        self.socket.close()
        self.over.set()


class Client:
    """A subscriber that has asked for a replay, and reads when it wants to."""

    def __init__(self, replayer: Any, token: str, after: int | str, *, full: bool = False) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(FOREVER_S)
        theirs.setblocking(False)
        self._before = 0
        with contextlib.suppress(BlockingIOError):
            while full:
                self._before += theirs.send(bytes(4096))
        self.borrowed = Lent(theirs)
        headers = {"accept": "application/x-ndjson", "authorization": f"Bearer {token}", "host": "localhost"}
        request = Request("GET", "/api/wire", f"after={after}", headers, True, "1.1")
        assert replayer.wants(request)
        replayer.take(request, self.borrowed)
        self._file = self.socket.makefile("rb")
        self.status = 0
        self.headers: dict[str, str] = {}

    def make_room(self) -> None:
        """Read what was there before the answer."""
        while self._before:
            self._before -= len(self.socket.recv(self._before))

    def read_head(self) -> None:
        self.status = int(self._file.readline().split()[1])
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value

    def read_chunk(self) -> bytes:
        data = self._file.read(int(self._file.readline(), 16))
        assert self._file.readline() == b"\r\n"
        return data

    def read(self) -> bytes:
        """Read the whole answer; the chunks have to be in order, and end."""
        self.read_head()
        if "content-length" in self.headers:
            return self._file.read(int(self.headers["content-length"]))
        parts = []
        while part := self.read_chunk():
            parts.append(part)
        assert self.borrowed.over.wait(FOREVER_S)
        return b"".join(parts)


class Replays:
    """The thread that replays, with its folder of blocks."""

    def __init__(self, folder: Path) -> None:
        from dateline.delivery.blocks import BLOCKS
        from dateline.delivery.replay import Replayer

        self.folder, self.blocks = folder, BLOCKS
        BLOCKS.start(folder, 10**9)
        self.replayer = Replayer(BLOCKS)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self.replayer.run, args=(self._stopped,))
        self._thread.start()
        while not self.replayer._runs:
            time.sleep(0.001)

    def ask(self, token: str, after: int = 0, *, full: bool = False) -> Client:
        return Client(self.replayer, token, after, full=full)

    def read(self, token: str, after: int = 0) -> bytes:
        return self.ask(token, after).read()

    def stop(self) -> None:
        from dateline.delivery import asking

        self._stopped.set()
        self._thread.join()
        self.blocks.stop()
        asking.settle()


@pytest.fixture
def replays(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replays]:
    """Replays in small pieces, so that a small wire has many of them."""
    from dateline.delivery import asking, blocks, choosing
    from dateline.delivery.limits import Limits

    for name, value in (("_PIECE_BYTES", 4000), ("_LEAST_BYTES", 800), ("_ROWS", 5)):
        monkeypatch.setattr(choosing, name, value)
    # What changes is seen because it changed, not because some time is over.
    monkeypatch.setattr(choosing, "_HOLDS_S", 3600.0)
    monkeypatch.setattr(blocks, "_LEAVE_BYTES", 0)
    times = iter(range(10**9))
    monkeypatch.setattr(asking, "LIMITS", Limits(clock=lambda: float(next(times))))
    found = Replays(home / "replay")
    yield found
    found.stop()


def subscribe(name: str = "Quay", terms: Terms | None = None) -> tuple[Any, str]:
    from dateline.delivery import subscribing

    found = subscribing.subscribe(name, terms or Terms(), from_start=True)
    return found, subscribing.issue_token(found)


def from_the_log(name: str, after: int = 0) -> bytes:
    """What a subscription gets after a seq, read row by row."""
    from dateline.delivery import store, subscribing
    from dateline.delivery.lines import encoded

    found = subscribing.find(name)
    rows = store.read_rows(found.stream, max(after, found.since), 100_000)
    return b"".join(line + b"\n" for line in encoded(rows, found))


def publish(headline: str, length: int = 20) -> Any:
    from dateline.wire.append import append

    return append(
        Act.PUBLISH, NewsItem(headline=headline, body=f"<p>Body of {headline}. {'Text of it. ' * length}</p>")
    )


def on_the_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@pytest.mark.parametrize("seed", range(4))
def test_blocks_change_no_byte_whatever_becomes_of_the_wire_and_of_the_terms(replays: Replays, seed: int) -> None:
    from dateline.delivery import subscribing
    from dateline.delivery.fold import DeliveryFold
    from dateline.wire import store as wire
    from dateline.wire.follow import refold

    chance = random.Random(seed)
    terms = {
        "all": Terms(), "world": Terms(wanted=Filter(sections=("world",))),
        "entitled": Terms(wanted=Filter(embargoed=True)), "the same": Terms(),
        "headlines": Terms(headlines=True), "urgent": Terms(wanted=Filter(urgency=3, embargoed=True)),
    }  # fmt: skip
    tokens = {name: subscribe(name, wanted)[1] for name, wanted in terms.items()}
    sent = 0
    for turn in range(6):
        make_wire(60, seed=100 * seed + turn)
        fold_all()
        if turn == 2:
            # One that begins late, and shares a stream with those that did not.
            late = subscribing.subscribe("late", Terms())
            tokens["late"] = subscribing.issue_token(late)
        if turn == 3:
            # Whoever loses or gains an entitlement, or wants less, has lines of both times.
            subscribing.change(subscribing.find("entitled"), Terms())
            subscribing.change(subscribing.find("world"), Terms(wanted=Filter(embargoed=True)))
        if turn == 4:
            refold(DeliveryFold())
        fold_all()
        for _ in range(14):
            name, after = chance.choice(list(tokens)), chance.choice([0, chance.randint(0, wire.head_seq())])
            got = replays.read(tokens[name], after)
            assert got == from_the_log(name, after), f"{name} after {after}"
            sent += len(got)
    assert sent > 500_000 and len(replays.blocks) > 20


def test_a_replay_from_any_seq_is_whole_whichever_blocks_there_are(replays: Replays) -> None:
    from dateline.wire import store as wire

    # A stream with gaps: most cursors are no seq of its own.
    _, token = subscribe("Quay", Terms(wanted=Filter(sections=("world",))))
    make_wire(250)
    fold_all()
    head = wire.head_seq()
    for after in [*range(head, -1, -7), *range(head + 1)]:
        assert replays.read(token, after) == from_the_log("Quay", after), f"after {after}"


def test_a_block_is_sent_from_its_file_and_nothing_is_read_from_the_log(
    replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.delivery import choosing

    for number in range(60):
        publish(f"Item {number}")
    _, token = subscribe()
    fold_all()
    first = replays.read(token)

    def never(*_: object) -> None:
        raise AssertionError("the log was read")

    monkeypatch.setattr(choosing, "encoded", never)
    client = replays.ask(token)
    assert client.read() == first == from_the_log("Quay")
    assert (client.status, client.borrowed.kept) == (200, True)
    # In the middle of a block, too.
    assert replays.read(token, 7) == from_the_log("Quay", 7)


def test_a_kill_reaches_a_replay_that_is_under_way_before_it_is_folded(replays: Replays) -> None:
    from dateline.delivery import store
    from dateline.wire.append import append

    made = [publish(f"Item {number}", length=100) for number in range(1500)]
    forged = publish("Forged", length=100)
    _, token = subscribe()
    fold_all()
    replays.read(token)
    assert b"Body of Forged" in on_the_disk(replays.folder)
    client = replays.ask(token)
    client.read_head()
    # The client does not read on: most of it waits on this side.
    time.sleep(0.3)
    kill = append(Act.KILL, uri=forged.uri, note="It was forged.")
    assert store.last_before(1, kill.seq) < kill.seq
    parts = []
    while part := client.read_chunk():
        parts.append(part)
    got = b"".join(parts)
    assert b"Body of Forged" not in got and b'"withdrawn":%d' % kill.seq in got
    assert got.count(b"\n") == len(made) + 1
    # Nor does the text stay in a block of its own.
    assert b"Body of Forged" not in on_the_disk(replays.folder)


def test_the_fold_of_a_kill_takes_the_text_from_the_disk(replays: Replays) -> None:
    from dateline.wire.append import append

    made = [publish(f"Item {number}") for number in range(80)]
    _, token = subscribe()
    _, other = subscribe("Other", Terms(wanted=Filter(embargoed=True)))
    fold_all()
    replays.read(token)
    replays.read(other)
    before = len(replays.blocks)
    assert on_the_disk(replays.folder).count(b"Body of Item 40.") == 2
    append(Act.KILL, uri=made[40].uri, note="It was forged.")
    fold_all()
    assert b"Body of Item 40." not in on_the_disk(replays.folder)
    assert len(list(replays.folder.iterdir())) == len(replays.blocks) == before - 2
    assert replays.read(token) == from_the_log("Quay")
    assert replays.read(other) == from_the_log("Other")


def test_a_kill_between_the_reading_of_a_block_and_its_keeping_leaves_no_text(
    replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.wire.append import append

    made = [publish(f"Item {number}") for number in range(30)]
    _, token = subscribe()
    fold_all()
    keep = replays.blocks.keep
    killed: list[int] = []

    def late(*args: Any, **values: Any) -> Any:
        if not killed:
            killed.append(append(Act.KILL, uri=made[2].uri, note="It was forged.").seq)
            fold_all()
        return keep(*args, **values)

    monkeypatch.setattr(replays.blocks, "keep", late)
    replays.read(token)
    assert killed and b"Body of Item 2." not in on_the_disk(replays.folder)
    assert b"Body of Item 2." not in replays.read(token)


def test_a_token_that_ends_under_way_ends_the_replay_with_a_problem(replays: Replays) -> None:
    from dateline.delivery import subscribing

    for number in range(1500):
        publish(f"Item {number}", length=100)
    found, token = subscribe()
    fold_all()
    whole = replays.read(token)
    client = replays.ask(token)
    client.read_head()
    time.sleep(0.3)
    subscribing.revoke_tokens(found)
    parts = []
    while part := client.read_chunk():
        parts.append(part)
    *lines, last = b"".join(parts).splitlines()
    assert b"The token has ended" in last and 0 < len(lines) < 1500
    assert whole.startswith(b"\n".join(lines) + b"\n")
    # And from then on it is refused, as every other request is.
    client = replays.ask(token)
    assert b"No subscription" in client.read() and client.status == 401
    assert client.headers["content-type"] == "application/problem+json"


def test_blocks_can_be_thrown_away_or_spoiled_at_any_time(replays: Replays) -> None:
    for number in range(60):
        publish(f"Item {number}")
    _, token = subscribe()
    fold_all()
    right = from_the_log("Quay")
    assert replays.read(token) == right
    for path in sorted(replays.folder.iterdir())[::2]:
        os.truncate(path, 100)
    assert replays.read(token) == right
    for path in sorted(replays.folder.iterdir())[1::2]:
        path.unlink()
    assert replays.read(token) == right
    shutil.rmtree(replays.folder)
    assert replays.read(token) == right


def test_what_another_server_left_is_never_believed(home: Path) -> None:
    from dateline.delivery.blocks import Blocks

    folder = home / "replay"
    folder.mkdir()
    (folder / "1.ndjson").write_bytes(b"from another release\n")
    blocks = Blocks()
    blocks.start(folder, 10**6)
    assert list(folder.iterdir()) == [] and folder.stat().st_mode & 0o777 == 0o700
    blocks.stop()
    assert not folder.exists()
    # None at all, and a place where there can be none: replays go on without.
    blocks.start(folder, 0)
    assert not folder.exists()
    (home / "file").write_text("")
    blocks.start(home / "file" / "replay", 10**6)
    assert len(blocks) == 0


def test_a_full_disk_costs_the_blocks_and_not_the_replay(
    replays: Replays, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from dateline.delivery import blocks

    for number in range(60):
        publish(f"Item {number}")
    _, token = subscribe()
    fold_all()
    right = from_the_log("Quay")
    tries: list[str] = []

    def full(path: str, data: bytes) -> None:
        tries.append(path)
        Path(path).write_bytes(data[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(blocks, "_write", full)
        assert replays.read(token) == right
        assert replays.read(token) == right
    # It is said once, nothing is left, and for a while nothing is tried.
    assert len(tries) == 1 and list(replays.folder.iterdir()) == []
    assert [record.getMessage() for record in caplog.records if "No space left" in record.getMessage()]
    assert replays.read(token) == right and len(replays.blocks) == 0
    monkeypatch.setattr(replays.blocks, "_resumes", 0.0)
    assert replays.read(token) == right and len(replays.blocks) > 1


def test_blocks_take_no_more_room_than_they_may_and_what_is_in_use_stays(
    replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.delivery import blocks

    for number in range(200):
        publish(f"Item {number}")
    _, token = subscribe()
    _, headlines = subscribe("Headlines", Terms(headlines=True))
    fold_all()
    replays.blocks.start(replays.folder, 30_000)
    assert replays.read(token) == from_the_log("Quay")
    kept = sorted(replays.folder.iterdir())
    assert 0 < sum(path.stat().st_size for path in kept) <= 30_000
    # A replay of more than there is room for would else throw away each time what it needs next.
    assert replays.read(token) == from_the_log("Quay") and sorted(replays.folder.iterdir()) == kept
    monkeypatch.setattr(blocks, "_FRESH_S", 0.0)
    assert replays.read(headlines) == from_the_log("Headlines")
    assert sum(path.stat().st_size for path in replays.folder.iterdir()) <= 30_000
    assert sorted(replays.folder.iterdir()) != kept
    monkeypatch.setattr(blocks, "_LEAVE_BYTES", 1 << 60)
    replays.blocks.start(replays.folder, 30_000)
    assert replays.read(token) == from_the_log("Quay") and list(replays.folder.iterdir()) == []


@pytest.mark.parametrize("killed", [100, 198])
def test_a_stream_that_is_folded_anew_loses_no_line_between_the_blocks_of_the_old_one(
    replays: Replays, killed: int
) -> None:
    from dateline.delivery import store
    from dateline.delivery.fold import catch_up
    from dateline.wire.append import append

    made = [publish(f"Item {number}") for number in range(300)]
    _, token = subscribe()
    fold_all()
    # Blocks that do not end where a batch of the fold does: it folds 200 at a time.
    replays.read(token, 3)
    replays.read(token)
    append(Act.KILL, uri=made[killed].uri, note="It was forged.")
    fold_all()
    right = from_the_log("Quay")
    # As for a new subscription with a filter that another had and gave up: the blocks are there, the rows are not yet.
    for table in ("row", "item"):
        store.sql().execute(f"DELETE FROM delivery_{table}")
    store.sql().execute("UPDATE delivery_stream SET cursor = 0, last = 0")
    seen = set()
    while True:
        got = replays.read(token)
        assert got == from_the_log("Quay") and right.startswith(got)
        seen.add(len(got))
        if not catch_up():
            break
    assert len(seen) > 2 and got == right


def test_a_client_that_does_not_read_delays_nobody_and_one_that_goes_leaves_nothing(replays: Replays) -> None:
    for number in range(1500):
        publish(f"Item {number}", length=100)
    _, token = subscribe()
    fold_all()
    right = replays.read(token)
    before = len(os.listdir("/proc/self/fd"))
    idle = [replays.ask(token) for _ in range(7)]
    begun = time.monotonic()
    assert replays.read(token) == right
    assert time.monotonic() - begun < 5
    assert not any(client.borrowed.over.is_set() for client in idle)
    # Each has a socket at both ends, and the file that it stopped in.
    assert len(os.listdir("/proc/self/fd")) <= before + 7 * 4
    assert idle[0].read() == right
    for client in idle:
        client._file.close()
        client.socket.close()
    for client in idle:
        assert client.borrowed.over.wait(FOREVER_S)
    assert idle[1].borrowed.kept is False
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_subscription_has_no_more_than_eight_replays_and_a_client_that_takes_nothing_is_ended(
    replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.delivery import replay

    for number in range(1500):
        publish(f"Item {number}", length=100)
    _, token = subscribe()
    fold_all()
    right = replays.read(token)
    idle = [replays.ask(token) for _ in range(8)]
    for client in idle:
        client.read_head()
    ninth = replays.ask(token)
    assert b"Too many streams" in ninth.read() and ninth.status == 429
    monkeypatch.setattr(replay, "_LONGEST_S", 0.2)
    for client in idle:
        assert client.borrowed.over.wait(FOREVER_S) and client.borrowed.kept is False
        assert not client._file.read().endswith(b"0\r\n\r\n"), "nobody takes it for the whole"
    monkeypatch.undo()
    assert replays.read(token) == right


def test_what_is_killed_before_the_first_byte_of_its_piece_could_go_does_not_leave(
    replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.delivery import replay
    from dateline.wire.append import append

    monkeypatch.setattr(replay, "_KERNEL_BYTES", 4096)  # less than is there already

    made = [publish(f"Item {number}", length=100) for number in range(40)]
    _, token = subscribe()
    fold_all()
    assert b"Item 7" in replays.read(token)
    client = replays.ask(token, full=True)
    time.sleep(0.2)  # its first piece was chosen by now, and found no room
    append(Act.KILL, uri=made[7].uri, note="It was forged.")
    client.make_room()
    got = client.read()
    assert b"Item 7" not in got and b'"withdrawn"' in got and got == from_the_log("Quay")


def test_a_query_that_cannot_be_read_is_refused_and_disturbs_no_other(replays: Replays) -> None:
    publish("Item")
    _, token = subscribe()
    fold_all()
    client = Client(replays.replayer, token, "0&" + "&".join(f"x{number}=1" for number in range(2000)))
    assert b"cannot be read" in client.read() and client.status == 400
    assert replays.read(token) == from_the_log("Quay")


def test_very_long_texts_are_read_once(replays: Replays, monkeypatch: pytest.MonkeyPatch) -> None:
    from dateline.delivery import choosing

    for number in range(12):
        publish(f"Item {number}", length=30_000)
    _, token = subscribe()
    fold_all()
    read: list[int] = []
    encoded = choosing.encoded

    def counting(rows: list[Any], by: Any) -> list[bytes]:
        read.extend(row.seq for row in rows)
        return encoded(rows, by)

    monkeypatch.setattr(choosing, "encoded", counting)
    assert replays.read(token) == from_the_log("Quay")
    assert sorted(read) == sorted(set(read))


def test_a_replay_that_fails_says_so_and_the_next_one_does_not(
    replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.delivery import choosing

    for number in range(60):
        publish(f"Item {number}")
    _, token = subscribe()
    fold_all()
    read = choosing._read_lines
    calls: list[int] = []

    def failing(*args: Any, **values: Any) -> Any:
        calls.append(1)
        if len(calls) in (1, 4):
            raise OSError("the disk does not answer")
        return read(*args, **values)

    monkeypatch.setattr(choosing, "_read_lines", failing)
    client = replays.ask(token)
    assert b"The replay failed" in client.read() and client.status == 500
    # Where a part has gone out already the connection ends without the last chunk: nobody takes it for the whole.
    client = replays.ask(token)
    client.read_head()
    assert not client._file.read().endswith(b"0\r\n\r\n")
    assert client.borrowed.kept is False
    assert replays.read(token) == from_the_log("Quay")


def test_what_is_asked_before_each_piece_does_not_grow_with_the_wire(replays: Replays) -> None:
    from dateline.wire import store as wire

    statements: list[str] = []
    wire.sql().set_trace_callback(statements.append)
    wire.last_kill()
    wire.is_killed_after(1, 2, 3)
    wire.sql().set_trace_callback(None)
    assert len(statements) == 2
    for statement in statements:
        plan = " ".join(row[3] for row in wire.sql().execute(f"EXPLAIN QUERY PLAN {statement}"))
        assert "wire_item_killed" in plan and "SCAN" not in plan, plan
