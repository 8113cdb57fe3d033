"""Where the wire stands: for an operator's eyes (`dateline status`) and for a monitor (`/healthz`)."""

import sqlite3

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from rich.console import Console

from dateline.delivery.alerts import store as alerts
from dateline.delivery.report import print_states
from dateline.delivery.websub import store as hub
from dateline.intake import store as intake
from dateline.news.counting import counted, dispatches
from dateline.projections import all_projections
from dateline.wire import bell, store
from dateline.wire.full_disk import FULL_BYTES, free_bytes

_LATEST = 5


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 with the head, each projection's lag (in dispatches) and the disk's room (in bytes).

    503 if the log cannot be read, or its disk has no room for more.
    """
    try:
        head = store.head_seq()
        lags = {fold.name: head - store.read_cursor(fold.name) for fold in all_projections()}
        free = free_bytes(settings.DATELINE_HOME)
    except (sqlite3.Error, DatabaseError, OSError) as error:
        return _health(503, status="failing", detail=f"The log cannot be read: {error}.")
    found = {"head": head, "lag": lags, "free_bytes": free}
    if free < FULL_BYTES:
        detail = "The disk of the wire has no room: readers are answered, but appends fail, or will."
        return _health(503, status="failing", detail=detail, **found)
    return _health(200, status="ok", **found)


def _health(status_code: int, **found: object) -> JsonResponse:
    return JsonResponse(found, status=status_code, headers={"Cache-Control": "no-store"})


def print_status(out: Console) -> None:
    """Print the head, each projection's lag, what waits, and the latest dispatches."""
    projections = [fold.name for fold in all_projections()]
    head = store.read_head()
    out.print(f"Wire       {settings.AGENCY.origin} in {settings.DATELINE_HOME}", markup=False)
    out.print(f"Head       seq {head.seq}" + (f", sent {head.sent}" if head.sent else ": nothing was appended yet"))
    free = free_bytes(settings.DATELINE_HOME)
    out.print(
        f"Disk       {free // 1_000_000} MB free{': make room, appends fail or will' if free < FULL_BYTES else ''}"
    )
    out.print(f"Server     {'running' if bell.is_followed() else 'not running'}")
    for name in projections:
        lag = head.seq - store.read_cursor(name)
        out.print(f"{name.capitalize():<10} {'up to date' if lag == 0 else f'{dispatches(lag)} behind'}")
    embargoes = store.read_embargoes()
    waiting = f"{len(embargoes)}, next at {embargoes[0][0]}" if embargoes else "none"
    out.print(f"Embargoes  {waiting}")
    out.print(f"Quarantine {counted(intake.count_waiting(), 'item waits', 'items wait')} for release")
    out.print(f"Hub        subscriptions to the feeds: {hub.count()}")
    out.print(f"Alerts     readers: {alerts.count_readers()}, dispatches being mailed: {len(alerts.read_open())}")
    print_states(out)
    rows = store.read_rows(max(0, head.seq - _LATEST), _LATEST)
    if not rows:
        return
    out.print("\nLatest")
    for row in reversed(rows):
        out.print(f"{row.seq:>8}  {row.act:<8}  {row.uri}  {row.news.headline}", markup=False)
