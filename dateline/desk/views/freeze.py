"""The freeze: one button stops all releases, or those of one account."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from wagtail.admin.auth import require_admin_access

from dateline.desk.errors import DeskError
from dateline.desk.freezing import current, set_freeze
from dateline.desk.models import Freeze, User
from dateline.desk.roles import Right
from dateline.desk.views.person import need, user_of


@require_admin_access
def freeze(request: HttpRequest) -> HttpResponse:
    """Show what is frozen; freeze or thaw."""
    need(request, f"desk.{Right.FREEZE}", "Only a chief or an operator freezes releases and thaws them.")
    if request.method == "POST":
        who, do = request.POST.get("user", ""), request.POST.get("do", "")
        user = User.objects.filter(username=who).first() if who else None
        if do not in ("freeze", "thaw") or (who and user is None):
            raise DeskError("Nothing was frozen or thawed: the form was not whole. Send it again.", who)
        frozen = do == "freeze"
        set_freeze(user, frozen, request.POST.get("reason", ""), user_of(request))
        verb = "frozen" if frozen else "thawed"
        messages.success(request, f"{f'Releases of {user}' if user else 'All releases'} are {verb}.")
        return HttpResponseRedirect(reverse("desk:freeze"))
    users = list(User.objects.filter(is_active=True).order_by("username"))
    last = Freeze.objects.exclude(user=None).order_by("user", "-pk").select_related("by")
    held = {row.user_id: row for row in reversed(last) if row.frozen}
    context = {
        "all_frozen": current(None),
        "people": [(user, held.get(user.pk)) for user in users],
        "events": Freeze.objects.select_related("user", "by").order_by("-pk")[:50],
    }
    return render(request, "desk/freeze.html", context)
