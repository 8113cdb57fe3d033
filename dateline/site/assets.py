"""Style sheet and scripts as ready pages, under an address that names their content."""

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources

from django.conf import settings

from dateline.pages.ready import Page
from dateline.pages.store import cache_of, media_type_of

# Their address changes when they do, so that their date says nothing; a fixed one keeps rebuilds equal.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)


# The agency's own mark stands in the place of this one (the setting ICON).
_ICON = "icon.svg"


@lru_cache(maxsize=1)
def _files(icon: bytes) -> dict[str, bytes]:
    folder = resources.files("dateline.site") / "static" / "site"
    files = {entry.name: entry.read_bytes() for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)}
    return files | ({_ICON: icon} if icon else {})


@lru_cache(maxsize=1)
def _base(icon: bytes) -> str:
    digest = hashlib.sha256()
    for name, body in _files(icon).items():
        digest.update(name.encode() + b"\0" + body + b"\0")
    return f"/static/{digest.hexdigest()[:12]}/"


def base() -> str:
    """Return the folder that the assets are served under: one digest for all, as they import each other."""
    return _base(settings.OPTIONS["ICON"])


def icon() -> str:
    """Return the address of the icon."""
    return base() + _ICON


def asset_pages() -> dict[str, Page]:
    """Return every asset by its path."""
    paths = {base() + name: body for name, body in _files(settings.OPTIONS["ICON"]).items()}
    return {path: Page(media_type_of(path), body, _DATE, cache=cache_of(path)) for path, body in paths.items()}
