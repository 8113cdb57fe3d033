"""The store of ready pages: memory and files say the same, within bounds."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dateline.pages.ready import Page
from dateline.pages.store import PageStore, media_type_of

MODIFIED = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def page(text: str, status: int = 200) -> Page:
    return Page("text/html; charset=utf-8", text.encode(), MODIFIED, status)


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_link_is_in_a_pages_head_from_memory_and_from_its_file_and_in_no_other(tmp_path: Path) -> None:
    def link_of(path: str) -> str:
        return '</hub>; rel="hub"' if path == "/a/" else ""

    store = PageStore(tmp_path, 10_000_000, link_of)
    store.put("/a/", page("text " * 500))
    store.put("/b/", page("text " * 500))
    store.flush()
    for kept in (store, PageStore(tmp_path, 10_000_000, link_of)):
        for path, links in (("/a/", 1), ("/b/", 0)):
            ready = kept.get(path)
            assert ready is not None and len(ready.variants) == 3
            for variant in ready.variants.values():
                assert variant.head.count(b'\r\nLink: </hub>; rel="hub"\r\n') == links


def test_a_page_is_the_same_from_memory_and_from_its_file(tmp_path: Path) -> None:
    store = PageStore(tmp_path, 10_000_000)
    store.put("/a/", page("text " * 500))
    store.put("/gone/", page("gone " * 500, 410))
    store.flush()
    fresh = PageStore(tmp_path, 10_000_000)
    for path in ("/a/", "/gone/"):
        memory, disk = store.get(path), fresh.get(path)
        assert memory is not None and disk is not None
        assert memory.page == disk.page and memory.variants == disk.variants
    assert sorted(files(tmp_path)) == [
        "a/index.html", "a/index.html.br", "a/index.html.gz",
        "gone/410.html", "gone/410.html.br", "gone/410.html.gz",
    ]  # fmt: skip
    assert sorted(fresh.paths()) == ["/a/", "/gone/"]


def test_a_page_has_the_media_type_of_its_name(tmp_path: Path) -> None:
    store = PageStore(tmp_path, 10_000_000)
    for path in ("/feed.json", "/sections/world/feed.json"):
        assert media_type_of(path) == "application/feed+json; charset=utf-8"
    store.put("/newsfeed.json", Page(media_type_of("/newsfeed.json"), b"{}", MODIFIED))
    store.flush()
    loaded = PageStore(tmp_path, 10_000_000).get("/newsfeed.json")
    assert loaded is not None and loaded.page.media_type == "application/json; charset=utf-8"


def test_a_kill_leaves_no_file_of_the_page_it_replaces(tmp_path: Path) -> None:
    store = PageStore(tmp_path, 10_000_000)
    store.put("/a/", page("secret " * 500))
    store.flush()
    store.put("/a/", page("gone", 410))
    store.flush()
    assert files(tmp_path) == {"a/410.html": b"gone"}
    store.drop("/a/")
    assert store.get("/a/") is None
    store.flush()
    assert files(tmp_path) == {} and PageStore(tmp_path, 1000).get("/a/") is None


def test_a_page_answers_at_its_address_only_and_not_at_its_files_too(tmp_path: Path) -> None:
    # What was once read at a second address would stay there, in memory, when the page is withdrawn.
    store = PageStore(tmp_path, 10_000_000)
    store.put("/", page("front"))
    store.put("/a/", page("secret"))
    store.put("/gone/", page("gone", 410))
    store.put("/held/", page("held", 404))
    store.flush()
    for path in ("/index.html", "/a/index.html", "/gone/410.html", "/held/404.html"):
        assert store.get(path) is None, path


def test_a_withdrawn_pages_twins_go_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A static server looks for a twin first: one that outlives its page would be served in its place.
    store = PageStore(tmp_path, 10_000_000)
    store.put("/a/", page("secret " * 500))
    store.flush()
    gone: list[str] = []
    unlink = Path.unlink

    def noting(path: Path, missing_ok: bool = False) -> None:
        if path.exists():
            gone.append(path.name)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", noting)
    store.put("/a/", page("gone", 410))
    store.flush()
    assert sorted(gone[:-1]) == ["index.html.br", "index.html.gz"] and gone[-1] == "index.html"


def test_memory_is_bounded_and_what_it_forgets_is_read_again(tmp_path: Path) -> None:
    store = PageStore(tmp_path, 200_000)
    for number in range(100):
        store.put(f"/{number}/", page(f"{number} " * 2000))
        store.flush()
    assert store._used <= 200_000
    for number in range(100):
        ready = store.get(f"/{number}/")
        assert ready is not None and ready.page.body.startswith(f"{number} ".encode())
    assert store._used <= 200_000


def test_what_was_put_is_there_before_it_is_written(tmp_path: Path) -> None:
    store = PageStore(tmp_path, 1)  # nothing stays in memory
    store.put("/a/", page("new"))
    store.put("/b/", page("other"))
    for path, text in (("/a/", b"new"), ("/b/", b"other")):
        ready = store.get(path)
        assert ready is not None and ready.page.body == text
    assert not files(tmp_path)


def test_putting_the_same_page_again_changes_nothing(tmp_path: Path) -> None:
    store = PageStore(tmp_path, 10_000_000)
    assert store.put("/a/", page("x"))
    assert not store.put("/a/", page("x"))
    assert store.put("/a/", page("y"))


def test_a_file_that_is_not_ours_goes_with_a_rebuild(tmp_path: Path) -> None:
    store = PageStore(tmp_path, 10_000_000)
    store.put("/a/", page("x"))
    store.put("/feed.atom", Page("application/atom+xml", b"<feed/>", MODIFIED))
    store.flush()
    (tmp_path / "stale.txt").write_text("old")
    assert store.keep_only(["/a/", "/feed.atom"]) == ["/stale.txt"]
    assert sorted(files(tmp_path)) == ["a/index.html", "feed.atom"]
