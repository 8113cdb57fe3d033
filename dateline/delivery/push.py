"""Push: webhooks, signed by the Standard Webhooks specification.

One task a subscription: strictly in order from its durable cursor, and nobody waits for another. A kill or a hold
jumps its queue and is tried until it is acknowledged, each by its own clock. What fails is tried again for as long as
it takes; what cannot succeed (410 Gone, a certificate that is refused) pauses the subscription and says so. Nothing is
ever dropped.

The database is read and written in one thread, acknowledgements in groups: a crash repeats at most what was
acknowledged in its last moment, under the same key (`webhook-id`).
"""

import asyncio
import contextlib
import logging
import math
import random
import ssl
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
_AFTER_FAILURE_S = 1.0
# Read of an answer at most.
_ANSWER_BYTES = 64 * 1024


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
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return None


class _Done(msgspec.Struct, frozen=True):
    """An attempt, and what it means for the cursor of the reading (`epoch`) that it was of."""

    attempt: Attempt
    epoch: int
    acknowledged: bool
    ahead: bool


class Pusher:
    """Pushes to every subscription that has a webhook, in an event loop of its own thread."""

    def __init__(self) -> None:
        self._database = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._bell = ThreadPoolExecutor(1, thread_name_prefix="pusher-bell")
        # Names are looked up apart from all else: a name server that does not answer holds its threads for long.
        self._names = ThreadPoolExecutor(64, thread_name_prefix="names")
        self._wakes: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        # By subscription, by seq: how often it was tried, and before when it is not tried again.
        self._tries: dict[int, dict[int, tuple[int, float]]] = {}
        self._clients: dict[int, httpx.AsyncClient] = {}
        self._pending: list[_Done] = []
        self._flushing: asyncio.Task[None] | None = None
        self._tls = ssl.create_default_context()

    async def run(self, ring: bell.Bell, stopped: Callable[[], bool]) -> None:
        """Push until `stopped`."""
        loop = asyncio.get_running_loop()
        try:
            while not stopped():
                await self._start_tasks()
                await loop.run_in_executor(self._bell, ring.wait, _POLL_S)
                for wake in self._wakes.values():
                    wake.set()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._flush()
            for client in self._clients.values():
                await client.aclose()
            await self._in_database(connection.close)
            self._database.shutdown()
            self._bell.shutdown()
            self._names.shutdown(wait=False, cancel_futures=True)

    async def _in_database(self, do: Callable[..., _T], *args: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._database, do, *args)

    async def _start_tasks(self) -> None:
        for found in await self._in_database(store.subscriptions, "url <> ''"):
            task = self._tasks.get(found.id)
            if task is None or task.done():
                self._wakes[found.id] = asyncio.Event()
                self._tasks[found.id] = asyncio.create_task(self._serve(found.id))

    def _client(self, key: int) -> httpx.AsyncClient:
        """Return the client of one subscription: its connections are nobody else's, whatever address they share."""
        if key not in self._clients:
            self._clients[key] = httpx.AsyncClient(
                timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False, verify=self._tls
            )
        return self._clients[key]

    async def _serve(self, key: int) -> None:
        """Deliver to one subscription for as long as the server runs."""
        while True:
            self._wakes[key].clear()
            try:
                wait_s = await self._step(key)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("Delivery to subscription %d failed; trying again", key)
                wait_s = _AFTER_FAILURE_S
            if wait_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wakes[key].wait(), None if wait_s == math.inf else wait_s)

    async def _step(self, key: int) -> float:
        """Try what is due; return how long nothing will be, in seconds: 0 where there may be more at once.

        Everything is read anew each time: a secret that was rotated, a pause, a kill hold from then on.
        """
        await self._settled()
        found, jumps, rows = await self._in_database(_due, key)
        tries = self._tries.setdefault(key, {})
        for seq in tries.keys() - {row.seq for row in (*jumps, *rows)}:
            del tries[seq]
        if found is None or not (jumps or rows):
            return math.inf
        now = time.monotonic()
        first = rows[0].seq if rows else 0
        ripe = [row for row in jumps if tries.get(row.seq, (0, 0.0))[1] <= now and row.seq != first]
        if ripe:
            lines = await self._in_database(_lines, found, ripe, False)
            for row, line in zip(ripe, lines, strict=True):
                await self._try(found, row.seq, line, ahead=True)
            return 0.0
        if rows and tries.get(first, (0, 0.0))[1] <= now:
            lines = await self._in_database(_lines, found, rows, True)
            for row, line in zip(rows, lines, strict=True):
                if not await self._try(found, row.seq, line, ahead=False) or self._wakes[key].is_set():
                    break
            return 0.0
        return max(0.01, min(at for _, at in tries.values()) - now)

    async def _try(self, found: Subscription, seq: int, line: bytes, *, ahead: bool) -> bool:
        """Try to hand over one dispatch; note how that went, and when it is tried again."""
        at = now_text()
        outcome = await self._hand_over(found, seq, line)
        done = not outcome.said
        attempt = Attempt(found.id, seq, at, outcome.ms, outcome.status, outcome.said)
        self._pending.append(_Done(attempt, found.epoch, acknowledged=done, ahead=ahead))
        self._flush_soon()
        if done:
            return True
        if outcome.permanent:
            await self._in_database(_pause, found.id, outcome.said)
            log.error("Deliveries to %s are paused: %s", found.name, outcome.said)
        count = self._tries[found.id].get(seq, (0, 0.0))[0]
        self._tries[found.id][seq] = (count + 1, time.monotonic() + wait_before(count, outcome.retry_s))
        return False

    async def _hand_over(self, found: Subscription, seq: int, line: bytes) -> Outcome:
        body = body_of(line)
        now = datetime.now(UTC)
        headers = signed(found.secrets, f"{wire_id()}-{seq}", now, body)
        began = time.monotonic()

        def outcome(status: int, said: str, **more: Any) -> Outcome:
            return Outcome(status, said[:_OUTCOME_CHARS], round((time.monotonic() - began) * 1000), **more)

        try:
            async with asyncio.timeout(_TIMEOUT_S):
                url = httpx.URL(found.url)
                port = url.port or (443 if url.scheme == "https" else 80)
                address = await endpoint.resolve(url.host, port, url.scheme, self._names)
                client = self._client(found.id)
                request = client.build_request(
                    "POST", url.copy_with(host=address), content=body, headers={**headers, "host": url.netloc.decode()},
                    extensions={"sni_hostname": url.host},
                )  # fmt: skip
                response = await client.send(request, stream=True)
                await _read_some(response)
        except (TimeoutError, httpx.TimeoutException):
            return outcome(0, f"No answer within {_TIMEOUT_S:.0f} s.")
        except BadEndpoint as error:
            return outcome(0, str(error))
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
                await asyncio.sleep(_AFTER_FAILURE_S)

    async def _settled(self) -> None:
        """Wait until what was acknowledged is on the disk: the cursor is read from there."""
        while self._pending or (self._flushing and not self._flushing.done()):
            await asyncio.sleep(_GROUP_S)


def keep_pushing(ring: bell.Bell, stopped: Callable[[], bool]) -> None:
    """Push until `stopped`."""
    asyncio.run(Pusher().run(ring, stopped))


def _due(key: int) -> tuple[Subscription | None, list[Row], list[Row]]:
    """Return a subscription, the kills and holds that jump its queue, and what is next; nothing while it is paused."""
    known = store.subscriptions("id = ?", (key,))
    found = known[0] if known else None
    if found is None or found.paused or found.has_ended(now_text()):
        return found, [], []
    return found, store.read_jumps(found), store.read_due(found, _AHEAD)


def _lines(found: Subscription, rows: list[Row], in_turn: bool) -> list[bytes]:
    ahead = sorted(store.read_ahead(found.id)) if in_turn else []
    jumped = {dispatch.uri: dispatch.seq for seq in ahead if (dispatch := wire.read_dispatch(seq))}
    return lines_of(rows, headlines=bool(found.headlines), jumped=jumped, since=found.since)


async def _read_some(response: httpx.Response) -> None:
    """Read a short answer to its end, so that its connection serves again; cut a long one off."""
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > _ANSWER_BYTES:
            break
    await response.aclose()


def _pause(key: int, why: str) -> None:
    with transaction.atomic():
        store.set_fields(key, paused=why)


def _write(pending: list[_Done]) -> None:
    with transaction.atomic():
        store.insert_attempts(done.attempt for done in pending)
        for done in pending:
            attempt = done.attempt
            if done.acknowledged and done.ahead:
                store.keep_ahead(attempt.subscription, attempt.seq)
            elif done.acknowledged:
                store.move_cursor(attempt.subscription, attempt.seq, attempt.at, done.epoch)
