"""What came in: take it over, or throw it away."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST
from wagtail.admin.auth import require_admin_access

from dateline.desk.take_over import spike_incoming, take_over
from dateline.desk.views.person import need, user_of


def _key(request: HttpRequest) -> str:
    return request.POST.get("key", "")


@require_POST
@require_admin_access
def take(request: HttpRequest) -> HttpResponse:
    """Make a story of a quarantined item and open it."""
    need(request, "desk.add_story", "Only who may write stories takes items over.")
    story = take_over(_key(request), user_of(request))
    return HttpResponseRedirect(reverse("stories:edit", args=[story.pk]))


@require_POST
@require_admin_access
def spike(request: HttpRequest) -> HttpResponse:
    """Throw a quarantined item away."""
    need(request, "desk.add_story", "Only who may write stories spikes items.")
    spike_incoming(_key(request), user_of(request))
    messages.success(request, "Spiked. Intake keeps it, the queue does not show it any more.")
    return HttpResponseRedirect(reverse("wagtailadmin_home"))
