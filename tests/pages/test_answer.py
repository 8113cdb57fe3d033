"""Ready pages over HTTP: what RFC 9110 asks of an answer, and what is not answered here."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import brotli
import pytest

from dateline.pages.answer import Answerer
from dateline.pages.protocol import IDLE_S, ReadyProtocol, close_idle
from dateline.pages.ready import Page
from dateline.pages.store import PageStore, is_plain

MODIFIED = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def page(text: str = "x" * 2000, status: int = 200) -> Page:
    return Page("text/html; charset=utf-8", text.encode(), MODIFIED, status)


@pytest.fixture
def store(tmp_path: Path) -> PageStore:
    store = PageStore(tmp_path / "site", 10_000_000)
    store.put("/", page())
    return store


@pytest.fixture
def answerer(store: PageStore) -> Answerer:
    return Answerer(store, ["news.example", "[::1]"])


def ask(
    answerer: Answerer,
    path: str = "/",
    method: str = "GET",
    host: str = "news.example",
    version: str = "1.1",
    **headers: str,
) -> tuple[int, dict[str, str], bytes] | None:
    head = f"{method} {path} HTTP/{version}\r\nHost: {host}\r\n"
    head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    answer = answerer.answer((head + "\r\n").encode())
    if answer is None:
        return None
    lines, _, body = answer[0].partition(b"\r\n\r\n")
    first, *rest = lines.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in rest), body


def test_a_page_comes_with_length_etag_and_strict_headers(answerer: Answerer) -> None:
    for _ in range(2):  # the second answer comes from the table of known heads
        status, headers, body = ask(answerer)  # type: ignore[misc]
        assert (status, body, headers["Content-Length"]) == (200, b"x" * 2000, "2000")
        assert headers["Last-Modified"] == "Wed, 25 Nov 2026 12:00:00 GMT" and "Date" in headers
        assert "unsafe-inline" not in headers["Content-Security-Policy"]
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_head_request_gets_no_body(answerer: Answerer) -> None:
    status, headers, body = ask(answerer, method="HEAD")  # type: ignore[misc]
    assert (status, headers["Content-Length"], body) == (200, "2000", b"")


def test_an_unchanged_page_is_a_304(answerer: Answerer, store: PageStore) -> None:
    etag = ask(answerer)[1]["ETag"]  # type: ignore[index]
    for tag in (etag, f'"other", {etag}', "W/" + etag, "*"):
        status, headers, body = ask(answerer, If_None_Match=tag)  # type: ignore[misc]
        assert (status, headers["ETag"], body) == (304, etag, b"")
    assert ask(answerer, If_None_Match='"other"')[0] == 200  # type: ignore[index]
    assert ask(answerer, If_Modified_Since="Wed, 25 Nov 2026 12:00:00 GMT")[0] == 304  # type: ignore[index]
    assert ask(answerer, If_Modified_Since="Wed, 25 Nov 2026 11:59:59 GMT")[0] == 200  # type: ignore[index]
    # If-None-Match counts alone where both are there.
    later = "Wed, 25 Nov 2026 13:00:00 GMT"
    assert ask(answerer, If_None_Match='"other"', If_Modified_Since=later)[0] == 200  # type: ignore[index]
    store.put("/", page("new"))
    assert ask(answerer, If_None_Match=etag)[::2] == (200, b"new")  # type: ignore[index]


def test_compressed_twins_are_chosen_by_what_the_client_takes(answerer: Answerer, store: PageStore) -> None:
    store.flush()
    plain = ask(answerer)[1]["ETag"]  # type: ignore[index]
    for accept, encoding in [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("zstd", None),
    ]:
        status, headers, body = ask(answerer, Accept_Encoding=accept)  # type: ignore[misc]
        assert (status, headers.get("Content-Encoding")) == (200, encoding)
        assert (headers["ETag"] == plain) == (encoding is None) and headers["Vary"] == "Accept-Encoding"
        if encoding == "br":
            assert brotli.decompress(body) == b"x" * 2000


def test_what_is_not_for_us_is_passed_on(answerer: Answerer) -> None:
    assert ask(answerer, method="POST") is None
    assert ask(answerer, host="evil.example") is None
    assert ask(answerer, path="/nothing/") is None
    assert ask(answerer, path="/?before=5") is None
    assert ask(answerer, path="/?section=world") is None
    assert ask(answerer, path="/?before") is None
    assert ask(answerer, Content_Length="5") is None
    assert answerer.answer(b"not http at all\r\n\r\n") is None
    assert ask(answerer, path="/?utm_source=x")[0] == 200  # type: ignore[index]
    assert ask(answerer, host="NEWS.example:8000")[0] == 200  # type: ignore[index]
    assert ask(answerer, host="[::1]:8000")[0] == 200  # type: ignore[index]


def test_an_old_client_is_told_that_the_connection_closes(answerer: Answerer) -> None:
    head = b"GET / HTTP/1.0\r\nHost: news.example\r\n\r\n"
    answer, close = answerer.answer(head)  # type: ignore[misc]
    assert close and b"Connection: close\r\n" in answer
    for line, stays in (("Connection: close", False), ("Connection: keep-alive", True), ("Accept: */*", True)):
        head = f"GET / HTTP/1.1\r\nHost: news.example\r\n{line}\r\n\r\n".encode()
        for _ in range(2):
            answer, close = answerer.answer(head)  # type: ignore[misc]
            assert close is not stays and (b"Connection: close" in answer) is not stays, line


@pytest.mark.parametrize(
    "path",
    [
        "/../keys/wire.key",
        "/%2e%2e/keys/wire.key",
        "/a//b/",
        "/.x/",
        "/a\\b/",
        "/%00/",
        "//etc/passwd",
        "/..%2f..%2fkeys/wire.key",
    ],
)
def test_no_path_leads_out_of_the_folder(answerer: Answerer, tmp_path: Path, path: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "wire.key").write_text("secret")
    assert ask(answerer, path=path) is None
    assert not is_plain("/../x") and is_plain("/2026/11/25/x-y/")


def test_a_killed_pages_answer_is_410_with_its_text(answerer: Answerer, store: PageStore) -> None:
    store.put("/x/", page("here"))
    assert ask(answerer, "/x/")[0] == 200  # type: ignore[index]
    store.put("/x/", page("gone", 410))
    status, _, body = ask(answerer, "/x/", If_None_Match="*")  # type: ignore[misc]
    assert (status, body) == (410, b"gone")


def test_a_flood_of_different_heads_is_bounded(answerer: Answerer) -> None:
    for number in range(20_000):
        ask(answerer, X=str(number))
    assert len(answerer._known) <= 8192 and len(answerer.answers) <= 8192


def test_a_kept_answer_goes_with_the_page_it_is_of(answerer: Answerer, store: PageStore) -> None:
    head = b"GET /x/ HTTP/1.1\r\nHost: news.example\r\n\r\n"
    store.put("/x/", page("here"))
    answer, close = answerer.answer(head)  # type: ignore[misc]
    assert not close and answerer.answers[head] is answer
    stale = answerer.answers
    store.put("/x/", page("gone", 410))
    stale[head] = answer  # as a request would that was being answered when the page changed
    assert head not in answerer.answers
    assert answerer.answer(head)[0].endswith(b"gone")  # type: ignore[index]
    store.drop("/x/")
    assert head not in answerer.answers


def test_an_answer_that_closes_the_connection_is_not_kept(answerer: Answerer) -> None:
    answerer.answer(b"GET / HTTP/1.0\r\nHost: news.example\r\n\r\n")
    assert not answerer.answers


def test_a_client_that_asks_and_does_not_read_is_asked_no_more_until_it_does(
    answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Transport:
        reading = True
        closed = False

        def pause_reading(self) -> None:
            self.reading = False

        def resume_reading(self) -> None:
            self.reading = True

        def abort(self) -> None:
            self.closed = True

    monkeypatch.setattr(ReadyProtocol, "answerer", answerer, raising=False)
    state = SimpleNamespace(connections=set())
    protocol, transport = ReadyProtocol(None, state, {}), Transport()
    protocol.connection_made(transport)
    protocol.pause_writing()  # the transport says that too much waits
    assert not transport.reading
    protocol.resume_writing()
    assert transport.reading
    protocol.pause_writing()
    close_idle(state.connections, 100.0)
    close_idle(state.connections, 100.0 + IDLE_S + 1)  # and one that never does is hung up on
    assert transport.closed
