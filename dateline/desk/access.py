"""Who gets to the desk: a fresh password before anything else, a second factor where it is asked for.

Middleware for addresses below /desk/ only; the public side has no session and no account.
"""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.middleware import UserSessionsMiddleware
from django.conf import settings
from django.contrib import messages
from django.db import DatabaseError, IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from PIL.Image import DecompressionBombError

from dateline.desk.errors import DeskError
from dateline.desk.roles import Right
from dateline.news.errors import DatelineError
from dateline.options import is_loopback
from dateline.pages.accepting import takes_html
from dateline.pages.problem import problem
from dateline.wire.full_disk import full_disk

log = logging.getLogger(__name__)
DESK = "/desk/"
ACCOUNT = "/desk/account/"
# What Wagtail cannot do without: styles that its widgets write, images that it makes in the browser. Scripts
# come from us only (docs/decisions/0008).
DESK_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'; worker-src 'self' blob:"
)


_FULL = (
    "The server's disk is full, or cannot be written to. What you did was not kept, or not all of it; what is on the "
    "wire is not touched. Tell whoever runs the server, and look at the queue before you do it again."
)
# Nobody makes room sooner.
_AGAIN_S = "60"


def second_factor_is_required(request: HttpRequest) -> bool:
    """Whether a second factor is required here: everywhere but on a machine that only its owner reaches.

    The settings decide, not the Host header, which a proxy may pass on as a stranger wrote it.
    """
    local = is_loopback(settings.OPTIONS["URL"]) and not settings.OPTIONS["HOSTS"] and is_loopback(settings.LISTEN_HOST)
    forwarded = "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META
    return not local or forwarded


def can_release(user: Any) -> bool:
    """Whether this account may let anything out, or stop it."""
    return any(user.has_perm(f"desk.{right}") for right in Right) or user.has_perm("desk.change_user")


def used_second_factor(request: HttpRequest) -> bool:
    """Whether this session was opened with a second factor, or with a passkey."""
    methods = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    return any(method.get("method") == "mfa" for method in methods)


class SessionActivity:
    """Django middleware: notes when a session was last used; where the disk is full, one can go on reading without."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._note = UserSessionsMiddleware(lambda request: None)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Note it, and answer the request."""
        try:
            self._note(request)
        except DatabaseError as error:
            if not (why := full_disk(error)):
                raise
            log.error("The use of a session was not noted. %s", why)
        return self._get_response(request)


class DeskAccess:
    """Django middleware: lets nobody past a password that was told them, or without their second factor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, or send it where the account has to be put in order first."""
        if not request.path.startswith(DESK):
            return self._get_response(request)
        request.desk_agency = settings.AGENCY.name  # type: ignore[attr-defined]
        request.desk_mails = bool(settings.OPTIONS["SMTP"])  # type: ignore[attr-defined]
        response = self._turned_away(request) or self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", DESK_POLICY)
        response.headers.setdefault("X-Robots-Tag", "noindex")
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response

    def _turned_away(self, request: HttpRequest) -> HttpResponse | None:
        user: Any = request.user
        # Exactly /desk/account/ is Wagtail's page of one's profile; below it lies the signing in.
        if not user.is_authenticated or (request.path.startswith(ACCOUNT) and request.path != ACCOUNT):
            return None
        if user.must_change_password:
            return _send(request, reverse("account_change_password"), "First choose a password of your own.")
        if not second_factor_is_required(request) or not can_release(user):
            return None
        if not is_mfa_enabled(user):
            return _send(request, reverse("mfa_index"), "Who can release needs a second factor. Set one up first.")
        if not used_second_factor(request):
            return _send(request, reverse("mfa_reauthenticate"), "Confirm with your second factor.")
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Say what the desk, the wire or the database refused, where the person was."""
        if not request.path.startswith(DESK):
            return None
        if isinstance(error, DecompressionBombError):
            # Wagtail asks the file for its size before any of its own limits.
            error = DeskError("This picture has more pixels than the desk opens. Upload a smaller one.")
        if not isinstance(error, DatelineError | IntegrityError):
            return None
        if isinstance(error, DatelineError):
            sentence = str(error)
        else:
            log.warning("The database refused a change at the desk: %s", error)
            sentence = (
                "Another dispatch of the item went out in this very moment, or the rules of release forbid it. Open "
                f"the story again and look at it. ({error})"
            )
        if not takes_html(request):
            code = getattr(error, "code", "refused")
            return JsonResponse({"success": False, "error_code": code, "error_message": sentence}, status=409)
        messages.error(request, sentence)
        back = request.headers.get("Referer", "")
        inside = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
        return HttpResponseRedirect(back if inside and request.method == "POST" else DESK)


def failed(request: HttpRequest, *, full: bool = False) -> HttpResponse:
    """Answer for a fault of ours at the desk, or (`full`) for a disk without room; it was logged."""
    if not full:
        return render(request, "desk/failed.html", status=500)
    if not takes_html(request):
        answer = {"success": False, "error_code": "full-disk", "error_message": _FULL}
        response: HttpResponse = JsonResponse(answer, status=503)
    else:
        response = render(request, "desk/failed.html", {"full": _FULL}, status=503)
    response["Retry-After"] = _AGAIN_S
    return response


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token is not valid any more: of an older sign-in, or of another site."""
    if not request.path.startswith(DESK):
        # Nothing is written on the public side but by the forms that say so: this is a wrong method, not a stale form.
        return problem(405, "Only GET", "This address is read; nothing is written here.", Allow="GET, HEAD")
    log.warning("%s %s: %s", request.method, request.path, reason)
    return render(request, "desk/failed.html", {"stale": True}, status=403)


def _send(request: HttpRequest, where: str, why: str) -> HttpResponse:
    if not takes_html(request):
        return JsonResponse({"success": False, "error_code": "account", "error_message": why}, status=403)
    messages.warning(request, why)
    return HttpResponseRedirect(f"{where}?next={quote(request.get_full_path() if request.method == 'GET' else DESK)}")
