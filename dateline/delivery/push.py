"""Push: every dispatch handed over by its subscription's way, and acknowledged.

One task a subscription: strictly in order from its durable cursor, and nobody waits for another. A kill or a hold
jumps its queue and is tried until it is acknowledged, each by its own clock. What fails is tried again for as long as
it takes; what cannot succeed (410 Gone, a certificate or a password that is refused) pauses the subscription and says
so. Nothing is ever dropped.

The database is read and written in one thread, acknowledgements in groups: a crash repeats at most what was
acknowledged in its last moment, under the same key (`webhook-id`, the file's name, the mail's Message-ID).
"""

import asyncio
import contextlib
import logging
import math
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import msgspec
from django.db import connection, transaction

from dateline.delivery import store
from dateline.delivery.lines import Line, lines_of
from dateline.delivery.store import Attempt, Row, Subscription
from dateline.delivery.subscribing import begun, keep_option, now_text
from dateline.delivery.ways.choose import WEBHOOKS, scheme_of
from dateline.delivery.ways.drop import Drops
from dateline.delivery.ways.mail import Mails
from dateline.delivery.ways.outcome import Clock, Outcome
from dateline.delivery.ways.post import Poster
from dateline.delivery.ways.threads import Threads
from dateline.delivery.ways.webhook import Webhooks
from dateline.news.item import PubStatus
from dateline.wire import bell
from dateline.wire import store as wire
from dateline.wire.failing import Failing
from dateline.wire.identity import wire_id

log = logging.getLogger(__name__)
_T = TypeVar("_T")
# The first wait, doubled each time, and the longest: an endpoint that comes back waits no longer than that.
_FIRST_S, _LONGEST_S = 1.0, 600.0
# A Retry-After beyond this is a mistake, or a way to be forgotten.
_LONGEST_ASKED_S = 3600.0
# Acknowledgements wait this long for each other: one fsync for all.
_GROUP_S = 0.02
# Rows read ahead for one subscription.
_AHEAD = 50
# A bell that was lost, and a subscription that ends or was changed elsewhere, are seen this late at most.
_POLL_S = 2.0
_AFTER_FAILURE_S = 1.0


class Way(Protocol):
    """A way to hand a dispatch over; `key` is the same each time that it is tried."""

    async def hand_over(self, found: Subscription, line: Line, key: str) -> Outcome:
        """Try once."""


def wait_before(attempt: int, asked_s: float | None, roll: Callable[[], float] = random.random) -> float:
    """Return how long to wait before the next attempt, in seconds: doubling, with jitter, or what was asked for."""
    backoff = min(_LONGEST_S, _FIRST_S * 2.0 ** min(attempt, 20)) * (0.5 + roll() / 2)
    return backoff if asked_s is None else max(backoff, min(asked_s, _LONGEST_ASKED_S))


class _Done(msgspec.Struct, frozen=True):
    """An attempt, and what it means for the cursor of the reading (`epoch`) that it was of.

    `out_of_turn`: a kill or a hold that jumped, or what was sent once more; it moves no cursor.
    """

    attempt: Attempt
    epoch: int
    acknowledged: bool
    out_of_turn: bool


class Due(msgspec.Struct, frozen=True):
    """What is to be handed to a subscription now: `lines`, and whether they are `out_of_turn`.

    `seqs`: all that waits for it, so far as it was read, also what is not to be tried yet.
    """

    found: Subscription | None
    seqs: frozenset[int] = frozenset()
    lines: list[Line] = []
    out_of_turn: bool = False


class Pusher:
    """Pushes to every subscription that has an address, in an event loop of its own thread."""

    def __init__(self) -> None:
        self._database = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._bell = ThreadPoolExecutor(1, thread_name_prefix="pusher-bell")
        self._threads = Threads()
        self._poster = Poster()
        self._drops = Drops(self._threads, self._keep_option)
        self._ways: dict[str, Way] = dict.fromkeys(WEBHOOKS, Webhooks(self._poster))
        self._ways["mailto"] = Mails(self._threads)
        self._wakes: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        # By subscription, by seq: how often it was tried, and before when it is not tried again.
        self._tries: dict[int, dict[int, tuple[int, float]]] = {}
        self._terms: dict[int, tuple[str, str, str]] = {}
        self._pending: list[_Done] = []
        self._flushing: asyncio.Task[None] | None = None
        self._ledger = Failing(log, "The ledger is written again")

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
            await self._poster.close()
            self._drops.close()
            await self._in_database(disconnect)
            self._database.shutdown()
            self._bell.shutdown()
            self._threads.close()

    async def _in_database(self, do: Callable[..., _T], *args: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._database, do, *args)

    async def _keep_option(self, found: Subscription, name: str, value: str) -> None:
        await self._in_database(keep_option, found, name, value)

    async def _start_tasks(self) -> None:
        for found in await self._in_database(store.subscriptions, "url <> ''"):
            task = self._tasks.get(found.id)
            if task is None or task.done():
                self._wakes[found.id] = asyncio.Event()
                self._tasks[found.id] = asyncio.create_task(self._serve(found.id))

    async def _serve(self, key: int) -> None:
        """Deliver to one subscription for as long as the server runs."""
        failing = Failing(log, f"Delivery to subscription {key} goes on")
        while True:
            self._wakes[key].clear()
            try:
                wait_s = await self._step(key)
                failing.is_over()
            except asyncio.CancelledError:
                raise
            except Exception:
                failing.say("Delivery to subscription %d failed; trying again", key)
                wait_s = _AFTER_FAILURE_S
            if wait_s > 0:
                # Not wait_for: on Python 3.11 it can swallow the cancellation that a stop is.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if wait_s == math.inf else wait_s):
                        await self._wakes[key].wait()

    async def _step(self, key: int) -> float:
        """Try what is due; return how long nothing will be, in seconds: 0 where there may be more at once.

        Everything is read anew each time: a secret that was rotated, a pause, a kill hold from then on.
        """
        await self._settled()
        tries = self._tries.setdefault(key, {})
        now = time.monotonic()
        # One visit to the database: with a hundred subscribers nobody's first line waits for everybody's reading.
        due = await self._in_database(_due, key, frozenset(seq for seq, (_, at) in tries.items() if at > now))
        for seq in tries.keys() - due.seqs:
            del tries[seq]
        if due.found is None or not due.seqs:
            return math.inf
        if (terms := (due.found.url, due.found.options, due.found.paused)) != self._terms.get(key, terms):
            # What was mended is tried at once.
            self._terms[key] = terms
            tries.clear()
            return 0.0
        self._terms[key] = terms
        for line in due.lines:
            done = await self._try(due.found, line, out_of_turn=due.out_of_turn)
            if not due.out_of_turn and (not done or self._wakes[key].is_set()):
                break
        return 0.0 if due.lines else max(0.01, min((at for _, at in tries.values()), default=now) - time.monotonic())

    async def _try(self, found: Subscription, line: Line, *, out_of_turn: bool) -> bool:
        """Try to hand over one dispatch; note how that went, and when it is tried again."""
        at = now_text()
        outcome = await self._hand_over(found, line)
        done = not outcome.said
        attempt = Attempt(found.id, line.seq, at, outcome.ms, outcome.status, outcome.said)
        self._pending.append(_Done(attempt, found.epoch, acknowledged=done, out_of_turn=out_of_turn))
        self._flush_soon()
        if done:
            return True
        if outcome.permanent:
            await self._in_database(_pause, found.id, outcome.said)
            log.error("Deliveries to %s are paused: %s", found.name, outcome.said)
        count = self._tries[found.id].get(line.seq, (0, 0.0))[0]
        self._tries[found.id][line.seq] = (count + 1, time.monotonic() + wait_before(count, outcome.retry_s))
        return False

    async def _hand_over(self, found: Subscription, line: Line) -> Outcome:
        clock = Clock()
        try:
            way = self._ways.get(scheme_of(found.url), self._drops)
            return await way.hand_over(found, line, f"{wire_id()}-{line.seq}")
        except Exception as error:
            # Whatever it is, it belongs in the ledger, and the next try waits as after any failure.
            log.exception("Dispatch %d could not be handed to %s", line.seq, found.name)
            return clock.outcome(f"{type(error).__name__}: {error}")

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
                self._ledger.is_over()
            except Exception:
                self._pending = pending + self._pending
                self._ledger.say("The ledger could not be written; trying again")
                await asyncio.sleep(_AFTER_FAILURE_S)

    async def _settled(self) -> None:
        """Wait until what was acknowledged is on the disk: the cursor is read from there."""
        while self._pending or (self._flushing and not self._flushing.done()):
            await asyncio.sleep(_GROUP_S)


def keep_pushing(ring: bell.Bell, stopped: Callable[[], bool]) -> None:
    """Push until `stopped`."""
    asyncio.run(Pusher().run(ring, stopped))


def _due(key: int, blocked: frozenset[int] = frozenset()) -> Due:
    """Return what a subscription is to be handed now; `blocked`: seqs that are not to be tried yet.

    Nothing while it is paused, has ended or has not begun. Kills and holds come first, then what is sent once more, one
    at a time, then what is next in turn.
    """
    known = store.subscriptions("id = ?", (key,))
    found = begun(known[0]) if known else None
    if found is None or not found.url or found.begins or found.paused or found.has_ended(now_text()):
        return Due(found)
    rows, jumps, again = store.read_due(found, _AHEAD), store.read_jumps(found), store.read_again(found, 1)
    first = rows[0].seq if rows else 0
    seqs = frozenset(row.seq for row in (*jumps, *again, *rows))
    if ripe := [row for row in (*jumps, *again) if row.seq != first and row.seq not in blocked]:
        return Due(found, seqs, lines_of(ripe, found, jumped=_held(ripe)), True)
    if not rows or first in blocked:
        return Due(found, seqs)
    # Also what was not acknowledged: it may have been taken, and only its answer lost.
    ahead = sorted(store.read_ahead(found.id) | {row.seq for row in jumps})
    jumped = {raw[3]: raw[0] for raw in wire.read_raw(ahead)} if ahead else {}
    return Due(found, seqs, lines_of(rows, found, jumped=jumped))


def _held(rows: list[Row]) -> dict[str, int]:
    """Return the items of these rows that are held now, with the seq of the hold: who has that gets no text again."""
    states = wire.read_states([raw[3] for raw in wire.read_raw([row.seq for row in rows])])
    return {uri: state.seq for uri, state in states.items() if state.pubstatus == PubStatus.WITHHELD}


def disconnect() -> None:
    """Close this thread's connection to the database: another thread's name for it is another connection."""
    connection.close()


def _pause(key: int, why: str) -> None:
    with transaction.atomic():
        store.set_fields(key, paused=why)


def _write(pending: list[_Done]) -> None:
    with transaction.atomic():
        store.insert_attempts(done.attempt for done in pending)
        for done in pending:
            attempt = done.attempt
            if done.acknowledged and done.out_of_turn:
                if not store.end_again(attempt.subscription, attempt.seq):
                    store.keep_ahead(attempt.subscription, attempt.seq, done.epoch)
            elif done.acknowledged:
                store.move_cursor(attempt.subscription, attempt.seq, attempt.at, done.epoch)
