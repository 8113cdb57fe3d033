"""Requests to addresses that others name: to allowed networks only, no redirect, no proxy, one connection pool each.

The name is resolved and looked at by `endpoint`, and the connection goes to the very address that was looked at.
"""

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from dateline.delivery import endpoint
from dateline.delivery.errors import BadEndpoint
from dateline.delivery.ways.outcome import TIMEOUT_S, Clock, Outcome

_GONE = 410
# Read of an answer at most.
_ANSWER_BYTES = 64 * 1024


class Answer(msgspec.Struct, frozen=True):
    """What came back: the outcome, and the begin of the body (64 kB at most)."""

    outcome: Outcome
    body: bytes = b""


class Poster:
    """Sends requests; `key` says whose connections are used, so that nobody waits for another's."""

    def __init__(self) -> None:
        # Names are looked up apart from all else: a name server that does not answer holds its threads for long.
        self._names = ThreadPoolExecutor(64, thread_name_prefix="names")
        self._clients: dict[int, httpx.AsyncClient] = {}
        self._tls = ssl.create_default_context()

    def _client(self, key: int) -> httpx.AsyncClient:
        if key not in self._clients:
            self._clients[key] = httpx.AsyncClient(
                timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, verify=self._tls
            )
        return self._clients[key]

    async def send(
        self, key: int, url: str, headers: Mapping[str, str], body: bytes | None, method: str = "POST"
    ) -> Answer:
        """Send one request and return how it went. Never raises for what the other side does."""
        clock = Clock()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response, read = await self._sent(key, url, headers, body, method)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(clock.outcome(f"No answer within {TIMEOUT_S:.0f} s."))
        except BadEndpoint as error:
            return Answer(clock.outcome(str(error)))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            refused = "CERTIFICATE_VERIFY_FAILED" in str(error)
            return Answer(clock.outcome(f"{type(error).__name__}: {error}", permanent=refused))
        return Answer(_judged(response, clock), read)

    async def _sent(
        self, key: int, url: str, headers: Mapping[str, str], body: bytes | None, method: str
    ) -> tuple[httpx.Response, bytes]:
        parsed = httpx.URL(url)
        port = parsed.port or (443 if parsed.scheme == "https" else 80)
        address = await endpoint.resolve(parsed.host, port, parsed.scheme, self._names)
        client = self._client(key)
        request = client.build_request(
            method, parsed.copy_with(host=address), content=body, headers={**headers, "host": parsed.netloc.decode()},
            extensions={"sni_hostname": parsed.host},
        )  # fmt: skip
        response = await client.send(request, stream=True)
        return response, await _read_some(response)

    async def drop(self, key: int) -> None:
        """Close one key's connections."""
        if (client := self._clients.pop(key, None)) is not None:
            await client.aclose()

    async def close(self) -> None:
        """Close all connections."""
        for key in list(self._clients):
            await self.drop(key)
        self._names.shutdown(wait=False, cancel_futures=True)


def _judged(response: httpx.Response, clock: Clock) -> Outcome:
    status = response.status_code
    if response.is_success:
        return clock.outcome(status=status)
    said = f"Answered {status} {response.reason_phrase}."
    if response.is_redirect:
        said = f"Answered {status}: redirects are not followed."
    asked = retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    return clock.outcome(said, status=status, permanent=status == _GONE, retry_s=asked)


async def _read_some(response: httpx.Response) -> bytes:
    """Read a short answer to its end, so that its connection serves again; cut a long one off."""
    parts, size = [], 0
    async for part in response.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > _ANSWER_BYTES:
            break
    await response.aclose()
    return b"".join(parts)[:_ANSWER_BYTES]


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
