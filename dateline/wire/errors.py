"""The error tree of the wire. Each error is a full sentence that says what to do next."""

from dateline.news.errors import DatelineError


class WireError(DatelineError):
    """The wire cannot do what was asked."""

    code = "wire"


class KeyTrouble(WireError):
    """The signing key is missing, unreadable or open to others."""

    code = "key"


class UnknownItem(WireError):
    """No item on the wire has this uri."""

    code = "unknown-item"


class NotVerified(WireError):
    """Something is not what the agency signed. `value` says where: a seq, or None for the whole log."""

    code = "not-verified"
