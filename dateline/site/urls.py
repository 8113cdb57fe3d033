"""Addresses of the newsfeed that Django answers: what no ready page can, and everything that is left."""

from django.urls import path, re_path

from dateline.site import views

urlpatterns = [
    path("newsfeed.json", views.newsfeed_json),
    path("favicon.ico", views.icon),
    re_path(r"^pictures/(?P<digest>[0-9a-f]{64})/(?P<name>[0-9]{1,5}\.(?:avif|webp|jpg))$", views.picture),
    re_path(r"^.*$", views.page),
]
