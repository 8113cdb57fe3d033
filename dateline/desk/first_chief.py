"""Accounts without the desk: the first chief of a new wire, and a lost password."""

import os
import secrets
from pathlib import Path

import msgspec
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction

from dateline.desk.errors import DeskError
from dateline.desk.models import User
from dateline.desk.recording import record
from dateline.desk.roles import Role
from dateline.desk.sample_desk import make_sample_desk

# Crockford's letters, in groups that can be read aloud: 80 bits.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_GROUPS, _GROUP_CHARS = 4, 4


class FirstChief(msgspec.Struct, frozen=True):
    """The account that was made, and its one-time password."""

    username: str
    password: str


def _one_time_password() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_CHARS)) for _ in range(_GROUPS))


def make_first_chief(*, sample: bool) -> FirstChief | None:
    """Make the account `chief` if the desk has none yet; None if it has. With `sample`, a desk to look at too."""
    if User.objects.exists():
        return None
    password = _one_time_password()
    with transaction.atomic():
        user = User.objects.create_user("chief", password=password, first_name="First", last_name="Chief")
        user.must_change_password = True
        user.save()
        user.groups.set(Group.objects.filter(name__in=[Role.CHIEF, Role.OPERATOR]))
        if sample:
            make_sample_desk()
    return FirstChief(user.username, password)


def give_password(username: str) -> str:
    """Return a new one-time password for an account; its second factors and sessions go. Raises DeskError."""
    user = User.objects.filter(username=username).first()
    if user is None:
        known = ", ".join(User.objects.values_list("username", flat=True)[:20]) or "none yet; `dateline run` makes one"
        raise DeskError(f"There is no account {username!r}. There are: {known}.", username)
    password = _one_time_password()
    with transaction.atomic():
        user.set_password(password)
        user.must_change_password = True
        user.save()
        Authenticator.objects.filter(user=user).delete()
        for session in UserSession.objects.filter(user=user):
            session.end()
        record("password given by command", user=user, request=None)
    return password


def keep_secret(path: Path) -> None:
    """Keep the key that signs sessions, readable by its owner only, if it is not kept yet."""
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(settings.SECRET_KEY)
