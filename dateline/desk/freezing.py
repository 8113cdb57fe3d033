"""A freeze stops all releases of one account, or of all, at once; only a thaw by someone who may ends it.

A frozen account can do nothing to the wire. While all are frozen, who is not frozen themselves can still
hold and kill: a false flash that led to the freeze has to be withdrawn.
"""

from django.db import transaction

from dateline.desk.errors import ReleaseRefused
from dateline.desk.models import Freeze, User
from dateline.desk.roles import Right
from dateline.news.acts import WITHDRAWING, Act


def current(user: User | None) -> Freeze | None:
    """Return the freeze that holds one account (None: all accounts), or None."""
    last = Freeze.objects.filter(user=user).order_by("-pk").select_related("by").first()
    return last if last is not None and last.frozen else None


def frozen_why(user: User, act: Act) -> str:
    """Return the sentence that says why this account may not do this act now, or ''."""
    if act not in WITHDRAWING and (freeze := current(None)) is not None:
        return f"All releases are frozen by {freeze.by}: {freeze.reason}"
    if (freeze := current(user)) is not None:
        return f"Releases of {user} are frozen by {freeze.by}: {freeze.reason}"
    return ""


def set_freeze(user: User | None, frozen: bool, reason: str, by: User) -> Freeze:
    """Freeze an account's releases (None: all), or thaw them. Raises ReleaseRefused without right or reason."""
    if not by.has_perm(f"desk.{Right.FREEZE}"):
        raise ReleaseRefused("Only a chief or an operator freezes releases and thaws them.", by.pk)
    if not reason.strip():
        raise ReleaseRefused("Say why; everyone at the desk reads it.", reason)
    if current(by) is not None:
        raise ReleaseRefused("Your own account is frozen; someone else has to thaw it first.", by.pk)
    with transaction.atomic():
        return Freeze.objects.create(user=user, frozen=frozen, reason=" ".join(reason.split()), by=by)
