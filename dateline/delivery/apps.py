"""The delivery room as a Django app."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    """Registers the room's migrations."""

    name = "dateline.delivery"
    label = "delivery"
