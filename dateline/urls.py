"""The addresses that Django answers; ready pages and /live are answered before it."""

import sys

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView

from dateline.desk import access
from dateline.site import views as site
from dateline.status import healthz
from dateline.wire.full_disk import full_disk

urlpatterns = [
    path("healthz", healthz),
    path("desk", RedirectView.as_view(url="/desk/", permanent=True)),
    path("desk/", include("dateline.desk.urls")),
    path("", include("dateline.delivery.urls")),
    path("", include("dateline.wire.urls")),
    path("", include("dateline.site.urls")),
]


def failed(request: HttpRequest) -> HttpResponse:
    """Answer for a fault of ours, or a full disk: a page at the desk, a problem document elsewhere.

    Whatever wrote comes here, a view or a middleware (the sessions, the tokens of forms); Django has logged it.
    """
    full = bool(full_disk(sys.exception()))
    if request.path.startswith(access.DESK):
        return access.failed(request, full=full)
    return site.failed(request, full=full)


handler404 = "dateline.site.views.not_found"
handler500 = failed
