"""The bell, and what is done beside the appends: who wakes when, and what an append does not wait for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dateline.news.acts import Act
from dateline.news.item import NewsItem
from dateline.projections import all_projections
from dateline.wire import bell, store
from dateline.wire.append import append
from dateline.wire.follow import fold, use_lazy_commits
from dateline.wire.remembered import keep_note, remembered_path, remembered_size
from dateline.wire.write_back import WriteBack

pytestmark = pytest.mark.usefixtures("home")


def publish(number: int = 1) -> None:
    append(Act.PUBLISH, NewsItem(headline=f"Harbour reopens {number}", body="<p>The harbour reopened.</p>"))


def test_an_append_wakes_every_follower_and_no_thread_that_can_wait() -> None:
    with bell.Bell() as first, bell.InnerBell() as inner, bell.Bell() as second:
        for number in range(3):
            publish(number)
            assert first.wait(0) and second.wait(0)
            assert not first.wait(0) and not inner.wait(0)
        bell.ring_inner()
        assert inner.wait(0) and not inner.wait(0) and not first.wait(0)


def test_followers_that_come_and_go_are_noticed_at_once() -> None:
    for _ in range(3):
        with bell.Bell() as follower:
            bell.ring()
            assert follower.wait(0)
            with bell.Bell() as other:
                bell.ring()
                assert other.wait(0)
            bell.ring()
            assert follower.wait(0)
        assert not bell.is_followed()
    bell.ring()


def test_the_bell_of_a_process_that_was_killed_is_taken_away(home: Path) -> None:
    script = "import os, sys, time; fd = os.open(sys.argv[1], os.O_RDWR); print('open', flush=True); time.sleep(60)"
    path = home / "run" / "bell-1-1"
    path.parent.mkdir()
    os.mkfifo(path)
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None and follower.stdout.readline()
        for _ in range(3):
            bell.ring()
        assert path.exists()
        follower.kill()
    bell.ring()
    assert not path.exists()


def test_a_follower_that_hears_nothing_holds_nobody_up() -> None:
    with bell.Bell() as deaf:
        for _ in range(70_000):  # more than a pipe holds
            bell.ring()
        assert deaf.wait(0) and not deaf.wait(0)


def test_the_head_that_was_seen_last_is_read_again_when_it_is_another() -> None:
    assert remembered_size() == 0
    for size in (5, 7, 6, 5):
        keep_note(f"x\n{size}\nroot\n")
        assert remembered_size() == size
    remembered_path().unlink()
    assert remembered_size() == 0


def test_a_fold_takes_what_was_read_before_only_where_it_comes_next() -> None:
    for number in range(5):
        publish(number)
    rows = store.read_rows(0, 10)
    projections = all_projections()
    assert fold(projections, known=rows[:2]) == 2
    assert fold(projections, known=rows[3:]) == 3  # not next: what is missing is read
    assert fold(projections, known=rows) == 0
    assert [store.read_cursor(projection.name) for projection in projections] == [5, 5, 5]


def test_what_was_committed_is_written_back_beside_the_appends(home: Path) -> None:
    database = home / "wire.sqlite3"
    use_lazy_commits()  # as the settler does: its own commits never write back
    publish()
    before = database.stat().st_mtime_ns
    write_back = WriteBack()
    assert not write_back.step()
    for number in range(60):
        publish(number)
    assert database.stat().st_mtime_ns == before
    assert write_back.step() and not write_back.step()
    assert database.stat().st_mtime_ns > before
