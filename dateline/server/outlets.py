"""The folder's and the settler's work: the public side, kept in step with the wire.

Whatever fails is logged and done again; the cursors and the marks of what is not rendered lose nothing.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection

from dateline.delivery.fold import DeliveryFold, catch_up
from dateline.feeds.fold import FeedsFold
from dateline.feeds.links import link_of
from dateline.feeds.publish import FeedsPublisher
from dateline.live.events import event_of
from dateline.live.hub import Event
from dateline.news.element import Change
from dateline.pages.store import PageStore
from dateline.server.threads import AFTER_FAILURE_S
from dateline.site.fold import SiteFold
from dateline.site.publish import SitePublisher
from dateline.wire import bell, store
from dateline.wire.errors import NotVerified
from dateline.wire.failing import Failing
from dateline.wire.follow import BATCH, POLL_S, fold, use_lazy_commits
from dateline.wire.verify import remember
from dateline.wire.write_back import WriteBack

log = logging.getLogger(__name__)
_GOES = (Change.WITHHOLD, Change.KILL)


def open_pages() -> PageStore:
    """Return the store of ready pages of this wire."""
    return PageStore(settings.DATELINE_HOME / "site", settings.MEMORY_BYTES, link_of)


class Outlets:
    """The folder: follows the wire and keeps the public side in step with it."""

    def __init__(self, pages: PageStore) -> None:
        self.pages = pages
        self._site_fold = SiteFold()
        self._feeds_fold = FeedsFold()
        self.site = SitePublisher(pages)
        self.feeds = FeedsPublisher(self._feeds_fold, pages)
        self._delivery_fold = DeliveryFold()
        self._settle = threading.Event()
        # Whether a stream of delivery has not come as far as the others.
        self._is_behind = False
        # Called, in the folder's thread, when the front page is up to date.
        self.on_front: Callable[[], None] = lambda: None
        # Likewise, when subscribers have something new.
        self.on_delivery: Callable[[], None] = lambda: None
        # Likewise, with the paths of the feeds that changed, and whether an item was withdrawn.
        self.on_feeds: Callable[[list[str], bool], None] = lambda paths, withdrawn: None

    def start(self) -> int:
        """Fold and render what is missing; return how many pages that took."""
        self.pages.sweep()
        # Streams that are behind have no reader that waits for the start: `follow` brings them on.
        while fold([self._site_fold, self._feeds_fold]) or fold([self._delivery_fold]):
            pass
        rendered = self.site.start()
        self.feeds.start()
        self.pages.flush()
        return rendered

    def rebuild(self, projection: str) -> int:
        """Render every page of a projection that was folded anew; return how many pages there are.

        What lies in the folder and belongs to no page of either outlet goes.
        """
        if projection == self._site_fold.name:
            return self.site.render_all(kept=self.feeds.all_paths())
        self.feeds.start()
        self.pages.flush()
        return len(list(self.feeds.all_paths()))

    def step(self, announced: int, announce: Callable[[list[Event]], None]) -> int:
        """Announce, fold and render what is new after seq `announced`; return the new last seq.

        Live readers depend on nothing but the wire, so they are told first; only where an item is withdrawn its
        page goes before, so that who hears of it finds it gone. A page carries its last id, so that nothing depends
        on which of the two a reader sees earlier.
        """
        rows = store.read_rows(announced, BATCH)
        events = [Event(row.seq, event_of(row), row.uri, row.change in _GOES) for row in rows]
        withdraws = any(event.withdraws for event in events)
        if events and not withdraws:
            announce(events)
        try:
            fold([self._site_fold], known=rows)
            # What was withdrawn, the front page, the feeds, then the rest: in the order in which they matter.
            first = self.site.publish_first()
        finally:
            # Also where the pages cannot be kept up.
            if withdraws:
                announce(events)
            self.on_front()
        fold([self._feeds_fold], known=rows)
        feeds = self.feeds.publish()
        if feeds:
            self.on_feeds(feeds, withdraws)
        delivered, behind = fold([self._delivery_fold], known=rows), self._is_behind
        self._is_behind = catch_up()
        if delivered or behind or self._is_behind:
            self.on_delivery()
        last = rows[-1].seq if rows else announced
        others = self.site.publish(until=lambda: store.head_seq() > last)
        self.feeds.publish_sitemap()
        if others or self.site.has_unsettled or first or feeds or rows:
            self._settle.set()
        return last

    def follow(self, announced: int, announce: Callable[[list[Event]], None], stopped: threading.Event) -> None:
        """Keep in step until stopped. A failure is logged and tried again; the cursors lose nothing."""
        failing = Failing(log, "The public side follows the wire again")
        while not stopped.is_set():
            try:
                use_lazy_commits()
                rung = False
                with bell.Bell() as ring:
                    while not stopped.is_set():
                        after = self.step(announced, announce)
                        failing.is_over()
                        if after == announced:
                            if rung:
                                bell.ring_inner()  # not for a dispatch: a subscription, or a schedule
                            rung = self.wait(ring)
                        announced = after
            except Exception:
                failing.say("The public side could not follow the wire after seq %d; trying again", announced)
                connection.close()
                stopped.wait(AFTER_FAILURE_S)
        connection.close()

    def wait(self, ring: bell.Bell) -> bool:
        """Wait for the bell, or until it is time to look; meanwhile bring the streams on that are behind.

        That takes a quarter of the time at most, piece by piece: what is published waits for the end of one.
        """
        until = time.monotonic() + POLL_S
        while self._is_behind and (begun := time.monotonic()) < until:
            if not catch_up():
                return ring.wait(0)  # the next step tells who waits for it
            if ring.wait(3 * (time.monotonic() - begun)):
                return True
        return ring.wait(until - time.monotonic())

    def settle(self, stopped: threading.Event) -> None:
        """Write rendered pages to their files, in a thread of its own."""
        write_back = WriteBack()
        failing = Failing(log, "Rendered pages are written again")
        while True:
            self._settle.wait(0.5)
            done = stopped.is_set()
            try:
                # Marks that a power failure brings back cost a rendering.
                use_lazy_commits()
                write_back.step()
                if self._settle.is_set() or done:
                    self._settle.clear()
                    begun = time.monotonic()
                    if self.site.settle():
                        # The folder goes on with the next pages of a long catch-up, which takes half of the time at
                        # most: what is published meanwhile goes before it.
                        stopped.wait(time.monotonic() - begun)
                        bell.ring()
                    remember(store.read_head().checkpoint)
                    failing.is_over()
            except NotVerified as error:
                log.error("%s", error)
            except Exception:
                failing.say("Rendered pages could not be written to %s; trying again", settings.DATELINE_HOME)
                connection.close()
                if not done:
                    stopped.wait(AFTER_FAILURE_S)
                    self._settle.set()
            if done:
                connection.close()
                return
