"""dateline import: files in, quarantine, and on to the wire if an operator says so."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import transaction

from dateline.intake import store
from dateline.intake.drafting import Draft, draft_all
from dateline.intake.errors import Unreadable
from dateline.intake.page_text import recognise
from dateline.intake.reading import MAX_FILE_BYTES, Line, read_page_text
from dateline.news.acts import Act
from dateline.news.codes import derive_uri, rfc3339
from dateline.news.errors import ActRefused, BadItem
from dateline.news.formats import ninjs
from dateline.wire.append import Submission, append_all

# Archive items a transaction: they share its fsync, and a newsroom's flash waits no longer than that.
_BATCH = 200


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one draft: `state` is new, known (it waits already) or released (it is on the wire)."""

    draft: Draft
    state: str
    uri: str


class Report(msgspec.Struct, kw_only=True):
    """What became of one file. `trouble` is a sentence if it could not be read at all."""

    name: str
    trouble: str = ""
    encoding: str = "utf-8"
    taken: list[Taken] = []
    templates: list[Line] = []
    rest: list[Line] = []
    too_long: list[Line] = []
    released: int = 0


def import_files(
    paths: Iterable[Path],
    *,
    year: int | None,
    release: bool,
    known: Iterable[str] = (),
    progress: Callable[[int], None] = lambda count: None,
) -> list[Report]:
    """Import page texts and return a report of each, in order.

    `known` are sections that the newsfeed has already. Every item waits in quarantine; with `release`, those
    without a doubt become archive dispatches, oldest first. An item that is known already adds nothing.
    """
    reports = []
    for count, path in enumerate(_files(paths), 1):
        reports.append(_import_file(path, year, {*known, *settings.AGENCY.sections}))
        progress(count)
    if release:
        _release(reports)
    return reports


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(entry for entry in path.rglob("*") if entry.is_file() and not entry.name.startswith("."))
        else:
            yield path


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise Unreadable("It is no file that can be read to its end.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise Unreadable(f"The file has {path.stat().st_size:,} bytes; up to {MAX_FILE_BYTES:,} are read. Split it.")
    return path.read_bytes()


def _import_file(path: Path, year: int | None, known: set[str]) -> Report:
    report = Report(name=str(path))
    try:
        data = _read(path)
        page = read_page_text(data)
    except OSError as error:
        report.trouble = f"The file cannot be read: {error.strerror or error}."
        return report
    except Unreadable as error:
        report.trouble = str(error)
        return report
    found = recognise(page, known)
    report.encoding, report.too_long = page.encoding, page.too_long
    report.templates, report.rest = found.templates, found.rest
    digest = _keep(data)
    drafts = [_doubted(draft, page.doubt) for draft in draft_all(found, settings.AGENCY, year)]
    with transaction.atomic():
        store.write_source(digest, str(path), rfc3339(datetime.now(UTC)), [*found.rest, *page.too_long])
        report.taken = [_take(draft, digest) for draft in drafts]
    return report


def _doubted(draft: Draft, doubt: str) -> Draft:
    """Add what is doubtful about the whole file, and about letters of it that could not be read."""
    text = f"{draft.item.headline}{draft.item.section}{draft.item.body}"
    doubts = [doubt] if doubt and not text.isascii() else []
    if "\ufffd" in text:
        doubts.append("some of its letters could not be read; save the file as UTF-8 and import it again")
    return msgspec.structs.replace(draft, doubts=[*draft.doubts, *doubts])


def _keep(data: bytes) -> str:
    """Keep the file as it came, below DATELINE_HOME/intake, under its digest."""
    digest = hashlib.sha256(data).hexdigest()
    target = settings.DATELINE_HOME / "intake" / f"{digest}.txt"
    if not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = target.with_name(f".{digest}.{os.getpid()}")
        fresh.write_bytes(data)
        fresh.replace(target)
    return digest


def _take(draft: Draft, digest: str) -> Taken:
    before = store.read_item(draft.key)
    if before is not None and before.seq is not None:
        if draft.item.body and not ninjs.decode(before.item).body:
            doubts = [f"its element is on the wire already as {before.uri}; update that item with this text"]
            return Taken(draft=msgspec.structs.replace(draft, doubts=doubts), state="known", uri=before.uri)
        return Taken(draft=draft, state="released", uri=before.uri)
    uri = before.uri if before else derive_uri(settings.AGENCY.domain, datetime.now(UTC).year, draft.key)
    item = msgspec.structs.replace(draft.item, uri=uri)
    row = store.Waiting(draft.key, digest, draft.lines[0], uri, ninjs.encode(item), "\n".join(draft.doubts), None)
    if before is None or before.doubts:
        store.write_item(row)
    elif draft.doubts:
        # It was complete before, when the year was said; what was known then stands.
        draft = msgspec.structs.replace(draft, item=ninjs.decode(before.item), doubts=[])
    return Taken(draft=draft, state="known" if before else "new", uri=uri)


def _release(reports: list[Report]) -> None:
    """Release what has no doubt, oldest first; of one time, what stands lowest on its page first."""
    ready: list[tuple[datetime, int, Report, int]] = []
    seen: set[str] = set()
    for number, report in enumerate(reports):
        for place, taken in enumerate(report.taken):
            created = taken.draft.item.content_created
            if taken.state == "released" or taken.draft.doubts or created is None or taken.draft.key in seen:
                continue
            seen.add(taken.draft.key)
            ready.append((created, -(number * 1_000_000 + place), report, place))
    ready.sort(key=lambda entry: entry[:2])
    for begin in range(0, len(ready), _BATCH):
        _release_batch([(report, place) for _, _, report, place in ready[begin : begin + _BATCH]])


def _release_batch(batch: list[tuple[Report, int]]) -> None:
    submissions = []
    for report, place in batch:
        taken = report.taken[place]
        submissions.append(Submission(act=Act.ARCHIVE, item=msgspec.structs.replace(taken.draft.item, uri=taken.uri)))
    try:
        with transaction.atomic():
            dispatches = append_all(submissions)
            for (report, place), dispatch in zip(batch, dispatches, strict=True):
                store.mark_released(report.taken[place].draft.key, dispatch.seq)
    except (BadItem, ActRefused):
        if len(batch) > 1:
            for one in batch:
                _release_batch([one])
            return
        report, place = batch[0]
        taken = report.taken[place]
        draft = msgspec.structs.replace(taken.draft, doubts=["the wire does not take it as it is"])
        report.taken[place] = Taken(draft=draft, state=taken.state, uri=taken.uri)
        return
    for report, place in batch:
        taken = report.taken[place]
        report.taken[place] = Taken(draft=taken.draft, state="released", uri=taken.uri)
        report.released += 1
