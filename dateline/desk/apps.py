"""The desk as a Django app."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from wagtail.users.apps import WagtailUsersAppConfig


class DeskConfig(AppConfig):
    """Registers the desk."""

    default = True
    name = "dateline.desk"
    label = "desk"
    verbose_name = "Desk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Set the desk up after each migration; permissions exist by then."""
        # Models cannot be imported before every app is there.
        from dateline.desk.setup import set_up  # noqa: PLC0415

        last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
        post_migrate.connect(set_up, sender=last, dispatch_uid="desk-set-up")


class DeskUsersConfig(WagtailUsersAppConfig):
    """Wagtail's accounts, with our forms."""

    default = False
    user_viewset = "dateline.desk.users.AccountViewSet"
