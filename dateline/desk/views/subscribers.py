"""The subscribers, as the desk sees them: what each gets, how far it is, who is in trouble."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.module_loading import import_string
from django.views.decorators.http import require_GET
from wagtail.admin.auth import require_admin_access

from dateline.desk.errors import ReleaseRefused
from dateline.desk.roles import Right
from dateline.desk.views.person import user_of


def may_see(user: object) -> bool:
    """Whether someone may see who the agency's clients are: who releases, and who operates."""
    return any(user.has_perm(right) for right in (f"desk.{Right.RELEASE}", "desk.view_record"))  # type: ignore[attr-defined]


@require_GET
@require_admin_access
def subscribers(request: HttpRequest) -> HttpResponse:
    """The list."""
    if not may_see(user_of(request)):
        raise ReleaseRefused("Editors, chiefs and operators see the subscribers.")
    return render(request, "desk/subscribers.html", {"lines": import_string(settings.SUBSCRIBERS)()})
