"""A subscription is made or changed: the form, and what its filter means while it is edited."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST
from wagtail.admin.auth import require_admin_access

from dateline.desk.managing import managed
from dateline.desk.shown_once import Shown
from dateline.desk.subscribers import Made, Wishes, room
from dateline.desk.subscription_form import FilterForm, SubscriptionForm
from dateline.desk.subscription_words import changes, names, nothing, sections_at_hand
from dateline.desk.views.subscribers import need_manage
from dateline.desk.views.subscription import SECRET_IS_FOR, TOKEN_IS_FOR, details_of, show
from dateline.news.errors import DatelineError

# As many as `would_have_matched` gives: where so many are, there may be more.
_MATCHED = 20


@require_admin_access
def make(request: HttpRequest) -> HttpResponse:
    """Make a subscription."""
    need_manage(request)
    if request.method != "POST":
        return _form(request, SubscriptionForm(initial={"urgency": 9, "way": "pull"}))
    form = SubscriptionForm(request.POST)
    if _is_looked_at(request, form):
        return _form(request, form)
    made = _made(request, form) if form.is_valid() else None
    if made is None:
        return _form(request, form, status=400)
    lines = [("Token", made.token, TOKEN_IS_FOR)]
    if made.secret:
        lines.append(("Secret", made.secret, SECRET_IS_FOR))
    messages.success(request, f"{form.cleaned_data['name']} is a subscriber now.")
    return show(request, made.id, Shown(f"For {form.cleaned_data['name']}", tuple(lines)))


def _made(request: HttpRequest, form: SubscriptionForm) -> Made | None:
    said = form.cleaned_data
    wanted = form.wishes(room())
    try:
        with managed(request, "made a subscription", said["name"]) as kept:
            made = room().make(said["name"], wanted, from_start=said["from_start"], paused=said["paused"])
            kept.append(changes(nothing(), wanted, details_of(made.id).line.server))
            kept.append(f"paused: {said['paused']}" if said["paused"] else "")
            return made
    except DatelineError as error:
        form.refuse(error)
    return None


@require_admin_access
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one."""
    need_manage(request)
    found = details_of(pk)
    before, name = found.wishes, found.line.name
    mark = room().mark(pk)
    initial = SubscriptionForm.initial_of(name, before, sections_at_hand(), mark)
    if request.method != "POST":
        return _form(request, SubscriptionForm(before=before, initial=initial), found)
    form = SubscriptionForm(request.POST, before=before, initial=initial)
    if _is_looked_at(request, form):
        return _form(request, form, found)
    if form.is_valid() and form.cleaned_data["seen"] != mark:
        form.add_error(
            None,
            "It was changed after you opened it. Look at its page in another tab; what you typed is still here, and "
            "Save puts it in the place of that.",
        )
        # Whoever saves again has been told.
        data = request.POST.copy()
        data["seen"] = mark
        form.data = data
    secret = _changed(request, form, pk, name, before) if form.is_valid() else None
    if secret is None:
        return _form(request, form, found, status=400)
    if secret:
        return show(request, pk, Shown(f"For {form.cleaned_data['name']}", (("Secret", secret, SECRET_IS_FOR),)))
    messages.success(request, f"{form.cleaned_data['name']} is changed, from the next dispatch on.")
    return HttpResponseRedirect(reverse("desk:subscription", args=[pk]))


def _changed(request: HttpRequest, form: SubscriptionForm, pk: int, name: str, before: Wishes) -> str | None:
    """Return the new signing secret, '' for none, None where it was refused."""
    wanted = form.wishes(room())
    new = " ".join(form.cleaned_data["name"].split())
    try:
        with managed(request, "changed a subscription", new, f"was {name}" if new != name else "") as kept:
            secret = room().change(pk, new, wanted)
            kept.append(changes(before, wanted, details_of(pk).line.server))
            return secret
    except DatelineError as error:
        form.refuse(error)
    return None


def _is_looked_at(request: HttpRequest, form: SubscriptionForm) -> bool:
    """Whether the button was that which shows what the filter means: nothing is saved, nothing is refused."""
    if request.POST.get("do") != "show":
        return False
    form.only_filter()
    return True


def _form(request: HttpRequest, form: SubscriptionForm, found: Any = None, status: int = 200) -> HttpResponse:
    if form.is_bound:
        wanted = FilterForm.wishes(form, room()) if _has_filter(form) else None
    else:
        wanted = found.wishes if found else nothing()
    context = {"form": form, "found": found, **_preview(wanted, form.at_hand)}
    return render(request, "desk/subscription_form.html", context, status=status)


def _has_filter(form: FilterForm) -> bool:
    return not set(form.errors) & set(FilterForm.base_fields)


def _preview(wanted: Any, at_hand: dict[str, str]) -> dict[str, Any]:
    if wanted is None:
        return {"words": "", "matched": []}
    matched = room().would_have_matched(wanted)
    return {"words": room().words(wanted, names(at_hand)), "matched": matched, "more": len(matched) == _MATCHED}


@require_POST
@require_admin_access
def preview(request: HttpRequest) -> HttpResponse:
    """What a filter means, in words, and what of the last day it would have got: a part of the form's page."""
    need_manage(request)
    form = FilterForm(request.POST, initial={"topics": request.POST.get("topics", "")})
    wanted = form.wishes(room()) if form.is_valid() else None
    return render(request, "desk/_matched.html", {"form": form, **_preview(wanted, form.at_hand)})
