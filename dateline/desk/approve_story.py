"""The second pair of eyes: someone asks for it, someone else reads that very text and lets it go."""

from django.db import transaction

from dateline.desk.asking import acts_for, case_of, person_of
from dateline.desk.errors import ReleaseRefused, TextChanged
from dateline.desk.models import Approval, Request, Story, User
from dateline.desk.release_rules import may_approve, needed_rights
from dateline.desk.release_story import keep_picture_authors, prepare_pictures, release_story
from dateline.desk.story_item import digest_of, text_digest
from dateline.news.acts import NOTE_SAYS, OPENING, REVISING, Act
from dateline.news.errors import ActRefused
from dateline.wire.dispatch import Dispatch


def ask_for_approval(story: Story, act: Act, user: User, *, note: str = "", seen: str = "") -> Request:
    """Ask for a second pair of eyes on an act with its note, or for someone who may do it at all.

    Raises ReleaseRefused for who is frozen, or does not write stories.
    """
    note = " ".join(note.split())
    if not note and act in NOTE_SAYS:
        raise ActRefused(f"A {act} needs a note that says {NOTE_SAYS[act]}.", act)
    with transaction.atomic():
        _check_possible(story, act)
        case, item = case_of(story, act, user, note=note)
        digest = digest_of(act, note, item)
        if seen and seen != text_digest(item):
            raise TextChanged("The text has changed since you looked at it. Look at it again.", digest)
        if case.by.frozen:
            raise ReleaseRefused(case.by.frozen, act)
        if not user.has_perm("desk.change_story"):
            raise ReleaseRefused("Only who may write stories asks for this.", act)
        return Request.objects.create(
            story=story, act=str(act), note=note, digest=digest, user=user, after_seq=story.wire_seq
        )


def approve(request: Request, user: User, *, seen: str) -> Dispatch:
    """Approve what was asked for, and let it go: in the name of who asked, or of who approves where only they may.

    `seen` is the digest of the text that the approver looked at. Raises TextChanged if it is not that text any more,
    ReleaseRefused if this person may not be the second pair of eyes.
    """
    act = Act(request.act)
    if is_open(request):
        prepare_pictures(request.story, act, request.user, note=request.note, approver=user, seen=seen)
    with transaction.atomic():
        story = Story.objects.get(pk=request.story_id)
        if not is_open(request):
            raise TextChanged("This is done: another dispatch of the item went out since it was asked for.", act)
        case, item = case_of(story, act, request.user, note=request.note)
        digest = digest_of(act, request.note, item)
        if digest != request.digest or seen != text_digest(item):
            raise TextChanged("The text has changed since this was asked for. It has to be asked for again.", digest)
        if case.by.frozen:
            raise ReleaseRefused(case.by.frozen, act)
        if refused := may_approve(case, person_of(user, act)):
            raise ReleaseRefused(refused, act)
        revision = None
        if act in OPENING | REVISING:
            revision = story.get_latest_revision()
            keep_picture_authors(story, revision)
        Approval.objects.create(
            story=story, act=str(act), digest=digest, user=user, after_seq=request.after_seq, revision=revision
        )
        by = user if needed_rights(case) - case.by.rights else request.user
        return release_story(story, act, by, note=request.note, seen=seen)


def _check_possible(story: Story, act: Act) -> None:
    if act not in acts_for(story):
        raise ReleaseRefused(f"A {act} of this story is not possible now.", act)


def is_open(request: Request) -> bool:
    """Whether nothing of the item has gone out since the request."""
    return request.story.wire_seq == request.after_seq


def open_requests(story: Story) -> list[Request]:
    """Return the requests on a story that still stand, the latest first: nothing went out since, no comma changed."""
    if story.spiked_at is not None:
        return []
    found: list[Request] = []
    for request in story.requests.select_related("user", "story").filter(after_seq=story.wire_seq).order_by("-pk")[:20]:
        act = Act(request.act)
        if any((other.act, other.digest) == (request.act, request.digest) for other in found):
            continue
        _, item = case_of(story, act, request.user, note=request.note)
        if digest_of(act, request.note, item) == request.digest:
            found.append(request)
    return found
