"""Roles at the desk and what each may do. A role is a group of accounts; the rights are Django's."""

from enum import StrEnum

from django.contrib.auth.models import Group, Permission
from wagtail.models import Collection, GroupCollectionPermission


class Role(StrEnum):
    """A role, by the name of its group."""

    REPORTER = "Reporters"
    EDITOR = "Editors"
    CHIEF = "Chiefs"
    OPERATOR = "Operators"


class Right(StrEnum):
    """What a role may do with the wire, as a permission on Story."""

    # Publish, update, correct and refile routine stories; hold them, and release what was held.
    RELEASE = "release_story"
    # The same with urgency 1 and 2, and approving it.
    FLASH = "flash_story"
    KILL = "kill_story"
    # Before its instant.
    LIFT_EMBARGO = "lift_embargo"
    # Release without the second pair of eyes that the rules ask for, with a stated reason.
    BREAK_GLASS = "break_glass"
    FREEZE = "freeze_releases"
    # Make and change subscriptions, give and end their tokens, pause them, send them something again.
    SUBSCRIBERS = "manage_subscribers"


RIGHT_LABELS = {
    Right.RELEASE: "Can release routine stories, and hold them",
    Right.FLASH: "Can release and approve urgency 1 and 2",
    Right.KILL: "Can kill, and approve a kill",
    Right.LIFT_EMBARGO: "Can lift an embargo early",
    Right.BREAK_GLASS: "Can release without a second pair of eyes, for a stated reason",
    Right.FREEZE: "Can freeze releases",
    Right.SUBSCRIBERS: "Can make and change subscriptions, and their tokens",
}

_WAGTAIL_GROUPS = ("Editors", "Moderators")
_WRITE = ("wagtailadmin.access_admin", "desk.add_story", "desk.change_story")
_PICTURES = ("desk.add_picture", "desk.change_picture")
# Wagtail asks for these on a collection, under its own model's name whatever the picture's model is.
_ON_COLLECTIONS = ("add_image", "change_image", "choose_image")
_EDIT = ("desk.publish_story", "desk.lock_story", "desk.unlock_story", f"desk.{Right.RELEASE}")
_CHIEF = tuple(f"desk.{right}" for right in Right)
_OPERATE = (
    "wagtailadmin.access_admin", "desk.add_user", "desk.change_user", "desk.view_user", f"desk.{Right.FREEZE}",
    f"desk.{Right.SUBSCRIBERS}", "desk.view_record",
)  # fmt: skip
ROLE_PERMISSIONS: dict[Role, tuple[str, ...]] = {
    Role.REPORTER: (*_WRITE, *_PICTURES),
    Role.EDITOR: (*_WRITE, *_PICTURES, *_EDIT),
    Role.CHIEF: (*_WRITE, *_PICTURES, *_EDIT, *_CHIEF, "desk.view_record"),
    Role.OPERATOR: _OPERATE,
}


def ensure_roles() -> None:
    """Make the groups of the roles where they are missing, with their rights.

    A group that is there already keeps what an operator changed in it. Wagtail's own two groups are for
    pages, which the desk has none of; they go before ours are made.
    """
    if not Group.objects.filter(name=str(Role.CHIEF)).exists():
        Group.objects.filter(name__in=_WAGTAIL_GROUPS).delete()
    for role, names in ROLE_PERMISSIONS.items():
        group, made = Group.objects.get_or_create(name=str(role))
        if made:
            wanted = {tuple(name.split(".")) for name in names}
            codenames = [codename for _, codename in wanted]
            found = Permission.objects.filter(codename__in=codenames).select_related("content_type")
            group.permissions.set([p for p in found if (p.content_type.app_label, p.codename) in wanted])
            if set(_PICTURES) <= set(names):
                _share_pictures(group)


def _share_pictures(group: Group) -> None:
    """Let a group add, change and choose pictures in every collection."""
    root = Collection.get_first_root_node()
    for codename in _ON_COLLECTIONS:
        permission = Permission.objects.get(codename=codename, content_type__app_label="wagtailimages")
        GroupCollectionPermission.objects.get_or_create(group=group, collection=root, permission=permission)
