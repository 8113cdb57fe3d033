"""What happened at the desk, kept in the history: one row more, never one changed."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from dateline.desk.models import Record, Story, User


def record(
    what: str, *, user: User | None, request: HttpRequest | None = None, detail: str = "", story: Story | None = None,
    about: str = "",
) -> Record:  # fmt: skip
    """Keep what happened; `request` where it came by one, for its address and browser."""
    ip = address_of(request) if request is not None else None
    agent = request.headers.get("User-Agent", "")[:500] if request is not None else ""
    return Record.objects.create(
        what=what, user=user, ip=ip, agent=agent, detail=detail[:1000], story=story, about=about[:200]
    )


def address_of(request: HttpRequest) -> str | None:
    """Return the client's address, None where the connection has none."""
    # allauth's adapter knows what stands before us; it is read once apps are there.
    from allauth.account.adapter import get_adapter  # noqa: PLC0415

    adapter: Any = get_adapter(request)
    try:
        return str(adapter.get_client_ip(request))
    except PermissionDenied:
        return None
