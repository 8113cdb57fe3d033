"""What the desk puts into Wagtail, and what it takes out."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from wagtail import hooks
from wagtail.admin import messages
from wagtail.admin.menu import MenuItem
from wagtail.snippets.action_menu import ActionMenuItem

from dateline.desk import viewsets
from dateline.desk.act_words import LABELS
from dateline.desk.freezing import current
from dateline.desk.models import Story, User
from dateline.desk.roles import Right
from dateline.desk.views.person import user_of
from dateline.news.acts import Act

viewsets.register()

_ICONS = {Act.HOLD: "lock", Act.KILL: "bin", Act.RELEASE: "lock-open"}
# Parts of Wagtail that are for a site's pages.
_NOT_OURS = {"documents", "explorer", "help", "reports", "snippets"}


class _ActItem(ActionMenuItem):
    """A button in the editor's footer: saves the draft, then opens the release screen for an act."""

    def __init__(self, act: Act, order: int) -> None:
        super().__init__(order=order)
        self.name = f"action-to-{act}"
        self.label = f"{LABELS[act]} …"
        self.icon_name = _ICONS.get(act, "upload")


@hooks.register("construct_snippet_action_menu")
def _footer(items: list[Any], request: HttpRequest, context: dict[str, Any]) -> None:
    """The acts that the item's state allows; none of Wagtail's own ways to publish."""
    if context.get("model") is not Story:
        return
    items[:] = [item for item in items if item.name not in ("action-publish", "action-unpublish")]
    if context.get("locked_for_user") or context["view"] == "revisions_revert":
        return
    instance = context.get("instance")
    acts = viewsets.acts_in_footer(instance)
    user: Any = request.user
    if not user.has_perm(f"desk.{Right.RELEASE}"):
        acts = acts[:1]  # the screen, with its checks, and the sentence who releases
        items.sort(key=lambda item: item.name != "action-submit")
        items.extend(_ActItem(act, 100 + number) for number, act in enumerate(acts))
        return
    items[:0] = [_ActItem(act, -100 + number) for number, act in enumerate(acts)]


@hooks.register("construct_main_menu")
def _menu(request: HttpRequest, items: list[MenuItem]) -> None:
    items[:] = [item for item in items if item.name not in _NOT_OURS]
    for item in items:
        if item.name == "images":
            item.label = "Pictures"


class _RightItem(MenuItem):
    """A menu item for those who have one of some rights."""

    def __init__(self, *args: Any, rights: tuple[str, ...] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self._rights = rights

    def is_shown(self, request: HttpRequest) -> bool:
        """Whether this person has one of the rights."""
        return not self._rights or any(request.user.has_perm(right) for right in self._rights)


@hooks.register("register_admin_menu_item")
def _queue_item() -> MenuItem:
    return MenuItem("Queue", reverse("wagtailadmin_home"), icon_name="list-ul", order=1, name="queue")


@hooks.register("register_admin_menu_item")
def _flash_item() -> MenuItem:
    return _RightItem(
        "Flash", reverse("desk:flash"), icon_name="warning", order=2, name="flash", rights=("desk.add_story",),
        attrs={"data-desk-flash": ""},
    )  # fmt: skip


@hooks.register("register_admin_menu_item")
def _subscribers_item() -> MenuItem:
    return _RightItem(
        "Subscribers", reverse("desk:subscribers"), icon_name="mail", order=59, name="subscribers",
        rights=(f"desk.{Right.RELEASE}", "desk.view_record", f"desk.{Right.SUBSCRIBERS}"),
    )  # fmt: skip


@hooks.register("register_admin_menu_item")
def _history_item() -> MenuItem:
    return _RightItem(
        "History", reverse("desk:history"), icon_name="history", order=60, name="history",
        rights=("desk.view_record",),
    )  # fmt: skip


@hooks.register("register_admin_menu_item")
def _freeze_item() -> MenuItem:
    return _RightItem(
        "Freeze", reverse("desk:freeze"), icon_name="cross", order=61, name="freeze",
        rights=(f"desk.{Right.FREEZE}",),
    )  # fmt: skip


@hooks.register("register_admin_menu_item")
def _signin_item() -> MenuItem:
    return MenuItem("Sign-in", reverse("mfa_index"), icon_name="key", order=62, name="sign-in")


@hooks.register("insert_global_admin_css")
def _css() -> SafeString:
    return format_html('<link rel="stylesheet" href="{}">', static("desk/desk.css"))


@hooks.register("insert_global_admin_js")
def _js() -> SafeString:
    scripts = ("desk/desk.js", "desk/flash.js")
    return format_html_join("\n", '<script type="module" src="{}"></script>', ((static(path),) for path in scripts))


@hooks.register("before_delete_image")
def _picture_stays(request: HttpRequest, picture: Any) -> HttpResponse | None:
    """A picture that the wire carries is not deleted."""
    if picture.used_at is None:
        return None
    messages.error(
        request, f"“{picture.title}” is in an item on the wire, so it stays. Take it out of the story and update it."
    )
    return redirect("wagtailimages:edit", picture.pk)


@hooks.register("before_bulk_action")
def _no_bulk(request: HttpRequest, action_type: str, objects: list[Any], action: Any) -> HttpResponse | None:
    """No bulk action deletes a story, nor a picture that the wire carries, nor changes an account."""
    if any(isinstance(found, User) for found in objects):
        messages.error(request, "Accounts are changed one by one, so that the history says who gave whom what.")
        return redirect("wagtailusers_users:index")
    kept = [found for found in objects if isinstance(found, Story) or getattr(found, "used_at", None) is not None]
    if action_type != "delete" or not kept:
        return None
    messages.error(request, f"“{kept[0]}” stays: stories are spiked or killed, and pictures on the wire are kept.")
    return redirect("wagtailadmin_home")


@hooks.register("before_create_user")
@hooks.register("before_edit_user")
@hooks.register("before_delete_user")
def _frozen_makes_nobody(request: HttpRequest, user: Any = None) -> HttpResponse | None:
    """An account that is frozen makes no other that is not."""
    if request.method != "POST" or current(user_of(request)) is None:
        return None
    messages.error(request, "Your own account is frozen; someone else has to thaw it before you change accounts.")
    return redirect("wagtailusers_users:index")


@hooks.register("insert_editor_js")
def _editor_js() -> SafeString:
    return format_html('<script type="module" src="{}"></script>', static("desk/editor.js"))
