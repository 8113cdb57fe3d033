"""One subscription: what it gets, how far it is, its ledger, its tokens; paused, resumed, sent something again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET
from wagtail.admin.auth import require_admin_access

from dateline.desk.errors import DeskError
from dateline.desk.managing import managed
from dateline.desk.shown_once import Shown, keep, take
from dateline.desk.subscribers import Details, room
from dateline.desk.subscription_form import AgainForm, PauseForm, TokenForm
from dateline.desk.subscription_words import FORMS, SHORT, names, sections_at_hand
from dateline.desk.views.person import user_of
from dateline.desk.views.subscribers import may_manage, need_manage, need_see
from dateline.news.counting import counted
from dateline.news.errors import DatelineError

_ATTEMPTS = 50
_DISPATCHES = 20
TOKEN_IS_FOR = "It signs the subscriber in at the API. The wire keeps no copy of it, only its digest."  # noqa: S105
SECRET_IS_FOR = "The subscriber checks with it that a webhook is yours."  # noqa: S105


def details_of(pk: int) -> Details:
    """Return all about one. Raises Http404."""
    try:
        if pk < 2**63:
            return room().details(pk, names(sections_at_hand()))
    except DatelineError as error:
        if error.code != "unknown-subscription":
            raise
    raise Http404("There is no such subscription.")


@require_admin_access
def subscription(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; its buttons."""
    need_see(request)
    found = details_of(pk)
    if request.method == "POST":
        need_manage(request)
        do = _DOES.get(request.POST.get("do", ""))
        if do is None:
            raise DeskError("Nothing was done: the form was not whole. Press the button for what you want.")
        return do(request, found)
    return _page(request, found)


def _page(request: HttpRequest, found: Details, status: int = 200, **forms: Any) -> HttpResponse:
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0
    attempts = room().read_ledger(found.line.id, before, _ATTEMPTS + 1)
    context = {
        "found": found, "line": found.line, "wishes": found.wishes, "way": SHORT.get(found.line.way, ""),
        "form_name": FORMS.get(found.wishes.form, found.wishes.form), "may_manage": may_manage(request.user),
        "attempts": attempts[:_ATTEMPTS], "before": before,
        "older": attempts[_ATTEMPTS - 1].id if len(attempts) > _ATTEMPTS else 0,
        "pause": PauseForm(), "token": TokenForm(), "again": AgainForm(), **forms,
    }  # fmt: skip
    return render(request, "desk/subscription.html", context, status=status)


def _back(pk: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("desk:subscription", args=[pk]))


def _pause(request: HttpRequest, found: Details) -> HttpResponse:
    form = PauseForm(request.POST)
    if not form.is_valid():
        return _page(request, found, 400, pause=form)
    with managed(request, "paused a subscription", found.line.name, form.cleaned_data["why"]):
        room().pause(found.line.id, form.cleaned_data["why"])
    messages.success(request, f"Nothing is sent to {found.line.name} until someone resumes it. Nothing is dropped.")
    return _back(found.line.id)


def _resume(request: HttpRequest, found: Details) -> HttpResponse:
    with managed(request, "resumed a subscription", found.line.name):
        room().resume(found.line.id)
    messages.success(request, f"{found.line.name} goes on where it stopped.")
    return _back(found.line.id)


def _token(request: HttpRequest, found: Details) -> HttpResponse:
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, found, 400, token=form)
    hours = form.cleaned_data["hours"]
    with managed(request, "gave a token", found.line.name, f"the ones before it end after {hours} h"):
        token = room().issue_token(found.line.id, timedelta(hours=hours))
    return show(request, found.line.id, Shown(f"A token for {found.line.name}", (("Token", token, TOKEN_IS_FOR),)))


def _revoke(request: HttpRequest, found: Details) -> HttpResponse:
    with managed(request, "revoked all tokens", found.line.name):
        count = room().revoke_tokens(found.line.id)
    messages.success(request, f"{counted(count, 'token')} of {found.line.name} ended just now.")
    return _back(found.line.id)


def _secret(request: HttpRequest, found: Details) -> HttpResponse:
    with managed(request, "rotated a signing secret", found.line.name):
        secret = room().rotate_secret(found.line.id)
    means = f"{SECRET_IS_FOR} Until the next rotation webhooks are signed with the one before it, too."
    return show(request, found.line.id, Shown(f"A secret for {found.line.name}", (("Secret", secret, means),)))


def _again(request: HttpRequest, found: Details) -> HttpResponse:
    form = AgainForm(request.POST)
    if not form.is_valid():
        return _page(request, found, 400, again=form)
    first, last = form.cleaned_data["first"], form.cleaned_data["last"]
    said = f"dispatches {first} to {last}" if last else f"everything from dispatch {first} on"
    with managed(request, "sent again", found.line.name, said):
        count = room().send_again(found.line.id, first, last)
    messages.success(request, f"{counted(count, 'dispatch goes', 'dispatches go')} to {found.line.name} once more.")
    return _back(found.line.id)


_DOES: dict[str, Callable[[HttpRequest, Details], HttpResponse]] = {
    "pause": _pause, "resume": _resume, "token": _token, "revoke": _revoke, "secret": _secret, "again": _again,
}  # fmt: skip


@require_GET
@require_admin_access
def would_send_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what would be sent to one subscriber once more, before it is."""
    need_manage(request)
    found = details_of(pk)
    form = AgainForm(request.GET)
    if not form.is_valid():
        return _page(request, found, 400, again=form)
    first, last = form.cleaned_data["first"], form.cleaned_data["last"]
    if found.line.way == "pull":
        raise DeskError(f"{found.line.name} pulls; it asks again by itself, with after={first - 1}.", found.line.id)
    plan = room().would_send_again(first, last, pk)
    context = {
        "line": found.line, "form": form, "first": first, "last": last, "plan": plan,
        "total": sum(one.count for one in plan), "rows": room().read_range(pk, first, last, _DISPATCHES),
    }  # fmt: skip
    return render(request, "desk/again.html", context)


def show(request: HttpRequest, pk: int, shown: Shown) -> HttpResponse:
    """Lead to the page that shows secrets, once."""
    key = keep(shown, user_of(request).pk, pk)
    return HttpResponseRedirect(reverse("desk:shown-once", args=[pk, key]))


@require_GET
@require_admin_access
def shown_once(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """Show secrets, this once, to who made them."""
    need_see(request)
    shown = take(key, user_of(request).pk, pk) if pk < 2**63 else None
    response = render(request, "desk/shown_once.html", {"shown": shown, "pk": pk}, status=200 if shown else 410)
    response["Cache-Control"] = "no-store, private"
    return response
