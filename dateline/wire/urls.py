"""Addresses of the signed log."""

from django.urls import path

from dateline.wire import views

urlpatterns = [
    path("log/checkpoint", views.checkpoint),
    path("log/tile/<int:level>/<path:place>", views.tile),
]
