"""Push: webhooks, signed by the Standard Webhooks specification.

One task a subscription: strictly in order from its durable cursor, and nobody waits for another. A kill or a hold
jumps its queue and is tried until it is acknowledged. What fails is tried again for as long as it takes; what cannot
succeed (410 Gone, a certificate that is refused) pauses the subscription and says so. Nothing is ever dropped.

The database is read and written in one thread, acknowledgements in groups: a crash repeats at most what was
acknowledged in its last moment, under the same key (`webhook-id`).
"""

import asyncio
import logging
import random
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
import msgspec
from django.db import connection, transaction
from standardwebhooks import Webhook

from dateline import __version__
from dateline.delivery import endpoint, store
from dateline.delivery.errors import BadEndpoint
from dateline.delivery.lines import lines_of
from dateline.delivery.store import Attempt, Row, Subscription
from dateline.delivery.subscribing import now_text
from dateline.wire import bell
from dateline.wire import store as wire
from dateline.wire.identity import wire_id

log = logging.getLogger(__name__)
_T = TypeVar("_T")
# Standard Webhooks, "Timeouts": 15 to 30 s.
_TIMEOUT_S = 20.0
# The first wait, doubled each time, and the longest: an endpoint that comes back waits no longer than that.
_FIRST_S, _LONGEST_S = 1.0, 600.0
# A Retry-After beyond this is a mistake, or a way to be forgotten.
_LONGEST_ASKED_S = 3600.0
# Acknowledgements wait this long for each other: one fsync for all.
_GROUP_S = 0.02
# Rows read ahead for one subscription.
_AHEAD = 50
# Kept of what an endpoint answered.
_OUTCOME_CHARS = 300
_GONE = 410
# A bell that was lost, and a subscription that ends or was changed elsewhere, are seen this late at most.
_POLL_S = 2.0


class Outcome(msgspec.Struct, frozen=True):
    """How an attempt went: `said` '' is success; `permanent` pauses; `retry_s` is what the endpoint asked for."""

    status: int
    said: str
    ms: int
    permanent: bool = False
    retry_s: float | None = None


def body_of(line: bytes) -> bytes:
    """Return a webhook's body: `{"type": "dispatch.ACT", "timestamp", "data": the line}`."""
    named = msgspec.json.decode(line, type=_Named)
    head = msgspec.json.encode({"type": f"dispatch.{named.act}", "timestamp": named.sent})
    return head[:-1] + b',"data":' + line + b"}"


class _Named(msgspec.Struct):
    act: str
    sent: str


def signed(secrets: str, key: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body: one signature for each secret that is valid."""
    signatures = [Webhook(secret).sign(key, at, body.decode()) for secret in secrets.split()]
    return {
        "webhook-id": key, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": " ".join(signatures),
        "content-type": "application/json", "user-agent": f"Dateline/{__version__}",
    }  # fmt: skip


def wait_before(attempt: int, asked_s: float | None, roll: Callable[[], float] = random.random) -> float:
    """Return how long to wait before the next attempt, in seconds: doubling, with jitter, or what was asked for."""
    backoff = min(_LONGEST_S, _FIRST_S * 2.0 ** min(attempt, 20)) * (0.5 + roll() / 2)
    return backoff if asked_s is None else max(backoff, min(asked_s, _LONGEST_ASKED_S))


def retry_after(text: str | None, now: datetime) -> float | None:
    """Return what a Retry-After header asks for, in seconds (RFC 9110, 10.2.3), None if it says nothing."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return None


class Pusher:
    """Pushes to every subscription that has a webhook, in an event loop of its own thread."""

    def __init__(self) -> None:
        self._database = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._wakes: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._pending: list[tuple[Attempt, bool]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._contexts = ssl.create_default_context()

    def run(self, ring: bell.Bell, stopped: threading.Event) -> None:
        """Push until stopped."""
        asyncio.run(self._run(ring, stopped))

    async def _run(self, ring: bell.Bell, stopped: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        # The address that was looked at is the one that is connected to: the client itself resolves nothing.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
        async with httpx.AsyncClient(
            timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False, limits=limits, verify=self._contexts
        ) as client:
            try:
                while not stopped.is_set():
                    await self._start_tasks(client)
                    await loop.run_in_executor(None, ring.wait, _POLL_S)
                    for wake in self._wakes.values():
                        wake.set()
            finally:
                for task in self._tasks.values():
                    task.cancel()
                await asyncio.gather(*self._tasks.values(), return_exceptions=True)
                await self._flush()
                await self._in_database(connection.close)
                self._database.shutdown()

    async def _in_database(self, do: Callable[..., _T], *args: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._database, do, *args)

    async def _start_tasks(self, client: httpx.AsyncClient) -> None:
        for found in await self._in_database(store.subscriptions, "url <> ''"):
            task = self._tasks.get(found.id)
            if task is None or task.done():
                self._wakes[found.id] = asyncio.Event()
                self._tasks[found.id] = asyncio.create_task(self._serve(found.id, client))

    async def _serve(self, key: int, client: httpx.AsyncClient) -> None:
        """Deliver to one subscription for as long as the server runs."""
        while True:
            try:
                self._wakes[key].clear()
                if not await self._step(key, client):
                    await self._wakes[key].wait()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("Delivery to subscription %d failed; trying again", key)
                await asyncio.sleep(_FIRST_S)

    async def _step(self, key: int, client: httpx.AsyncClient) -> bool:
        """Deliver what waits, one batch; return whether there was anything."""
        await self._settled()
        found, jumps, lines = await self._in_database(_waiting, key)
        if found is None or found.paused or (found.ends and found.ends <= now_text()):
            return False
        for seq, line in jumps:
            if not await self._until_acknowledged(found, seq, line, client, ahead=True):
                return True
        for seq, line in lines:
            if not await self._until_acknowledged(found, seq, line, client, ahead=False):
                return True
        return bool(jumps or lines)

    async def _until_acknowledged(
        self, found: Subscription, seq: int, line: bytes, client: httpx.AsyncClient, *, ahead: bool
    ) -> bool:
        """Hand over one dispatch, again and again; return False where something else goes first now."""
        attempt = 0
        while True:
            at = now_text()
            outcome = await self._hand_over(found, seq, line, client)
            acknowledged = not outcome.said
            self._pending.append(
                (Attempt(found.id, seq, at, outcome.ms, outcome.status, outcome.said), acknowledged and not ahead)
            )
            if acknowledged and ahead:
                await self._in_database(_keep_ahead, found.id, seq)
            self._flush_soon()
            if acknowledged:
                # A kill that came in the meantime goes before the rest of the batch.
                return not self._wakes[found.id].is_set() or ahead
            if outcome.permanent:
                await self._in_database(_pause, found.id, outcome.said)
                log.error("Deliveries to %s are paused: %s", found.name, outcome.said)
                return False
            wait_s = wait_before(attempt, outcome.retry_s)
            attempt += 1
            if await self._interrupted(found.id, seq, wait_s):
                return False

    async def _interrupted(self, key: int, seq: int, wait_s: float) -> bool:
        """Wait; return early, and True, where something else goes first now: a kill, a pause, a cursor put back."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while (left := until - loop.time()) > 0:
            try:
                await asyncio.wait_for(self._wakes[key].wait(), left)
            except TimeoutError:
                break
            self._wakes[key].clear()
            if await self._in_database(_something_first, key, seq):
                return True
        return False

    async def _hand_over(self, found: Subscription, seq: int, line: bytes, client: httpx.AsyncClient) -> Outcome:
        body = body_of(line)
        now = datetime.now(UTC)
        headers = signed(found.secrets, f"{wire_id()}-{seq}", now, body)
        began = time.monotonic()

        def outcome(status: int, said: str, **more: Any) -> Outcome:
            return Outcome(status, said[:_OUTCOME_CHARS], round((time.monotonic() - began) * 1000), **more)

        try:
            async with asyncio.timeout(_TIMEOUT_S):
                url = httpx.URL(found.url)
                address = await endpoint.resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
                request = client.build_request(
                    "POST", url.copy_with(host=address), content=body, headers={**headers, "host": url.netloc.decode()},
                    extensions={"sni_hostname": url.host},
                )  # fmt: skip
                # The answer's body is not asked for: a client that sends one without end is not read.
                response = await client.send(request, stream=True)
                await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            return outcome(0, f"No answer within {_TIMEOUT_S:.0f} s.")
        except BadEndpoint as error:
            return outcome(0, str(error), permanent="not a public address" in str(error))
        except httpx.HTTPError as error:
            refused = "CERTIFICATE_VERIFY_FAILED" in str(error)
            return outcome(0, f"{type(error).__name__}: {error}", permanent=refused)
        if response.is_success:
            return outcome(response.status_code, "")
        said = f"Answered {response.status_code} {response.reason_phrase}."
        if response.is_redirect:
            said = f"Answered {response.status_code}: redirects are not followed."
        asked = retry_after(response.headers.get("retry-after"), now)
        return outcome(response.status_code, said, permanent=response.status_code == _GONE, retry_s=asked)

    def _flush_soon(self) -> None:
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_after())

    async def _flush_after(self) -> None:
        while self._pending:
            await asyncio.sleep(_GROUP_S)
            await self._flush()

    async def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if pending:
            try:
                await self._in_database(_write, pending)
            except Exception:
                self._pending = pending + self._pending
                log.exception("The ledger could not be written; trying again")

    async def _settled(self) -> None:
        """Wait until what was acknowledged is on the disk: the cursor is read from there."""
        while self._pending or (self._flushing and not self._flushing.done()):
            await asyncio.sleep(_GROUP_S)


def _waiting(key: int) -> tuple[Subscription | None, list[tuple[int, bytes]], list[tuple[int, bytes]]]:
    """Return a subscription, the kills and holds that jump its queue, and what is next in it."""
    known = store.subscriptions("id = ?", (key,))
    if not known:
        return None, [], []
    found = known[0]
    ahead = store.read_ahead(key)
    rows = [row for row in store.read_rows(found.stream, found.cursor, _AHEAD) if row.seq not in ahead]
    if not rows and ahead:
        # All that is left of the batch was acknowledged ahead.
        last = store.last_before(found.stream, max(ahead))
        with transaction.atomic():
            store.move_cursor(key, last, now_text())
    jumping = [seq for seq in store.withdrawals_after(found.stream, found.cursor) if seq not in ahead]
    first = rows[0].seq if rows else 0
    jumps = [Row(seq, store.last_before(found.stream, seq - 1)) for seq in jumping if seq != first]
    headlines = bool(found.headlines)
    if jumps:
        return found, _lines(jumps, headlines, {}), []
    jumped = {dispatch.uri: dispatch.seq for seq in sorted(ahead) if (dispatch := wire.read_dispatch(seq))}
    return found, [], _lines(rows, headlines, jumped)


def _lines(rows: list[Row], headlines: bool, jumped: dict[str, int]) -> list[tuple[int, bytes]]:
    return list(zip([row.seq for row in rows], lines_of(rows, headlines=headlines, jumped=jumped), strict=True))


def _something_first(key: int, seq: int) -> bool:
    """Whether a kill or a hold goes before this dispatch, or the subscription was paused or changed."""
    found, jumps, lines = _waiting(key)
    return found is None or bool(found.paused) or bool(jumps) or not lines or lines[0][0] != seq


def _keep_ahead(key: int, seq: int) -> None:
    with transaction.atomic():
        store.keep_ahead(key, seq)


def _pause(key: int, why: str) -> None:
    with transaction.atomic():
        store.set_fields(key, paused=why)


def _write(pending: list[tuple[Attempt, bool]]) -> None:
    with transaction.atomic():
        store.insert_attempts(attempt for attempt, _ in pending)
        for attempt, moves in pending:
            if moves:
                store.move_cursor(attempt.subscription, attempt.seq, attempt.at)
