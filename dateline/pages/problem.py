"""Problem details (RFC 9457): what a machine is told when something cannot be done."""

import msgspec
from django.http import HttpResponse


def problem(status: int, title: str, detail: str, **headers: str) -> HttpResponse:
    """Return an RFC 9457 problem detail, with these headers."""
    body = msgspec.json.encode({"type": "about:blank", "status": status, "title": title, "detail": detail})
    return HttpResponse(body, status=status, headers={"Content-Type": "application/problem+json", **headers})
