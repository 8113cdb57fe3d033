"""The one door from the desk to the wire.

Under the wire's lock, in one transaction: the rules are asked again about the very text that is in
the database, the dispatch is appended, the release is recorded, the story follows. All of it, or
nothing. Wagtail's own ways to publish come through here (`ReleaseAction`); triggers refuse what does
not.
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from wagtail.actions.publish_revision import PublishRevisionAction
from wagtail.models import Revision, WorkflowState

from dateline.desk.asking import case_of, person_of, picture_authors, text_of
from dateline.desk.errors import NotThisWay, ReleaseRefused, TextChanged
from dateline.desk.models import Approval, Author, Picture, Release, Schedule, Story, User
from dateline.desk.public_pictures import make_public
from dateline.desk.release_rules import judge, may_approve
from dateline.desk.story_item import digest_of, pictures_of, text_digest
from dateline.intake import store as intake
from dateline.news.acts import OPENING, REVISING, Act
from dateline.wire import store
from dateline.wire.append import append
from dateline.wire.dispatch import Dispatch

_WITH_TEXT = OPENING | REVISING


def release_story(
    story: Story,
    act: Act,
    user: User,
    *,
    note: str = "",
    glass: str = "",
    seen: str = "",
    revision: Revision | None = None,
    at_seq: int | None = None,
) -> Dispatch:
    """Do one act on a story's item, and return its dispatch.

    `seen` is the digest of the text that the person looked at (`story_item.text_digest`); with another text the
    release is refused. `revision` is the version to release, by default the latest; `at_seq` where the
    item stood when they looked. Raises ReleaseRefused, TextChanged, ActRefused, BadItem; then nothing happened.
    """
    prepare_pictures(story, act, user, revision, note=note, glass=glass, seen=seen)
    with transaction.atomic():
        story = Story.objects.get(pk=story.pk)
        revision = _revision(story, revision) if act in _WITH_TEXT else None
        now = datetime.now(UTC)
        if story.spiked_at is not None:
            raise NotThisWay(f"{story} was spiked. Take it back from the spike first.", story.uri)
        _check_unmoved(story, at_seq)
        case, item = case_of(story, act, user, note=note, glass=glass, revision=revision, now=now)
        digest = digest_of(act, note, item)
        if seen and seen != text_digest(item):
            raise TextChanged("The text has changed since you looked at it. Look at it again, then release it.", digest)
        verdict = judge(case)
        if verdict.refused:
            raise ReleaseRefused(verdict.refused, act)
        if revision is not None:
            keep_picture_authors(story, revision)
        approval = None
        if verdict.seen_by is not None:
            approval = _approval(story, act, digest, verdict.seen_by.id, revision)
        if revision is not None:
            _use_pictures(text_of(revision), now)
            dispatch = append(act, item, note=item.ednote if act in OPENING else note, whole=True)
        else:
            dispatch = append(act, uri=story.uri, note=note)
        Release.objects.create(
            story=story, revision=revision, seq=dispatch.seq, act=str(act), digest=digest, user=user,
            approval=approval, glass=glass.strip() if verdict.broken else "",
        )  # fmt: skip
        if revision is not None:
            _keep_later_authors(story, revision, dispatch.seq)
        _follow(story, act, revision, user)
        if act in OPENING and story.intake_key:
            intake.mark_released(story.intake_key, dispatch.seq)
    return dispatch


def _revision(story: Story, revision: Revision | None) -> Revision:
    revision = revision or story.get_latest_revision()
    if revision is None:
        raise NotThisWay(f"{story} has no saved version yet. Save it, then release it.", story.uri)
    # Read under the lock: an autosave may have written it over since.
    return Revision.objects.get(pk=revision.pk, object_id=str(story.pk))


def _check_unmoved(story: Story, at_seq: int | None) -> None:
    if at_seq is not None and at_seq != story.wire_seq:
        raise TextChanged(
            "The item has moved on since you looked: another dispatch of it went out. Look again.", story.uri
        )


def _approval(story: Story, act: Act, digest: str, user_id: int, revision: Revision | None) -> Approval:
    """Return the approval by this person; whoever releases what another wrote approves by doing so."""
    after = story.wire_seq
    found = Approval.objects.filter(story=story, act=str(act), digest=digest, user_id=user_id, after_seq=after).first()
    return found or Approval.objects.create(
        story=story, act=str(act), digest=digest, user_id=user_id, after_seq=after, revision=revision
    )


def prepare_pictures(
    story: Story, act: Act, user: User, revision: Revision | None = None, *, note: str = "", glass: str = "",
    approver: User | None = None, seen: str = "",
) -> None:  # fmt: skip
    """Make the sizes of a text's pictures before the lock is taken: a large one takes seconds.

    A draft that the rules hold back makes nothing public. What is made twice is the same.
    """
    revision = revision or story.get_latest_revision()
    if act not in _WITH_TEXT or revision is None or story.spiked_at is not None:
        return
    pictures = pictures_of(text_of(revision))
    if not pictures:
        return
    case, item = case_of(story, act, user, note=note, glass=glass, revision=revision)
    if seen and seen != text_digest(item):
        return
    held = may_approve(case, person_of(approver, act)) if approver else judge(case).refused
    if not held:
        _refuse_expired(pictures, datetime.now(UTC))
        for picture in pictures:
            make_public(picture)


def keep_picture_authors(story: Story, revision: Revision) -> None:
    """Count who changed the pictures of a text among its authors, where the database reads them."""
    for user_id in picture_authors(story, text_of(revision)):
        Author.objects.get_or_create(
            story=story, after_seq=story.wire_seq, user_id=user_id, defaults={"revision": revision}
        )


def _keep_later_authors(story: Story, revision: Revision, seq: int) -> None:
    """Who saved after the version that goes out (a scheduled one, a reviewed one) stays an author of what is left."""
    later = Revision.objects.for_instance(story).filter(pk__gt=revision.pk).exclude(user=None).order_by("pk")
    for version in later:
        Author.objects.get_or_create(
            story=story, after_seq=seq, user_id=version.user_id, defaults={"revision": version}
        )


def _refuse_expired(pictures: list[Picture], now: datetime) -> None:
    today = settings.AGENCY.local(now).date()
    for picture in pictures:
        if picture.expires is not None and picture.expires < today:
            raise ReleaseRefused(
                f"The picture “{picture.title}” may be used until {picture.expires:%B %-d, %Y} only. Take it out, or "
                "renew its rights.",
                picture.digest,
            )


def _use_pictures(text: Story, now: datetime) -> None:
    pictures = pictures_of(text)
    _refuse_expired(pictures, now)
    for picture in pictures:
        make_public(picture)
    Picture.objects.filter(pk__in=[p.pk for p in pictures], used_at=None).update(used_at=now)


def _follow(story: Story, act: Act, revision: Revision | None, user: User) -> None:
    """Bring the story's row to where its item is now."""
    Schedule.objects.filter(story=story, outcome=None).update(outcome=f"overtaken by a {act}")
    if act is Act.KILL:
        story.live, story.live_revision, story.has_unpublished_changes = False, None, False
        story.killed_at = datetime.now(UTC)
        story.save(update_fields=["live", "live_revision", "has_unpublished_changes", "killed_at", "changed_at"])
        if (running := story.current_workflow_state) is not None:
            running.cancel(user=user)
    elif revision is not None:
        _Followed(revision, user=user).execute(skip_permission_checks=True)


class _Followed(PublishRevisionAction):
    """Wagtail's own bookkeeping of a publish, after the dispatch was appended."""

    def _publish_revision(self, revision: Revision, object: Any, *args: Any, **options: Any) -> None:
        # Wagtail's schedule is not ours: a time in a revision never puts it off.
        object.go_live_at = object.expire_at = None
        super()._publish_revision(revision, object, *args, **options)

    def _after_publish(self) -> None:
        """A review that was under way ends well: an editor released the story."""
        running = self.object.current_workflow_state
        if running is not None:
            task = running.current_task_state
            if task is not None:
                task.status = task.STATUS_APPROVED
                task.finished_at, task.finished_by = datetime.now(UTC), self.user
                task.save()
            running.status = WorkflowState.STATUS_APPROVED
            running.save()
        super()._after_publish()


class ReleaseAction(PublishRevisionAction):
    """Wagtail's publish of a story, whoever calls it: the first release, or a sentence that says what to do."""

    def execute(self, skip_permission_checks: bool = False) -> None:
        """Append the first dispatch of the story. What it already carries needs an act with a note."""
        if self.user is None:
            raise NotThisWay("A story is released by a person. Sign in at the desk.", self.object.uri)
        if self.object.go_live_at and self.object.go_live_at > datetime.now(UTC):
            raise NotThisWay("Schedule it on its release screen: it releases to the second.", self.object.uri)
        if store.read_state(self.object.uri) is not None:
            raise NotThisWay(
                f"{self.object} is on the wire already: update, correct or refile it, and say what changed.",
                self.object.uri,
            )
        release_story(self.object, Act.PUBLISH, self.user, revision=self.revision)
