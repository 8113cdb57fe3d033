"""Pictures of drafts, for who is at the desk; readers get theirs below /pictures/ after the release."""

import mimetypes
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET
from wagtail.admin.auth import require_admin_access

from dateline.desk.models import Picture
from dateline.desk.story_item import widths_of
from dateline.news.renditions import FORMATS


@require_GET
@require_admin_access
def media(request: HttpRequest, path: str) -> HttpResponse:
    """Return an upload, or a size that Wagtail made of one."""
    root = Path(settings.MEDIA_ROOT).resolve()
    try:
        found = (root / path).resolve()
        kind = mimetypes.guess_type(found.name)[0] or ""
        if not found.is_relative_to(root) or not kind.startswith("image/"):
            raise Http404
        return _picture(found.read_bytes(), kind)
    except (OSError, ValueError) as error:
        raise Http404 from error


@require_GET
@require_admin_access
def draft_picture(request: HttpRequest, digest: str, width: int, kind: str) -> HttpResponse:
    """Return a rendition of a picture that need not be public yet, as JPEG whatever is asked for."""
    picture = get_object_or_404(Picture.objects.filter(digest=digest)[:1])
    if width not in widths_of(picture) or kind not in FORMATS:
        raise Http404
    with picture.get_rendition(f"width-{width}|format-jpeg").file.open("rb") as file:
        return _picture(file.read(), "image/jpeg")


def _picture(data: bytes, kind: str) -> HttpResponse:
    response = HttpResponse(data, content_type=kind)
    # Whatever a file is, it is never a page of ours.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=3600"
    return response
