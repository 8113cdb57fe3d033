"""The error tree of the intake. Each error is a full sentence that says what to do next."""

from dateline.news.errors import DatelineError


class IntakeError(DatelineError):
    """Something cannot be taken in."""

    code = "intake"


class Unreadable(IntakeError):
    """A file is not page text."""

    code = "unreadable"
