"""Pull: cursors, tokens, refusals. The streams are tried with a real server (tests/flow)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from test_streams import fold_all

from dateline.delivery.filter import Filter
from dateline.delivery.subscribing import Terms
from dateline.news.acts import Act
from dateline.news.item import NewsItem


class Asker:
    """A subscriber's client."""

    def __init__(self, name: str = "Quay", terms: Terms | None = None, **options: Any) -> None:
        from dateline.delivery import subscribing

        self.subscription = subscribing.subscribe(name, terms or Terms(), **options)
        self.token = subscribing.issue_token(self.subscription)
        fold_all()

    def get(self, path: str = "/api/wire", token: str | None = None, **query: Any) -> Any:
        headers = {"host": "localhost", "authorization": f"Bearer {self.token if token is None else token}"}
        from dateline.delivery import asking

        answer = Client(headers=headers).get(path, query)
        asking.settle()
        return answer


def publish(headline: str, **fields: Any) -> Any:
    from dateline.wire.append import append

    made = append(Act.PUBLISH, NewsItem(headline=headline, body="<p>Text.</p>", **fields))
    fold_all()
    return made


@pytest.fixture
def asker(home: Any) -> Asker:
    return Asker()


def test_a_cursor_gets_what_comes_after_it_and_acknowledges_what_it_has(asker: Asker) -> None:
    from dateline.delivery import store

    for number in range(5):
        publish(f"Item {number}")
    answer = asker.get(after=2, limit=2).json()
    assert [line["seq"] for line in answer["dispatches"]] == [3, 4]
    assert [line["prev"] for line in answer["dispatches"]] == [2, 3]
    assert (answer["next"], answer["head"]) == (4, 5)
    assert store.subscriptions()[0].cursor == 2
    asker.get(after=4)
    asker.get(after=0)
    assert store.subscriptions()[0].cursor == 4
    assert asker.get(after=5).json()["dispatches"] == []


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({"after": 99}, 409, "never been at 99"),
        ({"after": "x"}, 400, "seq of the last dispatch"),
        ({"after": "²"}, 400, "seq of the last dispatch"),
        ({"after": "-1"}, 400, "seq"),
        ({"after": "9" * 30}, 400, "seq"),
        ({"limit": "many"}, 400, "limit is a whole number"),
        ({"wait": "1e9"}, 400, "wait is a whole number"),
        ({"wire": "another"}, 409, "Begin with after=0"),
    ],
)
def test_what_the_wire_does_not_know_gets_an_explicit_answer(asker: Asker, query: Any, status: int, says: str) -> None:
    answer = asker.get(**query)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("accept", "is_replay"),
    [
        ("application/x-ndjson", True), ("Application/X-NDJSON; charset=utf-8", True),
        ("application/json;q=0.5, application/x-ndjson", True), ("application/x-ndjson;q=0", False),
        ("application/json, application/x-ndjson;q=0.1", False), ("*/*", False), ("text/html", False),
    ],
)  # fmt: skip
def test_a_replay_goes_to_who_likes_it_better_by_either_way(
    asker: Asker, accept: str, is_replay: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.delivery.blocks import Blocks
    from dateline.delivery.replay import Replayer
    from dateline.pages.answer import Request

    publish("Harbour reopens")
    headers = {"host": "localhost", "authorization": f"Bearer {asker.token}", "accept": accept}
    answer = Client(headers=headers).get("/api/wire")
    assert answer["Content-Type"] == ("application/x-ndjson" if is_replay else "application/json")
    replayer = Replayer(Blocks())
    monkeypatch.setattr(replayer, "_runs", True)
    assert replayer.wants(Request("GET", "/api/wire", "", headers, True, "1.1")) is is_replay


def test_tokens_are_kept_as_digests_rotated_with_an_overlap_and_revoked_at_once(asker: Asker, home: Any) -> None:
    from dateline.delivery import store, subscribing

    assert asker.get(token="dl_wrong").status_code == 401
    assert asker.get(token="").status_code == 401
    assert Client(headers={"host": "localhost"}).get("/api/wire")["WWW-Authenticate"].startswith("Bearer")
    kept = (home / "wire.sqlite3").read_bytes() + (home / "wire.sqlite3-wal").read_bytes()
    assert asker.token.encode() not in kept
    second = subscribing.issue_token(asker.subscription, overlap=timedelta(hours=1))
    assert asker.get().status_code == asker.get(token=second).status_code == 200
    third = subscribing.issue_token(asker.subscription)
    assert asker.get(token=second).status_code == 401 and asker.get(token=third).status_code == 200
    subscribing.revoke_tokens(asker.subscription)
    assert asker.get(token=third).status_code == 401
    assert len(store.read_tokens(asker.subscription.id)) == 3


def test_a_subscription_that_has_ended_says_so(home: Any) -> None:
    from dateline.delivery import store

    asker = Asker()
    store.set_fields(asker.subscription.id, ends="2020-01-01T00:00:00.000000Z")
    assert asker.get().status_code == 403
    assert "ended" in asker.get().json()["detail"]


def test_embargoed_text_goes_to_who_is_entitled_and_to_others_when_it_opens(home: Any) -> None:
    from dateline.wire.append import append

    plain, entitled = Asker("Plain"), Asker("Entitled", Terms(wanted=Filter(embargoed=True)))
    made = publish("Secret budget", embargoed=datetime.now(UTC) + timedelta(hours=1))
    for path in ("/api/wire", f"/api/items/{made.uri}", f"/api/items/{made.uri}/versions"):
        assert b"Secret" not in plain.get(path).content
    assert entitled.get().json()["dispatches"][0]["item"]["embargoedUntil"]
    append(Act.RELEASE, uri=made.uri)
    fold_all()
    assert [line["act"] for line in plain.get().json()["dispatches"]] == ["release"]
    assert [line["act"] for line in entitled.get(after=0).json()["dispatches"]] == ["publish", "release"]
    versions = plain.get(f"/api/items/{made.uri}/versions").content
    assert versions.count(b"\n") == 1 and b'"act":"release"' in versions


def test_an_item_is_had_as_ninjs_as_text_and_after_its_kill_not_at_all(asker: Asker) -> None:
    from dateline.wire.append import append

    made = publish("Harbour reopens")
    path = f"/api/items/{made.uri}"
    assert asker.get(path).content == made.item
    headers = {"host": "localhost", "authorization": f"Bearer {asker.token}", "accept": "text/plain"}
    assert b"Headline: Harbour reopens" in Client(headers=headers).get(path).content
    for accept, begins in {
        "application/vnd.iptc.g2.newsitem+xml": b"<?xml", "text/vnd.iptc.nitf": b"<?xml",
        "text/vnd.iptc.iptc7901": b"\x01", "application/json; ninjs=1.6": b'{"$standard"',
    }.items():  # fmt: skip
        answer = Client(headers={**headers, "accept": accept}).get(path)
        assert answer.status_code == 200 and answer.content.startswith(begins), accept
    for accept, kind in {
        "TEXT/Plain": "text/plain", "application/json; q=0.5, text/plain;q=0.4": "application/json",
        "*/*, application/json;q=0": "application/vnd.iptc.g2.newsitem+xml", "text/html, text/*": "text/vnd.iptc.nitf",
        "Application/JSON; NINJS=1.6": "application/json",
    }.items():  # fmt: skip
        answer = Client(headers={**headers, "accept": accept}).get(path)
        assert answer.status_code == 200 and answer["Content-Type"].startswith(kind), accept
        assert answer["Vary"] == "Accept"
    for accept in ("image/png", "text/plain;q=0", "application/json; ninjs=9.9"):
        assert Client(headers={**headers, "accept": accept}).get(path).status_code == 406, accept
    assert asker.get("/api/items/tag:nobody.example,2026:x").status_code == 404
    append(Act.KILL, uri=made.uri, note="It was forged.")
    fold_all()
    answer = asker.get(path)
    assert answer.status_code == 410 and answer.json()["detail"] == "It was forged."


def test_proofs_hold_against_the_signed_head(asker: Asker) -> None:
    import base64

    from dateline.wire.merkle import check_consistency, check_inclusion
    from dateline.wire.verify import read_verifier

    made = [publish(f"Item {number}") for number in range(5)]
    answer = asker.get(after=0, proof=1).json()
    point = read_verifier().open(answer["checkpoint"])
    for line, dispatch in zip(answer["dispatches"], made, strict=True):
        path = [base64.b64decode(part) for part in line["proof"]]
        assert check_inclusion(line["seq"] - 1, point.size, dispatch.leaf, path, point.root)
    publish("One more")
    later = read_verifier().open(asker.get(proof=1).json()["checkpoint"])
    proof = [bytes.fromhex(part) for part in asker.get("/api/consistency", old=5, new=6).json()["proof"]]
    assert check_consistency(5, 6, point.root, later.root, proof)


def test_a_proof_between_sizes_that_the_log_never_had_in_that_order_is_refused(asker: Asker) -> None:
    for number in range(3):
        publish(f"Item {number}")
    for old, new in ((3, 2), (2, 4), (4, 4), (99, 3), (0, 99)):
        answer = asker.get("/api/consistency", old=old, new=new)
        assert answer.status_code == 400 and answer["Content-Type"] == "application/problem+json", (old, new)
        assert "The log has 3 dispatches" in answer.json()["detail"]
    assert asker.get("/api/consistency", old=3, new=3).json() == {"old": 3, "new": 3, "proof": []}


def test_a_look_with_the_token_of_a_pushed_subscription_acknowledges_nothing(home: Any) -> None:
    from dateline.delivery import store

    asker = Asker(terms=Terms(url="https://quay.example/wire"))
    for number in range(3):
        publish(f"Item {number}")
    assert asker.get(after=3).status_code == 200
    assert store.subscriptions()[0].cursor == 0


def test_a_browsers_stream_goes_on_from_what_its_header_says(asker: Asker) -> None:
    for number in range(3):
        publish(f"Item {number}")
    headers = {"host": "localhost", "authorization": f"Bearer {asker.token}", "last-event-id": "2"}
    answer = Client(headers=headers).get("/api/wire", {"after": 0}).json()
    assert [line["seq"] for line in answer["dispatches"]] == [3]


def test_a_killed_item_is_not_had_in_the_moment_before_the_fold(asker: Asker) -> None:
    from dateline.wire.append import append

    made = publish("Forged")
    append(Act.KILL, uri=made.uri, note="It was forged.")
    assert asker.get(f"/api/items/{made.uri}").status_code == 410


def test_what_was_before_a_subscription_began_is_not_of_it(home: Any) -> None:
    early = Asker("Early")
    made = publish("Before")
    late = Asker("Late")
    assert early.get(f"/api/items/{made.uri}").status_code == 200
    assert late.get(f"/api/items/{made.uri}").status_code == 404


def test_who_asks_too_often_is_told_when_to_come_again(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    from dateline.delivery import asking
    from dateline.delivery.limits import Limits

    monkeypatch.setattr(asking, "LIMITS", Limits(clock=lambda: 0.0))
    answers = [asker.get() for _ in range(201)]
    assert {answer.status_code for answer in answers[:200]} == {200}
    assert answers[200].status_code == 429 and int(answers[200]["Retry-After"]) >= 1


def test_the_api_is_described_for_machines_and_for_people(home: Any) -> None:
    client = Client(headers={"host": "localhost"})
    described = client.get("/api/openapi.json").json()
    page = client.get("/api/").content.decode()
    for path in described["paths"]:
        assert f"GET {path}" in page
    for name in described["components"]["schemas"]["Dispatch"]["properties"]:
        assert f"<code>{name}</code>" in page
    missing = client.get("/api/nothing/here")
    assert missing.status_code == 404 and missing["Content-Type"] == "application/problem+json"


def test_nothing_is_written_by_any_way_into_the_api(asker: Asker) -> None:
    client = Client(headers={"host": "localhost", "authorization": f"Bearer {asker.token}"})
    for path in ("/api/wire", "/api/items/x", "/api/consistency"):
        for method in ("post", "put", "delete", "patch"):
            assert getattr(client, method)(path).status_code == 405, (path, method)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_strangers_wrong_method_is_a_problem_that_names_the_right_ones_and_no_news(
    home: Any, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(headers={"host": "localhost", "origin": "https://elsewhere.example"}, enforce_csrf_checks=True)
    for path in ("/api/wire", "/api/wire/stream", "/api/items/x", "/api/consistency", "/api/", "/api/nothing", "/"):
        answer = getattr(client, method)(path)
        assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json"), path
        assert answer["Allow"] == "GET, HEAD" and answer.json()["detail"]
    assert not caplog.records
    assert client.head("/api/").status_code == client.head("/api/openapi.json").status_code == 200
