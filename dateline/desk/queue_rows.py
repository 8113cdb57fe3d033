"""The queue, the desk's home: what waits, what came in, what is timed, what has just gone out.

Reads only. Each part is bounded, so that a million stories cost what a hundred do; what a part's rows belong to is
fetched after them, since a join leaves it to SQLite where it begins, and it began with the stories.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast
from wagtail.admin.models import EditingSession
from wagtail.models import WorkflowState

from dateline.desk.approve_story import open_requests
from dateline.desk.freezing import current
from dateline.desk.models import Author, Freeze, Release, Request, Schedule, Story, User
from dateline.intake import store as intake
from dateline.news import body
from dateline.news.acts import Act
from dateline.news.codes import URGENCY_LABELS, parse_instant
from dateline.news.formats import ninjs
from dateline.news.item import NewsItem
from dateline.wire import store

# The queue's condition in SQL, word for word that of its partial index (`triggers`), or SQLite does not use it.
WAITS = "spiked_at IS NULL AND killed_at IS NULL AND (live = 0 OR has_unpublished_changes = 1)"
# What of the quarantine (`i`) the desk has neither taken over nor thrown away.
_NOT_AT_THE_DESK = (
    "NOT EXISTS (SELECT 1 FROM desk_spikedintake s WHERE s.key = i.key) "
    "AND NOT EXISTS (SELECT 1 FROM desk_story t WHERE t.intake_key = i.key)"
)
# As many as anyone works through; the stories list has all of them.
_WAITING = 100
_LATEST = 25
_INTAKE = 50
# Wagtail's editor says every ten seconds that it is open.
_ON_IT = timedelta(seconds=40)
# A request older than a shift is not urgent any more.
_ASKED = timedelta(hours=12)
_STATES = {
    WorkflowState.STATUS_IN_PROGRESS: "Submitted",
    WorkflowState.STATUS_NEEDS_CHANGES: "Sent back",
}


class Filter(msgspec.Struct, frozen=True):
    """What of the queue someone wants to see: a section, an urgency and higher, a state, their own."""

    section: str = ""
    urgency: int = 9
    state: str = ""
    mine: bool = False

    @classmethod
    def read(cls, query: Any) -> "Filter":
        """Read a filter from an address's query; what it cannot mean is as if it was not there."""
        text = query.get("urgency", "")
        urgency = int(text) if text in tuple("123456789") else 9
        state = query.get("state", "")
        return cls(query.get("section", ""), urgency, state if state in _FILTER_STATES else "", bool(query.get("mine")))


_FILTER_STATES = ("submitted", "draft")


class Waiting(msgspec.Struct, frozen=True):
    """A story that waits: what it is, how urgent, since when, who is on it."""

    story: Story
    title: str
    label: str
    state: str
    what: str
    people: tuple[str, ...]
    note: str


class Asked(msgspec.Struct, frozen=True):
    """A request for a second pair of eyes that stands."""

    request: Request
    act: Act
    text: str


class Incoming(msgspec.Struct, frozen=True):
    """A quarantined item of intake."""

    key: str
    headline: str
    section: str
    source: str
    line: int
    doubts: tuple[str, ...]
    text: list[str]


class Timed(msgspec.Struct, frozen=True):
    """Something that happens at its time: an embargo that opens, a schedule that is due."""

    kind: str
    at: datetime
    headline: str
    story_id: int | None
    by: str


class Gone(msgspec.Struct, frozen=True):
    """A dispatch that has gone out."""

    seq: int
    act: Act
    at: datetime
    headline: str
    label: str
    path: str
    story_id: int | None
    by: str
    glass: str


class Queue(msgspec.Struct, frozen=True):
    """All of the queue, as one person sees it."""

    freeze: Freeze | None
    asked: list[Asked]
    waiting: list[Waiting]
    more: bool
    incoming: list[Incoming]
    incoming_count: int
    timed: list[Timed]
    failed: list[Schedule]
    gone: list[Gone]


def read_queue(user: User, wanted: Filter) -> Queue:
    """Return the queue."""
    waiting = list(waiting_stories(user, wanted)[: _WAITING + 1])
    now = datetime.now(UTC)
    failed = Schedule.objects.filter(outcome__startswith="Not released", due__gte=now - _ASKED)
    incoming, incoming_count = _incoming()
    return Queue(
        freeze=current(None),
        asked=_asked(now),
        waiting=_rows(waiting[:_WAITING], now),
        more=len(waiting) > _WAITING,
        incoming=incoming,
        incoming_count=incoming_count,
        timed=_timed(),
        failed=list(failed.prefetch_related("story")),
        gone=latest(_LATEST),
    )


def waiting_stories(user: User, wanted: Filter) -> QuerySet[Story]:
    """Return the stories that wait, the most urgent first, then the oldest."""
    found = Story.objects.extra(where=[WAITS]).select_related("latest_revision__user", "locked_by")  # noqa: S610
    found = found.defer("body").order_by("urgency", "changed_at")
    if wanted.section:
        found = found.filter(section=wanted.section)
    if wanted.urgency < 9:
        found = found.filter(urgency__lte=wanted.urgency)
    if wanted.mine:
        found = found.filter(Exists(Author.objects.filter(story=OuterRef("pk"), user=user)))
    if wanted.state:
        submitted = Exists(
            WorkflowState.objects.filter(
                base_content_type=Story.get_base_content_type(), status=WorkflowState.STATUS_IN_PROGRESS,
                object_id=Cast(OuterRef("pk"), CharField()),
            )
        )  # fmt: skip
        found = found.filter(submitted if wanted.state == "submitted" else ~submitted)
    return found


def _rows(stories: list[Story], now: datetime) -> list[Waiting]:
    keys = [str(story.pk) for story in stories]
    reviews = {
        review.object_id: review
        for review in WorkflowState.objects.active()
        .filter(base_content_type=Story.get_base_content_type(), object_id__in=keys)
        .select_related("current_task_state__finished_by")
    }
    sessions = EditingSession.objects.filter(
        content_type=Story.get_base_content_type(), object_id__in=keys, last_seen_at__gte=now - _ON_IT
    ).select_related("user")
    people: dict[str, list[str]] = {}
    for session in sessions:
        names = people.setdefault(session.object_id, [])
        if str(session.user) not in names:
            names.append(str(session.user))
    on_wire = store.read_states([story.uri for story in stories])
    return [
        Waiting(
            story,
            story.latest_revision.object_str if story.latest_revision else str(story),
            URGENCY_LABELS.get(story.urgency, ""),
            _STATES.get(reviews[str(story.pk)].status, "Draft") if str(story.pk) in reviews else "Draft",
            f"version {on_wire[story.uri].version} is on the wire" if story.uri in on_wire else "",
            tuple(people.get(str(story.pk), [])),
            f"Locked by {story.locked_by}" if story.locked else sent_back(reviews.get(str(story.pk))),
        )
        for story in stories
        if story.uri not in on_wire or on_wire[story.uri].pubstatus != "canceled"
    ]


def sent_back(review: WorkflowState | None) -> str:
    """Return who sent a story back and with what word, '' if nobody did."""
    task = review.current_task_state if review and review.status == WorkflowState.STATUS_NEEDS_CHANGES else None
    if task is None or not task.comment:
        return ""
    return f"{task.finished_by}: “{task.comment}”" if task.finished_by else f"“{task.comment}”"


def _asked(now: datetime) -> list[Asked]:
    found: list[Asked] = []
    seen: set[int] = set()
    requests = Request.objects.filter(at__gte=now - _ASKED).order_by("-at", "-pk").prefetch_related("story", "user")
    for request in requests[:_WAITING]:
        if request.story_id not in seen:
            found += [Asked(standing, Act(standing.act), standing.note) for standing in open_requests(request.story)]
        seen.add(request.story_id)
    return found


def _incoming() -> tuple[list[Incoming], int]:
    """Return what waits in the quarantine, the latest first, and how much there is of it."""
    found = []
    for waiting, source in intake.read_waiting(_INTAKE, _NOT_AT_THE_DESK):
        item = ninjs.decode(waiting.item)
        doubts = tuple(filter(None, waiting.doubts.splitlines()))
        text = body.to_paragraphs(item.body)
        found.append(Incoming(waiting.key, item.headline, item.section, source, waiting.line, doubts, text))
    return found, intake.count_waiting(_NOT_AT_THE_DESK)


def _timed() -> list[Timed]:
    embargoes = store.read_embargoes()[:_WAITING]
    stories = _story_ids([uri for _, uri in embargoes])
    found = []
    states = store.read_states([uri for _, uri in embargoes])
    for instant, uri in embargoes:
        state = states.get(uri)
        item = store.read_item(state.seq) if state else NewsItem()
        found.append(Timed("Embargo", parse_instant(instant), item.headline, stories.get(uri), ""))
    waiting = Schedule.objects.filter(outcome=None).prefetch_related("story", "user").order_by("due")
    for schedule in waiting[:_WAITING]:
        found.append(Timed("Schedule", schedule.due, str(schedule.story), schedule.story_id, str(schedule.user)))
    return sorted(found, key=lambda row: row.at)


def latest(count: int) -> list[Gone]:
    """Return the last dispatches, the newest first, with who let them go."""
    rows = store.read_rows(max(0, store.head_seq() - count), count)[::-1]
    stories = _story_ids([row.uri for row in rows])
    releases = {
        release.seq: release
        for release in Release.objects.filter(seq__in=[row.seq for row in rows]).select_related("user")
    }
    found = []
    for row in rows:
        item, release = row.news, releases.get(row.seq)
        found.append(
            Gone(
                row.seq,
                row.act,
                row.instant,
                item.headline,
                URGENCY_LABELS.get(item.urgency or 9, ""),
                settings.AGENCY.url + item.path if row.act is not Act.ADVISORY and item.is_public else "",
                stories.get(row.uri),
                str(release.user) if release else "",
                release.glass if release else "",
            )
        )
    return found


def _story_ids(uris: Iterable[str]) -> dict[str, int]:
    return dict(Story.objects.filter(uri__in=list(uris)).values_list("uri", "pk"))
