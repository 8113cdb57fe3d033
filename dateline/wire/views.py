"""The signed log in public: /log/checkpoint and /log/tile/… as C2SP tlog-tiles says.

Only hashes are served: no text of any dispatch, embargoed or not, can be had here.
"""

import re

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotFound

from dateline.wire import store, tree
from dateline.wire.merkle import TILE_WIDTH

# tlog-tiles, "Parameters": thousands with an x before all groups but the last; `.p/W` for W hashes.
_PLACE = re.compile(r"(?P<groups>(?:x\d{3}/)*\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?")


def checkpoint(request: HttpRequest) -> HttpResponseBase:
    """The signed head of the log."""
    note = store.read_head().checkpoint
    if not note:
        return HttpResponseNotFound("The log is empty; nothing is signed yet.\n", content_type="text/plain")
    response = HttpResponse(note, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


def tile(request: HttpRequest, level: int, place: str) -> HttpResponseBase:
    """A tile of hashes; a full one never changes."""
    match = _PLACE.fullmatch(place)
    hashes = None
    if match and level <= 63:
        index = int(match["groups"].replace("x", "").replace("/", ""))
        width = int(match["width"] or TILE_WIDTH)
        if tree.tile_address(index, width) == place:
            hashes = tree.read_tile(level, index, width)
    if hashes is None:
        return HttpResponseNotFound("The log has no such tile.\n", content_type="text/plain")
    response = HttpResponse(b"".join(hashes), content_type="application/octet-stream")
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
