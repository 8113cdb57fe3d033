"""Who is at the screen."""

from django.http import HttpRequest

from dateline.desk.models import User


def user_of(request: HttpRequest) -> User:
    """Return the account of a request that `require_admin_access` let in."""
    if not isinstance(request.user, User):
        raise TypeError("only a request of someone who is signed in has an account")
    return request.user
