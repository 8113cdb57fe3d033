"""The history: who did what when, all of it, newest first; and the same as NDJSON."""

from collections.abc import Iterator

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from wagtail.admin.auth import require_admin_access

from dateline.desk.errors import DeskError, ReleaseRefused
from dateline.desk.happenings import Happening, happenings
from dateline.desk.views.person import user_of
from dateline.news.codes import parse_instant

_PAGE = 100


def _allowed(request: HttpRequest) -> None:
    user = user_of(request)
    if not user.has_perm("desk.view_record"):
        raise ReleaseRefused("Only chiefs and operators read the history of the whole desk.", user.pk)


@require_GET
@require_admin_access
def history(request: HttpRequest) -> HttpResponse:
    """The last happenings; `before` goes further back."""
    _allowed(request)
    before = request.GET.get("before", "")
    try:
        until = parse_instant(before) if before else None
    except (ValueError, OverflowError) as error:
        raise DeskError("The history goes back from an instant; follow its own link.", before) from error
    who = request.GET.get("who", "")
    rows: list[Happening] = []
    for row in happenings(before=until, who=who):
        rows.append(row)
        if len(rows) > _PAGE:
            break
    more = rows[_PAGE - 1].at if len(rows) > _PAGE else ""
    return render(request, "desk/history.html", {"rows": rows[:_PAGE], "more": more, "who": who})


@require_GET
@require_admin_access
def export(request: HttpRequest) -> HttpResponseBase:
    """The whole history as NDJSON, newest first."""
    _allowed(request)

    def lines() -> Iterator[bytes]:
        for row in happenings():
            yield msgspec.json.encode(row) + b"\n"

    response = StreamingHttpResponse(lines(), content_type="application/x-ndjson")
    response["Content-Disposition"] = 'attachment; filename="desk-history.ndjson"'
    return response
