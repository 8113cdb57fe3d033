"""What the log says of a failure that goes on."""

import errno
import logging

import pytest

from dateline.wire import failing
from dateline.wire.failing import Failing

log = logging.getLogger(__name__)


class Clock:
    """The monotonic clock, set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(failing, "time", found)
    return found


def fail(work: Failing, error: Exception) -> None:
    try:
        raise error
    except Exception:
        work.say("It failed after seq %d", 7)


def test_a_failure_is_said_once_and_again_after_a_while_and_at_its_end(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    work = Failing(log, "It works again")
    work.is_over()
    assert not caplog.records, "what never failed is not over"
    for _ in range(900):
        fail(work, OSError("no room"))
        clock.now += 1
    assert [record.getMessage() for record in caplog.records] == ["It failed after seq 7"] * 2
    assert all(record.exc_info is not None for record in caplog.records)
    caplog.clear()
    work.is_over()
    work.is_over()
    assert [record.getMessage() for record in caplog.records] == ["It works again, after 900 s (failed attempts: 900)"]
    fail(work, OSError("no room"))
    assert len(caplog.records) == 2, "the next one is a new one"


def test_a_failure_is_the_same_one_whatever_the_name_of_the_file_that_was_to_be_made(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    work = Failing(log, "It works again")
    for number in range(3):
        fail(work, OSError(errno.EROFS, "Read-only file system", f"site/.fresh/7-{number}"))
    fail(work, OSError(errno.ENOSPC, "No space left on device", "site/.fresh/7-3"))
    assert len(caplog.records) == 2


def test_another_failure_of_the_same_work_is_said_at_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    work = Failing(log, "It works again")
    for _ in range(3):
        fail(work, OSError("no room"))
        fail(work, ValueError("no number"))
    assert len(caplog.records) == 2
