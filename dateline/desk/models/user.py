"""An account at the desk."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):  # type: ignore[django-manager-missing]
    """Someone who works at the desk. `must_change_password`: the one that they have was printed, or told them."""

    must_change_password = models.BooleanField(default=False, editable=False)

    def __str__(self) -> str:
        return self.get_full_name() or self.username
