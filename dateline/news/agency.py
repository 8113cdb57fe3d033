"""Who runs this wire, and how it prints dates, datelines and addresses."""

from datetime import date, datetime
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_datetime

from dateline.news.codes import slugify


class Section(msgspec.Struct, frozen=True):
    """The rubric that an item runs under: its printed `name` and the `slug` in its address."""

    name: str
    slug: str

    @classmethod
    def named(cls, name: str) -> "Section":
        """Return the section with this printed name; the same name always gives the same slug."""
        return cls(name=name, slug=slugify(name))


class Agency(msgspec.Struct, frozen=True, dict=True):
    """The agency's identity and house style; read once from the settings.

    `domain` names the agency in every `uri` that it mints and is the origin of its signed log.
    `url` is the public address of the newsfeed, without a slash at its end.
    `dateline_style` is one of `dateline.news.dateline.STYLES`; `date_format` and `day_format` are
    CLDR date patterns (Unicode TR35, part 4).
    """

    name: str
    credit: str
    domain: str
    url: str
    language: str = "en"
    timezone: str = "UTC"
    dateline_style: str = "slashes"
    date_format: str = "MMMM d, HH:mm"
    day_format: str = "MMMM d"
    long_day_format: str = "EEEE, MMMM d, y"
    sections: tuple[str, ...] = ()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agency's own time zone."""
        return ZoneInfo(self.timezone)

    @property
    def origin(self) -> str:
        """The name of the signed log: its key name and the first line of its checkpoint (C2SP)."""
        return f"{self.domain}/wire"

    def local(self, instant: datetime) -> datetime:
        """Return the instant in the agency's time zone."""
        return instant.astimezone(self.zone)

    def print_date(self, instant: datetime, *, day_only: bool = False) -> str:
        """Return the date as a newsfeed element prints it: `April 13, 14:14`, or `April 13`."""
        pattern = self.day_format if day_only else self.date_format
        return _format(self.local(instant).replace(second=0, microsecond=0), pattern, self.language)

    def print_day(self, day: date) -> str:
        """Return a day in full: `Thursday, April 13, 2017`."""
        return _format(datetime(day.year, day.month, day.day), self.long_day_format, self.language)  # noqa: DTZ001


# A newsfeed prints the same minutes over and over; a CLDR format costs 30 µs, a look-up none.
@lru_cache(maxsize=4096)
def _format(moment: datetime, pattern: str, language: str) -> str:
    return str(format_datetime(moment, pattern, locale=language.replace("-", "_")))
