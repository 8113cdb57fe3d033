"""The error tree of the wire. Each error is a full sentence that says what to do next."""


class WireError(Exception):
    """The wire cannot do what was asked. `code`, `value` and `retry` as in `dateline.news.errors`."""

    code = "wire"
    retry = False

    def __init__(self, sentence: str, value: object = None) -> None:
        super().__init__(sentence)
        self.value = value


class KeyTrouble(WireError):
    """The signing key is missing, unreadable or open to others."""

    code = "key"


class UnknownItem(WireError):
    """No item on the wire has this uri."""

    code = "unknown-item"


class NotVerified(WireError):
    """Something is not what the agency signed. `value` says where: a seq, or None for the whole log."""

    code = "not-verified"
