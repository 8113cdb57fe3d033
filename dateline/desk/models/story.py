"""Story: the desk's working copy of one item."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.http import HttpRequest, HttpResponse
from wagtail.fields import StreamField
from wagtail.models import DraftStateMixin, LockableMixin, PreviewableMixin, Revision, RevisionMixin, WorkflowMixin

from dateline.desk import search
from dateline.desk.blocks import BodyBlock
from dateline.desk.errors import NotThisWay
from dateline.desk.models.records import Approval, Author, Release, Schedule
from dateline.desk.roles import RIGHT_LABELS
from dateline.desk.story_item import item_of, local_day, same_text
from dateline.desk.story_preview import preview
from dateline.intake import store as intake
from dateline.news.acts import ROUTINE_URGENCY
from dateline.news.codes import URGENCY_LABELS, mint_uri
from dateline.wire import store

URGENCIES = [
    (number, f"{number} · {URGENCY_LABELS.get(number, 'Routine' if number == ROUTINE_URGENCY else 'Low')}")
    for number in range(1, 10)
]


def new_uri() -> str:
    """Return a uri for a new story that no item of the wire or the quarantine has."""
    while True:
        uri = mint_uri(settings.AGENCY.domain, datetime.now(UTC))
        if store.read_state(uri) is None and not intake.knows(uri):
            return uri


def authors_until(story: Any, revision: Revision) -> models.QuerySet[Author]:
    """Return the authorship of a story's versions up to one of them."""
    early = models.Q(revision=None) | models.Q(revision__lte=revision.pk)
    return Author.objects.filter(early, story_id=story.pk)


class StoryQuerySet(models.QuerySet["Story"]):
    """Stories; no bulk way deletes them either."""

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refuse: drafts are spiked, and what the wire carries stays."""
        raise NotThisWay("Stories are not deleted. Spike a draft; hold or kill what is on the wire.")


class Story(WorkflowMixin, DraftStateMixin, LockableMixin, RevisionMixin, PreviewableMixin, models.Model):
    """A working copy: drafts, revisions, notes, locks. It never leaves the desk; what is released of it does.

    `live` means that the wire carries it: it rises with the first dispatch and falls with a kill only.
    A story is not in `index.Indexed`: Wagtail's index made each release 25 times as slow (docs/decisions/0008);
    `dateline.desk.search` has its own.
    """

    uri = models.CharField(max_length=300, unique=True, editable=False, default=new_uri)
    headline = models.CharField(max_length=500, blank=False)
    slugline = models.CharField(
        max_length=120, blank=True, help_text="The word or two that the desk knows it by: harbour-storm."
    )
    section = models.CharField(max_length=80, blank=True)
    place = models.CharField(
        max_length=160, blank=True, help_text="As the dateline opens: PORT ELLIS. Two places: ROME/PARIS."
    )
    dateline_date = models.DateField("date", null=True, blank=True, help_text="Empty: the day on which it goes out.")
    credit = models.CharField(max_length=80, blank=True, help_text="Empty: the agency's own.")
    byline = models.CharField(max_length=160, blank=True)
    urgency = models.PositiveSmallIntegerField(choices=URGENCIES, default=ROUTINE_URGENCY)
    language = models.CharField(max_length=35, blank=True, help_text="Empty: the agency's own.")
    embargoed = models.DateTimeField(
        "embargo", null=True, blank=True,
        help_text="No reader sees it before this time. It goes to the wire when it is released, marked, and opens by "
        "itself. To send it later, schedule it instead.",
    )  # fmt: skip
    body = StreamField(BodyBlock(), blank=True)
    ednote = models.CharField(
        "editor's note", max_length=500, blank=True, help_text="For editors who receive it. It goes out with it."
    )
    topics = models.TextField("media topics", blank=True)
    sign_off = models.CharField(max_length=40, blank=True, help_text="Initials of who wrote and edited it: mt/jb.")

    # The quarantined item that it was taken over from; '' if it began here.
    intake_key = models.CharField(max_length=100, blank=True, editable=False, db_index=True)
    # Its own date, where it is an old item: released to the archive it takes its place by it.
    dated = models.DateTimeField(null=True, editable=False)
    day_only = models.BooleanField(default=False, editable=False)
    spiked_at = models.DateTimeField(null=True, editable=False)
    killed_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    live = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = "story"
        verbose_name_plural = "stories"
        permissions = tuple((str(right), label) for right, label in RIGHT_LABELS.items())
        # The queue's own index is partial, in words that its query repeats: `dateline.desk.queue_rows`.
        indexes = (models.Index(fields=("-changed_at",), name="desk_story_changed"),)

    def __str__(self) -> str:
        return self.headline or "Without a headline"

    # What belongs to the story, not to one version of it: no form writes these; no version brings them back, nor
    # where the story stands on the wire.
    _KEPT_BY_FORMS = frozenset(["uri", "intake_key", "dated", "day_only", "spiked_at", "killed_at", "created_at"])
    _STANDING = _KEPT_BY_FORMS | {"last_published_at", "live_revision_id"}

    objects = StoryQuerySet.as_manager()

    def save(self, *args: Any, **options: Any) -> None:
        """Save it; a new version counts as a change whatever fields it names.

        A form saves a row that it read a while ago: what belongs to the story as a whole it does not write.
        """
        fields = options.get("update_fields")
        if fields is None and self.pk and not self._state.adding:
            names = {field.name for field in self._meta.concrete_fields if not field.primary_key}
            fields = options["update_fields"] = names - self._KEPT_BY_FORMS
        if fields is not None and "latest_revision" in fields:
            options["update_fields"] = {*fields, "changed_at"}
        super().save(*args, **options)

    def with_content_json(self, content: dict[str, Any]) -> "Story":
        """Return the story as a revision has it; what belongs to the story as a whole stays."""
        story: Story = super().with_content_json(content)
        for name in self._STANDING:
            setattr(story, name, getattr(self, name))
        return story

    @property
    def state(self) -> store.ItemState | None:
        """Where its item stands on the wire; None: it is not there."""
        return store.read_state(self.uri)

    @property
    def wire_seq(self) -> int:
        """The seq of its item's last dispatch, 0 if it has none: what approvals and authorship count from."""
        state = self.state
        return state.seq if state else 0

    def save_revision(
        self, user: Any = None, *, overwrite_revision: Revision | None = None, **options: Any
    ) -> Revision:
        """Keep a version of the text, and that its author is its author.

        A version that was released, approved or scheduled is never written over: a new one is made instead.
        """
        now = datetime.now(UTC)
        latest = Revision.objects.filter(pk=self.latest_revision_id).first() if self.latest_revision_id else None
        before = item_of(latest.as_object(), local_day(now)) if latest else None
        if overwrite_revision is not None and self._is_kept(overwrite_revision):
            overwrite_revision = None
        revision: Revision = super().save_revision(user=user, overwrite_revision=overwrite_revision, **options)
        if user is not None and (before is None or not same_text(before, item_of(self, local_day(now)))):
            self._keep_authors(revision, user)
        search.index(self)
        return revision

    def _keep_authors(self, revision: Revision, user: Any) -> None:
        """Count the author of a version; where it is an earlier text once more, whoever wrote that one as well."""
        after_seq = self.wire_seq
        writers = {user.pk}
        earlier = Revision.objects.for_instance(self).filter(
            pk__lt=revision.pk, content__headline=self.headline, content__body=revision.content["body"]
        )
        if (again := earlier.order_by("-pk").first()) is not None:
            writers |= set(authors_until(self, again).values_list("user_id", flat=True))
        for writer in writers:
            Author.objects.get_or_create(
                story_id=self.pk, after_seq=after_seq, user_id=writer, defaults={"revision": revision}
            )

    def _is_kept(self, revision: Revision) -> bool:
        return (
            Release.objects.filter(revision=revision).exists()
            or Schedule.objects.filter(revision=revision).exists()
            or Approval.objects.filter(story_id=self.pk, at__gte=revision.created_at).exists()
        )

    def publish(self, revision: Revision, user: Any = None, **options: Any) -> None:
        """Release a revision: Wagtail's way in, through the one door. Raises DeskError or ActRefused."""
        from dateline.desk.release_story import ReleaseAction  # noqa: PLC0415

        options.pop("skip_permission_checks", None)
        ReleaseAction(revision, user=user, **options).execute()

    def unpublish(self, *args: Any, **options: Any) -> None:
        """Refuse: nothing that the wire carries is taken back silently."""
        raise NotThisWay(f"{self} is on the wire. Hold it or kill it; it cannot be unpublished.", self.uri)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """Refuse: a draft is spiked, and can be taken back; a released story stays."""
        raise NotThisWay(f"{self} cannot be deleted. Spike a draft; hold or kill what is on the wire.", self.uri)

    preview_modes = [("page", "As readers see it"), ("wire", "As wire text")]  # noqa: RUF012

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        """Show the story as the public page, or as the wire's text."""
        return preview(item_of(self, local_day(datetime.now(UTC))), mode_name)
