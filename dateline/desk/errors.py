"""The tree of the desk's errors. Each message is a sentence that an editor can act on."""

from dateline.news.errors import DatelineError


class DeskError(DatelineError):
    """Something cannot be done at the desk as it was asked."""

    code = "desk"


class ReleaseRefused(DeskError):
    """The rules of release forbid it: a right is missing, or a second pair of eyes, or all is frozen."""

    code = "release-refused"


class TextChanged(DeskError):
    """What is to go out is not what was looked at."""

    code = "text-changed"


class NotThisWay(DeskError):
    """A story does not leave the desk, or go, by this way; the message names the one that is meant."""

    code = "not-this-way"


class BadSchedule(DeskError):
    """A story cannot be scheduled for that time."""

    code = "bad-schedule"
