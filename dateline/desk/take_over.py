"""Taking over from the quarantine: a recognised item becomes a story, to be looked at, mended and released."""

from typing import Any

import msgspec
from django.db import transaction
from lxml import html as lxml_html

from dateline.desk.errors import NotThisWay
from dateline.desk.models import Note, SpikedIntake, Story, User
from dateline.desk.recording import record
from dateline.desk.topics import codes_in
from dateline.intake import store as intake
from dateline.news.acts import ROUTINE_URGENCY
from dateline.news.dateline import parse
from dateline.news.formats import ninjs
from dateline.news.item import NewsItem

# What a text block of a story holds; the rest of the body's subset has blocks of its own.
_TEXTUAL = {"p", "ul", "ol"}


def take_over(key: str, user: User) -> Story:
    """Return the story that a quarantined item is from now on. Raises NotThisWay if it is gone or taken."""
    with transaction.atomic():
        waiting = intake.read_item(key)
        if waiting is None or waiting.seq is not None or SpikedIntake.objects.filter(key=key).exists():
            raise NotThisWay("It is not in the quarantine any more; it was released, or never was there.", key)
        if (taken := Story.objects.filter(intake_key=key).first()) is not None:
            return taken
        item = ninjs.decode(waiting.item)
        story = story_of(msgspec.structs.replace(item, ednote=""))
        story.uri, story.intake_key = waiting.uri, key
        story.save()
        story.save_revision(user=user, clean=False)
        if doubts := item.ednote:
            # What the import was not sure of is for the desk, not for those who receive the item.
            Note.objects.create(story=story, user=user, text=f"From intake: {doubts}")
        record("took over from intake", user=user, story=story)
    return story


def spike_incoming(key: str, user: User) -> None:
    """Throw a quarantined item away; intake keeps it, and importing it again does not bring it back."""
    with transaction.atomic():
        waiting = intake.read_item(key)
        if waiting is None or waiting.seq is not None or Story.objects.filter(intake_key=key).exists():
            raise NotThisWay("It is not in the quarantine any more; it was taken over, or released.", key)
        _, made = SpikedIntake.objects.get_or_create(key=key, defaults={"user": user})
        if made:
            record("spiked from intake", user=user, detail=ninjs.decode(waiting.item).headline)


def story_of(item: NewsItem) -> Story:
    """Return a new story with what an item says."""
    line = parse(f"{item.dateline} Text.") if item.dateline else None
    return Story(
        uri=item.uri, headline=item.headline, slugline=item.slugline, section=item.section, byline=item.byline,
        credit=item.credit, place="/".join(item.located or (line.dateline.places if line else ())),
        dateline_date=item.content_created.date() if item.content_created and item.dateline else None,
        urgency=item.urgency or ROUTINE_URGENCY, language=item.language, embargoed=item.embargoed,
        ednote=item.ednote, topics=codes_in(item.rest.get("subjects", [])), dated=item.content_created,
        day_only=item.day_only, body=blocks_of(item.body),
    )  # fmt: skip


def blocks_of(markup: str) -> list[tuple[str, Any]]:
    """Return a body as the values of a story's blocks; what no block can hold becomes text."""
    found: list[tuple[str, Any]] = []
    text: list[str] = []

    def close_text() -> None:
        if text:
            found.append(("text", "".join(text)))
            text.clear()

    if not markup:
        return []
    for node in lxml_html.fragment_fromstring(markup, create_parent="div"):
        if not isinstance(node.tag, str):
            continue
        node.tail = None
        if node.tag in ("h2", "h3"):
            close_text()
            found.append(("subhead", node.text_content().strip()))
        elif node.tag == "blockquote":
            close_text()
            found.append(("quote", _quote(node)))
        elif node.tag == "table":
            close_text()
            found.append(("table", _table(node)))
        elif node.tag in _TEXTUAL:
            text.append(lxml_html.tostring(node, encoding="unicode"))
        elif words := node.text_content().strip():
            text.append(lxml_html.tostring(lxml_html.fromstring(f"<p>{words}</p>"), encoding="unicode"))
    close_text()
    return found


def _quote(node: Any) -> dict[str, str]:
    cite = node.find(".//cite")
    source = cite.text_content().strip() if cite is not None else ""
    words = [part.text_content().strip() for part in node.iter("p") if part.find("cite") is None]
    return {"text": "\n".join(words) or node.text_content().strip(), "source": source}


def _table(node: Any) -> dict[str, Any]:
    rows = [[cell.text_content().strip() for cell in row if cell.tag in ("td", "th")] for row in node.iter("tr")]
    widest = max(map(len, rows), default=0)
    caption = node.find("caption")
    return {
        "data": [row + [""] * (widest - len(row)) for row in rows],
        "cell": [], "mergeCells": [], "table_header_choice": "row" if node.find(".//thead") is not None else "neither",
        "first_row_is_table_header": node.find(".//thead") is not None, "first_col_is_header": False,
        "table_caption": caption.text_content().strip() if caption is not None else "",
    }  # fmt: skip
