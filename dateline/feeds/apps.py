"""The feeds room as a Django app."""

from django.apps import AppConfig


class FeedsConfig(AppConfig):
    """Registers the room's migrations, templates and static files."""

    name = "dateline.feeds"
    label = "feeds"
