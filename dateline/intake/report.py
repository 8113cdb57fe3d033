"""Prints what an import found: each item, each doubt, each line that nothing claimed, with its number."""

from django.conf import settings
from rich.console import Console
from rich.text import Text

from dateline.intake.importing import Report, Taken
from dateline.news.counting import counted

# Lines of a kind printed a file, unless all are asked for.
_SHORT = 20


def print_report(out: Console, reports: list[Report], *, every_line: bool, released: bool) -> None:
    """Print a report of each file and a summary."""
    for report in reports:
        _print_file(out, report, None if every_line else _SHORT)
    new = sum(taken.state != "known" for report in reports for taken in report.taken) if not released else 0
    waiting = [taken for report in reports for taken in report.taken if taken.state != "released"]
    doubtful = sum(bool(taken.draft.doubts) for taken in waiting)
    if released:
        gone = sum(report.released for report in reports)
        _say(out, f"Released {counted(gone, 'item')} to the wire, from the archive.")
        if waiting:
            _say(out, f"{counted(len(waiting), 'item stays', 'items stay')} in quarantine, for the reasons above.")
    elif waiting:
        ready = len(waiting) - doubtful
        wait = counted(len(waiting), "item waits", "items wait")
        _say(out, f"{wait} in quarantine ({new} new); {counted(ready, 'is', 'are')} complete.")
        if ready:
            _say(out, "Nothing was sent to the wire. To send what is complete, run it again with --release.")
    elif not reports:
        _say(out, "There is no file to read there.")
    elif any(report.taken for report in reports):
        _say(out, "Everything here is on the wire already; nothing was added.")


def _say(out: Console, text: str, indent: int = 0) -> None:
    out.print(Text(" " * indent + text))


def _print_file(out: Console, report: Report, limit: int | None) -> None:
    if report.trouble:
        _say(out, f"{report.name}: {report.trouble}")
        return
    elements = sum(not taken.draft.item.body for taken in report.taken)
    counts = [
        counted(elements, "newsfeed element"),
        counted(len(report.taken) - elements, "dispatch", "dispatches"),
        counted(len(report.templates), "template line"),
        counted(len(report.rest) + len(report.too_long), "line") + " not recognised",
    ]
    encoding = "" if report.encoding in ("utf-8", "utf-8-sig") else f" (read as {report.encoding})"
    _say(out, f"{report.name}{encoding}: {', '.join(counts)}.")
    for taken in report.taken[:limit]:
        _print_item(out, taken)
    _more(out, len(report.taken), limit, "items")
    for line in report.templates[:limit]:
        _say(out, f"line {line.number:>4}  template, left unrendered: {_short(line.text)}", 2)
    for line in report.rest[:limit]:
        _say(out, f"line {line.number:>4}  not recognised: {_short(line.text)}", 2)
    _more(out, len(report.rest), limit, "lines that were not recognised")
    for line in report.too_long:
        _say(out, f"line {line.number:>4}  too long to be a line of a page; not read: {line.text[:40]}…", 2)


def _print_item(out: Console, taken: Taken) -> None:
    item, draft = taken.draft.item, taken.draft
    agency = settings.AGENCY
    if item.content_created is None:
        when = "date open"
    else:
        when = agency.print_day(agency.local(item.content_created).date())
        when += "" if item.day_only else f"{agency.local(item.content_created):, %H:%M}"
    where = f"line {draft.lines[0]:>4}" if len(draft.lines) == 1 else f"lines {draft.lines[0]}–{draft.lines[-1]}"
    kind = "dispatch" if item.body else "element"
    _say(out, f"{where}  {kind}: {_short(item.headline)} | {item.section or 'no heading'} | {when} [{taken.state}]", 2)
    if item.dateline:
        _say(out, f"dateline: {item.dateline}  paragraphs: {item.body.count('<p>')}", 13)
    for note in draft.notes:
        if not note.startswith("year: as given"):
            _say(out, note, 13)
    for doubt in draft.doubts:
        _say(out, f"waits: {doubt}", 13)


def _more(out: Console, total: int, limit: int | None, what: str) -> None:
    if limit is not None and total > limit:
        _say(out, f"… and {total - limit} more {what}; --all lists them", 2)


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"
