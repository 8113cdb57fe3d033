"""Addresses for subscribers."""

from django.urls import path, re_path
from django.views.generic import RedirectView

from dateline.delivery import describe, pull
from dateline.delivery.alerts import views as alerts
from dateline.delivery.websub.views import hub

urlpatterns = [
    path("api/wire", pull.pull),  # type: ignore[arg-type]
    path("api/wire/stream", pull.stream),  # type: ignore[arg-type]
    path("api/openapi.json", describe.openapi),
    path("api/", describe.page),
    path("api/consistency", pull.consistency),
    path("api/items/<path:uri>/versions", pull.versions),
    path("api/items/<path:uri>", pull.item),
    re_path(r"^api/", describe.nothing),
    path("hub", hub),
    path("alerts", RedirectView.as_view(url="/alerts/", permanent=True)),
    path("alerts/", alerts.ask),
    path("alerts/confirm/<str:token>/", alerts.confirm),
    path("alerts/stop/<str:token>/", alerts.stop),
]
