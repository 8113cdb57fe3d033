"""Accounts at the desk: who makes them gives a role and a first password, and never a power beyond the roles."""

from typing import Any

from wagtail.users.forms import UserCreationForm, UserEditForm
from wagtail.users.views.users import UserViewSet


class _TellsPassword:
    """A password that someone else typed has to be changed at the first sign-in."""

    instance: Any
    cleaned_data: dict[str, Any]

    def save(self, commit: bool = True) -> Any:
        """Save the account."""
        if self.cleaned_data.get("password1") and not getattr(self, "of_oneself", False):
            self.instance.must_change_password = True
        return super().save(commit)  # type: ignore[misc]


class AccountForm(_TellsPassword, UserCreationForm):
    """A new account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["is_superuser"]


class AccountEditForm(_TellsPassword, UserEditForm):
    """An account that is there. Nobody gives themselves a role."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.of_oneself = kwargs.get("editing_self", False)
        super().__init__(*args, **kwargs)
        self.fields.pop("is_superuser", None)
        if self.instance.pk is not None:
            # The history knows people by it.
            self.fields["username"].disabled = True
        if self.of_oneself:
            self.fields.pop("groups", None)


class AccountViewSet(UserViewSet):
    """Wagtail's screens of accounts, with our forms."""

    def get_form_class(self, for_update: bool = False) -> Any:
        """Return the form for a new account, or for one that is there."""
        return AccountEditForm if for_update else AccountForm
