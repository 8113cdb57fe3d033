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
from dateline.projections import all_projections
from dateline.wire import bell, store

_LATEST = 5


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 with the head and each projection's lag, in dispatches; 503 if the log cannot be read."""
    try:
        head = store.head_seq()
        lags = {fold.name: head - store.read_cursor(fold.name) for fold in all_projections()}
    except (sqlite3.Error, DatabaseError) as error:
        return JsonResponse({"status": "failing", "detail": f"The log cannot be read: {error}."}, status=503)
    response = JsonResponse({"status": "ok", "head": head, "lag": lags})
    response["Cache-Control"] = "no-store"
    return response


def print_status(out: Console) -> None:
    """Print the head, each projection's lag, what waits, and the latest dispatches."""
    projections = [fold.name for fold in all_projections()]
    head = store.read_head()
    out.print(f"Wire       {settings.AGENCY.origin} in {settings.DATELINE_HOME}", markup=False)
    out.print(f"Head       seq {head.seq}" + (f", sent {head.sent}" if head.sent else ": nothing was appended yet"))
    out.print(f"Server     {'running' if bell.is_followed() else 'not running'}")
    for name in projections:
        lag = head.seq - store.read_cursor(name)
        out.print(f"{name.capitalize():<10} {'up to date' if lag == 0 else f'{lag} dispatches behind'}")
    embargoes = store.read_embargoes()
    waiting = f"{len(embargoes)}, next at {embargoes[0][0]}" if embargoes else "none"
    out.print(f"Embargoes  {waiting}")
    out.print(f"Quarantine {intake.count_waiting()} items wait for release")
    out.print(f"Hub        subscriptions to the feeds: {hub.count()}")
    out.print(f"Alerts     readers: {alerts.count_readers()}, dispatches being mailed: {len(alerts.read_open())}")
    print_states(out)
    rows = store.read_rows(max(0, head.seq - _LATEST), _LATEST)
    if not rows:
        return
    out.print("\nLatest")
    for row in reversed(rows):
        out.print(f"{row.seq:>8}  {row.act:<8}  {row.uri}  {row.news.headline}", markup=False)
