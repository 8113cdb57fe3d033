"""The site room as a Django app."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Registers the room's migrations, templates and static files."""

    name = "dateline.site"
    label = "site"
