"""Pictures: an upload, what its own metadata says, whose it is and until when it may be used."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from wagtail.images.models import AbstractImage, AbstractRendition
from wagtail.log_actions import get_active_log_context

from dateline.desk.picture_metadata import read_into


class Picture(AbstractImage):
    """One picture. `title` is Wagtail's name for it at the desk; readers see caption, credit and alt."""

    caption = models.TextField(blank=True)
    credit = models.CharField(max_length=200, blank=True, help_text="Who made it, and for whom: Maren Toll/Tidewater.")
    alt = models.CharField(
        "alternative text", max_length=300, blank=True, help_text="What it shows, for those who do not see it."
    )
    rights = models.CharField("rights note", max_length=300, blank=True)
    expires = models.DateField(null=True, blank=True, help_text="The last day on which it may be published.")
    # sha256 of the uploaded bytes, hex: an item on the wire names the picture by it.
    digest = models.CharField(max_length=64, blank=True, editable=False, db_index=True)

    # When an item with it first went to the wire; from then on it cannot be deleted.
    used_at = models.DateTimeField(null=True, editable=False)

    admin_form_fields = (
        "title", "file", "caption", "credit", "alt", "rights", "expires", "tags",
        "focal_point_x", "focal_point_y", "focal_point_width", "focal_point_height",
    )  # fmt: skip

    # What an item on the wire says of it.
    _WORDS = ("title", "caption", "credit", "alt", "rights", "digest")

    class Meta(AbstractImage.Meta):
        verbose_name = "picture"
        verbose_name_plural = "pictures"

    @property
    def default_alt_text(self) -> str:
        """What Wagtail puts into an `alt`."""
        return self.alt or self.title

    def clean(self) -> None:
        """Refuse another file in place of one that the wire carries."""
        super().clean()
        if self.used_at is not None and not getattr(self.file, "_committed", True):
            raise ValidationError(
                {"file": "An item on the wire shows this file, so it stays. Upload the other one as a new picture."}
            )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it; where the file is new, read its metadata first. Who changed what readers get of it is kept."""
        read_into(self)
        before = type(self).objects.filter(pk=self.pk).values(*self._WORDS).first() if self.pk else None
        super().save(*args, **kwargs)
        user = get_active_log_context().user
        if user is not None and before != {name: getattr(self, name) for name in self._WORDS}:
            PictureChange.objects.create(picture=self, user=user)


class PictureChange(models.Model):
    """Who changed a picture, or what it says of itself, and when: an author of the texts that show it."""

    # Not held by the database: what nothing on the wire shows may be deleted, and its changes stay.
    picture = models.ForeignKey(Picture, on_delete=models.DO_NOTHING, db_constraint=False, related_name="changes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=("picture", "at"), name="desk_picture_change"),)


class Rendition(AbstractRendition):
    """One size and format of a picture, made by Wagtail."""

    image = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="renditions")

    class Meta:
        unique_together = (("image", "filter_spec", "focal_point_key"),)
