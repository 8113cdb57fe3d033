"""The subscribers, as the desk sees them: how each does, who has a dispatch, what is sent to all of them once more."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET
from wagtail.admin.auth import require_admin_access

from dateline.desk.errors import ReleaseRefused
from dateline.desk.freezing import current
from dateline.desk.managing import managed
from dateline.desk.models import Story
from dateline.desk.roles import Right
from dateline.desk.subscribers import room
from dateline.desk.subscription_form import AgainForm
from dateline.desk.subscription_words import SHORT, names, sections_at_hand
from dateline.desk.views.person import user_of
from dateline.news.counting import counted
from dateline.wire import store

_PAGE = 100
# To all at once; a longer range goes to one after the other, or by command.
_MOST_TO_ALL = 10_000
_STATES = {
    "trouble": "in trouble", "stalled": "stalled", "failing": "failing", "paused": "paused", "waiting": "waiting",
    "fine": "up to date", "to-begin": "to begin", "ended": "ended",
}  # fmt: skip


def may_see(user: Any) -> bool:
    """Whether someone may see who the agency's clients are: who releases, who operates, who manages them."""
    rights = (f"desk.{Right.RELEASE}", "desk.view_record", f"desk.{Right.SUBSCRIBERS}")
    return any(user.has_perm(right) for right in rights)


def may_manage(user: Any) -> bool:
    """Whether someone may make and change subscriptions."""
    return bool(user.has_perm(f"desk.{Right.SUBSCRIBERS}"))


def need_see(request: HttpRequest) -> None:
    """Raise ReleaseRefused for who may not see the subscribers."""
    if not may_see(user_of(request)):
        raise ReleaseRefused("Editors, chiefs and operators see the subscribers.")


def need_manage(request: HttpRequest) -> None:
    """Raise ReleaseRefused for who may not change the subscribers; a frozen account changes none."""
    user = user_of(request)
    if not may_manage(user):
        raise ReleaseRefused("Chiefs and operators make and change subscriptions; ask one of them.", user.pk)
    if current(user) is not None:
        raise ReleaseRefused("Your own account is frozen; someone else has to thaw it first.", user.pk)


@require_GET
@require_admin_access
def subscribers(request: HttpRequest) -> HttpResponse:
    """The list, or what of it is looked for."""
    need_see(request)
    lines = room().lines(names(sections_at_hand()))
    query, state, way = (request.GET.get(name, "").strip() for name in ("q", "state", "way"))
    words = query.casefold().split()
    wanted = [
        line
        for line in lines
        if (not state or line.kind == state or (state == "trouble" and line.trouble))
        and (not way or line.way == way)
        and all(word in f"{line.name} {line.contact} {line.server}".casefold() for word in words)
    ]
    page = Paginator(wanted, _PAGE).get_page(request.GET.get("page", ""))
    context = {
        "page": page, "count": len(lines), "found": len(wanted), "q": query, "state": state, "way": way,
        "states": _STATES, "ways": SHORT, "troubled": sum(line.trouble for line in lines),
        "filtered": bool(query or state or way), "may_manage": may_manage(request.user),
    }  # fmt: skip
    return render(request, "desk/subscribers.html", context)


@require_GET
@require_admin_access
def dispatch(request: HttpRequest, seq: int) -> HttpResponse:
    """One dispatch: who it is for, who has it, who lacks it; and who has what of its item."""
    need_see(request)
    row = store.read_dispatch(seq) if seq < 2**63 else None
    if row is None:
        raise Http404("The wire has no such dispatch.")
    receivers = room().who_gets(seq)
    versions = store.read_versions(row.uri)
    context = {
        "row": row, "item": row.news, "receivers": receivers, "lacking": sum(not one.has_it for one in receivers),
        "versions": versions, "last": versions[-1],
        "holders": sorted(room().who_has(row.uri), key=lambda one: one.is_last),
        "story": Story.objects.filter(uri=row.uri).first(), "may_manage": may_manage(request.user),
    }  # fmt: skip
    return render(request, "desk/dispatch.html", context)


@require_admin_access
def send_again(request: HttpRequest) -> HttpResponse:
    """Show what would be sent once more to all who had it; do it."""
    need_manage(request)
    form = AgainForm(request.POST or request.GET or None)
    context: dict[str, Any] = {"form": form}
    if form.is_bound and form.is_valid():
        first = form.cleaned_data["first"]
        last = form.cleaned_data["last"] or store.head_seq()
        if last - first >= _MOST_TO_ALL:
            form.add_error("last", f"To all at once go {_MOST_TO_ALL} dispatches at most. Choose a shorter range.")
        elif request.method == "POST":
            return _sent_to_all(request, first, last)
        else:
            plan = room().would_send_again(first, last)
            context |= {
                "first": first, "last": last, "plan": plan, "total": sum(one.count for one in plan),
                "rows": store.read_rows(first - 1, min(20, max(0, last - first + 1))),
            }  # fmt: skip
    return render(request, "desk/again.html", context, status=400 if form.errors else 200)


def _sent_to_all(request: HttpRequest, first: int, last: int) -> HttpResponse:
    count = 0
    plan = [one for one in room().would_send_again(first, last) if one.count]
    for one in plan:
        with managed(request, "sent again", one.name, f"dispatches {first} to {last}, with all who had them"):
            count += room().send_again(one.id, first, last)
    go = counted(count, "dispatch goes", "dispatches go")
    messages.success(request, f"{go} once more to {counted(len(plan), 'subscriber')}.")
    return HttpResponseRedirect(reverse("desk:subscribers"))
