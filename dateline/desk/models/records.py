"""What was done at the desk, kept: authorship, approvals, releases, freezes, sign-ins.

Rows of Author, Approval, Release, Freeze, Note and Record are only ever added; triggers refuse the
rest (`desk.triggers`). The rules read them; so does the history that an operator exports.
"""

from django.conf import settings
from django.db import models

# A digest is sha256 in hex.
_DIGEST_CHARS = 64


class Author(models.Model):
    """Who wrote a story's text after its last dispatch (`after_seq`; 0: it has none), and first in which version.

    Later versions have their words too, until a text goes out; `revision` null: from before versions were named.
    """

    story = models.ForeignKey("desk.Story", on_delete=models.PROTECT, related_name="authors")
    after_seq = models.BigIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    revision = models.ForeignKey("wagtailcore.Revision", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("story", "after_seq", "user"), name="desk_author_once"),)


class Approval(models.Model):
    """A second pair of eyes: `user` has read the very text with this digest, and lets this act pass."""

    story = models.ForeignKey("desk.Story", on_delete=models.PROTECT, related_name="approvals")
    # The version that they read; null for acts without a text.
    revision = models.ForeignKey("wagtailcore.Revision", null=True, on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=16)
    digest = models.CharField(max_length=_DIGEST_CHARS)
    after_seq = models.BigIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)


class Request(models.Model):
    """A request for a second pair of eyes on an act with a note (a kill, an early lift, an urgent text)."""

    story = models.ForeignKey("desk.Story", on_delete=models.PROTECT, related_name="requests")
    act = models.CharField(max_length=16)
    note = models.TextField(blank=True)
    digest = models.CharField(max_length=_DIGEST_CHARS)
    after_seq = models.BigIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (
            models.Index(fields=("story", "-at"), name="desk_request_story"),
            models.Index(fields=("at",), name="desk_request_at"),
        )


class Release(models.Model):
    """A dispatch that the desk made: whose story, which revision, who let it go, and who else looked."""

    story = models.ForeignKey("desk.Story", on_delete=models.PROTECT, related_name="releases")
    # Null for acts without a text: hold, release, kill.
    revision = models.ForeignKey("wagtailcore.Revision", null=True, on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField(unique=True)
    act = models.CharField(max_length=16)
    digest = models.CharField(max_length=_DIGEST_CHARS)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approval = models.ForeignKey(Approval, null=True, on_delete=models.PROTECT, related_name="+")
    # Why it went without the second pair of eyes that the rules ask for; empty: it did not.
    glass = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)


class Freeze(models.Model):
    """From `at` on releases are frozen (or, `frozen` false, free again) for one account, or, without one, for all."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="freezes"
    )
    frozen = models.BooleanField()
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)


class Note(models.Model):
    """A word between editors on a story. Never leaves the desk."""

    story = models.ForeignKey("desk.Story", on_delete=models.PROTECT, related_name="notes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)


class Schedule(models.Model):
    """A release that waits for its time: at `due` the running server releases that very text."""

    story = models.ForeignKey("desk.Story", on_delete=models.PROTECT, related_name="schedules")
    revision = models.ForeignKey("wagtailcore.Revision", on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=16)
    note = models.TextField(blank=True)
    digest = models.CharField(max_length=_DIGEST_CHARS)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due = models.DateTimeField()
    # Where the item stood on the wire when it was scheduled.
    after_seq = models.BigIntegerField(default=0)
    # Null: it waits. Then "released", "cancelled", or the sentence that says why it was not released.
    outcome = models.TextField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("story",), condition=models.Q(outcome__isnull=True), name="desk_schedule_one_waits"
            ),
        )
        indexes = (
            models.Index(fields=("due",), condition=models.Q(outcome__isnull=True), name="desk_schedule_waits"),
            models.Index(fields=("due",), name="desk_schedule_due"),
        )


class Record(models.Model):
    """Something else that happened: to an account (`user`: whose; a role), or, by `user`, to a story or to `about`."""

    story = models.ForeignKey("desk.Story", null=True, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="records")
    what = models.CharField(max_length=64)
    # What it was done to, where that is neither a story nor an account: a subscription's name.
    about = models.CharField(max_length=200, blank=True, default="")
    detail = models.TextField(blank=True)
    ip = models.GenericIPAddressField(null=True)
    agent = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        default_permissions = ("view",)


class SavedFilter(models.Model):
    """A filter of the queue that someone keeps under a name; `query` is the address's own."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "name"), name="desk_filter_name_once"),)
        default_permissions = ()


class SpikedIntake(models.Model):
    """A quarantined item that the desk threw away; intake keeps it, the queue does not show it."""

    key = models.CharField(max_length=100, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
