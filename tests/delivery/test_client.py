"""The client takes nothing that the agency did not sign, and nothing twice or backwards."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from test_pull import Asker, publish

from dateline.delivery.subscribing import Terms
from dateline.news.acts import Act
from dateline.wire.errors import NotVerified


class Kept:
    """A sink that keeps what it is given."""

    in_bulk = True

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.kept = 0

    def take(self, line: Any, raw: bytes) -> None:
        self.lines.append(json.loads(raw))

    def keep(self) -> None:
        self.kept = len(self.lines)


NDJSON = "application/x-ndjson"


def as_bytes(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Torn(httpx.SyncByteStream):
    """An answer whose connection is lost after its parts."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        raise httpx.ReadError("the connection was lost")


async def read_all(parts: Any) -> bytes:
    """Return a streamed answer; the thread that it is read in forgets the database of this test."""
    try:
        return b"".join([part async for part in parts])
    finally:
        await sync_to_async(lambda: connection.close())()


def follow(
    asker: Asker,
    place: Path,
    change: Any = lambda answer: None,
    *,
    change_replay: Any = lambda lines: None,
    seen: list[str] | None = None,
    kept: list[dict[str, Any]] | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Follow once, through someone who changes the answers; return what was taken, also put into `kept`."""
    from django.test import Client

    from dateline.delivery.client import Follower
    from dateline.wire.verify import read_verifier

    def between(request: httpx.Request) -> httpx.Response:
        accept = request.headers.get("Accept", "")
        if seen is not None:
            seen.append(f"{request.url.path} {accept}")
        if accept == NDJSON:
            headers = {"host": "localhost", "authorization": f"Bearer {asker.token}", "accept": accept}
            found = Client(headers=headers).get(request.url.path, dict(request.url.params))
            lines = asyncio.run(read_all(found.streaming_content)).splitlines()
            lines = [json.loads(line) for line in lines]
            other = change_replay(lines)
            content = other if other is not None else b"".join(as_bytes(line) + b"\n" for line in lines)
            kind = {"stream": content} if isinstance(content, httpx.SyncByteStream) else {"content": content}
            return httpx.Response(200, **kind)
        found = asker.get(request.url.path, **dict(request.url.params))
        if found.status_code != 200 or request.url.path != "/api/wire":
            return httpx.Response(found.status_code, content=found.content)
        answer = found.json()
        change(answer)
        return httpx.Response(200, content=as_bytes(answer))

    sink = Kept()
    if kept is not None:
        sink.lines = kept
    follower = Follower("http://wire", asker.token, read_verifier(), place, sink, **options)
    follower._http = httpx.Client(transport=httpx.MockTransport(between), base_url="http://wire")
    follower.run(once=True)
    return sink.lines


@pytest.fixture
def asker(home: Any) -> Asker:
    asker = Asker()
    for number in range(3):
        publish(f"Item {number}")
    return asker


def test_what_comes_as_it_was_signed_is_taken_once(asker: Asker, tmp_path: Path) -> None:
    lines = follow(asker, tmp_path / "state")
    assert [line["seq"] for line in lines] == [1, 2, 3]
    publish("Later")
    assert [line["seq"] for line in follow(asker, tmp_path / "state")] == [4]


def forge_text(answer: Any) -> None:
    answer["dispatches"][0]["item"]["headlines"][0]["value"] = "FORGED"


def forge_headlines(answer: Any) -> None:
    answer["dispatches"][0] |= {"headlines": True, "item": {"uri": "x"}}


def forge_kill(answer: Any) -> None:
    answer["dispatches"][0] |= {"act": "kill", "withdrawn": 9}


def strip_text(answer: Any) -> None:
    answer["dispatches"][0] |= {"withdrawn": 3, "digest": "0" * 64}


def leave_out(answer: Any) -> None:
    del answer["dispatches"][1]


def turn_back(answer: Any) -> None:
    answer["dispatches"].append(answer["dispatches"][0])


@pytest.mark.parametrize("forge", [forge_text, forge_headlines, forge_kill, strip_text, leave_out, turn_back])
def test_what_someone_between_changed_is_refused(asker: Asker, tmp_path: Path, forge: Any) -> None:
    with pytest.raises(NotVerified):
        follow(asker, tmp_path / "state", forge)


def test_a_leap_that_the_answer_claims_skips_nothing(asker: Asker, tmp_path: Path) -> None:
    def leap(answer: Any) -> None:
        answer["next"], answer["dispatches"] = 500, []

    follow(asker, tmp_path / "state", leap)
    assert [line["seq"] for line in follow(asker, tmp_path / "state")] == [1, 2, 3]


def test_a_text_that_was_kept_back_without_a_kill_is_found_out(asker: Asker, tmp_path: Path) -> None:
    import hashlib

    def keep_back(answer: Any) -> None:
        line = answer["dispatches"][0]
        data = json.dumps(line["item"], separators=(",", ":"), ensure_ascii=False).encode()
        line |= {"withdrawn": 2, "digest": hashlib.sha256(data).hexdigest()}

    with pytest.raises(NotVerified, match="was to withdraw"):
        follow(asker, tmp_path / "state", keep_back)


def test_a_killed_item_comes_as_a_proved_stub_and_its_kill(asker: Asker, tmp_path: Path) -> None:
    from test_streams import fold_all

    from dateline.wire.append import append

    made = publish("Forged report")
    append(Act.KILL, uri=made.uri, note="Forged.")
    fold_all()
    lines = follow(asker, tmp_path / "state")
    assert lines[3]["withdrawn"] == 5 and "Forged report" not in json.dumps(lines[3])
    assert lines[4]["act"] == "kill"


def test_headlines_are_taken_by_who_asks_for_them(home: Any, tmp_path: Path) -> None:
    asker = Asker(terms=Terms(headlines=True))
    publish("Only a headline")
    with pytest.raises(NotVerified, match="--headlines"):
        follow(asker, tmp_path / "state")
    assert [line["seq"] for line in follow(asker, tmp_path / "state", headlines=True)] == [1]


def test_a_state_that_is_none_gets_a_sentence(asker: Asker, tmp_path: Path) -> None:
    from dateline.delivery.client import Refused

    (tmp_path / "state").write_bytes(b"\x00")
    with pytest.raises(Refused, match="not the state"):
        follow(asker, tmp_path / "state")


def test_a_file_that_is_no_database_or_has_tables_of_its_own_is_named_and_left_alone(tmp_path: Path) -> None:
    import sqlite3

    from dateline.delivery.sinks import Database, Line, NotTaken

    notes = tmp_path / "notes.txt"
    notes.write_text("Not a database, but what somebody wrote. " * 50)
    with pytest.raises(NotTaken, match=r"notes\.txt: file is not a database\. Mend that"):
        Database(notes)
    assert notes.read_text().startswith("Not a database")
    with pytest.raises(NotTaken, match=r"nowhere/wire\.db: unable to open"):
        Database(tmp_path / "nowhere" / "wire.db")
    others = tmp_path / "others.db"
    with sqlite3.connect(others) as theirs:
        theirs.execute("CREATE TABLE dispatch (seq, uri, sent)")
    theirs.close()
    with pytest.raises(NotTaken, match=r"others\.db: table dispatch has 3 columns"):
        Database(others).take(Line(1, 0, "publish", "tag:x", 1, "", msgspec.Raw(b"{}")), b"{}")


@pytest.fixture
def behind(home: Any, monkeypatch: pytest.MonkeyPatch) -> Asker:
    """A subscriber that is many pages behind; a page is of two."""
    from dateline.delivery import client, pull

    monkeypatch.setattr(client, "_LIMIT", 2)
    monkeypatch.setattr(client, "_FIRST_S", 0.0)
    monkeypatch.setattr(pull, "_BATCH", 3)
    asker = Asker()
    for number in range(11):
        publish(f"Item {number}")
    return asker


def test_who_is_far_behind_catches_up_by_one_replay(behind: Asker, tmp_path: Path) -> None:
    seen: list[str] = []
    lines = follow(behind, tmp_path / "state", seen=seen)
    assert [line["seq"] for line in lines] == list(range(1, 12))
    assert seen == ["/api/wire */*", f"/api/wire {NDJSON}", "/api/wire */*"]
    assert not any("checkpoint" in line or "proof" in line for line in lines)
    seen.clear()
    publish("Later")
    assert [line["seq"] for line in follow(behind, tmp_path / "state", seen=seen)] == [12]
    assert f"/api/wire {NDJSON}" not in seen, "a page is enough"


def test_what_is_published_during_a_replay_is_proved_by_a_head_that_continues_the_one_before(
    behind: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.delivery import pull

    read, reads = pull._read, 0

    def growing(asked: Any, after: int, limit: int, *before: Any) -> Any:
        nonlocal reads
        reads += bool(before)
        if reads in (2, 4) and before:
            publish(f"Meanwhile {reads}")
        return read(asked, after, limit, *before)

    monkeypatch.setattr(pull, "_read", growing)
    seen: list[str] = []
    checkpoints: list[int] = []
    lines = follow(
        behind, tmp_path / "state", seen=seen,
        change_replay=lambda lines: checkpoints.extend(line["seq"] for line in lines if "checkpoint" in line),
    )  # fmt: skip
    assert [line["seq"] for line in lines] == list(range(1, 14))
    assert checkpoints[0] == 3 and len(checkpoints) == 2 and checkpoints[1] >= 12
    assert "/api/consistency */*" in seen


def at_the_fifth(forge: Any) -> Any:
    def change(lines: Any) -> None:
        answer = {"dispatches": lines[4:]}
        forge(answer)
        lines[4:] = answer["dispatches"]

    return change


def forge_a_later_checkpoint(lines: Any) -> None:
    lines[4]["checkpoint"] = lines[0]["checkpoint"].replace("\n", "\n\n", 1)


@pytest.mark.parametrize(
    "change",
    [
        *(at_the_fifth(forge) for forge in (forge_text, forge_headlines, forge_kill, strip_text, leave_out, turn_back)),
        forge_a_later_checkpoint,
    ],
)
def test_what_someone_changed_in_a_replay_is_refused_and_what_came_before_it_is_noted(
    behind: Asker, tmp_path: Path, change: Any
) -> None:
    taken: list[dict[str, Any]] = []
    with pytest.raises(NotVerified):
        follow(behind, tmp_path / "state", change_replay=change, kept=taken)
    cursor = json.loads((tmp_path / "state").read_text())["cursor"]
    assert [line["seq"] for line in taken] == list(range(1, cursor + 1)) and cursor >= 6
    assert [line["seq"] for line in follow(behind, tmp_path / "state")] == list(range(cursor + 1, 12))


@pytest.mark.parametrize("torn", ["between", "within", "quietly", "at once"])
def test_a_replay_that_is_cut_goes_on_at_its_next_line(behind: Asker, tmp_path: Path, torn: str) -> None:
    cuts = 0

    def cut(lines: Any) -> Any:
        nonlocal cuts
        cuts += 1
        whole = [as_bytes(line) + b"\n" for line in lines]
        if cuts > 1:
            return None
        if torn == "between":
            return Torn(*whole[:4])
        if torn == "within":
            return Torn(whole[0] + whole[1][:50], whole[1][50:] + whole[2][:-1])
        return b"".join(whole[:2]) + whole[2][:-9] if torn == "quietly" else Torn()

    lines = follow(behind, tmp_path / "state", change_replay=cut)
    assert [line["seq"] for line in lines] == list(range(1, 12)) and cuts == 2


def test_a_replay_that_ends_with_a_problem_says_what_it_says(behind: Asker, tmp_path: Path) -> None:
    from dateline.delivery.client import Refused

    def end(lines: Any) -> None:
        lines[3:] = [{"status": 401, "title": "No subscription", "detail": "The token has ended."}]

    with pytest.raises(Refused, match="token has ended"):
        follow(behind, tmp_path / "state", change_replay=end)
    assert json.loads((tmp_path / "state").read_text())["cursor"] == 5


def test_a_wire_whose_replays_name_no_checkpoint_is_followed_page_by_page(behind: Asker, tmp_path: Path) -> None:
    def older(lines: Any) -> None:
        for line in lines:
            line.pop("checkpoint", None)

    seen: list[str] = []
    lines = follow(behind, tmp_path / "state", change_replay=older, seen=seen)
    assert [line["seq"] for line in lines] == list(range(1, 12))
    assert seen.count(f"/api/wire {NDJSON}") == 1
