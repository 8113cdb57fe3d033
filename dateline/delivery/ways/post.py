"""Requests to addresses that others name: to allowed networks only, no redirect, no proxy, one connection pool each.

The name is resolved and looked at by `endpoint`, and the connection goes to the very address that was looked at.
"""

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import msgspec
from yarl import URL

from dateline.delivery import endpoint
from dateline.delivery.errors import BadEndpoint
from dateline.delivery.ways.outcome import TIMEOUT_S, Clock, Outcome

_GONE = 410
# Read of an answer at most.
_ANSWER_BYTES = 64 * 1024
# An idle connection is kept for the next dispatch; servers keep theirs about as long.
_IDLE_S = 60.0


class Answer(msgspec.Struct, frozen=True):
    """What came back: the outcome, and the begin of the body (64 kB at most)."""

    outcome: Outcome
    body: bytes = b""


class Poster:
    """Sends requests; `key` says whose connections are used, so that nobody waits for another's."""

    def __init__(self) -> None:
        # Names are looked up apart from all else: a name server that does not answer holds its threads for long.
        self._names = ThreadPoolExecutor(64, thread_name_prefix="names")
        self._sessions: dict[int, aiohttp.ClientSession] = {}
        self._tls = ssl.create_default_context()

    def _session(self, key: int) -> aiohttp.ClientSession:
        if key not in self._sessions:
            connector = aiohttp.TCPConnector(ssl=self._tls, keepalive_timeout=_IDLE_S)
            self._sessions[key] = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._sessions[key]

    async def send(
        self, key: int, url: str, headers: Mapping[str, str], body: bytes | None, method: str = "POST"
    ) -> Answer:
        """Send one request and return how it went. Never raises for what the other side does."""
        clock = Clock()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._sent(key, url, headers, body, method, clock)
        except TimeoutError:
            return Answer(clock.outcome(f"No answer within {TIMEOUT_S:.0f} s."))
        except BadEndpoint as error:
            return Answer(clock.outcome(str(error)))
        except aiohttp.ClientConnectorCertificateError as error:
            said = f"Its certificate does not hold: {error.certificate_error}"
            return Answer(clock.outcome(said, permanent=True))
        except (aiohttp.ClientError, ValueError, OSError) as error:
            return Answer(clock.outcome(f"{type(error).__name__}: {error}"))

    async def _sent(
        self, key: int, url: str, headers: Mapping[str, str], body: bytes | None, method: str, clock: Clock
    ) -> Answer:
        parsed = URL(url)
        host = parsed.host or ""
        port = parsed.port or (443 if parsed.scheme == "https" else 80)
        address = await endpoint.resolve(host, port, parsed.scheme, self._names)
        async with self._session(key).request(
            method, parsed.with_host(address), data=body, headers={**headers, "host": parsed.raw_authority},
            allow_redirects=False, server_hostname=host if parsed.scheme == "https" else None,
        ) as response:  # fmt: skip
            # A short answer is read to its end, so that its connection serves again; a long one is cut off.
            read = bytearray()
            async for part in response.content.iter_any():
                read += part
                if len(read) > _ANSWER_BYTES:
                    response.close()
                    break
            return Answer(_judged(response, clock), bytes(read[:_ANSWER_BYTES]))

    async def drop(self, key: int) -> None:
        """Close one key's connections."""
        if (session := self._sessions.pop(key, None)) is not None:
            await session.close()

    async def close(self) -> None:
        """Close all connections."""
        for key in list(self._sessions):
            await self.drop(key)
        self._names.shutdown(wait=False, cancel_futures=True)


def _judged(response: aiohttp.ClientResponse, clock: Clock) -> Outcome:
    status = response.status
    if 200 <= status < 300:
        return clock.outcome(status=status)
    said = f"Answered {status} {response.reason or ''}".strip() + "."
    if 300 <= status < 400:
        said = f"Answered {status}: redirects are not followed."
    asked = retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    return clock.outcome(said, status=status, permanent=status == _GONE, retry_s=asked)


def retry_after(text: str | None, now: datetime) -> float | None:
    """Return what a Retry-After header asks for, in seconds (RFC 9110, 10.2.3), None if it says nothing."""
    if not text:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return None
