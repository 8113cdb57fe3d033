"""Who is at the screen."""

from django.http import HttpRequest

from dateline.desk.errors import DeskError
from dateline.desk.models import User


def user_of(request: HttpRequest) -> User:
    """Return the account of a request that `require_admin_access` let in."""
    if not isinstance(request.user, User):
        raise TypeError("only a request of someone who is signed in has an account")
    return request.user


def need(request: HttpRequest, permission: str, sentence: str) -> None:
    """Raise DeskError with the sentence if the account lacks the permission."""
    if not user_of(request).has_perm(permission):
        raise DeskError(sentence, permission)
