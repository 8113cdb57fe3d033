"""What a client takes of what can be sent: `Accept`, RFC 9110 section 12.5.1. Django reads the types; this chooses.

Django's own choice forgets what is refused (`q=0`) where a wider range of the same header takes it.
"""

from collections.abc import Sequence
from functools import cache

from django.http import HttpRequest
from django.http.request import MediaType

# Longer than any client's; to read one takes some microseconds a type, before it is known who asks.
_MOST_CHARS = 2000
_ANYTHING = "*/*"
# What is offered are a few constants.
_offered = cache(MediaType)


def _ranges(accept: str) -> list[MediaType]:
    if len(accept) > _MOST_CHARS:
        accept = _ANYTHING
    try:
        ranges = [MediaType(part) for part in accept.split(",") if part.strip()]
    except ValueError:
        ranges = []
    for range_ in ranges:
        # What we send is UTF-8, or names another encoding: nobody chooses by it.
        range_.params.pop("charset", None)
    return ranges or [MediaType(_ANYTHING)]


def preferred(accept: str, offers: Sequence[str]) -> str | None:
    """Return the media type that a client likes best, the first of those that it likes alike; None if it takes none.

    `accept`: its header. One that is blank, overlong or cannot be read is as if it took anything.
    """
    ranges = _ranges(accept)
    chosen, rank = None, (0.0, 0, 0)
    for offer in offers:
        matching = [
            (range_.specificity, -place, range_.quality)
            for place, range_ in enumerate(ranges)
            if _offered(offer).match(range_)  # type: ignore[arg-type]  # it takes its own kind, too
        ]
        # The closest range says how much an offer is liked.
        specificity, place, quality = max(matching, default=(0, 0, 0.0))
        if quality > 0 and (chosen is None or (quality, specificity, place) > rank):
            chosen, rank = offer, (quality, specificity, place)
    return chosen


def takes_html(request: HttpRequest) -> bool:
    """Whether a request is for a page, not for data."""
    return preferred(request.headers.get("Accept", ""), ["text/html"]) is not None
