"""The right to manage subscribers, also for chiefs and operators who are there already; what a record is about."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_RIGHT = ("manage_subscribers", "Can make and change subscriptions, and their tokens")
_PERMISSIONS = (
    ("release_story", "Can release routine stories, and hold them"),
    ("flash_story", "Can release and approve urgency 1 and 2"),
    ("kill_story", "Can kill, and approve a kill"),
    ("lift_embargo", "Can lift an embargo early"),
    ("break_glass", "Can release without a second pair of eyes, for a stated reason"),
    ("freeze_releases", "Can freeze releases"),
    _RIGHT,
)


def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give the right, this once, to the groups that we made; an operator may take it back.

    On a new wire there are none yet: `roles.ensure_roles` makes them with it.
    """
    groups = list(apps.get_model("auth", "Group").objects.filter(name__in=["Chiefs", "Operators"]))
    if not groups:
        return
    # Django makes permissions after all migrations; it finds this one made.
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label="desk", model="story")
    right, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename=_RIGHT[0], defaults={"name": _RIGHT[1]}
    )
    for group in groups:
        group.permissions.add(right)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("desk", "0003_authors_of_versions"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="story",
            options={"permissions": _PERMISSIONS, "verbose_name": "story", "verbose_name_plural": "stories"},
        ),
        migrations.AddField(
            model_name="record",
            name="about",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.RunPython(give, migrations.RunPython.noop),
    ]
