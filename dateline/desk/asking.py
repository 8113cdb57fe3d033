"""What would the rules say? Gathers a case from the database for `release_rules`, for the screen and the door."""

from datetime import UTC, datetime

import msgspec
from wagtail.models import Revision

from dateline.desk.errors import NotThisWay
from dateline.desk.freezing import frozen_why
from dateline.desk.models import Approval, Author, PictureChange, Release, Request, Story, User
from dateline.desk.models.story import authors_until
from dateline.desk.release_rules import Case, Person, Verdict, judge
from dateline.desk.roles import Right
from dateline.desk.story_item import digest_of, item_of, local_day, pictures_of, text_digest
from dateline.news.acts import OPENING, REVISING, Act
from dateline.news.item import NewsItem, PubStatus
from dateline.wire import store


class Asked(msgspec.Struct, frozen=True):
    """The answer: the verdict, the item as it would go out, the digest of its text."""

    verdict: Verdict
    item: NewsItem
    digest: str


def person_of(user: User, act: Act) -> Person:
    """Return an account as the rules of an act see it."""
    held = frozenset(right for right in Right if user.is_active and user.has_perm(f"desk.{right}"))
    return Person(user.pk, str(user), held, frozen_why(user, act))


def text_of(revision: Revision) -> Story:
    """Return the story as a revision has it."""
    story: Story = revision.as_object()
    return story


def case_of(
    story: Story, act: Act, user: User, *, note: str = "", glass: str = "", revision: Revision | None = None,
    now: datetime | None = None,
) -> tuple[Case, NewsItem]:  # fmt: skip
    """Return the case of this act on this story, and the item as it would go out. Raises NotThisWay for an advisory."""
    if act is Act.ADVISORY:
        raise NotThisWay("A story does not go out as an advisory; `dateline advisory FILE` sends one.", act)
    now = now or datetime.now(UTC)
    state = store.read_state(story.uri)
    before = store.read_item(state.seq) if state else None
    if act in OPENING | REVISING:
        revision = revision or story.get_latest_revision()
        text = text_of(revision) if revision else story
        item = item_of(text, local_day(now))
        if act in REVISING and before is not None and before.embargoed is not None and before.embargoed > now:
            # It stays until it opens or is lifted: what is looked at says so.
            item = msgspec.structs.replace(item, embargoed=item.embargoed or before.embargoed)
        by_picture = picture_authors(story, text)
    else:
        revision, by_picture = None, frozenset()
        item = before or item_of(story, local_day(now))
    after_seq = state.seq if state else 0
    digest = digest_of(act, note, item)
    authors = Author.objects.filter(story=story)
    text_authors = authors_until(story, revision) if revision else authors
    since = text_authors.filter(after_seq__gte=_last_text_seq(story))
    approvals = Approval.objects.filter(story=story, act=str(act), digest=digest, after_seq=after_seq)
    requests = Request.objects.filter(story=story, act=str(act), digest=digest, after_seq=after_seq)
    case = Case(
        act=act, by=person_of(user, act), before=before, after=item,
        authors=by_picture.union(since.values_list("user_id", flat=True)),
        writers=frozenset(authors.values_list("user_id", flat=True)) | (_others(story) if act is Act.KILL else set()),
        seconds=tuple(person_of(approval.user, act) for approval in approvals.select_related("user")),
        askers=frozenset(requests.values_list("user_id", flat=True)), glass=glass, now=now,
    )  # fmt: skip
    return case, item


# Whoever wrote what the wire has of an item that the desk did not send: a script, an operator, another desk.
OUTSIDE = -1


def _others(story: Story) -> frozenset[int]:
    """Return OUTSIDE if any text of the item on the wire came by another way than this desk."""
    texts = {row.seq for row in store.read_versions(story.uri) if row.act in OPENING | REVISING}
    ours = story.releases.filter(seq__in=texts).count()
    return frozenset([OUTSIDE]) if ours < len(texts) else frozenset()


def picture_authors(story: Story, text: Story) -> frozenset[int]:
    """Return who changed a picture that a text shows, or its words, since the story began or last took a text along.

    Readers get a picture's caption with the item: whoever writes it there writes the item.
    """
    shown = [picture.pk for picture in pictures_of(text)]
    if not shown:
        return frozenset()
    last = _last_release(story)
    since = last.at if last else story.created_at
    return frozenset(PictureChange.objects.filter(picture__in=shown, at__gte=since).values_list("user_id", flat=True))


def _last_release(story: Story) -> Release | None:
    """Return the last release that took a text of the desk's along."""
    return story.releases.exclude(revision=None).order_by("-seq").first()


def _last_text_seq(story: Story) -> int:
    last = _last_release(story)
    return last.seq if last else 0


def ask(story: Story, act: Act, user: User, *, note: str = "", glass: str = "") -> Asked:
    """Return what the rules would say to this act now, and what exactly would go out."""
    case, item = case_of(story, act, user, note=note, glass=glass)
    return Asked(judge(case), item, text_digest(item))


def acts_for(story: Story) -> list[Act]:
    """Return the acts that the state of a story's item allows, the likely one first."""
    state = story.state
    if state is None:
        return [Act.ARCHIVE, Act.PUBLISH] if story.dated else [Act.PUBLISH]
    if state.pubstatus == PubStatus.CANCELED:
        return []
    if state.pubstatus == PubStatus.WITHHELD:
        return [Act.RELEASE, Act.CORRECT, Act.KILL]
    if state.embargoed is not None:
        return [Act.UPDATE, Act.CORRECT, Act.REFILE, Act.RELEASE, Act.HOLD, Act.KILL]
    return [Act.UPDATE, Act.CORRECT, Act.REFILE, Act.HOLD, Act.KILL]
