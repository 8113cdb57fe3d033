"""The words of a story: for the search, the word count and the checks."""

from typing import Any

from dateline.desk.blocks import markup_of
from dateline.news import body


def paragraphs_of(story: Any) -> list[str]:
    """Return the text of each paragraph of a story's body, in order."""
    markup = "\n".join(
        markup_of(block.block_type, block.value) for block in story.body if block.block_type != "picture"
    )
    return body.to_paragraphs(body.clean(markup))


def words_of(story: Any) -> str:
    """Return everything that a story says, as one text."""
    return " ".join([story.section, story.place, story.byline, *paragraphs_of(story)])
