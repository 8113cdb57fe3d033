"""What the editor asks while someone types: media topics, and the dateline as readers will see it."""

from datetime import UTC, date, datetime

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET
from wagtail.admin.auth import require_admin_access

from dateline.desk import topics
from dateline.desk.story_item import local_day, places_in, printed_dateline


@require_GET
@require_admin_access
def search_topics(request: HttpRequest) -> JsonResponse:
    """Return the topics that the words of `q` stand in."""
    found = topics.search(request.GET.get("q", "")[:100])
    rows = [{"code": t.code, "name": t.name, "way": topics.way_to(t), "definition": t.definition} for t in found]
    return JsonResponse({"topics": rows})


@require_GET
@require_admin_access
def print_line(request: HttpRequest) -> JsonResponse:
    """Return the dateline of a place, a date (ISO 8601; empty: today) and a credit (empty: the agency's)."""
    try:
        day = date.fromisoformat(request.GET.get("date", ""))
    except ValueError:
        day = None
    credit = request.GET.get("credit", "").strip() or settings.AGENCY.credit
    places = places_in(request.GET.get("place", "")[:160])
    return JsonResponse({"printed": printed_dateline(places, day, credit, local_day(datetime.now(UTC)))})
