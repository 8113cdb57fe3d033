"""The rules of release: who may let which act pass, and when a second pair of eyes must have looked.

Pure: values in, a verdict out. `release_story` asks under the wire's lock; the screen asks the same
function to say what it would answer. `triggers` hold the core of them in the database once more.
"""

from datetime import datetime

import msgspec

from dateline.desk.roles import Right
from dateline.news.acts import OPENING, REVISING, WITHDRAWING, Act
from dateline.news.item import NewsItem, PubStatus

# Urgency 1 and 2: flash and bulletin.
URGENT = 2
# "ok" is no reason.
_REASON_CHARS = 10


class Person(msgspec.Struct, frozen=True):
    """An account as the rules see it. `frozen`: the sentence that says why it may release nothing, or ''."""

    id: int
    name: str
    rights: frozenset[Right]
    frozen: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. `before` is the item's last version on the wire, `after` the one that would go out.

    `authors` changed the text since that version; `writers` are all who ever wrote it. `seconds` are those who
    approved this very act, note and text; `askers` asked for it. `glass` is the stated reason for doing without them.
    """

    act: Act
    by: Person
    before: NewsItem | None
    after: NewsItem
    authors: frozenset[int]
    writers: frozenset[int]
    seconds: tuple[Person, ...] = ()
    askers: frozenset[int] = frozenset()
    glass: str = ""
    now: datetime


class Verdict(msgspec.Struct, frozen=True):
    """`refused`: the sentence why not, or ''. `second`: why a second pair of eyes is needed, or ''.

    `seen_by` is who that was; None where nobody needed to, or where glass was broken (`broken`).
    """

    refused: str = ""
    second: str = ""
    seen_by: Person | None = None
    broken: bool = False


def judge(case: Case) -> Verdict:
    """Return whether this person may let this act pass now."""
    if case.by.frozen:
        return Verdict(refused=case.by.frozen)
    missing = needed_rights(case) - case.by.rights
    if missing:
        return Verdict(refused=_lacks(case, missing))
    why = why_second(case)
    if not why:
        return Verdict()
    for person in _candidates(case):
        return Verdict(second=why, seen_by=person)
    if case.glass.strip():
        if Right.BREAK_GLASS not in case.by.rights:
            return Verdict(refused=f"{why} Only a chief may do without it.", second=why)
        if len(case.glass.strip()) < _REASON_CHARS:
            return Verdict(
                refused=f"Say in a few words why it cannot wait (at least {_REASON_CHARS} characters); it is kept.",
                second=why,
            )
        return Verdict(second=why, broken=True)
    return Verdict(refused=why, second=why)


def may_approve(case: Case, person: Person) -> str:
    """Return '' if this person may be the second pair of eyes, else the sentence why not."""
    if person.frozen:
        return person.frozen
    if missing := needed_rights(case) - person.rights:
        return _lacks(case, missing)
    if person.id in case.authors and _is_about_text(case):
        return "You changed this text yourself, so another person has to approve it."
    if person.id == case.by.id:
        return "You asked for this yourself, so another person has to approve it."
    return ""


def needed_rights(case: Case) -> frozenset[Right]:
    """Return the rights that an act needs."""
    rights = {Right.KILL} if case.act is Act.KILL else {Right.RELEASE}
    # What was held may have been held by a chief: who may not send it may not send it again.
    if case.act not in WITHDRAWING and _urgent(case):
        rights.add(Right.FLASH)
    if opens_early(case):
        rights.add(Right.LIFT_EMBARGO)
    return frozenset(rights)


def why_second(case: Case) -> str:
    """Return why a second pair of eyes is needed, as a sentence, or ''."""
    if case.act is Act.KILL:
        if case.writers != {case.by.id}:
            return "Killing another's story needs a second pair of eyes."
        return ""
    if opens_early(case):
        return "Lifting an embargo early needs a second pair of eyes."
    if _is_about_text(case) and _urgent(case):
        lowered = (case.after.urgency or 9) > URGENT
        return (
            "It went out with urgency 1 or 2, so lowering that needs a second pair of eyes."
            if lowered
            else "Urgency 1 and 2 need a second pair of eyes: someone who did not write it has to approve this text."
        )
    return ""


def opens_early(case: Case) -> bool:
    """Whether the act would show an item before the embargo that it has on the wire."""
    before = case.before.embargoed if case.before else None
    if before is None or before <= case.now or case.act is Act.KILL:
        return False
    if case.act is Act.RELEASE:
        # Lifting a hold leaves the embargo in force.
        return case.before is not None and case.before.pubstatus is PubStatus.USABLE
    return case.act in REVISING and case.after.embargoed is not None and case.after.embargoed < before


def _is_about_text(case: Case) -> bool:
    return case.act in REVISING or case.act in (Act.PUBLISH, Act.ARCHIVE)


def _urgent(case: Case) -> bool:
    before = case.before.urgency if case.before and case.before.urgency else 9
    return min(case.after.urgency or 9, before) <= URGENT


def _candidates(case: Case) -> list[Person]:
    """Return who can be the second pair of eyes; that is also whoever does what another wrote, or asked for."""
    found = [person for person in case.seconds if not may_approve(case, person)]
    # Another asked for this very act, with this note: then whoever does it is the second.
    asked = bool(case.askers - {case.by.id})
    wrote = _is_about_text(case) and case.by.id in case.authors
    first_of_anothers = case.act in OPENING and bool(case.authors) and not opens_early(case)
    if not wrote and (asked or first_of_anothers):
        found.append(case.by)
    return found


_NEEDS = {
    Right.RELEASE: "Only editors and chiefs release to the wire. Submit it; they see it at once.",
    Right.FLASH: "Only a chief lets urgency 1 and 2 pass. Submit it; chiefs see it at once.",
    Right.KILL: "Only a chief kills. Hold it now, and ask a chief.",
    Right.LIFT_EMBARGO: "Only a chief lifts an embargo early.",
}


def _lacks(case: Case, missing: frozenset[Right]) -> str:
    return next(sentence for right, sentence in _NEEDS.items() if right in missing)
