"""The queue: the desk's home, and its part that is fetched anew when something changed."""

from typing import Any
from urllib.parse import urlencode

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.views.decorators.http import require_GET, require_POST
from wagtail.admin.auth import require_admin_access

from dateline.desk.access import second_factor_is_required
from dateline.desk.errors import DeskError
from dateline.desk.freezing import current
from dateline.desk.models import SavedFilter
from dateline.desk.queue_rows import Filter, read_queue
from dateline.desk.subscribers import room
from dateline.desk.views.person import user_of
from dateline.desk.views.subscribers import may_see
from dateline.desk.widgets import known_sections

# A name in a menu.
_NAME_CHARS = 60


def _context(request: HttpRequest) -> dict[str, Any]:
    wanted = Filter.read(request.GET)
    stalled = room().stalled() if may_see(request.user) else []
    return {
        "queue": read_queue(request.user, wanted), "wanted": wanted, "stalled": stalled,  # type: ignore[arg-type]
        "sees_subscribers": may_see(request.user),
    }  # fmt: skip


@require_GET
@require_admin_access
def queue(request: HttpRequest) -> HttpResponse:
    """The queue."""
    context = {
        **_context(request),
        "sections": known_sections(),
        "filters": list(user_of(request).saved_filters.order_by("name")),
        "query": _query(request),
        "no_second_factor": not second_factor_is_required(request) and not is_mfa_enabled(request.user),
        "frozen": current(user_of(request)),
    }
    return render(request, "desk/queue.html", context)


def _query(request: HttpRequest) -> str:
    return urlencode([(k, v) for k, v in request.GET.items() if k in ("section", "urgency", "state", "mine") and v])


@require_GET
@require_admin_access
def here(request: HttpRequest) -> HttpResponse:
    """Answer who is signed in with a token for their form: after a new sign-in the one that it has is not valid."""
    return JsonResponse({"token": get_token(request)})


@require_GET
@require_admin_access
def queue_part(request: HttpRequest) -> HttpResponse:
    """The queue's rows alone; 304 where nothing that they show has changed."""
    response = render(request, "desk/_queue.html", _context(request))
    etag = f'"{salted_hmac("desk.queue", response.content).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
@require_admin_access
def save_filter(request: HttpRequest) -> HttpResponse:
    """Keep the filter under a name."""
    name = " ".join(request.POST.get("name", "").split())[:_NAME_CHARS]
    query = request.POST.get("query", "")[:500]
    if not name or not query:
        raise DeskError("Set a filter first, then give it a name.")
    SavedFilter.objects.update_or_create(user=user_of(request), name=name, defaults={"query": query})
    return HttpResponseRedirect(f"{reverse('wagtailadmin_home')}?{query}")


@require_POST
@require_admin_access
def remove_filter(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a filter."""
    SavedFilter.objects.filter(user=user_of(request), pk=pk).delete()
    return HttpResponseRedirect(reverse("wagtailadmin_home"))
