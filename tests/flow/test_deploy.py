"""The configurations in docs/deploy: the real nginx and the real Caddy answer as Dateline does."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from bench.deployed import BROTLI
from tests.flow.conftest import Wire, free_port
from tests.web_servers import CHOSEN, COMMANDS, running


@pytest.fixture(params=COMMANDS)
def front(request: pytest.FixtureRequest, server: Wire, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of that server in front of a running Dateline."""
    port = free_port()
    with (
        running(request.param, server, tmp_path / "front", port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client,
    ):
        yield client


def wait_for(front: httpx.Client, path: str, status: int) -> httpx.Response:
    for _ in range(200):
        answer = front.get(path)
        if answer.status_code == status:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{path} never answered {status}")


def keep_asking(front: httpx.Client, until: Callable[[], bool], *requests: tuple[str, dict[str, str]]) -> None:
    """Ask for these again and again, so that whatever keeps a file open keeps it now."""
    for _ in range(100_000):
        if until():
            return
        for path, headers in requests:
            front.get(path, headers=headers)
    raise AssertionError("what was waited for never came")


def test_a_web_server_in_front_serves_the_folder_and_passes_on_what_must_be(front: httpx.Client, server: Wire) -> None:
    uri = server.publish("Harbour reopens", Section="World")
    forged = server.publish("Forged", body="Secretword.")
    server.publish_many(3)  # more than is too little to compress
    wait_for(front, "/sections/world/feed.json", 200)
    paths = {path.name[:6]: path for path in (server.home / "site").glob("2*/*/*/*") if path.is_dir()}
    item, killed = (
        "/" + paths[name].relative_to(server.home / "site").as_posix() + "/" for name in ("harbou", "forged")
    )
    assert wait_for(front, killed, 200)

    # The same bytes, types and headers as Dateline's own, for whatever the client takes.
    assert 'class="element"' in front.get("/").text
    for path in ("/", item, "/sections/world/", "/feed.atom", "/feed.rss", "/feed.json", "/news-sitemap.xml",
                 "/newsfeed.json"):  # fmt: skip
        for accept in ("identity", "gzip", "br"):
            headers = {"Accept-Encoding": accept}
            ours, theirs = server.get(path, **headers), front.get(path, headers=headers)
            assert (theirs.status_code, theirs.content) == (200, ours.content), path
            for name in ("content-type", "cache-control", "vary", "content-security-policy", "x-content-type-options"):
                assert theirs.headers[name] == ours.headers[name], (path, name)
            assert theirs.headers.get("link") == ours.headers.get("link"), path
            assert bool(theirs.headers.get("link")) is ("/feed." in path), path
            if accept != "br" or BROTLI.exists() or "Caddy" in theirs.headers["server"]:
                assert theirs.headers.get("content-encoding") == ours.headers.get("content-encoding"), (path, accept)
            again = front.get(path, headers={**headers, "If-None-Match": theirs.headers["etag"]})
            assert again.status_code == 304, path
    (asset,) = (server.home / "site" / "static").glob("*/wire.css")
    answer = front.get("/" + asset.relative_to(server.home / "site").as_posix())
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]

    # What no file answers comes from Dateline, with its own headers and no second ones.
    for path, code in (
        ("/newsfeed.json?before=2", 200), ("/newsfeed.json?section=world", 200), ("/newsfeed.json?before=x", 400), ("/log/checkpoint", 200), ("/desk/", 302), ("/api/wire", 401), ("/nothing/", 404),
        ("/sections/world", 301), ("/?before=2", 200), ("/?before=0", 400), ("/healthz", 200), ("/.fresh/stamp", 404),
    ):  # fmt: skip
        answer = front.get(path)
        assert answer.status_code == code, (path, answer.status_code)
        assert len(answer.headers.get_list("content-security-policy")) <= 1
    assert "unsafe-inline" in front.get("/desk/").headers["content-security-policy"]

    assert front.get("/robots.txt").headers["content-type"] == server.get("/robots.txt").headers["content-type"]

    # So does what is sent. (Caddy's files take a form for a question.)
    for path in ("/hub", "/", item) if "nginx" in theirs.headers["server"] else ("/hub",):
        sent = {"hub.mode": "none", "more": "x" * 1000}
        ours, theirs = server.post(path, sent), front.post(path, data=sent)
        assert (theirs.status_code, theirs.text) == (ours.status_code, ours.text), path
        assert ours.status_code >= 400

    # A kill: the page says so, and no way leads to what it was.
    server.run("kill", forged, "--advisory", "It was forged.")
    gone = wait_for(front, killed, 410)
    assert "It was forged." in gone.text and gone.headers["content-type"] == "text/html; charset=utf-8"
    assert gone.headers["cache-control"] == "no-cache"
    for path in (killed, killed + "index.html", killed + "410.html", "/", "/feed.atom"):
        assert "Secretword" not in front.get(path).text
    assert uri in server.get("/feed.atom").text
    server.run("hold", uri, "--advisory", "We check.")
    for path, notice in ((killed, "410.html"), (item, "404.html")):
        file = server.home / "site" / path[1:] / notice
        keep_asking(front, file.exists, ("/", {}))
        for name in ("index.html", notice):
            assert front.get(path + name).status_code == 404, path + name
    ours, theirs = server.get(item), front.get(item)
    assert (theirs.status_code, theirs.text) == (ours.status_code, ours.text) and "withheld" in theirs.text
    if "nginx" in theirs.headers["server"]:  # also where Dateline is down
        assert "x-served-by" not in theirs.headers and theirs.headers["cache-control"] == "no-cache"


def test_a_feed_whose_section_has_other_letters_says_in_ascii_where_it_can_be_had(
    front: httpx.Client, server: Wire
) -> None:
    server.publish("Harbour reopens", Section="Größe & Maß")
    path = "/sections/gr%C3%B6%C3%9Fe-and-ma%C3%9F/feed.atom"
    theirs = wait_for(front, path, 200)
    ours = server.get(path).headers["link"]
    # Caddy's file says nothing rather than something else.
    assert theirs.headers.get("link") == (None if "Caddy" in theirs.headers["server"] else ours)


def test_what_is_missing_or_refused_is_not_kept_for_a_year(front: httpx.Client, server: Wire) -> None:
    (server.home / "pictures").mkdir(exist_ok=True)
    for path in ("/pictures/", "/pictures/none.jpg", "/static/", "/static/none.css"):
        answer = front.get(path)
        assert answer.status_code in (403, 404), path
        assert "immutable" not in answer.headers.get("cache-control", ""), path


def test_events_pass_a_web_server_in_front_as_they_come(front: httpx.Client, server: Wire) -> None:
    with front.stream("GET", "/live") as answer:
        lines = answer.iter_lines()
        assert answer.headers["content-type"] == "text/event-stream"
        assert next(line for line in lines if line.startswith("event")) == "event: heartbeat"
        begun = time.monotonic()
        server.publish("Harbour reopens")
        assert "Harbour reopens" in next(line for line in lines if "Harbour" in line)
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize("front", [*COMMANDS, *CHOSEN], indirect=True)
def test_a_killed_item_is_gone_from_a_web_server_in_front_the_moment_that_its_file_is(
    front: httpx.Client, server: Wire, request: pytest.FixtureRequest
) -> None:
    forged = server.publish("Forged", body="Secretword. " * 100)
    server.publish_many(3)  # more than is too little to compress
    site = server.home / "site"
    for _ in range(200):
        if found := list(site.glob("2*/*/*/forged-*/index.html.br")):
            break
        time.sleep(0.05)
    folder = found[0].parent
    killed = f"/{folder.relative_to(site).as_posix()}/"
    encodings = [{"Accept-Encoding": name} for name in ("identity", "gzip", "br")]
    etags = {}
    for headers in encodings:
        answer = wait_for(front, killed, 200) if headers is encodings[0] else front.get(killed, headers=headers)
        assert "Secretword" in answer.text
        etags[headers["Accept-Encoding"]] = answer.headers["etag"]
    plain = encodings[0]
    lists = {"/": site / "index.html", "/feed.atom": site / "feed.atom"}
    for path in lists:
        keep_asking(front, lambda path=path: "Forged" in front.get(path, headers=plain).text, (path, plain))

    process = subprocess.Popen(server.command("kill", forged, "--advisory", "It was forged."), env=server.env)
    every = [(killed, headers) for headers in encodings] + [(path, plain) for path in lists]
    keep_asking(front, lambda: not (folder / "index.html").exists(), *every)
    for headers in encodings:
        for more in ({}, {"If-None-Match": etags[headers["Accept-Encoding"]]}):
            answer = front.get(killed, headers={**headers, **more})
            assert answer.status_code == 410 and "Secretword" not in answer.text, (headers, more)
    for path, file in lists.items():  # the twins come a moment after the plain file
        keep_asking(front, lambda file=file: "Forged" not in file.read_text(), (path, plain))
        if any(name in request.node.name for name in CHOSEN):
            time.sleep(1.1)
        assert "Forged" not in front.get(path, headers=plain).text, path
    assert process.wait(timeout=60) == 0
