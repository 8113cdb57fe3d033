"""The WebSub hub with a real server and real callbacks: intent is verified, new content comes, a kill at once."""

import contextlib
import hashlib
import hmac
import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import feedparser
import httpx
import pytest

from tests.endpoints import Endpoint
from tests.flow.conftest import Wire


class Callback(Endpoint):
    """A feed reader's callback. `echo` is how it answers a challenge."""

    path = "/websub?mine=1"
    hang_s = 25.0

    def __init__(self) -> None:
        self.challenges: list[dict[str, str]] = []
        self.echo = "yes"
        super().__init__()

    def asked(self, path: str) -> tuple[int, bytes]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        self.challenges.append(query)
        said = {"yes": query.get("hub.challenge", ""), "wrong": "something else"}.get(self.echo, "")
        return 404 if self.echo == "no" else 200, said.encode()


@pytest.fixture
def callback() -> Iterator[Callback]:
    found = Callback()
    yield found
    found.close()


@pytest.fixture
def served(wire: Wire) -> Wire:
    wire.env["DATELINE_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
    wire.start()
    return wire


def ask(wire: Wire, callback: str, topic: str = "/feed.atom", mode: str = "subscribe", **more: str) -> httpx.Response:
    form = {"hub.mode": mode, "hub.callback": callback, "hub.topic": wire.url + topic}
    return httpx.post(f"{wire.url}/hub", data=form | {f"hub.{name}": value for name, value in more.items()}, timeout=20)


def until(said: Any, timeout_s: float = 20) -> None:
    end = time.monotonic() + timeout_s
    while not said():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def kept(wire: Wire) -> list[tuple[str, str]]:
    with sqlite3.connect(wire.home / "wire.sqlite3") as database:
        return database.execute("SELECT callback, path FROM delivery_hub ORDER BY id").fetchall()


def test_who_confirms_gets_the_feeds_very_bytes_signed(served: Wire, callback: Callback) -> None:
    assert ask(served, callback.url, secret="s3cret", lease_seconds="4000").status_code == 202
    until(lambda: kept(served))
    asked = callback.challenges[0]
    assert asked["mine"] == "1" and asked["hub.mode"] == "subscribe" and asked["hub.lease_seconds"] == "4000"
    assert asked["hub.topic"] == f"{served.url}/feed.atom" and len(asked["hub.challenge"]) >= 32
    served.publish("Harbour reopens")
    until(lambda: callback.got)
    headers, body = callback.got[0]
    assert body == served.get("/feed.atom").content
    assert feedparser.parse(body).entries[0].title == "Harbour reopens"
    assert headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert headers["link"] == f'<{served.url}/hub>; rel="hub", <{served.url}/feed.atom>; rel="self"'
    signature = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature"] == f"sha256={signature}"


def test_the_feeds_say_where_the_hub_is(served: Wire) -> None:
    served.publish("Harbour reopens", Section="World")
    served.wait_for("/sections/world/feed.rss", "Harbour reopens")
    for kind in ("atom", "rss"):
        links = feedparser.parse(served.get(f"/sections/world/feed.{kind}").content).feed.links
        found = {link.rel: link.href for link in links}
        assert found["hub"] == f"{served.url}/hub"
        assert found["self"] == f"{served.url}/sections/world/feed.{kind}"
    assert json.loads(served.get("/feed.json").text)["hubs"] == [{"type": "WebSub", "url": f"{served.url}/hub"}]


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_feed_says_in_its_head_where_it_is_and_who_posts_it(wire: Wire, workers: str) -> None:
    wire.env |= {"DATELINE_WORKERS": workers, "DATELINE_MEMORY_MB": "1"}
    wire.start()
    wire.publish("Harbour reopens", Section="Экономика")
    wire.wait_for("/sections/экономика/feed.atom", "Harbour reopens")
    for path in ("/feed.atom", "/feed.rss", "/feed.json", "/sections/экономика/feed.atom"):
        for answer in (wire.get(path), httpx.head(wire.url + path), wire.get(path, Connection="close")):
            links = answer.links
            assert set(links) == {"self", "hub"} and links["hub"]["url"] == f"{wire.url}/hub"
            assert unquote(links["self"]["url"]) == wire.url + path and links["self"]["url"].isascii()
            assert httpx.get(links["self"]["url"], timeout=20).content == wire.get(path).content
    assert "link" not in wire.get("/").headers and "link" not in wire.get("/robots.txt").headers


def test_a_section_in_another_script_is_a_topic_however_its_address_is_written(
    served: Wire, callback: Callback
) -> None:
    served.publish("В порту", Section="Мир")
    served.wait_for("/sections/мир/feed.atom", "В порту")
    ask(served, callback.url, "/sections/мир/feed.atom")
    ask(served, callback.url, "/sections/%D0%BC%D0%B8%D1%80/feed.atom")
    until(lambda: len(kept(served)) == 2)
    served.publish("В море", Section="Мир")
    until(lambda: len(callback.got) == 2)
    for headers, body in callback.got:
        assert '/sections/%D0%BC%D0%B8%D1%80/feed.atom>; rel="self"' in headers["link"]
        assert "В море" in body.decode()


@pytest.mark.parametrize("echo", ["wrong", "no", "empty"])
def test_who_does_not_echo_the_challenge_gets_nothing(served: Wire, callback: Callback, echo: str) -> None:
    callback.echo = echo
    assert ask(served, callback.url).status_code == 202
    until(lambda: callback.challenges)
    time.sleep(0.5)
    served.publish("Harbour reopens")
    served.wait_for("/feed.atom", "Harbour reopens")
    time.sleep(1.5)
    assert not kept(served) and not callback.got and len(callback.challenges) == 1


def test_a_kill_comes_at_once_as_the_feed_without_the_item_also_to_who_was_failing(
    served: Wire, callback: Callback
) -> None:
    other = Callback()
    for found in (callback, other):
        ask(served, found.url)
    until(lambda: len(kept(served)) == 2)
    uri = served.publish("Forged report")
    until(lambda: callback.got and other.got)
    # So often that the next try would be half a minute away.
    other.answers = [500] * 6
    served.publish("Something else")
    until(lambda: len(callback.got) == 2)
    until(lambda: not other.answers, 60)
    served.run("kill", uri, "--advisory", "Forged.")
    began = time.monotonic()
    until(lambda: b"Forged report" not in callback.got[-1][1])
    assert time.monotonic() - began < 3
    until(lambda: b"Forged report" not in other.got[-1][1], 15)
    other.close()


def test_only_the_newest_content_is_posted_after_a_fault_and_after_a_restart(served: Wire, callback: Callback) -> None:
    ask(served, callback.url, "/feed.json")
    until(lambda: kept(served))
    callback.answers = [503, 500, 500]
    for number in range(3):
        served.publish(f"Item {number}")
    until(lambda: callback.got, 40)
    assert len(json.loads(callback.got[-1][1])["items"]) == 3
    before = len(callback.got)
    served.stop(signal.SIGKILL)
    served.publish("While it was down")
    served.start()
    until(lambda: len(callback.got) > before)
    assert len(json.loads(callback.got[-1][1])["items"]) == 4
    # What was posted is written down within a second.
    time.sleep(1.5)
    served.stop()
    count = len(callback.got)
    served.start()
    time.sleep(2)
    assert len(callback.got) == count, "nothing was new"


def test_a_subscription_is_renewed_ended_and_forgotten_when_it_is_gone(served: Wire, callback: Callback) -> None:
    ask(served, callback.url, secret="one")
    until(lambda: kept(served))
    ask(served, callback.url, secret="two")
    until(lambda: len(callback.challenges) == 2)
    time.sleep(0.5)
    assert len(kept(served)) == 1
    served.publish("Harbour reopens")
    until(lambda: callback.got)
    headers, body = callback.got[0]
    assert headers["x-hub-signature"] == "sha256=" + hmac.new(b"two", body, hashlib.sha256).hexdigest()
    callback.echo = "no"
    ask(served, callback.url, mode="unsubscribe")
    until(lambda: len(callback.challenges) == 3)
    time.sleep(0.5)
    assert kept(served), "somebody else asked for its end"
    callback.echo = "yes"
    ask(served, callback.url, mode="unsubscribe")
    until(lambda: not kept(served))
    assert "hub.lease_seconds" not in callback.challenges[-1]
    ask(served, callback.url, "/feed.rss")
    until(lambda: kept(served))
    callback.answers = [410]
    served.publish("Another")
    until(lambda: not kept(served))
    assert "is gone (410)" in served.log.read_text()


def test_a_lease_ends(served: Wire, callback: Callback) -> None:
    ask(served, callback.url, lease_seconds="1")
    until(lambda: kept(served))
    assert callback.challenges[0]["hub.lease_seconds"] == "300", "shorter ones are a mistake"
    served.stop()
    with sqlite3.connect(served.home / "wire.sqlite3") as database:
        database.execute("UPDATE delivery_hub SET ends = '2026-01-01T00:00:00.000000Z', sent = 'older'")
    served.start()
    until(lambda: not kept(served))
    assert "the lease of 127.0.0.1 for /feed.atom ended. It had not taken" in served.log.read_text()


def test_one_that_hangs_delays_nobody(served: Wire, callback: Callback) -> None:
    slow = Callback()
    slow.answers = ["hang"]
    for found in (slow, callback):
        ask(served, found.url)
    until(lambda: len(kept(served)) == 2)
    served.publish("Harbour reopens")
    until(lambda: callback.got, 5)
    slow.close()


BAD: list[tuple[dict[str, str], int]] = [
    ({"hub.mode": "publish"}, 400),
    ({"hub.mode": ""}, 400),
    ({"hub.callback": ""}, 400),
    ({"hub.callback": "ftp://reader.example.org/"}, 400),
    ({"hub.callback": "https://user:pass@reader.example.org/"}, 400),
    ({"hub.callback": "https://reader.example.org/ x"}, 400),
    ({"hub.callback": "https://reader.example.org/\r\nHost: x"}, 400),
    ({"hub.callback": "https://[::1"}, 400),
    ({"hub.callback": "https://reader.example.org/#part"}, 400),
    ({"hub.callback": "https://reader.example.org/" + "x" * 3000}, 400),
    ({"hub.topic": ""}, 400),
    ({"hub.topic": "https://elsewhere.example.org/feed.atom"}, 400),
    ({"hub.topic": "OURS/newsfeed.json"}, 400),
    ({"hub.topic": "OURS/../feed.atom"}, 400),
    ({"hub.topic": "OURS/sections/nowhere/feed.atom"}, 404),
    ({"hub.topic": "OURS.evil.example/feed.atom"}, 400),
    ({"hub.lease_seconds": "-1"}, 400),
    ({"hub.lease_seconds": "9" * 50}, 400),
    ({"hub.secret": "é" * 100}, 400),
]


def test_what_cannot_be_asked_of_the_hub_gets_a_sentence(served: Wire) -> None:
    good = {"hub.mode": "subscribe", "hub.callback": "https://reader.example.org/", "hub.topic": "OURS/feed.atom"}
    for form, status in BAD:
        sent = {name: value.replace("OURS", served.url) for name, value in (good | form).items()}
        answer = httpx.post(f"{served.url}/hub", data=sent, timeout=20)
        assert answer.status_code == status, (form, answer.text)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text.strip().endswith((".", "'s", "here."))


def test_a_callback_inside_is_refused(wire: Wire) -> None:
    wire.start()
    for host in ("127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "0.0.0.0", "10.1.2.3"):
        answer = ask(wire, f"https://{host}/latest/meta-data/")
        assert answer.status_code == 400 and "not a public address" in answer.text
    assert ask(wire, "http://reader.example.org/").status_code == 400


def test_a_name_for_an_inner_address_is_never_reached(wire: Wire, callback: Callback) -> None:
    wire.start()
    hosts = ("localhost", "2130706433", "0x7f.1", "127.1")
    for host in hosts:
        assert ask(wire, f"https://{host}:{callback.port}/").status_code in (202, 400)
    until(lambda: wire.log.read_text().count("did not confirm") == len(hosts), 60)
    assert "is not a public address" in wire.log.read_text().replace("which is", "is")
    assert not callback.challenges and not kept(wire)


def test_floods_and_huge_bodies_are_turned_away(served: Wire, callback: Callback) -> None:
    huge = httpx.post(f"{served.url}/hub", content=b"x" * 1_000_000, timeout=20)
    assert huge.status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(10_000):
            yield b"x" * 65_536

    # It may be cut off while it is still sending, which is as well.
    with contextlib.suppress(httpx.TransportError):
        assert httpx.post(f"{served.url}/hub", content=endless(), timeout=60).status_code == 413
    assert httpx.post(f"{served.url}/hub", json={"hub.mode": "subscribe"}, timeout=20).status_code == 415
    assert served.get("/hub").status_code == 405
    with httpx.Client(base_url=served.url, timeout=20) as client:
        form = {"hub.mode": "subscribe", "hub.callback": "https://10.0.0.1/", "hub.topic": f"{served.url}/feed.atom"}
        statuses = [client.post("/hub", data=form).status_code for _ in range(250)]
    assert statuses[0] == 400 and statuses[-1] == 429
    assert served.get("/feed.atom").status_code == 200
