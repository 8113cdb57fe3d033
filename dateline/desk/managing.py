"""Whoever changes something of a subscriber's leaves a record: both happen, or neither does."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.http import HttpRequest

from dateline.desk.models import User
from dateline.desk.recording import record
from dateline.desk.views.person import user_of
from dateline.wire import bell


@contextmanager
def managed(request: HttpRequest, what: str, name: str, detail: str = "") -> Iterator[list[str]]:
    """Do the block and keep that it was done, in one transaction; the block may add to what is kept. No secret is."""
    with _kept(what, name, [detail], user_of(request), request) as said:
        yield said


@contextmanager
def managed_by_command(what: str, name: str, detail: str = "") -> Iterator[list[str]]:
    """Do likewise for a command: it has no account at the desk, so the machine's own stands in the record."""
    with _kept(what, name, [f"by command, as {_system_account()}", detail]) as said:
        yield said


@contextmanager
def _kept(
    what: str, name: str, said: list[str], user: User | None = None, request: HttpRequest | None = None
) -> Iterator[list[str]]:
    """What the block rings is heard before the commit, so the bell rings once more after it."""
    with transaction.atomic():
        yield said
        record(what, user=user, request=request, about=name, detail="; ".join(filter(None, said)))
    bell.ring()


def _system_account() -> str:
    """Return the name of who runs this process, and of who became that with sudo."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        name = f"user {os.getuid()}"
    before = os.environ.get("SUDO_USER", "")
    return f"{name} ({before} with sudo)" if before else name
