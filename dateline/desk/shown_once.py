"""Secrets that are shown once: kept in this process's memory between the form that made one and the page that shows it.

The page forgets what it shows, so a reload, another tab or the way back shows nothing. Nothing of it reaches the disk;
a restart in that moment loses it, and a new one is made.
"""

import secrets

import msgspec
from django.core.cache import cache

# From a form's answer to the page that it leads to; longer is a browser that was closed.
_SECONDS = 120


class Shown(msgspec.Struct, frozen=True):
    """What a page shows once: a title, and each secret with its label and a sentence on what it is for."""

    title: str
    lines: tuple[tuple[str, str, str], ...]


def _place(key: str, user: int, subscription: int) -> str:
    return f"desk-shown-once-{user}-{subscription}-{key}"


def keep(shown: Shown, user: int, subscription: int) -> str:
    """Keep secrets for one page, one account and one subscription; return the page's key."""
    key = secrets.token_urlsafe(16)
    cache.set(_place(key, user, subscription), shown, _SECONDS)
    return key


def take(key: str, user: int, subscription: int) -> Shown | None:
    """Return what is to be shown, and forget it; None if it was shown."""
    place = _place(key, user, subscription)
    shown: Shown | None = cache.get(place)
    # Whoever deletes it shows it: of two that come at once, one does.
    return shown if shown is not None and cache.delete(place) else None
