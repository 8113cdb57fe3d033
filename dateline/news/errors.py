"""The root of every error of Dateline, and the tree of the news room.

Each room has one tree below `DatelineError`. A message is a full sentence that says what to do next.
"""


class DatelineError(Exception):
    """Something cannot be done as it was asked.

    Attributes: `code`, stable and machine readable; `value`, what offended, or None;
    `retry`, whether the same call can succeed later.
    """

    code = "dateline"
    retry = False

    def __init__(self, sentence: str, value: object = None) -> None:
        super().__init__(sentence)
        self.value = value


class NewsError(DatelineError):
    """Something about a news item is not as it must be."""

    code = "news"


class BadItem(NewsError):
    """A news item, or the file that should hold one, cannot be used as it is."""

    code = "bad-item"


class ActRefused(NewsError):
    """The act is not allowed in the state that the item is in."""

    code = "act-refused"
