"""Who asks for the wire, and for what: a request's token, its subscription, its cursor; refusals.

One door for every way of pulling: what is not allowed here is nowhere. A long answer asks again as it goes (`still`).
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse

from dateline.delivery import store
from dateline.delivery.limits import Limits
from dateline.delivery.store import Subscription
from dateline.delivery.subscribing import begun, digest_of, now_text
from dateline.news.codes import parse_instant
from dateline.pages.accepting import preferred
from dateline.pages.problem import problem
from dateline.wire import store as wire
from dateline.wire.identity import wire_id

log = logging.getLogger(__name__)
_LIMIT, _MOST = 100, 1000
# Proxies give up on an answer that does not begin after a minute.
_LONGEST_WAIT_S = 55
LIMITS = Limits()
# The media type of a replay: everything after the cursor, a dispatch a line.
NDJSON = "application/x-ndjson"
_WIRE = ("application/json", NDJSON)


class Refused(Exception):
    """The answer that ends a request early."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


def refuse(status: int, title: str, detail: str, **headers: str) -> Refused:
    """Return, to be raised, a problem as the answer; `headers`: further ones, with _ for -."""
    response = problem(status, title, detail)
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return Refused(response)


def too_many_streams() -> Refused:
    """Return, to be raised, the answer for whose subscription has as many streams and replays as it may."""
    return refuse(429, "Too many streams", "Close one of the streams that this subscription holds open.")


def wants_replay(accept: str) -> bool:
    """Whether a request for the wire with this `Accept` is for a replay; who has no preference gets JSON."""
    return preferred(accept, _WIRE) == NDJSON


class Asked(msgspec.Struct, frozen=True):
    """What a request asks for, and who asks."""

    by: Subscription
    after: int
    limit: int
    wait_s: int
    proof: bool
    token: str


def read_whole(request: HttpRequest, name: str, default: int, most: int) -> int:
    """Return a whole number of the query, at most `most`. Raises Refused for what is none."""
    text = request.GET.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise refuse(400, "Not a number", f"{name} is a whole number from 0 to {most}.")
    return min(int(text), most)


def _token(request: HttpRequest) -> str:
    """Return the digest of the token that a request brings."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return digest_of(token.strip()) if scheme.lower() == "bearer" else ""


def authorise(request: HttpRequest) -> Subscription:
    """Return whose token a request brings. Raises Refused where it is nobody's, over, or used too often."""
    digest, now = _token(request), now_text()
    found = store.find_token(digest, now)
    if found is None:
        raise refuse(
            401, "No subscription", "Send your subscription's token: Authorization: Bearer dl_…",
            WWW_Authenticate='Bearer realm="wire"',
        )  # fmt: skip
    found = begun(found)
    if found.begins:
        raise refuse(403, "The subscription has not begun", f"It begins at {found.begins}.")
    if found.has_ended(now):
        raise refuse(403, "The subscription has ended", f"It ended at {found.ends}. Ask the agency to renew it.")
    if retry := LIMITS.take(found.id):
        raise refuse(429, "Too many requests", f"Come again in {retry} s.", Retry_After=str(retry))
    _note_use(digest)
    return found


# What a request leaves behind is written beside it: reading waits for no lock, and fails over none.
_NOTES = ThreadPoolExecutor(1, thread_name_prefix="pull-notes")
_USED_S = 60


def _note(write: Callable[[], None]) -> None:
    def run() -> None:
        try:
            with transaction.atomic():
                write()
        except DatabaseError as error:
            log.warning("A pull could not be noted: %s", error)
        finally:
            connection.close()

    _NOTES.submit(run)


def settle() -> None:
    """Wait until all that was to be noted is."""
    _NOTES.submit(lambda: None).result()


def _note_use(digest: str) -> None:
    last = store.last_use(digest)
    if not last or (datetime.now(UTC) - parse_instant(last)).total_seconds() > _USED_S:
        _note(lambda: store.touch_token(digest, now_text()))


def still(asked: Asked) -> Subscription:
    """Return the subscription of a request as it is by now: a long one ends, or narrows, with its terms.

    Raises Refused where it, or the token, has ended.
    """
    now = now_text()
    found = store.find_token(asked.token, now)
    if found is None:
        raise refuse(401, "No subscription", "The token has ended.", WWW_Authenticate='Bearer realm="wire"')
    if found.has_ended(now):
        raise refuse(403, "The subscription has ended", f"It ended at {found.ends}. Ask the agency to renew it.")
    return found


def read_query(request: HttpRequest) -> Asked:
    """Return what a request for the wire asks for, and note what it acknowledges. Raises Refused."""
    found = authorise(request)
    head = wire.head_seq()
    if (named := request.GET.get("wire", wire_id())) != wire_id():
        raise refuse(409, "Another wire", f"This is the wire {wire_id()}, not {named}. Begin with after=0.")
    # A browser's EventSource comes back to the same address; what it has by then stands in the header.
    text = request.headers.get("Last-Event-ID") or request.GET.get("after", str(found.cursor))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise refuse(400, "Not a cursor", "after is the seq of the last dispatch that you have; 0 for none.")
    if request.GET.get("proof", "0") not in ("0", "1"):
        raise refuse(400, "Not a choice", "proof is 1, or 0.")
    if (after := int(text)) > head:
        raise refuse(409, "Unknown cursor", f"The wire ends at {head}; it has never been at {after}.")
    # What is asked for after a seq has the dispatches before it: that is the acknowledgement.
    # A subscription that is pushed has its own acknowledgements; a look with its token changes none.
    if after > found.cursor and not found.url:
        _note(lambda: store.move_cursor(found.id, after, now_text()))
    return Asked(
        by=found,
        after=max(after, found.since),
        limit=max(1, read_whole(request, "limit", _LIMIT, _MOST)),
        wait_s=read_whole(request, "wait", 0, _LONGEST_WAIT_S),
        proof=request.GET.get("proof") == "1",
        token=_token(request),
    )
