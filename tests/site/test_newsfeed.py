"""The newsfeed: order, marks, embargoes, kills, and that a rebuild is the same byte for byte."""

import json
import random
import shutil
import time
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hyp
from hypothesis import strategies as st

from dateline.news.acts import Act
from dateline.news.errors import NewsError
from dateline.site import publish as publish_pages
from dateline.site import views
from dateline.site.fold import SiteFold
from dateline.wire.append import append
from dateline.wire.errors import WireError
from dateline.wire.follow import refold
from tests.outlets import Public, publish, story

pytestmark = pytest.mark.usefixtures("home")


class Titles(HTMLParser):
    """Collects the text of the elements' fields."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[dict[str, str]] = []
        self._field = ""
        self._template = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._template += tag == "template"
        if tag == "li" and "element" in (found.get("class") or "") and not self._template:
            self.elements.append({})
        self._field = found.get("data-field") or ""

    def handle_endtag(self, tag: str) -> None:
        self._template -= tag == "template"
        self._field = ""

    def handle_data(self, data: str) -> None:
        if self._field and not self._template and data.strip():
            self.elements[-1][self._field] = data.strip()


def elements(html: str) -> list[dict[str, str]]:
    parser = Titles()
    parser.feed(html)
    return parser.elements


def titles(html: str) -> list[str]:
    return [element["title"] for element in elements(html)]


def test_the_newsfeed_prints_title_heading_and_date_newest_first() -> None:
    public = Public()
    day = datetime(2017, 4, 13, 14, 14, tzinfo=UTC)
    append(Act.ARCHIVE, story("Older", content_created=day, section="World"))
    append(Act.ARCHIVE, story("Newer", content_created=day + timedelta(minutes=1)))
    append(Act.ARCHIVE, story("Day alone", content_created=day.replace(hour=0, minute=0), day_only=True, section=""))
    public.catch_up()
    assert elements(public.body("/")) == [
        {"title": "Newer", "heading": "Economy", "date": "April 13, 14:15"},
        {"title": "Older", "heading": "World", "date": "April 13, 14:14"},
        {"title": "Day alone", "date": "April 13"},
    ]
    assert titles(public.body("/sections/world/")) == ["Older"]
    assert titles(public.body("/2017/04/13/")) == ["Newer", "Older", "Day alone"]


def test_an_item_page_has_its_dateline_and_its_address_for_ever() -> None:
    public = Public()
    first = publish(dateline="PORT ELLIS, November 25. /Tidewater/.", body="<p>The <em>harbour</em> reopened.</p>")
    append(Act.CORRECT, story("Harbour stays shut", uri=first.uri), note="It is shut, not open.")
    public.catch_up()
    page = public.body(first.news.path)
    assert '<span class="dateline">PORT ELLIS, November 25. /Tidewater/.</span> The text' in page
    assert "It is shut, not open." in page and "Corrected" in page
    older = public.body(first.news.path + "v1/")
    assert "The <em>harbour</em> reopened." in older and "earlier version" in older and "noindex" in older
    assert elements(public.body("/"))[0]["mark"] == "Corrected"


def test_once_corrected_an_item_stays_marked_so() -> None:
    public = Public()
    uri = publish().uri
    append(Act.CORRECT, story(uri=uri), note="Wrong.")
    append(Act.REFILE, story(uri=uri), note="A name.")
    public.catch_up()
    assert elements(public.body("/"))[0]["mark"] == "Corrected"


def test_a_kill_reaches_every_page() -> None:
    public = Public()
    first = publish("Forged statement")
    append(Act.UPDATE, story("Forged statement, more", uri=first.uri), note="More.")
    publish("Another")
    public.catch_up()
    files = ["/index.html", first.news.path + "index.html", first.news.path + "v1/index.html"]
    before = [public.status(path) for path in files]  # whoever asks by a file's name must not keep its text alive
    append(Act.KILL, uri=first.uri, note="The statement was forged.")
    public.catch_up()
    assert [public.status(path) for path in files] == before == [404, 404, 404]
    for path in (first.news.path, first.news.path + "v1/"):
        assert public.status(path) == 410
        assert "The statement was forged." in public.body(path) and "Forged statement" not in public.body(path)
    assert public.status(first.news.path + "dispatch.ndjson") == 404
    assert titles(public.body("/")) == ["Another"]
    assert not any(
        b"Forged statement" in body for name, body in public.files().items() if not name.endswith((".br", ".gz"))
    )


def test_a_held_item_goes_and_comes_back_to_its_place() -> None:
    public = Public()
    first = publish("First")
    publish("Second")
    append(Act.HOLD, uri=first.uri, note="Checking.")
    public.catch_up()
    assert titles(public.body("/")) == ["Second"]
    assert public.status(first.news.path) == 404 and "being checked" in public.body(first.news.path)
    append(Act.RELEASE, uri=first.uri)
    public.catch_up()
    assert titles(public.body("/")) == ["Second", "First"] and public.status(first.news.path) == 200


def test_no_text_of_an_embargoed_item_leaves_before_its_release() -> None:
    public = Public()
    first = publish("Secretword", embargoed=datetime.now(UTC) + timedelta(days=8), body="<p>Secretword.</p>")
    append(Act.UPDATE, story("Secretword more", uri=first.uri), note="Secretword again.")
    publish("Public")
    public.catch_up()
    assert not any(b"ecretword" in body for name, body in public.files().items() if not name.endswith((".br", ".gz")))
    assert public.status(first.news.path) == 404
    append(Act.RELEASE, uri=first.uri)
    public.catch_up()
    assert "Secretword more" in titles(public.body("/")) and public.status(first.news.path) == 200


def test_an_item_killed_under_its_embargo_leaves_no_trace() -> None:
    public = Public()
    first = publish("Secretword", embargoed=datetime.now(UTC) + timedelta(days=8))
    append(Act.KILL, uri=first.uri, note="Secretword is off.")
    public.catch_up()
    assert not any(b"ecretword" in body for name, body in public.files().items() if not name.endswith((".br", ".gz")))


def test_an_advisory_never_shows() -> None:
    public = Public()
    append(Act.ADVISORY, story("Editors: coverage plan"))
    public.catch_up()
    assert titles(public.body("/")) == []


def test_a_day_leads_to_its_neighbours_when_they_come_and_go() -> None:
    public = Public()
    for day in (10, 14):
        append(Act.ARCHIVE, story(f"Day {day}", content_created=datetime(2017, 4, day, 9, tzinfo=UTC)))
    middle = append(Act.ARCHIVE, story("Day 12", content_created=datetime(2017, 4, 12, 9, tzinfo=UTC)))
    public.catch_up()
    assert 'href="/2017/04/12/"' in public.body("/2017/04/10/") and 'href="/2017/04/12/"' in public.body("/2017/04/14/")
    append(Act.KILL, uri=middle.uri, note="Gone.")
    public.catch_up()
    assert 'href="/2017/04/14/"' in public.body("/2017/04/10/") and public.status("/2017/04/12/") == 404


def test_an_item_that_changes_its_section_leaves_the_old_one() -> None:
    public = Public()
    uri = publish(section="World").uri
    append(Act.REFILE, story(uri=uri, section="Sport"), note="It is sport.")
    public.catch_up()
    assert public.status("/sections/world/") == 404 and titles(public.body("/sections/sport/")) == ["Harbour reopens"]
    assert "/sections/world/" not in public.body("/")


def test_a_pages_date_never_goes_back(settings: Any) -> None:
    public = Public()
    publish("Stays", section="World")
    moves = publish("Moves", section="World")
    public.catch_up()
    day = "/" + "/".join(moves.news.path.split("/")[1:4]) + "/"
    paths = ["/sections/world/", "/sections/world/feed.atom", day]
    for act in (Act.REFILE, Act.KILL):
        before = {path: public.outlets.pages.get(path).page.modified for path in paths}  # type: ignore[union-attr]
        time.sleep(1.1)  # HTTP dates have whole seconds
        append(act, story("Moves", uri=moves.uri, section="Sport"), uri=moves.uri, note="why")
        public.catch_up()
        after = {path: public.outlets.pages.get(path).page.modified for path in paths}  # type: ignore[union-attr]
        changed = paths if act is Act.REFILE else [day]
        assert all(after[path] > before[path] for path in changed)


def test_hostile_text_stays_text() -> None:
    public = Public()
    evil = publish('</script><script>alert("x")</script>', section="<b>&", dateline="<i>X</i>", byline='"><script>')
    public.catch_up()
    for path in ("/", evil.news.path, "/feed.atom"):
        assert "<script>alert" not in public.body(path)
    page = public.body(evil.news.path)
    start = page.index('<script type="application/ld+json">') + len('<script type="application/ld+json">')
    data = json.loads(page[start : page.index("</script>", start)])
    assert data["headline"] == '</script><script>alert("x")</script>'


def test_structured_data_says_what_the_page_says() -> None:
    public = Public()
    item = publish(byline="Maren Toll").news
    public.catch_up()
    page = public.body(item.path)
    start = page.index('<script type="application/ld+json">') + len('<script type="application/ld+json">')
    data = json.loads(page[start : page.index("</script>", start)])
    assert data["@type"] == "NewsArticle" and data["author"]["name"] == "Maren Toll"
    assert data["url"].endswith(item.path) and data["datePublished"] <= data["dateModified"]
    assert f'<link rel="canonical" href="{data["url"]}">' in page and 'property="og:title"' in page


def test_older_elements_come_without_gap_or_repeat(settings: Any) -> None:
    settings.FRONT_ELEMENTS = 3
    public = Public()
    views.use_pages(public.outlets.pages)
    for number in range(10):
        publish(f"Story {number}")
    public.catch_up()
    client = Client(headers={"host": "localhost"})
    seen = titles(public.body("/"))
    url = "/newsfeed.json?before=" + public.body("/").split("?before=")[1].split('"')[0]
    pages = 0
    while url:
        answer = client.get(url).json()
        seen += [element["title"] for element in answer["elements"]]
        html = client.get(answer["older"]) if answer["older"] else None
        if html is not None:
            assert html.status_code == 200 and "noindex" in html.content.decode()
        url, pages = answer["more"], pages + 1
    assert seen == [f"Story {number}" for number in range(9, -1, -1)] and pages == 3
    assert client.get("/newsfeed.json").json()["elements"][0]["title"] == "Story 9"


def test_the_newest_elements_are_a_ready_page_that_says_what_the_front_does(settings: Any) -> None:
    settings.FRONT_ELEMENTS = 3
    public = Public()
    client = Client(headers={"host": "localhost"})
    uris = [publish(f"Story {number}", section="Economy").uri for number in range(5)]
    public.catch_up()
    ready = public.outlets.pages.get("/newsfeed.json")
    assert ready is not None and ready.page.media_type == "application/json; charset=utf-8"
    assert sorted(ready.variants) == ["", "br", "gzip"]
    assert {f"newsfeed.json{suffix}" for suffix in ("", ".br", ".gz")} <= set(public.files())
    found = json.loads(ready.page.body)
    assert [element["title"] for element in found["elements"]] == titles(public.body("/")) == titles_of(4, 3, 2)
    assert found["older"] in public.body("/") and found["more"] in public.body("/")
    # What Django answers to a query is written in the same way.
    assert client.get("/newsfeed.json").content == ready.page.body
    append(Act.KILL, uri=uris[4], note="It was forged.")
    public.catch_up()
    assert "Story 4" not in public.body("/newsfeed.json") and "Story 1" in public.body("/newsfeed.json")
    section = client.get("/newsfeed.json?section=economy").json()
    assert [element["title"] for element in section["elements"]] == titles_of(3, 2, 1)
    assert section["older"].startswith("/sections/economy/?before=")


def titles_of(*numbers: int) -> list[str]:
    return [f"Story {number}" for number in numbers]


@pytest.mark.parametrize("before", ["0", "-1", "x", "999999", "9" * 30, "%00", "1e3", "٣"])
def test_a_bad_cursor_gets_a_problem_detail(before: str) -> None:
    public = Public()
    views.use_pages(public.outlets.pages)
    answer = Client(headers={"host": "localhost"}).get(f"/newsfeed.json?before={before}")
    assert answer.status_code == 400 and answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize("before", ["", "0", "x", "999999", "9" * 30, "%00", "٣"])
def test_a_reader_with_a_bad_cursor_gets_a_page_that_says_so(before: str) -> None:
    public = Public()
    views.use_pages(public.outlets.pages)
    publish()
    public.catch_up()
    client = Client(headers={"host": "localhost"})
    for path in ("/", "/sections/economy/"):
        answer = client.get(f"{path}?before={before}")
        assert answer.status_code == 400 and answer["Content-Type"].startswith("text/html")
        page = answer.content.decode()
        assert "no such part of the newsfeed" in page and 'href="/"' in page and "noindex" in page
        assert client.get(f"{path}?after=x").status_code == 200


def test_what_is_not_there_and_what_is_not_allowed() -> None:
    public = Public()
    views.use_pages(public.outlets.pages)
    client = Client(headers={"host": "localhost"})
    path = publish().news.path
    public.catch_up()
    assert client.get("/nothing/").status_code == 404
    assert client.get(path.rstrip("/")).headers["Location"] == path
    assert client.post("/").status_code == 405
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/")["Content-Security-Policy"].startswith("default-src 'none'")


def act_at_random(chance: random.Random, uris: list[str]) -> None:
    act = chance.choice(list(Act))
    uri = chance.choice(uris) if uris and chance.random() < 0.8 else ""
    embargoed = datetime.now(UTC) + timedelta(hours=1) if chance.random() < 0.2 else None
    day = datetime(2017, 4, chance.randint(1, 4), chance.randint(0, 23), tzinfo=UTC)
    item = story(
        f"Story {chance.randint(0, 99)}", uri=uri, section=chance.choice(["World", "Sport", "Art & Life", ""]),
        embargoed=embargoed, content_created=day if act is Act.ARCHIVE else None, urgency=chance.randint(1, 9),
    )  # fmt: skip
    try:
        dispatch = append(act, item, uri=uri, note="why" if chance.random() < 0.9 else "")
    except (NewsError, WireError):
        return
    uris.append(dispatch.uri)


@hyp(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_a_rebuild_equals_the_incremental_state_byte_for_byte(seed: int, home: Any) -> None:
    chance = random.Random(seed)
    public = Public()
    uris: list[str] = []
    for _ in range(chance.randint(5, 40)):
        act_at_random(chance, uris)
        if chance.random() < 0.3:
            public.catch_up()
    public.catch_up()
    incremental = public.files()
    for fold in ("site", "feeds"):
        projection = public.outlets._site_fold if fold == "site" else public.outlets._feeds_fold
        refold(projection)
        public.outlets.rebuild(fold)
    assert public.files() == incremental
    shutil.rmtree(home / "site")
    fresh = Public()
    fresh.outlets.rebuild("feeds")
    fresh.outlets.rebuild("site")
    assert fresh.files() == incremental


def test_folding_a_dispatch_again_changes_nothing() -> None:
    public = Public()
    publish()
    public.catch_up()
    before = public.files()
    public.catch_up()
    assert public.files() == before
    assert refold(SiteFold()) == 1


def test_a_kill_jumps_the_queue_of_pages_to_render() -> None:
    public = Public()
    first = publish("To be killed")
    public.catch_up()
    append(Act.KILL, uri=first.uri, note="Forged.")
    for number in range(100):
        publish(f"Story {number}")
    public.outlets.step(0, lambda events: None)
    assert public.status(first.news.path) == 410


def test_one_page_that_cannot_be_rendered_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from dateline.site import publish as publishing

    public = Public()
    bad, good = publish("Bad"), publish("Good")
    real = publishing.render

    def render(name: str) -> Any:
        if name == f"item:{bad.uri}":
            raise ValueError("broken")
        return real(name)

    monkeypatch.setattr(publishing, "render", render)
    public.catch_up()
    assert public.status(good.news.path) == 200 and titles(public.body("/")) == ["Good", "Bad"]
    monkeypatch.setattr(publishing, "render", real)
    again = Public()  # the mark stayed: the next start renders it
    assert again.status(bad.news.path) == 200


def test_a_section_spelled_anew_is_spelled_so_in_every_menu() -> None:
    public = Public()
    publish("A", section="Sport")
    publish("B", section="World")
    public.catch_up()
    publish("C", section="WORLD")
    public.catch_up()
    for path in ("/", "/sections/", "/sections/sport/", "/sections/world/"):
        assert ">WORLD</a>" in public.body(path)


def test_a_deleted_folder_is_noticed_at_the_next_start(home: Any) -> None:
    public = Public()
    path = publish("Still here").news.path
    public.catch_up()
    before = public.files()
    shutil.rmtree(home / "site")
    again = Public()
    again.catch_up()
    assert again.status(path) == 200 and again.files() == before


def test_other_settings_render_every_page_anew_some_at_a_time_and_across_restarts(
    home: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_pages, "_AT_START", 20)
    public = Public()
    uris = [publish(f"Harbour reopens {number}").uri for number in range(70)]
    withdrawn = append(Act.KILL, uri=uris[3], note="Wrong.")
    public.catch_up()
    before = public.files()
    settings.AGENCY = msgspec.structs.replace(settings.AGENCY, name="Ebb Agency")

    def old() -> int:
        return sum(b"Ebb Agency" not in data for name, data in public.files().items() if name.endswith("index.html"))

    public = Public()  # renders the first of them before it answers anyone
    assert "Ebb Agency" in public.body("/") and 40 < old() < 60
    public.outlets.site.publish(limit=20)
    public.outlets.site.settle()
    # Killed here; the next start goes on, and what is published meanwhile is not lost in it.
    public = Public()
    assert 0 < old() < 40
    uris.append(publish("Harbour is shut").uri)
    public.catch_up()
    assert old() == 0 and withdrawn.news.path[1:] + "410.html" in public.files()
    assert public.files().keys() > before.keys()
    once = public.files()
    public.outlets.rebuild("site")
    assert public.files() == once
