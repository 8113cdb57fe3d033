"""The error tree of the intake. Each error is a full sentence that says what to do next."""


class IntakeError(Exception):
    """Something cannot be taken in. `code`, `value` and `retry` as in `dateline.news.errors`."""

    code = "intake"
    retry = False

    def __init__(self, sentence: str, value: object = None) -> None:
        super().__init__(sentence)
        self.value = value


class Unreadable(IntakeError):
    """A file is not page text."""

    code = "unreadable"
