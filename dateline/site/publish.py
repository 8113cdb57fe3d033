"""Renders what the fold marked, once a change, and keeps it as ready pages.

A page is visible from memory as soon as it is rendered; `settle` writes the files and clears the
marks. A crash in between leaves the marks, and the next start renders those pages again.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

from django.conf import settings
from django.db import transaction

from dateline import __version__
from dateline.pages.store import PageStore
from dateline.site import assets, store
from dateline.site.render import render
from dateline.wire.identity import wire_id

log = logging.getLogger(__name__)
# Pages rendered in one go of a long catch-up.
_BATCH = 64
# Pages rendered before the server answers its first reader; what is left is rendered while it runs.
_AT_START = 500
# Pages of a rebuild between two writings of files.
_FLUSH_EVERY = 500


class SitePublisher:
    """Keeps the rendered pages of the newsfeed in step with its fold."""

    def __init__(self, pages: PageStore) -> None:
        self._pages = pages
        self._rendered: dict[str, int] = {}
        self._failed: dict[str, int] = {}

    def start(self) -> int:
        """Bring the pages up to date at a start; return how many were rendered before it returned.

        All of them wait to be, if the templates, the settings or the machine are not those of the last time:
        after a power failure files may be lost that were never forced to the disk. The folder has the same
        stamp, so that one which was deleted is noticed.
        """
        stamp = self._stamp()
        if store.read_stamp("render") != stamp or self._pages.stamp() != stamp:
            with transaction.atomic():
                store.mark_all()
                store.mark_again(_AT_START)
                store.write_stamp("render", stamp)
            self._pages.write_stamp(stamp)
        self._put_assets()
        # These two say what is newest; a start is the time to be sure of them.
        self._put("front")
        self._put("sections")
        count = self.publish_first() + self.publish(limit=_AT_START)
        self.settle()
        return count

    def _stamp(self) -> str:
        digest = hashlib.sha256(f"{__version__} {assets.base()} {settings.AGENCY} {wire_id()}".encode())
        digest.update(f"{settings.FRONT_ELEMENTS} {bool(settings.OPTIONS['SMTP'])}".encode() + _boot_id())
        templates = resources.files("dateline.site") / "templates" / "site"
        for entry in sorted(templates.iterdir(), key=lambda entry: entry.name):
            digest.update(entry.read_bytes())
        return digest.hexdigest()

    def _put_assets(self) -> None:
        for path, page in assets.asset_pages().items():
            self._pages.put(path, page)

    def _put(self, name: str) -> list[str]:
        paths = []
        for path, page in render(name).items():
            if page is None:
                self._pages.drop(path)
            else:
                self._pages.put(path, page)
                paths.append(path)
        return paths

    def publish(self, limit: int = _BATCH, *, until: Callable[[], bool] = lambda: False) -> int:
        """Render the pages that wait, those that most readers look at first; return how many.

        `until` is asked after each page and ends it early: a new dispatch need not wait for old pages.
        """
        return self._render(store.read_dirty(limit), until)

    def publish_first(self) -> int:
        """Render what nothing may delay: the pages of withdrawn items, and the front; return how many."""
        return self._render(store.read_dirty_first(), lambda: False)

    def _render(self, dirty: list[tuple[str, int]], until: Callable[[], bool]) -> int:
        count = 0
        for page, seq in dirty:
            if self._rendered.get(page, -1) >= seq or self._failed.get(page, -1) >= seq:
                continue
            try:
                self._put(page)
            except Exception:
                # One page that cannot be rendered must not hold up the others; its mark stays.
                log.exception("The page %s could not be rendered", page)
                self._failed[page] = seq
                continue
            self._rendered[page] = seq
            count += 1
            if until():
                break
        return count

    @property
    def has_unsettled(self) -> bool:
        """Whether rendered pages wait for their files."""
        return bool(self._rendered)

    def settle(self) -> bool:
        """Write the rendered pages to their files and clear their marks; return whether more pages wait."""
        rendered = dict(self._rendered)
        self._pages.flush()
        if rendered:
            with transaction.atomic():
                store.clear_dirty(rendered.items())
            for page, seq in rendered.items():
                if self._rendered.get(page) == seq:
                    del self._rendered[page]
        if any(page not in self._failed for page, _ in store.read_dirty(len(self._failed) + 1)):
            return True
        if not store.has_unmarked():
            return False
        with transaction.atomic():
            return store.mark_again(_AT_START)

    def render_all(self, kept: Iterable[str] = (), progress: Callable[[str], None] = lambda page: None) -> int:
        """Render every page anew and take away whatever else lies in the folder but `kept`; return how many.

        Used by a rebuild; the files are the same bytes as before if nothing was wrong with them.
        """
        self._put_assets()
        rendered: set[str] = set(assets.asset_pages())
        for count, page in enumerate(list(store.every_page()), 1):
            rendered.update(self._put(page))
            if count % _FLUSH_EVERY == 0:
                self._pages.flush()
            progress(page)
        self._pages.flush()
        self._pages.keep_only(rendered | set(kept))
        self._pages.write_stamp(self._stamp())
        return len(rendered)


def _boot_id() -> bytes:
    """Return what changes when the machine was started anew; nothing where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return b""
