"""`/alerts/`: the pages on which readers ask for alerts, confirm, and stop them. They work without a script.

Whoever asks sees the same page whether an address is known or not. What changes something is a POST: programs that
look at the links in mails open pages, and press no buttons. No cookie says who someone is, only the token in a link
does; so there is nothing that another site could forge, and no CSRF token.
"""

import logging
import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt

from dateline.delivery.alerts import choices, readers, store
from dateline.delivery.errors import DeliveryError
from dateline.delivery.filter import Filter
from dateline.delivery.limits import Buckets, client_of
from dateline.news.counting import counted

log = logging.getLogger(__name__)
# People behind one address of a school or a newsroom sign up now and then; more is a machine.
_SIGN_UPS = Buckets(rate_s=1 / 360, burst=10)
# Buttons: no machine guesses a token, but each press looks into the database.
_BUTTONS = Buckets(rate_s=1.0, burst=60)
_View = Callable[..., HttpResponse]
_OFF = "This wire sends no alerts by e-mail. Its feeds are at the foot of every page."
_SENT = [
    "If that address can get mail, there is one on its way to it.",
    "Open the link in it and press the button there: then the alerts begin. The link holds for two days.",
]
_USED = [
    "This link was used already, it is too old, or it is not whole.",
    "If you want alerts, ask for them once more.",
]
_NOBODY = [
    "This link stops nothing: the alerts were stopped already, or the link is not whole.",
    "Nothing is sent to you but what you asked for.",
]


def _page(template: str, title: str, status: int = 200, **context: Any) -> HttpResponse:
    frame = import_string(settings.PUBLIC_FRAME)
    heading = {"title": f"{title} – {settings.AGENCY.name}", "heading": title}
    response = HttpResponse(frame(f"delivery/alerts/{template}", {**heading, **context}), status=status)
    response["Cache-Control"] = "no-store"
    # The address has a token: no page that is linked from here learns it.
    response["Referrer-Policy"] = "no-referrer"
    return response


def _notice(title: str, lines: list[str], status: int = 200, *, again: bool = False) -> HttpResponse:
    return _page("notice.html", title, status, lines=lines, again=again)


def _guarded(limit: Buckets) -> Callable[[_View], _View]:
    """Wrap a page: GET and POST only, POSTs counted by client, a database that is busy told in a sentence."""

    def wrap(view: _View) -> _View:
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest, **values: str) -> HttpResponse:
            if request.method not in ("GET", "HEAD", "POST"):
                response = _notice("Not possible", ["This page is read, and its form is sent. Nothing else."], 405)
                response["Allow"] = "GET, HEAD, POST"
                return response
            client = client_of(request.META.get("REMOTE_ADDR", ""))
            if request.method == "POST" and (retry := limit.take(client)):
                minutes = counted(retry // 60 + 1, "minute")
                said = f"That was asked for too often from where you are. Try again in {minutes}."
                response = _notice("Too many requests", [said], 429)
                response["Retry-After"] = str(retry)
                return response
            try:
                return view(request, **values)
            except (DatabaseError, sqlite3.Error, OSError):
                log.exception("A reader's wish could not be kept")
                return _notice("Not kept", ["This could not be kept just now. Try again in a minute."], 503)

        return answer

    return wrap


@_guarded(_SIGN_UPS)
def ask(request: HttpRequest) -> HttpResponse:
    """The form, and what it asks for."""
    if not readers.is_on():
        return _notice("No alerts", [_OFF], 404)
    if request.method != "POST":
        return _form()
    # Printed into the form again: only what is printable, and no more than an address has.
    address = "".join(letter for letter in request.POST.get("address", "") if letter.isprintable())[:254]
    chosen, urgency = request.POST.getlist("section"), request.POST.get("urgency", "")
    try:
        readers.ask(request.POST.get("address", ""), choices.read_choice(chosen, urgency))
    except readers.Busy as error:
        return _form(str(error), address, chosen, urgency, status=503)
    except DeliveryError as error:
        bad_address = isinstance(error, readers.BadAddress)
        return _form(str(error), address, chosen, urgency, status=400, bad_address=bad_address)
    return _notice("Look into your mail", _SENT)


def _form(
    error: str = "",
    address: str = "",
    chosen: list[str] | None = None,
    urgency: str = "flash",
    *,
    status: int = 200,
    bad_address: bool = False,
) -> HttpResponse:
    return _page(
        "ask.html", "Alerts by e-mail", status, error=error, address=address, bad_address=bad_address,
        sections=[(section, section.slug in (chosen or [])) for section in choices.sections()],
        urgencies=[(value, words, value == urgency) for value, (_, words) in choices.URGENCIES.items()],
    )  # fmt: skip


@_guarded(_BUTTONS)
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show what would be confirmed, with a button; the button confirms it, once."""
    if not readers.is_on():
        return _notice("No alerts", [_OFF], 404)
    if request.method != "POST":
        found = readers.find_asked(token)
        if found is None:
            return _notice("Nothing to confirm", _USED, 404, again=True)
        return _page("confirm.html", "Confirm your alerts", wanted=choices.in_words(readers.filter_of(found.filter)))
    wanted: Filter | None = readers.confirm(token)
    if wanted is None:
        return _notice("Nothing to confirm", _USED, 404, again=True)
    return _notice("Your alerts begin now", [f"You get {choices.in_words(wanted)}.", "Every mail has a link to stop."])


@_guarded(_BUTTONS)
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button that stops a reader's alerts; a POST, by it or by a mail program (RFC 8058), does."""
    if request.method != "POST":
        reader = readers.find_reader(token)
        if reader is None:
            return _notice("Nothing to stop", _NOBODY, 404)
        wanted = readers.filter_of(store.read_filter(reader.choice))
        return _page("stop.html", "Stop your alerts", wanted=choices.in_words(wanted))
    if not readers.stop(token):
        return _notice("Nothing to stop", _NOBODY, 404)
    return _notice("Your alerts have stopped", ["Your address is deleted here. Nothing more is sent to it."])
