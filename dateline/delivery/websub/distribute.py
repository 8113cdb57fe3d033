"""The hub at work: verifies who asks, and posts each feed's new content to who subscribed, in a thread of its own.

A subscriber is owed a feed whenever the content that it has (`sent`) is not the feed's own: so a crash loses nothing,
and of several changes only the newest content is posted. Who failed waits its turn apart from the others and delays
none of them; a withdrawal makes every waiting post due at once.
"""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from django.conf import settings
from django.db import transaction

from dateline.delivery.push import disconnect, wait_before
from dateline.delivery.subscribing import now_text
from dateline.delivery.ways.post import Poster
from dateline.delivery.websub import store
from dateline.delivery.websub.asked import Asked
from dateline.delivery.websub.hub import HUB, Hub
from dateline.delivery.websub.store import HubSubscription
from dateline.delivery.websub.verify import AGENT, Lanes, deny, verify
from dateline.news.codes import rfc3339
from dateline.pages.ready import Page
from dateline.wire.bell import Bell
from dateline.wire.failing import Failing

log = logging.getLogger(__name__)
_T = TypeVar("_T")
# Requests under way to their verification; what comes beyond them waits at the door, and then is turned away.
_UNDER_WAY = 500
# Posts at the same time to who answered last time, and to who did not: an answer may take 20 s (`post`).
_POSTING, _POSTING_AGAIN = 128, 32
# A subscriber with every section in three forms has some dozens; more on one host is a mistake or an attack.
_MOST_OF_HOST, _MOST = 200, 10_000
# How late a post is retried, and what was posted is written down, at most.
_POLL_S = 1.0
_SWEEP_S = 30.0
_GONE = 410


def headers_of(found: HubSubscription, page: Page) -> dict[str, str]:
    """Return what stands over a feed that is posted (sections 7 and 7.1)."""
    # A section's name may have letters that no header carries.
    topic = quote(found.topic, safe=":/%?&=#[]@!$'()*+,;~")
    headers = {
        **AGENT, "content-type": page.media_type,
        "link": f'<{settings.AGENCY.url}/hub>; rel="hub", <{topic}>; rel="self"',
    }  # fmt: skip
    if found.secret:
        digest = hmac.new(found.secret.encode(), page.body, hashlib.sha256).hexdigest()
        headers["x-hub-signature"] = f"sha256={digest}"
    return headers


class Distributor:
    """Keeps every subscriber of the hub at the newest content of its feed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._database = ThreadPoolExecutor(1, thread_name_prefix="hub")
        self._bell = ThreadPoolExecutor(1, thread_name_prefix="hub-bell")
        self._poster = Poster()
        self._known: dict[int, HubSubscription] = {}
        self._owed: set[int] = set()
        self._posting: dict[int, asyncio.Task[None]] = {}
        self._verifying: set[asyncio.Task[None]] = set()
        # By subscription: how often it has failed since it last answered, and before when it is not tried again.
        self._failed: dict[int, tuple[int, float]] = {}
        self._sent: dict[int, str] = {}
        self._writing = Failing(log, "WebSub: what is posted is written down again")
        self._swept = 0.0

    async def run(self, ring: Bell, stopped: Callable[[], bool]) -> None:
        """Distribute until `stopped`."""
        loop = asyncio.get_running_loop()
        self._checks = Lanes()
        self._lane, self._slow_lane = asyncio.Semaphore(_POSTING), asyncio.Semaphore(_POSTING_AGAIN)
        self._hub.listen(ring)
        try:
            self._known = {found.id: found for found in await self._in_database(store.read_all)}
            # What changed while nobody looked.
            self._owed = set(self._known)
            while not stopped():
                await self._turn()
                await loop.run_in_executor(self._bell, ring.wait, _POLL_S)
        finally:
            self._hub.listen(None)
            tasks = [*self._posting.values(), *self._verifying]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._write_sent()
            await self._poster.close()
            await self._in_database(disconnect)
            self._database.shutdown()
            self._bell.shutdown()

    async def _in_database(self, do: Callable[..., _T], *args: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._database, do, *args)

    async def _turn(self) -> None:
        for asked in self._hub.take_asked(_UNDER_WAY - len(self._verifying)):
            task = asyncio.create_task(self._settle(asked))
            self._verifying.add(task)
            task.add_done_callback(self._verifying.discard)
        paths, withdrawn = self._hub.take_changed()
        if paths:
            self._owed |= {key for key, found in self._known.items() if found.path in paths}
        if withdrawn:
            self._failed = {key: (count, 0.0) for key, (count, _) in self._failed.items()}
        await self._sweep()
        now = time.monotonic()
        for key in self._owed - self._posting.keys():
            if self._failed.get(key, (0, 0.0))[1] <= now:
                self._posting[key] = asyncio.create_task(self._post(key))
        await self._write_sent()

    async def _settle(self, asked: Asked) -> None:
        """Verify a request and do what it asks for."""
        try:
            why = await verify(self._poster, asked, self._checks)
            if why:
                log.info("WebSub: %s did not confirm that it wants to %s: %s", asked.host, asked.mode, why)
            elif asked.mode == "unsubscribe":
                gone = await self._in_database(_unsubscribe, asked)
                self._forget([gone.id] if gone else [])
            elif (kept := await self._in_database(_subscribe, asked)) is not None:
                self._known[kept.id] = msgspec.structs.replace(kept, sent=self._sent.get(kept.id, kept.sent))
                self._owed.add(kept.id)
            else:
                await deny(self._poster, asked, "This hub has no room for further subscriptions.")
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("WebSub: a request of %s could not be settled; it has to ask again", asked.host)

    async def _post(self, key: int) -> None:
        """Post to one subscriber until it has what its feed is now, or fails."""
        try:
            while (found := self._known.get(key)) is not None:
                async with self._slow_lane if key in self._failed else self._lane:
                    # Read only now: what waited for its turn goes out as it is by then.
                    ready = self._hub.feed(found.path)
                    if ready is None or (etag := ready.variants[""].etag) == found.sent:
                        break
                    answer = await self._poster.send(
                        key, found.callback, headers_of(found, ready.page), ready.page.body
                    )
                    await self._poster.drop(key)
                outcome = answer.outcome
                if outcome.said:
                    await self._fail(found, outcome.status, outcome.said, outcome.retry_s)
                    return
                self._failed.pop(key, None)
                self._sent[key] = etag
                # It may have been renewed, or gone, meanwhile.
                if key in self._known:
                    self._known[key] = msgspec.structs.replace(self._known[key], sent=etag)
            self._owed.discard(key)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("WebSub: a post to subscription %d failed; trying again", key)
            self._failed[key] = (1, time.monotonic() + _SWEEP_S)
        finally:
            self._posting.pop(key, None)

    async def _fail(self, found: HubSubscription, status: int, said: str, retry_s: float | None) -> None:
        if status == _GONE:
            log.info("WebSub: %s is gone (410); its subscription to %s ends", found.host, found.path)
            await self._drop([found.id])
            return
        count = self._failed.get(found.id, (0, 0.0))[0]
        if not count:
            log.warning("WebSub: %s cannot be posted %s: %s Trying again", found.host, found.path, said)
        self._failed[found.id] = (count + 1, time.monotonic() + wait_before(count, retry_s))

    async def _sweep(self) -> None:
        """End the subscriptions whose lease is over."""
        if time.monotonic() - self._swept < _SWEEP_S:
            return
        self._swept = time.monotonic()
        now = now_text()
        over = [found for found in self._known.values() if found.ends <= now]
        for found in over:
            behind = " It had not taken the newest content." if found.id in self._owed else ""
            log.info("WebSub: the lease of %s for %s ended.%s", found.host, found.path, behind)
        if over:
            await self._drop([found.id for found in over])

    async def _drop(self, keys: list[int]) -> None:
        await self._in_database(_remove, keys)
        self._forget(keys)

    def _forget(self, keys: list[int]) -> None:
        for key in keys:
            self._known.pop(key, None)
            self._failed.pop(key, None)
            self._owed.discard(key)

    async def _write_sent(self) -> None:
        sent, self._sent = self._sent, {}
        if sent:
            try:
                await self._in_database(_write_sent, sent)
                self._writing.is_over()
            except Exception:
                # A restart would post the same content once more, no worse; it is written with the next turn.
                self._sent = sent | self._sent
                self._writing.say("WebSub: what was posted could not be written down; trying again")


def keep_hub(ring: Bell, stopped: Callable[[], bool]) -> None:
    """Keep the hub at work until `stopped`."""
    asyncio.run(Distributor(HUB).run(ring, stopped))


def _subscribe(asked: Asked) -> HubSubscription | None:
    """Keep or renew a subscription; None if there is no room for another one."""
    with transaction.atomic():
        known = store.find(asked.callback, asked.topic)
        if known is None and (store.count(asked.host) >= _MOST_OF_HOST or store.count() >= _MOST):
            return None
        now = datetime.now(UTC)
        ends = rfc3339(now + timedelta(seconds=asked.lease_s), micros=True)
        made = HubSubscription(
            0, asked.callback, asked.topic, asked.host, asked.path, asked.secret, ends, asked.sent,
            rfc3339(now, micros=True),
        )  # fmt: skip
        kept = store.put(made)
    log.info("WebSub: %s %s %s until %s", asked.host, "renewed" if known else "subscribed to", asked.path, ends)
    return kept


def _unsubscribe(asked: Asked) -> HubSubscription | None:
    with transaction.atomic():
        found = store.find(asked.callback, asked.topic)
        store.remove([found.id] if found else [])
    return found


def _remove(keys: list[int]) -> None:
    with transaction.atomic():
        store.remove(keys)


def _write_sent(sent: dict[int, str]) -> None:
    with transaction.atomic():
        store.set_sent(sent.items())
