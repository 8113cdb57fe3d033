"""Sign-in: accounts are made at the desk, each sign-in is recorded, and one from a new place is told."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_changed, password_reset
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.contrib import messages
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db.models.signals import m2m_changed
from django.dispatch import receiver
from django.http import HttpRequest
from wagtail.log_actions import get_active_log_context

from dateline.desk.models import Record, User
from dateline.desk.recording import address_of, record

log = logging.getLogger(__name__)
SIGNED_IN, NEW_PLACE, FAILED = "sign-in", "sign-in from a new place", "failed sign-in"


class AccountAdapter(DefaultAccountAdapter):
    """allauth's adapter: nobody signs up by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def clean_password(self, password: str, user: Any = None) -> str:
        """Return the new password. Raises ValidationError if it is weak, or the one that the account has already.

        That one may be one-time: it was printed, or told by someone else.
        """
        if user is not None and user.check_password(password):
            raise ValidationError("This is the password that you have now. Choose another.")
        cleaned: str = super().clean_password(password, user)
        return cleaned

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return the queue's address."""
        return "/desk/"


@receiver(user_logged_in, dispatch_uid="desk-signed-in")
def _signed_in(sender: Any, request: HttpRequest | None, user: User, **options: Any) -> None:
    if request is None:
        return
    before = Record.objects.filter(user=user, what__in=(SIGNED_IN, NEW_PLACE))
    ip, agent = address_of(request), request.headers.get("User-Agent", "")[:500]
    known = not before.exists() or before.filter(ip=ip, agent=agent).exists()
    made = record(SIGNED_IN if known else NEW_PLACE, user=user, request=request)
    if known:
        return
    text = (
        f"Someone signed in to the desk as {user.username} from a place that was not seen before: address {made.ip}, "
        f"{made.agent or 'an unknown browser'}. If that was not you, end that session under Sessions and change the "
        "password."
    )
    messages.warning(request, text)
    if user.email:
        try:
            send_mail("Sign-in from a new place", text, None, [user.email])
        except OSError as error:
            log.warning("The notice of a sign-in from a new place could not be mailed to %s: %s", user.username, error)


@receiver(user_login_failed, dispatch_uid="desk-sign-in-failed")
def _failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **options: Any) -> None:
    name = str(credentials.get("username") or credentials.get("email") or credentials.get("login") or "")
    record(FAILED, user=User.objects.filter(username=name).first(), request=request, detail=name)


@receiver([password_changed, password_reset], dispatch_uid="desk-password")
def _password(sender: Any, request: HttpRequest, user: User, **options: Any) -> None:
    User.objects.filter(pk=user.pk).update(must_change_password=False)
    user.must_change_password = False
    record("password changed", user=user, request=request)


@receiver([authenticator_added, authenticator_removed], dispatch_uid="desk-factor")
def _factor(sender: Any, request: HttpRequest, user: User, authenticator: Any, signal: Any, **options: Any) -> None:
    verb = "added" if signal is authenticator_added else "removed"
    record(f"second factor {verb}", user=user, request=request, detail=str(authenticator.get_type_display()))


@receiver(m2m_changed, sender=User.groups.through, dispatch_uid="desk-roles")
def _roles(sender: Any, instance: Any, action: str, pk_set: Any, reverse: bool, **options: Any) -> None:
    """Keep who was given a role, or lost it, and by whom: it decides who may let what out."""
    if action not in ("post_add", "post_remove", "pre_clear") or (action != "pre_clear" and not pk_set):
        return
    by = get_active_log_context().user
    users = User.objects.filter(pk__in=pk_set) if reverse and pk_set else [instance]
    names = [instance.name] if reverse else _names(instance, pk_set)
    if names:
        verb = "given" if action == "post_add" else "taken"
        for user in users:
            record(f"role {verb}", user=user, detail=f"{', '.join(names)}, by {by.username if by else 'the server'}")


def _names(user: User, keys: set[int] | None) -> list[str]:
    groups = user.groups.all() if keys is None else Group.objects.filter(pk__in=keys)
    return list(groups.order_by("name").values_list("name", flat=True))
