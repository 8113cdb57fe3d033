"""NewsItem: identified, versioned news content, as the wire carries it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from dateline.news.agency import Section


class PubStatus(StrEnum):
    """ninjs `pubStatus`: may the item be used?"""

    USABLE = "usable"
    WITHHELD = "withheld"
    CANCELED = "canceled"


class NewsItem(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one news item.

    `body` is the HTML subset of `dateline.news.body`, without the dateline; `dateline` is that
    line as printed (`MOSCOW, April 13. /TASS/.`), `located` its places.
    `content_created` is the instant that a newsfeed dates the item by: when it first became public
    or, for an archived item, its own date. `day_only` says that only its day is known.
    `embargoed` is the instant before which no public outlet may show it; None: it is free.
    `path` is its permanent address below the agency's public url.
    `rest` keeps every other ninjs property as it came.
    Urgency runs from 1 (flash) to 9; None only before the wire has taken the item.
    """

    uri: str = ""
    version: int = 0
    pubstatus: PubStatus = PubStatus.USABLE
    headline: str = ""
    body: str = ""
    dateline: str = ""
    located: tuple[str, ...] = ()
    section: str = ""
    slugline: str = ""
    byline: str = ""
    credit: str = ""
    ednote: str = ""
    urgency: int | None = None
    language: str = ""
    embargoed: datetime | None = None
    first_created: datetime | None = None
    version_created: datetime | None = None
    content_created: datetime | None = None
    day_only: bool = False
    path: str = ""
    rest: dict[str, Any] = {}

    @property
    def is_public(self) -> bool:
        """Whether a public outlet may show this version: usable, and under no embargo."""
        return self.pubstatus is PubStatus.USABLE and self.embargoed is None

    @property
    def heading(self) -> Section | None:
        """The section that the item runs under, if it has one."""
        return Section.named(self.section) if self.section else None

    def public_day(self, zone: Any) -> date:
        """Return the day of the newsfeed that lists the item, in the agency's time zone."""
        if self.content_created is None:
            raise ValueError("an item that was never public has no day in the newsfeed")
        return self.content_created.astimezone(zone).date()
