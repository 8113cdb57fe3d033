"""The addresses that Django answers; ready pages and /live are answered before it."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from dateline.desk import access
from dateline.site import views as site
from dateline.status import healthz

urlpatterns = [
    path("healthz", healthz),
    path("desk/", include("dateline.desk.urls")),
    path("", include("dateline.delivery.urls")),
    path("", include("dateline.wire.urls")),
    path("", include("dateline.site.urls")),
]


def failed(request: HttpRequest) -> HttpResponse:
    """Answer for a fault of ours: a page at the desk, a problem document elsewhere."""
    return access.failed(request) if request.path.startswith(access.DESK) else site.failed(request)


handler404 = "dateline.site.views.not_found"
handler500 = failed
