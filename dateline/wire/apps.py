"""The wire as a Django app: it owns the log's tables."""

from django.apps import AppConfig


class WireConfig(AppConfig):
    """Registers the room's migrations."""

    name = "dateline.wire"
    label = "wire"
