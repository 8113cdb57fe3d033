"""Feeds: read by a feed reader without a complaint, stable, corrected in place, free of what was killed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import feedparser
import pytest
from lxml import etree

from dateline.news.acts import Act
from dateline.wire.append import append
from tests.outlets import Public, publish, story

pytestmark = pytest.mark.usefixtures("home")
KINDS = ("atom", "rss", "json")


def read(public: Public, path: str) -> Any:
    parsed = feedparser.parse(public.body(path).encode())
    assert not parsed.bozo, parsed.get("bozo_exception")
    return parsed


def entries(public: Public, kind: str, base: str = "/") -> list[dict[str, str]]:
    """Return id, title and text of each entry, whatever the format."""
    body = public.body(f"{base}feed.{kind}")
    if kind == "json":
        return [
            {"id": item["id"], "title": item["title"], "text": item.get("content_html", "")}
            for item in json.loads(body)["items"]
        ]
    found = read(public, f"{base}feed.{kind}").entries
    return [
        {"id": entry.id, "title": entry.title, "text": entry.content[0].value if "content" in entry else ""}
        for entry in found
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_feed_is_a_feed(kind: str) -> None:
    assert entries(Public(), kind) == []


@pytest.mark.parametrize("kind", KINDS)
def test_entries_carry_full_text_newest_first(kind: str) -> None:
    public = Public()
    publish(
        "First", body='<p>One &amp; two. <a href="/2026/x/">Earlier</a></p>', dateline="PORT ELLIS, May 3. /Tidewater/."
    )
    publish("Second & <third>", section="World")
    public.catch_up()
    assert [
        entry["title"].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
        for entry in entries(public, kind)
    ] == ["Second & <third>", "First"]
    text = entries(public, kind)[1]["text"]
    assert text.startswith("<p>PORT ELLIS, May 3. /Tidewater/. One &amp; two.")
    assert 'href="http://127.0.0.1:8000/2026/x/"' in text
    assert [entry["title"] for entry in entries(public, kind, "/sections/economy/")] == ["First"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_correction_changes_its_entry_and_keeps_its_id(kind: str) -> None:
    public = Public()
    first = publish("First")
    publish("Second")
    public.catch_up()
    before = entries(public, kind)
    append(Act.CORRECT, story("First, corrected", uri=first.uri), note="Wrong.")
    public.catch_up()
    after = entries(public, kind)
    assert [entry["id"] for entry in after] == [entry["id"] for entry in before]
    assert after[1]["title"] == "First, corrected"


@pytest.mark.parametrize("kind", KINDS)
def test_kills_and_holds_leave_and_embargoes_never_enter(kind: str) -> None:
    public = Public()
    uris = [publish(f"Story {number}").uri for number in range(3)]
    publish("Secretword", embargoed=datetime.now(UTC) + timedelta(hours=1))
    append(Act.KILL, uri=uris[0], note="Forged.")
    append(Act.HOLD, uri=uris[1], note="Checking.")
    append(Act.ADVISORY, story("Editors: a note"))
    public.catch_up()
    assert [entry["title"] for entry in entries(public, kind)] == ["Story 2"]


def test_the_json_feed_keeps_the_musts_of_its_specification() -> None:
    """https://www.jsonfeed.org/version/1.1/"""
    public = Public()
    publish("With text")
    publish("Without text", body="")
    public.catch_up()
    feed = json.loads(public.body("/feed.json"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1" and isinstance(feed["title"], str)
    assert feed["feed_url"].endswith("/feed.json") and isinstance(feed["items"], list)
    for item in feed["items"]:
        assert isinstance(item["id"], str) and ("content_html" in item or "content_text" in item)
        assert datetime.fromisoformat(item["date_published"]).tzinfo is not None
        assert item["url"].startswith("http") and all(author["name"] for author in item["authors"])
    assert len({item["id"] for item in feed["items"]}) == 2


def test_the_atom_feed_keeps_the_musts_of_rfc_4287() -> None:
    public = Public()
    publish("With text")
    publish("Without text", body="")
    public.catch_up()
    atom = "{http://www.w3.org/2005/Atom}"
    root = etree.fromstring(public.body("/feed.atom").encode())
    for node in (root, *root.findall(f"{atom}entry")):
        for name in ("id", "title", "updated"):
            assert len(node.findall(f"{atom}{name}")) == 1
    assert root.find(f"{atom}link[@rel='self']") is not None and root.find(f"{atom}author") is not None
    newest = max(entry.findtext(f"{atom}updated") or "" for entry in root.findall(f"{atom}entry"))
    assert root.findtext(f"{atom}updated") == newest


def test_characters_that_xml_cannot_hold_do_not_break_a_feed() -> None:
    public = Public()
    publish("Bell \u0007 and \ufffe non-character", byline="A\u000bB")
    public.catch_up()
    assert len(read(public, "/feed.atom").entries) == 1 and len(read(public, "/feed.rss").entries) == 1


def test_the_news_sitemap_lists_the_two_days_before_the_newest_item() -> None:
    public = Public()
    now = datetime.now(UTC)
    append(Act.ARCHIVE, story("Old", content_created=now - timedelta(days=3)))
    append(Act.ARCHIVE, story("Yesterday", content_created=now - timedelta(days=1)))
    publish("Now")
    public.catch_up()
    root = etree.fromstring(public.body("/news-sitemap.xml").encode())
    assert root.xpath("//*[local-name()='title']/text()") == ["Now", "Yesterday"]
    assert root.xpath("//*[local-name()='language']/text()") == ["en", "en"]
    assert "news-sitemap.xml" in public.body("/robots.txt")


def test_feeds_have_etags_and_dates_of_their_own() -> None:
    public = Public()
    publish("One", section="World")
    public.catch_up()
    before = {
        path: public.outlets.pages.get(path).variants[""].etag for path in ("/sections/world/feed.rss", "/feed.rss")
    }  # type: ignore[union-attr]
    publish("Two", section="Sport")
    public.catch_up()
    after = {path: public.outlets.pages.get(path).variants[""].etag for path in before}  # type: ignore[union-attr]
    assert after["/feed.rss"] != before["/feed.rss"]
    assert after["/sections/world/feed.rss"] == before["/sections/world/feed.rss"]
