"""Acts: what a dispatch does to its item, and when it may.

One pure function decides, `next_item`; the wire calls it under its lock. The table of acts stands in
docs/wire.md. What no rule here allows cannot reach the wire.
"""

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from dateline.news import body
from dateline.news.agency import Agency
from dateline.news.codes import mint_uri, rfc3339, short_id, slugify
from dateline.news.errors import ActRefused, BadItem
from dateline.news.item import NewsItem, PubStatus


class Act(StrEnum):
    """What a dispatch does."""

    PUBLISH = "publish"
    UPDATE = "update"
    CORRECT = "correct"
    REFILE = "refile"
    HOLD = "hold"
    RELEASE = "release"
    KILL = "kill"
    ADVISORY = "advisory"
    ARCHIVE = "archive"


OPENING = frozenset({Act.PUBLISH, Act.ADVISORY, Act.ARCHIVE})
REVISING = frozenset({Act.UPDATE, Act.CORRECT, Act.REFILE})
WITHDRAWING = frozenset({Act.HOLD, Act.KILL})
# Acts that say why, each with what the note must say.
NOTE_SAYS = {
    Act.UPDATE: "what changed",
    Act.CORRECT: "what was wrong",
    Act.REFILE: "what was mended",
    Act.HOLD: "why it is held",
    Act.KILL: "why it is withdrawn",
}
# Fields that a revision takes over from the version before where it does not give its own.
_INHERITED = (
    "headline", "body", "dateline", "located", "section", "slugline", "byline", "credit", "urgency",
    "language", "rest",
)  # fmt: skip
_PRINTED = ("headline", "section", "slugline", "byline", "credit", "ednote", "dateline")
# Control characters but white space, and what XML 1.0 has no place for.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_URI = re.compile(r"(?:tag|urn|https?):[!-~]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
# ninjs: 4 and above are routine.
ROUTINE_URGENCY = 4
# A headline is one line on a phone's lock screen and a row in an index; longer is a paragraph by mistake.
_HEADLINE_CHARS = 500
# A rubric stands in a menu.
_SECTION_CHARS = 80


def next_item(
    act: Act,
    before: NewsItem | None,
    given: NewsItem | None,
    *,
    note: str,
    now: datetime,
    agency: Agency,
    by_clock: bool = False,
    whole: bool = False,
) -> NewsItem:
    """Return the version of the item that this act makes, ready for the wire.

    `before` is the latest version on the wire, None if the uri is new; `given` is what the producer
    hands in, None for hold, release and kill. `note` becomes the item's ednote. `by_clock` marks the
    release that an embargo's own instant brings; it is refused before that instant. `whole` says that
    `given` is the whole item: a field that it leaves empty is empty, not as it was before.
    Raises ActRefused where the rules of the wire forbid the act, BadItem where the content is not fit.
    """
    note = _tidy(note)
    if not note and act in NOTE_SAYS:
        raise ActRefused(f"{'An' if act is Act.UPDATE else 'A'} {act} needs a note that says {NOTE_SAYS[act]}.", act)
    if act in OPENING:
        return _open(act, before, given, note, now, agency)
    if before is None:
        raise ActRefused(
            f"Nothing with this uri is on the wire, so there is nothing to {act}: "
            f"{given.uri if given else ''} Publish it first, or check the uri.",
            given.uri if given else None,
        )
    if before.pubstatus is PubStatus.CANCELED:
        raise ActRefused(f"{before.uri} was killed; nothing can bring it back or change it.", before.uri)
    changed = _act_on(act, before, given, now, by_clock, whole)
    return msgspec.structs.replace(
        changed,
        uri=before.uri,
        version=before.version + 1,
        path=before.path,
        first_created=before.first_created,
        version_created=now,
        content_created=before.content_created or (now if changed.is_public else None),
        day_only=before.day_only,
        ednote=note,
    )


def _open(
    act: Act, before: NewsItem | None, given: NewsItem | None, note: str, now: datetime, agency: Agency
) -> NewsItem:
    if before is not None:
        raise ActRefused(
            f"{before.uri} is on the wire already; to change it, update, correct or refile it.", before.uri
        )
    if given is None:
        raise BadItem(f"There is no item to {act}.")
    if act is Act.ARCHIVE and given.content_created is None:
        raise ActRefused("An archived item needs its own date; it takes its place by it.", given.uri)
    if act is not Act.PUBLISH and given.embargoed:
        raise ActRefused(f"An embargo is for a publish, not for an {act}.", given.uri)
    if given.embargoed and given.embargoed <= now:
        raise ActRefused(
            f"The embargo lies in the past ({rfc3339(given.embargoed)}); "
            "take it out to publish now, or name the instant that was meant.",
            rfc3339(given.embargoed),
        )
    item = _fit(given, agency)
    created = item.content_created if act is Act.ARCHIVE else (None if item.embargoed else now)
    uri = item.uri or mint_uri(agency.domain, now)
    day = agency.local(created or item.embargoed or now)
    return msgspec.structs.replace(
        item,
        uri=uri,
        version=1,
        pubstatus=PubStatus.USABLE,
        path=f"/{day.year}/{day.month:02}/{day.day:02}/{slugify(item.headline)}-{short_id(uri)}/",
        first_created=item.first_created if act is Act.ARCHIVE and item.first_created else now,
        version_created=now,
        content_created=created,
        day_only=item.day_only if act is Act.ARCHIVE else False,
        ednote=note or item.ednote,
    )


def _act_on(act: Act, before: NewsItem, given: NewsItem | None, now: datetime, by_clock: bool, whole: bool) -> NewsItem:
    held = before.pubstatus is PubStatus.WITHHELD
    if act is Act.KILL:
        return _emptied(before)
    if act is Act.HOLD:
        if held:
            raise ActRefused(f"{before.uri} is held already; correct, release or kill it.", before.uri)
        return msgspec.structs.replace(before, pubstatus=PubStatus.WITHHELD)
    if act is Act.RELEASE:
        return _released(before, now, by_clock)
    if given is None:
        raise BadItem(f"There is no text to {act} {before.uri} with.")
    if held and act is not Act.CORRECT:
        raise ActRefused(
            f"{before.uri} is held: release it if it was right, correct it if it was wrong, or kill it.",
            before.uri,
        )
    return _revised(before, given, now, whole)


def _released(before: NewsItem, now: datetime, by_clock: bool) -> NewsItem:
    held = before.pubstatus is PubStatus.WITHHELD
    due = before.embargoed is not None and before.embargoed <= now
    if by_clock and (held or not due):
        raise ActRefused(f"The embargo of {before.uri} is not due.", before.uri)
    if held:
        # Lifting a hold leaves an embargo that still lies ahead in force; a second release lifts that.
        embargoed = None if due else before.embargoed
        return msgspec.structs.replace(before, pubstatus=PubStatus.USABLE, embargoed=embargoed)
    if before.embargoed is None:
        raise ActRefused(f"{before.uri} is neither held nor embargoed; there is nothing to lift.", before.uri)
    return msgspec.structs.replace(before, embargoed=None)


def _revised(before: NewsItem, given: NewsItem, now: datetime, whole: bool) -> NewsItem:
    embargoed = before.embargoed
    if given.embargoed and before.embargoed is None:
        raise ActRefused(
            f"{before.uri} is public already and cannot be put under an embargo; hold it instead.", before.uri
        )
    if given.embargoed and given.embargoed <= now:
        raise ActRefused(
            f"The embargo lies in the past ({rfc3339(given.embargoed)}); to lift it, release the item.",
            rfc3339(given.embargoed),
        )
    embargoed = given.embargoed or before.embargoed
    merged = {name: getattr(given, name) for name in _INHERITED}
    if not whole:
        merged = {name: value or getattr(before, name) for name, value in merged.items()}
    item = msgspec.structs.replace(before, **merged, embargoed=embargoed, pubstatus=PubStatus.USABLE)
    return _fit(item, None)


def _emptied(item: NewsItem) -> NewsItem:
    """Return what is left of a killed item: its identity, so that everyone knows what to take out."""
    return NewsItem(
        pubstatus=PubStatus.CANCELED,
        headline=item.headline,
        slugline=item.slugline,
        section=item.section,
        urgency=item.urgency,
        language=item.language,
        credit=item.credit,
        # An item killed under its embargo was never public; what is kept here keeps it so.
        embargoed=item.embargoed,
    )


def _tidy(text: str) -> str:
    """Return a text on one line, without the characters that no format of ours can hold."""
    if not text.isprintable():  # which all of them make it; most texts have none, and a search costs more
        text = _UNPRINTABLE.sub("", text)
    return " ".join(text.split())


def _fit(item: NewsItem, agency: Agency | None) -> NewsItem:
    """Return the item with its text cleaned; raise BadItem where it cannot go out."""
    if item.uri and not _URI.fullmatch(item.uri):
        raise BadItem(
            f"{item.uri[:100]!r} is no uri of an item (tag:, urn:, http:, https:); leave it out and one is made.",
            item.uri,
        )
    if item.language and not _LANGUAGE.fullmatch(item.language):
        raise BadItem(f"{item.language[:100]!r} is no language tag (BCP 47), such as en or pt-BR.", item.language)
    printed = {name: _tidy(getattr(item, name)) for name in _PRINTED}
    headline, section = printed["headline"], printed["section"]
    if not headline:
        raise BadItem("The item has no headline. Give it one (Headline: …).", item.uri)
    if len(headline) > _HEADLINE_CHARS:
        raise BadItem(f"The headline has {len(headline)} characters; {_HEADLINE_CHARS} are the most.", headline)
    if len(section) > _SECTION_CHARS:
        raise BadItem(f"The section has {len(section)} characters; {_SECTION_CHARS} are the most.", section)
    urgency = item.urgency or ROUTINE_URGENCY
    if not 1 <= urgency <= 9:
        raise BadItem(f"Urgency runs from 1 (flash) to 9, not {urgency}.", urgency)
    return msgspec.structs.replace(
        item,
        **printed,
        located=tuple(map(_tidy, item.located)),
        body=body.clean(item.body),
        urgency=urgency,
        language=item.language or (agency.language if agency else ""),
    )
