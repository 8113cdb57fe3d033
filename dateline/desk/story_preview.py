"""A story as readers would see it, and as the wire's text: the preview beside the editor."""

from datetime import UTC, datetime

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.utils.module_loading import import_string

from dateline.news.formats import plain
from dateline.news.item import NewsItem
from dateline.pages.headers import CONTENT_SECURITY_POLICY

# The preview is a frame of the editor; else it is as strict as the public page.
PREVIEW_POLICY = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'").replace(
    "script-src 'self'", "script-src 'none'"
)


def preview(item: NewsItem, mode: str) -> HttpResponse:
    """Return the item as a page (`page`) or as the wire's text (`wire`)."""
    if mode == "wire":
        response = HttpResponse(plain.encode(item), content_type="text/plain; charset=utf-8")
    else:
        now = datetime.now(UTC)
        shown = msgspec.structs.replace(
            item, headline=item.headline or "Without a headline", version=1, path="/", content_created=now,
            first_created=now, version_created=now, embargoed=None,
        )  # fmt: skip
        page: bytes = import_string(settings.ITEM_PREVIEW)(shown)
        # Readers' sizes are made at the release; until then the desk makes one for the preview.
        response = HttpResponse(page.replace(b"/pictures/", b"/desk/picture/"))
    response["Content-Security-Policy"] = PREVIEW_POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response
