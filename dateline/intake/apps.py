"""The intake room as a Django app."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """Registers the room's migrations, templates and static files."""

    name = "dateline.intake"
    label = "intake"
