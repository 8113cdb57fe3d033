"""What a subscription gets: a pure function over its filter and a dispatch.

An item that a subscription once got it goes on to get, whatever becomes of its section or urgency:
a correction, a hold and a kill reach whoever has the story.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from dateline.news.acts import WITHDRAWING, Act
from dateline.news.agency import Section
from dateline.news.codes import MEDIA_TOPIC
from dateline.news.item import NewsItem

_LOWEST = 9
# The acts that bring an item to who has not got it; holds and kills are for who has.
_BRINGS = frozenset(Act) - WITHDRAWING


class Filter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a subscription wants; an empty field wants everything.

    `sections` are slugs, `topics` codes of IPTC Media Topics (`11000000`), `languages` BCP 47 tags (`de` is for
    `de-AT`, too). `urgency`: that number and more urgent ones. `embargoed`: entitled to items under embargo.
    `archive`: old items that an import brings to the wire as well.
    """

    sections: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    urgency: int = _LOWEST
    embargoed: bool = False
    archive: bool = False


class Period(msgspec.Struct, frozen=True, omit_defaults=True):
    """A filter and the last seq that it is for; 0: it still is."""

    wanted: Filter
    until: int = 0


def read_periods(text: str) -> tuple[Period, ...]:
    """Return the filters of a stream, one after the other, as `write_periods` wrote them."""
    if text.startswith("["):
        return msgspec.json.decode(text, type=tuple[Period, ...])
    return (Period(msgspec.json.decode(text, type=Filter)),)


def write_periods(periods: tuple[Period, ...]) -> str:
    """Return them as text: one filter that never changed as itself, so that who wants the same shares a stream."""
    found = periods[0].wanted if len(periods) == 1 else periods
    return msgspec.json.encode(found, order="sorted").decode()


def wanted_at(periods: tuple[Period, ...], seq: int) -> Filter:
    """Return the filter that holds for a dispatch."""
    return next(period.wanted for period in periods if not period.until or seq <= period.until)


def wants(found: Filter, act: Act, item: NewsItem, *, has_it: bool) -> bool:
    """Return whether a subscription gets a dispatch; `has_it`: it got an earlier one of the same item.

    Before an embargo's instant nothing of the item goes to who is not entitled to it; but who got it, as they were
    once, hears of its hold and its kill (without its text: `lines`).
    """
    if item.embargoed is not None and not found.embargoed:
        return has_it and act in WITHDRAWING
    if has_it or act is Act.ADVISORY:
        return True
    if act not in _BRINGS or (act is Act.ARCHIVE and not found.archive):
        return False
    return _matches(found, item)


def _matches(found: Filter, item: NewsItem) -> bool:
    if found.urgency < (item.urgency or _LOWEST):
        return False
    if found.sections and (item.heading is None or item.heading.slug not in found.sections):
        return False
    if found.languages and not any(_speaks(item.language, tag) for tag in found.languages):
        return False
    return not found.topics or not set(found.topics).isdisjoint(topics_of(item))


def _speaks(language: str, tag: str) -> bool:
    """Whether a language tag falls into a range (RFC 4647, basic filtering)."""
    return f"{language.lower()}-".startswith(f"{tag.lower()}-")


def topics_of(item: NewsItem) -> set[str]:
    """Return the codes of an item's media topics."""
    subjects = [subject for subject in item.rest.get("subjects", []) if isinstance(subject, dict)]
    return {
        uri.removeprefix(MEDIA_TOPIC)
        for subject in subjects
        if (uri := str(subject.get("uri", ""))).startswith(MEDIA_TOPIC)
    }


def in_words(found: Filter, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return what a filter means, as a sentence; `names`: of topics by code and sections by slug, as far as known."""
    sections, topics = (tuple(names.get(one, one) for one in some) for some in (found.sections, found.topics))
    parts = [
        f"in {_listed(sections)}" if sections else "",
        f"about {_listed(topics)}" if topics else "",
        f"in the languages {_listed(found.languages)}" if found.languages else "",
        f"of urgency {found.urgency} and more urgent" if found.urgency < _LOWEST else "",
    ]
    what = ", ".join(part for part in parts if part)
    return (
        f"{'Items ' + what if what else 'Every item'}, with all that becomes of them, and advisories. "
        + f"Items under embargo come {'at once, marked' if found.embargoed else 'when they open'}. "
        + ("Archive items come, too." if found.archive else "Archive items do not come.")
    )


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def section_slug(name: str) -> str:
    """Return the slug of a section by its name or its slug."""
    return Section.named(name).slug
