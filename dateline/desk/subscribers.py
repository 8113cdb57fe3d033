"""What the desk needs of the room that serves the subscribers. Which room that is, `settings.SUBSCRIBERS` says: the
desk imports none of the outlets (docs/decisions/0012).

Instants are RFC 3339 in UTC, '' for never. Names of topics by code, and of sections by slug, come from the desk.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any, Protocol, TypeVar, cast

from django.conf import settings

from dateline.wire.dispatch import Dispatch


class Line(Protocol):
    """A subscription as lists show it."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def contact(self) -> str: ...
    @property
    def way(self) -> str:
        """One of WAYS."""

    @property
    def server(self) -> str:
        """Where it goes, without the path, which can be a secret."""

    @property
    def gets(self) -> str:
        """What its filter means, in words."""

    @property
    def kind(self) -> str:
        """How it does: stalled, failing, paused, waiting, fine, to-begin, ended."""

    @property
    def state(self) -> str:
        """The same as a sentence without its stop."""

    @property
    def trouble(self) -> bool:
        """Whether it needs someone."""

    @property
    def paused(self) -> str:
        """Why, or ''."""


class Wishes(Protocol):
    """What a subscription is to be; each field as the form's of its name."""

    @property
    def contact(self) -> str: ...
    @property
    def sections(self) -> tuple[str, ...]: ...
    @property
    def topics(self) -> tuple[str, ...]: ...
    @property
    def languages(self) -> tuple[str, ...]: ...
    @property
    def urgency(self) -> int: ...
    @property
    def embargoed(self) -> bool: ...
    @property
    def archive(self) -> bool: ...
    @property
    def headlines(self) -> bool: ...
    @property
    def way(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def options(self) -> dict[str, str]:
        """What the way needs besides; an empty secret keeps the one that there is, and none is ever read."""

    @property
    def form(self) -> str: ...
    @property
    def begins(self) -> str: ...
    @property
    def ends(self) -> str: ...


class Details(Protocol):
    """All that the page of one subscription shows; the rest is its template's."""

    @property
    def line(self) -> Line: ...
    @property
    def wishes(self) -> Wishes: ...
    @property
    def since(self) -> int:
        """The seq after which it begins."""


class Made(Protocol):
    """A subscription that was made, with its secrets, this once."""

    @property
    def id(self) -> int: ...
    @property
    def token(self) -> str: ...
    @property
    def secret(self) -> str: ...


class Again(Protocol):
    """What would be sent to a subscription once more, and how much of it still waits there anyway."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def to_come(self) -> int: ...


class Kept(Protocol):
    """An attempt, and its place in the ledger."""

    @property
    def id(self) -> int: ...


class Holder(Protocol):
    """A subscriber that got an item: which version, and whether it has the last word."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def is_last(self) -> bool: ...
    @property
    def trouble(self) -> str: ...


class Receiver(Protocol):
    """A subscriber that a dispatch is for."""

    @property
    def has_it(self) -> bool: ...


class Stalled(Protocol):
    """A subscriber that has stalled, and how."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...


W = TypeVar("W", bound=Wishes)


class Room(Protocol[W]):
    """The room; its errors are sentences (DatelineError) with codes that `subscription_form` puts at their fields."""

    def lines(self, names: Mapping[str, str]) -> Sequence[Line]:
        """Return every subscription, those first who need someone."""

    def stalled(self) -> Sequence[Stalled]:
        """Return who has stalled."""

    def details(self, key: int, names: Mapping[str, str]) -> Details:
        """Return all about one."""

    def read_ledger(self, key: int, before: int, limit: int) -> Sequence[Kept]:
        """Return attempts, the newest first, before a place in the ledger (0: the last ones)."""

    def wishes(
        self, *, contact: str, sections: tuple[str, ...], topics: tuple[str, ...], languages: tuple[str, ...],
        urgency: int, embargoed: bool, archive: bool, headlines: bool, way: str, address: str, options: dict[str, str],
        form: str, begins: str, ends: str,
    ) -> W:  # fmt: skip
        """Return what the form says as the room's own value."""

    def mark(self, key: int) -> str:
        """Return a mark that changes with the subscription."""

    def words(self, wanted: W, names: Mapping[str, str]) -> str:
        """Return what wishes mean."""

    def would_have_matched(self, wanted: W) -> Sequence[Dispatch]:
        """Return which dispatches of the last day they would have got."""

    def make(self, name: str, wanted: W, *, from_start: bool, paused: str) -> Made:
        """Make a subscription."""

    def change(self, key: int, name: str, wanted: W) -> str:
        """Change it; return its signing secret if it is new, this once."""

    def issue_token(self, key: int, overlap: timedelta) -> str:
        """Return a new token, this once; the others end after `overlap`."""

    def revoke_tokens(self, key: int) -> int:
        """End all tokens; return how many."""

    def rotate_secret(self, key: int) -> str:
        """Return a new signing secret, this once."""

    def pause(self, key: int, why: str) -> None:
        """Send nothing until it is resumed."""

    def resume(self, key: int) -> None:
        """Go on."""

    def would_send_again(self, first: int, last: int | None, key: int = 0) -> Sequence[Again]:
        """Return what `send_again` would do, for one or (0) for each that has any of it."""

    def read_range(self, key: int, first: int, last: int | None, limit: int) -> Sequence[Dispatch]:
        """Return the first dispatches of a range that one gets."""

    def send_again(self, key: int, first: int, last: int | None) -> int:
        """Send once more; return how many."""

    def who_has(self, uri: str) -> Sequence[Holder]:
        """Return who has any of an item."""

    def who_gets(self, seq: int) -> Sequence[Receiver]:
        """Return who a dispatch is for."""


def room() -> Room[Any]:
    """Return the room that the settings name."""
    return cast("Room[Any]", import_module(settings.SUBSCRIBERS))
