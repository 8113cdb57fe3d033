"""What the API is, for machines (OpenAPI 3.1) and for people: the same description, printed."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dateline.pages.problem import problem

_FILE = Path(__file__).with_name("openapi.json")


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """Return the description, with this wire's address."""
    found = msgspec.json.decode(_FILE.read_bytes(), type=dict[str, Any])
    return found | {"servers": [{"url": settings.AGENCY.url}]}


def nothing(request: HttpRequest) -> HttpResponse:
    """Answer below /api/ where nothing is."""
    return problem(404, "No such address", "The API's addresses are described at /api/.")


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The description as OpenAPI."""
    return HttpResponse(msgspec.json.encode(description()), content_type="application/json")


def _said(field: dict[str, Any]) -> str:
    """Return what a field is, in a few words."""
    if "enum" in field:
        return f"One of {', '.join(field['enum'])}."
    return str(field.get("description") or field.get("type", "true, or not there").capitalize() + ".")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The description as a page."""
    found = description()
    operations = [
        {
            "path": path, **methods["get"],
            "answers": [(status, says["description"]) for status, says in sorted(methods["get"]["responses"].items())],
        }
        for path, methods in found["paths"].items()
    ]  # fmt: skip
    fields = [(name, _said(field)) for name, field in found["components"]["schemas"]["Dispatch"]["properties"].items()]
    return render(
        request, "delivery/api.html",
        {"info": found["info"], "operations": operations, "agency": settings.AGENCY, "fields": fields},
    )  # fmt: skip
