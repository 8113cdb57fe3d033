"""`/hub`: where subscribers of the public feeds ask to be posted them (W3C WebSub, section 5)."""

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from dateline.delivery.limits import Buckets, client_of
from dateline.delivery.websub.asked import BadHubRequest, read_asked
from dateline.delivery.websub.hub import HUB

_FORM = "application/x-www-form-urlencoded"
# A request has an address of 2,048 characters, a topic and a secret; three times that, quoted, is plenty.
_BODY_BYTES = 16_384
# An aggregator that takes every section in three forms asks some hundred times at once, and again in ten days.
_OF_CLIENT = Buckets(rate_s=1.0, burst=200)
# Each request sends one of ours to the callback's host, which may know nothing of it.
_OF_HOST = Buckets(rate_s=0.2, burst=100)


def _said(status: int, sentence: str, **headers: str) -> HttpResponse:
    """Section 5.2: the description of an error is plain text."""
    response = HttpResponse(sentence + "\n", status=status, content_type="text/plain; charset=utf-8")
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    response["Cache-Control"] = "no-store"
    return response


# No cookie says who asks: the callback itself must confirm, so that there is nothing to forge.
@csrf_exempt
def hub(request: HttpRequest) -> HttpResponse:
    """Take a request to subscribe or unsubscribe: 202, or why not. What counts is the verification that follows."""
    if request.method != "POST":
        return _said(
            405, "This is the WebSub hub of our feeds; POST hub.mode, hub.callback and hub.topic.", Allow="POST"
        )
    if retry := _OF_CLIENT.take(client_of(request.META.get("REMOTE_ADDR", ""))):
        return _said(429, f"These are too many requests; come again in {retry} s.", Retry_After=str(retry))
    if request.content_type != _FORM:
        return _said(415, f"The hub reads {_FORM}.")
    if int(request.META.get("CONTENT_LENGTH") or 0) > _BODY_BYTES:
        return _said(413, f"A request has {_BODY_BYTES} bytes at most.")
    try:
        asked = read_asked(request.POST.dict(), settings.AGENCY.url)
    except BadHubRequest as error:
        return _said(400, str(error))
    sent = HUB.etag(asked.path)
    if not sent:
        return _said(404, f"There is no feed {asked.topic} here.")
    if retry := _OF_HOST.take(asked.host):
        return _said(429, f"{asked.host} is asked too often; come again in {retry} s.", Retry_After=str(retry))
    if not HUB.ask(msgspec.structs.replace(asked, sent=sent)):
        return _said(503, "Too many requests wait for their verification; come again in a minute.", Retry_After="60")
    return _said(202, "The callback is asked to confirm; after that the request holds.")
