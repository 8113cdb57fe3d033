"""The client takes nothing that the agency did not sign, and nothing twice or backwards."""

import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from test_pull import Asker, publish

from dateline.delivery.subscribing import Terms
from dateline.news.acts import Act
from dateline.wire.errors import NotVerified


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def take(self, line: Any, raw: bytes) -> None:
        self.lines.append(json.loads(raw))


def follow(asker: Asker, place: Path, change: Any = lambda answer: None, **options: Any) -> list[dict[str, Any]]:
    """Follow once, through someone who changes the answers."""
    from dateline.delivery.client import Follower
    from dateline.wire.verify import read_verifier

    def between(request: httpx.Request) -> httpx.Response:
        found = asker.get(request.url.path, **dict(request.url.params))
        if found.status_code != 200 or request.url.path != "/api/wire":
            return httpx.Response(found.status_code, content=found.content)
        answer = found.json()
        change(answer)
        return httpx.Response(200, content=json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode())

    sink = Kept()
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

    from dateline.delivery.client import Database, Line, NotTaken

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
