"""Bad input at the desk gets a sentence, changes nothing, and is never a fault of ours."""

from typing import Any

import pytest
from django.urls import reverse

from dateline.wire import store

BAD = [
    "",
    "\x00",
    "x" * 20_000,
    "-1",
    "9" * 30,
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "２",
    "²",
    "9" * 5000,
    "0001-01-01T00:00:00+14:00",
    "\ud7ff\U0010ffff",
    "%s%n",
]
ADDRESSES = (
    "/desk/",
    "/desk/queue/",
    "/desk/history/",
    "/desk/topics/",
    "/desk/dateline/",
    "/desk/stories/",
    "/desk/flash/",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_queries(desk: Any, address: str) -> None:
    client = desk.client(desk.chief)
    for value in BAD:
        query = dict.fromkeys(
            ("section", "urgency", "state", "mine", "before", "who", "q", "place", "date", "credit", "p", "part"), value
        )
        answer = client.get(address, query)
        assert answer.status_code < 500, (address, value)
        assert b"<script>alert(1)" not in answer.content or "json" in answer["Content-Type"]


def test_posts(desk: Any) -> None:
    story = desk.story()
    client = desk.client(desk.chief)
    addresses = [
        reverse("desk:release", args=[story.pk]), reverse("desk:flash"), reverse("desk:freeze"),
        reverse("desk:take-incoming"), reverse("desk:spike-incoming"), reverse("desk:save-filter"),
        reverse("desk:note", args=[story.pk]), reverse("desk:approve", args=[story.pk, 99]),
        reverse("desk:unschedule", args=[story.pk, 99]),
    ]  # fmt: skip
    names = ("act", "do", "note", "seen", "at_seq", "glass", "due", "sure", "uri", "headline", "place", "section", "user",
             "reason", "key", "name", "query", "text")  # fmt: skip
    for address in addresses:
        for value in BAD:
            for extra in ({}, {"act": "publish"}, {"act": "publish", "do": "schedule"}, {"act": "kill", "sure": "yes"}):
                answer = client.post(address, {**dict.fromkeys(names, value), **extra})
                assert answer.status_code < 500, (address, value, extra)
    assert store.head_seq() == 0


def test_addresses_and_a_flash_that_is_too_long(desk: Any) -> None:
    client = desk.client(desk.chief)
    for address in ("/desk/media/%00.jpg", f"/desk/media/{'x' * 5000}.jpg"):
        assert client.get(address).status_code == 404
    for what in ("approve", "unschedule"):
        assert client.post(f"/desk/release/{10**30}/{what}/1/").status_code == 404
    long = {"uri": "tag:tidewater.example,2026:h3k7q2m9x4bc", "headline": "x" * 501, "do": "release"}
    assert client.post("/desk/flash/", long).status_code == 302
    assert store.head_seq() == 0


def test_a_fault_of_ours_at_the_desk_is_a_page_of_the_desk(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dateline.desk.views import queue

    def broken(*args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(queue, "read_queue", broken)
    client = desk.client(desk.editor)
    client.raise_request_exception = False
    answer = client.get("/desk/")
    assert answer.status_code == 500
    assert b"Something failed here" in answer.content and b'href="/desk/"' in answer.content
