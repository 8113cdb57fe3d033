"""The few requests that no ready page answers: older elements, and what is not there."""

from pathlib import Path

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
)

from dateline.news.renditions import FOLDER, FORMATS
from dateline.pages.problem import problem
from dateline.pages.ready import Page
from dateline.pages.store import PageStore
from dateline.site import assets, part, store
from dateline.site.render import NO_SUCH_PLACE, NOT_FOUND, newsfeed_page, notice_page

# A day: another mark is seen by the next one; what it leads to never changes.
_ICON_S = 86_400
pages: PageStore | None = None


def use_pages(store_: PageStore) -> None:
    """Say where the ready pages are; the server does so when it starts."""
    global pages
    pages = store_


def _answer(page: Page) -> HttpResponse:
    response = HttpResponse(page.body, content_type=page.media_type, status=page.status)
    response["Cache-Control"] = page.cache
    return response


class _NoSuchPlace(Exception):
    """`before` names no element; its text is the title and the detail of a problem."""


def _before(request: HttpRequest) -> int | None:
    """Return the `before` of the query; raise _NoSuchPlace if that is not the seq of an element."""
    text = request.GET.get("before")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 19):
        raise _NoSuchPlace("Bad cursor", f"before={text} is not a seq; use the one that the last answer gave.")
    if not store.has_place(int(text)):
        raise _NoSuchPlace("Unknown cursor", f"No element of the newsfeed has the seq {text}; start without it.")
    return int(text)


def newsfeed_json(request: HttpRequest) -> HttpResponseBase:
    """Older elements of the newsfeed, or a section's, for the page's own element template.

    `before` is the seq of the last element seen (its `place`), `section` a section's slug.
    """
    slug = request.GET.get("section") or None
    try:
        before = _before(request)
    except _NoSuchPlace as error:
        return problem(400, *error.args)
    elements = part.to_json(part.read_part(slug=slug, before=before))
    response = HttpResponse(elements, content_type="application/json; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


def picture(request: HttpRequest, digest: str, name: str) -> HttpResponseBase:
    """A size of a picture that an item on the wire shows. Its address names its bytes, so it never changes."""
    if request.method not in ("GET", "HEAD"):
        return page(request)
    etag = f'"{digest[:16]}-{name}"'
    path = Path(settings.DATELINE_HOME) / FOLDER / digest / name
    try:
        data = path.read_bytes()
    except OSError:
        return not_found(request)
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    response = HttpResponse(data, content_type=FORMATS[name.rpartition(".")[2]])
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["ETag"] = etag
    return response


def icon(request: HttpRequest) -> HttpResponseBase:
    """The icon for who asks where icons always were: feed readers, and the pages of the desk."""
    if request.method not in ("GET", "HEAD"):
        return page(request)
    response = HttpResponseRedirect(assets.icon())
    response["Cache-Control"] = f"public, max-age={_ICON_S}"
    return response


def page(request: HttpRequest) -> HttpResponseBase:
    """Answer any other address: a ready page that came this way, an older part, or that nothing is there."""
    path = request.path
    if request.method not in ("GET", "HEAD"):
        response = problem(405, "Method not allowed", "The newsfeed can only be read.")
        response["Allow"] = "GET, HEAD"
        return response
    if "before" in request.GET and (found := _older(request, path)) is not None:
        return found
    if pages is not None:
        if (ready := pages.get(path)) is not None:
            response = _answer(ready.page)
            if ready.link:
                response["Link"] = ready.link
            return response
        if not path.endswith("/") and pages.get(path + "/") is not None:
            return HttpResponsePermanentRedirect(path + "/")
    return not_found(request)


def _older(request: HttpRequest, path: str) -> HttpResponse | None:
    slug = path.removeprefix("/sections/").removesuffix("/") if path.startswith("/sections/") else None
    if path != "/" and not slug:
        return None
    try:
        before = _before(request)
    except _NoSuchPlace:
        return _answer(notice_page(400, *NO_SUCH_PLACE))
    found = newsfeed_page(slug=slug, before=before)
    return _answer(found) if found else None


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that there is no such page."""
    return _answer(notice_page(404, *NOT_FOUND))


def failed(request: HttpRequest, *, full: bool = False) -> HttpResponse:
    """Say that the fault is ours, or that the server's disk is full."""
    if full:
        detail = "The server's disk is full, so nothing was kept. What is on the wire is not touched; try again later."
        return problem(503, "No room", detail, **{"Retry-After": "60"})
    return problem(500, "Something failed here", "The request was logged. The wire itself is not touched by it.")
