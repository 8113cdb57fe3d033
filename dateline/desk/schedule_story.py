"""Scheduling: a text that is released at its time, to the second, by the running server.

A schedule is not an embargo. A scheduled story is not on the wire before its time; an embargoed one
is, marked, and opens to readers by itself.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction

from dateline.desk.asking import acts_for, case_of
from dateline.desk.errors import BadSchedule, ReleaseRefused, TextChanged
from dateline.desk.models import Schedule, Story, User
from dateline.desk.recording import record
from dateline.desk.release_rules import judge
from dateline.desk.release_story import prepare_pictures, release_story
from dateline.desk.story_item import text_digest
from dateline.news.acts import NOTE_SAYS, OPENING, REVISING, Act
from dateline.news.codes import rfc3339
from dateline.news.errors import DatelineError
from dateline.wire import bell, store
from dateline.wire.clock import keep

log = logging.getLogger(__name__)
# A year; further is a slip of the pen.
_FURTHEST = timedelta(days=366)
RELEASED, CANCELLED = "released", "cancelled"


def schedule_story(story: Story, act: Act, user: User, due: datetime, *, note: str = "", seen: str = "") -> Schedule:
    """Let the latest text of a story be released at `due`. Raises BadSchedule or ReleaseRefused, with the reason."""
    now = datetime.now(UTC)
    note = " ".join(note.split())
    if act not in OPENING | REVISING:
        raise BadSchedule(f"A {act} is not scheduled; do it now.", act)
    if act in NOTE_SAYS and not note:
        raise BadSchedule(f"A {act} needs a note that says {NOTE_SAYS[act]}.", act)
    local = settings.AGENCY.local
    if due <= now:
        raise BadSchedule(
            f"{local(due):%B %-d, %Y, %H:%M:%S} lies in the past (it is {local(now):%H:%M:%S}). Release it now, or "
            "name a later time.",
            due,
        )
    if due - now > _FURTHEST:
        raise BadSchedule(f"{local(due):%B %-d, %Y} is more than a year away. Name a time within a year.", due)
    with transaction.atomic():
        story = Story.objects.get(pk=story.pk)
        if act not in acts_for(story):
            raise BadSchedule(f"A {act} of this story is not possible now.", act)
        if (other := waiting(story)) is not None:
            raise BadSchedule(
                f"It is scheduled already, for {local(other.due):%B %-d, %H:%M:%S} by {other.user}. Cancel that first.",
                other.due,
            )
        revision = story.get_latest_revision()
        if seen and seen != text_digest(case_of(story, act, user, revision=revision, now=now)[1]):
            raise TextChanged("The text has changed since you looked at it. Look at it again, then schedule it.", seen)
        case, item = case_of(story, act, user, note=note, revision=revision, now=due)
        if item.embargoed is not None and item.embargoed <= due:
            raise BadSchedule(
                f"Its embargo ends at {local(item.embargoed):%B %-d, %H:%M:%S}, before it would be released. Take the "
                "embargo out, or schedule it earlier.",
                due,
            )
        if (verdict := judge(case)).refused:
            raise ReleaseRefused(verdict.refused, act)
        made = Schedule.objects.create(
            story=story, revision=revision, act=str(act), note=note, digest=text_digest(item), user=user,
            due=due, after_seq=story.wire_seq,
        )  # fmt: skip
        record("scheduled", user=user, story=story, detail=f"{act} at {rfc3339(due)}" + (f": {note}" if note else ""))
        transaction.on_commit(bell.ring, robust=True)
    return made


def waiting(story: Story) -> Schedule | None:
    """Return the schedule of a story that still waits."""
    return Schedule.objects.filter(story=story, outcome=None).select_related("user").first()


def cancel(schedule: Schedule, user: User) -> None:
    """Take a schedule back."""
    done = Schedule.objects.filter(pk=schedule.pk, outcome=None).update(outcome=f"{CANCELLED} by {user}")
    if not done:
        raise BadSchedule("It was released, or cancelled, in this moment.", schedule.pk)
    record(
        "cancelled the schedule", user=user, story=schedule.story, detail=f"{schedule.act} at {rfc3339(schedule.due)}"
    )


def release_due() -> timedelta | None:
    """Release what is due; return how long it is until the next one, None if none waits."""
    now = datetime.now(UTC)
    for schedule in Schedule.objects.filter(outcome=None, due__lte=now).select_related("story", "revision", "user"):
        _release(schedule)
    following = Schedule.objects.filter(outcome=None).order_by("due").values_list("due", flat=True).first()
    return following - datetime.now(UTC) if following else None


def _release(schedule: Schedule) -> None:
    """Release one; a second server that comes to it at the same time finds it done."""
    try:
        prepare_pictures(
            schedule.story, Act(schedule.act), schedule.user, schedule.revision, note=schedule.note,
            seen=schedule.digest,
        )  # fmt: skip
        with transaction.atomic():
            _check_unmoved(schedule)
            if not Schedule.objects.filter(pk=schedule.pk, outcome=None).update(outcome=RELEASED):
                return
            dispatch = release_story(
                schedule.story, Act(schedule.act), schedule.user, note=schedule.note, seen=schedule.digest,
                revision=schedule.revision,
            )  # fmt: skip
        log.info("%s was released on schedule, seq %d", dispatch.uri, dispatch.seq)
    except DatelineError as error:
        Schedule.objects.filter(pk=schedule.pk).update(outcome=f"Not released: {error}")
        log.warning("The scheduled release of %s was refused: %s", schedule.story.uri, error)


def _check_unmoved(schedule: Schedule) -> None:
    """Refuse what another dispatch of its item has overtaken; an embargo that opened is no other text."""
    since = [row for row in store.read_versions(schedule.story.uri) if row.seq > schedule.after_seq]
    if moved := next((row for row in since if row.act is not Act.RELEASE), None):
        raise TextChanged(
            f"A {moved.act} of the item went out in the meantime (dispatch {moved.seq}). Look again.", moved
        )


def keep_schedules(ring: bell.Bell, stopped: Callable[[], bool]) -> None:
    """Release what is due until `stopped`."""
    keep(release_due, ring, stopped)
