"""Verification of intent (W3C WebSub, section 5.3): the callback must echo a challenge before anything counts."""

import asyncio
import itertools
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from dateline import __version__
from dateline.delivery.ways.post import Answer, Poster
from dateline.delivery.websub.asked import Asked

# No answer, or a fault of the other side (5xx), is asked again after this long; a no is a no. A subscriber may
# still be starting, or be busy with the very request that it sent us.
_AGAIN_S = (5.0, 30.0)
_CHALLENGE_BYTES = 24
AGENT = {"user-agent": f"Dateline/{__version__} (WebSub hub)"}
# The challenge is compared byte by byte, so that it may not come compressed.
_HEADERS = {**AGENT, "accept": "*/*", "accept-encoding": "identity"}
# Below zero, so that no key is a subscription's.
_keys = itertools.count(-1, -1)


# Verifications at the same time: strangers ask for them, and each may take 20 s (`post`). Those that are tried again
# have places of their own, so that callbacks which hang keep out no others.
_VERIFYING, _VERIFYING_AGAIN = 64, 16


class Lanes:
    """The places of first and of further tries."""

    def __init__(self) -> None:
        self.first, self.again = asyncio.Semaphore(_VERIFYING), asyncio.Semaphore(_VERIFYING_AGAIN)


async def verify(poster: Poster, asked: Asked, lanes: Lanes) -> str:
    """Ask the callback whether it meant it; return '' if it did, else why it counts as a no."""
    challenge = secrets.token_urlsafe(_CHALLENGE_BYTES)
    query = {"hub.mode": asked.mode, "hub.topic": asked.topic, "hub.challenge": challenge}
    if asked.mode == "subscribe":
        query["hub.lease_seconds"] = str(asked.lease_s)
    lane = lanes.first
    for wait_s in (*_AGAIN_S, None):
        async with lane:
            answer = await _get(poster, asked.callback, query)
        outcome = answer.outcome
        if not outcome.said:
            return "" if answer.body == challenge.encode() else "It did not echo the challenge."
        if wait_s is None or 300 <= outcome.status < 500:
            break
        await asyncio.sleep(wait_s)
        lane = lanes.again
    return outcome.said


async def deny(poster: Poster, asked: Asked, reason: str) -> None:
    """Tell a callback that its subscription was denied (section 5.2); what it answers changes nothing."""
    await _get(poster, asked.callback, {"hub.mode": "denied", "hub.topic": asked.topic, "hub.reason": reason})


async def _get(poster: Poster, callback: str, query: Mapping[str, str]) -> Answer:
    # Section 5.3: what the callback's own query says stays.
    key = next(_keys)
    joint = "&" if "?" in callback else "?"
    try:
        return await poster.send(key, f"{callback}{joint}{urlencode(query)}", _HEADERS, None, "GET")
    finally:
        await poster.drop(key)
