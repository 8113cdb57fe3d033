"""Addresses for subscribers."""

from django.urls import path

from dateline.delivery import pull

urlpatterns = [
    path("api/wire", pull.pull),  # type: ignore[arg-type]
    path("api/wire/stream", pull.stream),  # type: ignore[arg-type]
    path("api/consistency", pull.consistency),
    path("api/items/<path:uri>/versions", pull.versions),
    path("api/items/<path:uri>", pull.item),
]
