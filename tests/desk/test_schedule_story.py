"""Schedules: to the second, by the server, surviving restarts; a bad time is explained."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dateline.news.acts import Act
from dateline.wire import store


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def past(schedule: Any) -> None:
    """Let its time have come."""
    type(schedule).objects.filter(pk=schedule.pk).update(due=datetime.now(UTC))


def test_a_scheduled_text_goes_out_at_its_time_and_not_before(desk: Any) -> None:
    from dateline.desk.schedule_story import release_due, schedule_story

    story = desk.story()
    made = schedule_story(story, Act.PUBLISH, desk.editor, soon(60))
    wait = release_due()
    assert wait is not None and timedelta(seconds=50) < wait < timedelta(seconds=61)
    assert store.head_seq() == 0
    # What is typed afterwards does not go with it.
    desk.change(story, desk.reporter, headline="Typed later")
    past(made)
    assert release_due() is None
    assert store.read_item(1).headline == "Harbour reopens"
    made.refresh_from_db()
    assert made.outcome == "released"
    release_due()
    assert store.head_seq() == 1


def test_a_past_a_clashing_and_a_far_time_are_explained(desk: Any) -> None:
    from dateline.desk.errors import BadSchedule
    from dateline.desk.schedule_story import schedule_story

    story = desk.story(embargoed=soon(3600))
    for due, sentence in ((soon(-5), "lies in the past"), (soon(86_400 * 500), "more than a year"),
                          (soon(7200), "embargo ends")):  # fmt: skip
        with pytest.raises(BadSchedule, match=sentence):
            schedule_story(story, Act.PUBLISH, desk.editor, due)
    with pytest.raises(BadSchedule, match="not scheduled; do it now"):
        schedule_story(story, Act.KILL, desk.chief, soon(60), note="x")
    schedule_story(story, Act.PUBLISH, desk.editor, soon(60))
    with pytest.raises(BadSchedule, match="scheduled already"):
        schedule_story(story, Act.PUBLISH, desk.editor, soon(120))


def test_who_may_not_release_may_not_schedule_either(desk: Any) -> None:
    from dateline.desk.errors import ReleaseRefused
    from dateline.desk.schedule_story import schedule_story

    with pytest.raises(ReleaseRefused):
        schedule_story(desk.story(), Act.PUBLISH, desk.reporter, soon(60))
    with pytest.raises(ReleaseRefused, match="second pair"):
        schedule_story(desk.story(desk.chief, urgency=1), Act.PUBLISH, desk.chief, soon(60))


def test_a_freeze_stops_what_is_due_and_the_queue_says_why(desk: Any) -> None:
    from dateline.desk.freezing import set_freeze
    from dateline.desk.queue_rows import Filter, read_queue
    from dateline.desk.schedule_story import release_due, schedule_story

    made = schedule_story(desk.story(), Act.PUBLISH, desk.editor, soon(60))
    set_freeze(None, True, "Everyone stop.", desk.chief)
    past(made)
    release_due()
    assert store.head_seq() == 0
    failed = read_queue(desk.editor, Filter()).failed
    assert [row.outcome for row in failed] == ["Not released: All releases are frozen by Ines: Everyone stop."]


def test_a_release_by_hand_overtakes_a_schedule_and_a_cancelled_one_is_gone(desk: Any) -> None:
    from dateline.desk.release_story import release_story
    from dateline.desk.schedule_story import cancel, release_due, schedule_story, waiting

    story, other = desk.story(), desk.story()
    made = schedule_story(story, Act.PUBLISH, desk.editor, soon(60))
    release_story(story, Act.PUBLISH, desk.editor)
    assert waiting(story) is None
    cancelled = schedule_story(other, Act.PUBLISH, desk.editor, soon(60))
    cancel(cancelled, desk.editor)
    for row in (made, cancelled):
        past(row)
    release_due()
    assert store.head_seq() == 1
