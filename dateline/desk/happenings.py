"""Everything that was done at the desk, from the records that only grow, in one order."""

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from wagtail.models import ModelLogEntry

from dateline.desk.models import Approval, Freeze, Note, Record, Release, Request, Story, User
from dateline.news.codes import rfc3339
from dateline.wire import store

# Rows that are read at a time from each kind of record.
_BATCH = 200
_WORDS = {
    "wagtail.create": "created", "wagtail.edit": "edited", "wagtail.revert": "went back to an earlier version",
    "wagtail.lock": "locked", "wagtail.unlock": "unlocked", "wagtail.workflow.start": "submitted",
    "wagtail.workflow.reject": "sent back", "wagtail.workflow.resume": "submitted again",
    "wagtail.workflow.approve": "approved the review of", "wagtail.workflow.cancel": "ended the review of",
    "wagtail.rename": "renamed", "wagtail.delete": "deleted",
}  # fmt: skip


class Happening(msgspec.Struct, frozen=True):
    """One line of the history: when (RFC 3339, UTC), who, what they did, to what, and what they said."""

    at: str
    who: str
    what: str
    about: str = ""
    said: str = ""
    story: int | None = None
    ip: str = ""


def happenings(before: datetime | None = None, who: str = "") -> Iterator[Happening]:
    """Yield what happened, the newest first, in constant memory; `who` an account's name."""
    kinds: list[tuple[QuerySet[Any], str, str, Callable[[Any], Happening]]] = [
        (Release.objects.select_related("user", "story"), "at", "user", _release),
        (Approval.objects.select_related("user", "story"), "at", "user", _approval),
        (Request.objects.select_related("user", "story"), "at", "user", _request),
        (Freeze.objects.select_related("user", "by"), "at", "by", _freeze),
        (Note.objects.select_related("user", "story"), "at", "user", _note),
        (Record.objects.select_related("user", "story"), "at", "user", _record),
        (ModelLogEntry.objects.exclude(action="wagtail.publish").select_related("user"), "timestamp", "user", _log),
    ]
    streams = [
        _stream(rows.filter(**{f"{by}__username": who}) if who else rows, field, before, line)
        for rows, field, by, line in kinds
    ]
    yield from heapq.merge(*streams, key=lambda row: row.at, reverse=True)


def _stream(
    rows: QuerySet[Any], field: str, until: datetime | None, line: Callable[[Any], Happening]
) -> Iterator[Happening]:
    if until is not None:
        rows = rows.filter(**{f"{field}__lt": until})
    # They only grow, so their keys are in the order of their times.
    row: Model
    for row in rows.order_by("-pk").iterator(chunk_size=_BATCH):
        yield line(row)


def _name(user: User | None) -> str:
    """Return an account's own name, which never changes; people rename themselves."""
    return user.username if user else "–"


def _at(instant: datetime) -> str:
    return rfc3339(instant, micros=True)


def _release(row: Release) -> Happening:
    note = store.read_item(row.seq).ednote
    said = " · ".join(filter(None, (note, f"glass broken: {row.glass}" if row.glass else "")))
    return Happening(
        _at(row.at), row.user.username, f"{row.act}, dispatch {row.seq}", str(row.story), said, row.story_id
    )


def _approval(row: Approval) -> Happening:
    return Happening(_at(row.at), row.user.username, f"approved the {row.act}", str(row.story), "", row.story_id)


def _request(row: Request) -> Happening:
    return Happening(
        _at(row.at),
        row.user.username,
        f"asked for a second pair of eyes: {row.act}",
        str(row.story),
        row.note,
        row.story_id,
    )


def _freeze(row: Freeze) -> Happening:
    verb = "froze" if row.frozen else "thawed"
    about = f"releases of {row.user.username}" if row.user else "all releases"
    return Happening(_at(row.at), row.by.username, verb, about, row.reason)


def _note(row: Note) -> Happening:
    return Happening(_at(row.at), row.user.username, "noted", str(row.story), row.text, row.story_id)


def _record(row: Record) -> Happening:
    about = str(row.story) if row.story else row.about
    return Happening(_at(row.at), _name(row.user), row.what, about, row.detail, row.story_id, row.ip or "")


def _log(row: ModelLogEntry) -> Happening:
    key = int(row.object_id) if row.content_type_id == ContentType.objects.get_for_model(Story).pk else None
    said = str((row.data or {}).get("comment") or "")
    return Happening(_at(row.timestamp), _name(row.user), _WORDS.get(row.action, row.action), row.label, said, key)
