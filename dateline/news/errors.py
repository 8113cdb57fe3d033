"""The error tree of the news room. Each error is a full sentence that says what to do next."""


class NewsError(Exception):
    """Something about a news item is not as it must be.

    Attributes: `code`, stable and machine readable; `value`, what offended, or None;
    `retry`, whether the same call can succeed later.
    """

    code = "news"
    retry = False

    def __init__(self, sentence: str, value: object = None) -> None:
        super().__init__(sentence)
        self.value = value


class BadItem(NewsError):
    """A news item, or the file that should hold one, cannot be used as it is."""

    code = "bad-item"


class ActRefused(NewsError):
    """The act is not allowed in the state that the item is in."""

    code = "act-refused"
