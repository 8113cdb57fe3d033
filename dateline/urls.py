"""The addresses that Django answers; ready pages and /live are answered before it."""

from django.urls import include, path

from dateline.status import healthz

urlpatterns = [
    path("healthz", healthz),
    path("desk/", include("dateline.desk.urls")),
    path("", include("dateline.wire.urls")),
    path("", include("dateline.site.urls")),
]
handler404 = "dateline.site.views.not_found"
handler500 = "dateline.site.views.failed"
