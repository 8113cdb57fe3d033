"""Addresses of the desk that are ours; Wagtail answers the rest below /desk/."""

from django.urls import include, path
from django.views.generic import RedirectView
from wagtail.admin import urls as wagtail_urls

from dateline.desk.views import (
    edit_subscription,
    flash,
    freeze,
    history,
    incoming,
    live,
    pictures,
    queue,
    release,
    subscribers,
    subscription,
    topics,
)

desk = (
    [
        path("queue/", queue.queue_part, name="queue-part"),
        path("queue/filters/", queue.save_filter, name="save-filter"),
        path("queue/filters/<int:pk>/remove/", queue.remove_filter, name="remove-filter"),
        path("here/", queue.here, name="here"),
        path("live", live.live, name="live"),
        path("flash/", flash.flash, name="flash"),
        path("release/<int:pk>/", release.release, name="release"),
        path("release/<int:pk>/approve/<int:request_pk>/", release.approve_request, name="approve"),
        path("release/<int:pk>/notes/", release.add_note, name="note"),
        path("release/<int:pk>/spike/", release.spike_story, name="spike"),
        path("release/<int:pk>/take-back/", release.take_back_story, name="take-back"),
        path("release/<int:pk>/unschedule/<int:schedule_pk>/", release.unschedule, name="unschedule"),
        path("incoming/take/", incoming.take, name="take-incoming"),
        path("incoming/spike/", incoming.spike, name="spike-incoming"),
        path("freeze/", freeze.freeze, name="freeze"),
        path("subscribers/", subscribers.subscribers, name="subscribers"),
        path("subscribers/add/", edit_subscription.make, name="make-subscription"),
        path("subscribers/preview/", edit_subscription.preview, name="preview-subscription"),
        path("subscribers/again/", subscribers.send_again, name="send-again-to-all"),
        path("subscribers/dispatch/<int:seq>/", subscribers.dispatch, name="dispatch"),
        path("subscribers/<int:pk>/", subscription.subscription, name="subscription"),
        path("subscribers/<int:pk>/change/", edit_subscription.change, name="change-subscription"),
        path("subscribers/<int:pk>/again/", subscription.would_send_again, name="send-again"),
        path("subscribers/<int:pk>/shown/<str:key>/", subscription.shown_once, name="shown-once"),
        path("history/", history.history, name="history"),
        path("history.ndjson", history.export, name="history-export"),
        path("dateline/", topics.print_line, name="dateline"),
        path("topics/", topics.search_topics, name="topics"),
        path("media/<path:path>", pictures.media, name="media"),
        path("picture/<str:digest>/<int:width>.<str:kind>", pictures.draft_picture, name="draft-picture"),
    ],
    "desk",
)
urlpatterns = [
    path("", queue.queue, name="desk-home"),
    path("", include(desk)),
    path("account/", include("allauth.urls")),
    # Wagtail's own sign-in asks for no second factor, so there is one only.
    path("login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("logout/", RedirectView.as_view(pattern_name="account_logout", query_string=True)),
    path("", include(wagtail_urls)),
]
