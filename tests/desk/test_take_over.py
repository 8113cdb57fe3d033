"""What intake keeps in quarantine is taken over, mended and released at the desk."""

from pathlib import Path
from typing import Any

import pytest

from dateline.news.acts import Act
from dateline.wire import store

PAGE = """Tidewater News
World
Harbour reopens after storm
December 3, 10:15
Economy
Ferries to run all winter
December 3, 11:20
Politics
Council meets
December 4, 9:05
"""


@pytest.fixture
def incoming(home: Path, tmp_path: Path, desk: Any) -> list[Any]:
    from dateline.desk.queue_rows import Filter, read_queue
    from dateline.intake.importing import import_files

    page = tmp_path / "page.txt"
    page.write_text(PAGE)
    import_files([page], year=2025, release=False, known=["World", "Economy", "Politics"])
    found = read_queue(desk.editor, Filter()).incoming
    assert found, "the page was not recognised"
    return found


def test_an_item_is_taken_over_once_mended_and_released_to_the_archive(desk: Any, incoming: list[Any]) -> None:
    from dateline.desk.asking import acts_for
    from dateline.desk.queue_rows import Filter, read_queue
    from dateline.desk.release_story import release_story
    from dateline.desk.take_over import take_over
    from dateline.intake import store as intake

    row = next(row for row in incoming if "Ferries" in row.headline)
    story = take_over(row.key, desk.editor)
    assert take_over(row.key, desk.reporter) == story
    assert story.headline == row.headline and story.dated is not None
    assert row.key not in [other.key for other in read_queue(desk.editor, Filter()).incoming]
    assert acts_for(story)[0] is Act.ARCHIVE
    story = desk.change(story, desk.editor, headline="Ferries to run all winter long")
    dispatch = release_story(story, Act.ARCHIVE, desk.editor)
    assert dispatch.act is Act.ARCHIVE
    assert dispatch.news.content_created == story.dated
    waiting = intake.read_item(row.key)
    assert waiting is not None and waiting.seq == dispatch.seq


def test_a_spiked_item_leaves_the_queue_and_stays_with_intake(desk: Any, incoming: list[Any]) -> None:
    from dateline.desk.queue_rows import Filter, read_queue
    from dateline.desk.take_over import spike_incoming
    from dateline.intake import store as intake

    key = incoming[0].key
    spike_incoming(key, desk.editor)
    queue = read_queue(desk.editor, Filter())
    assert key not in [row.key for row in queue.incoming]
    assert queue.incoming_count == len(incoming) - 1
    assert intake.read_item(key) is not None
    assert store.head_seq() == 0


def test_a_body_comes_over_block_by_block_and_reads_the_same(desk: Any) -> None:
    from datetime import UTC, datetime

    from dateline.desk.story_item import item_of, local_day
    from dateline.desk.take_over import story_of
    from dateline.news.body import clean
    from dateline.news.item import NewsItem

    body = clean(
        "<p>One.</p><p>Two <strong>bold</strong> &amp; <em>soft</em>.</p><h2>Then</h2>"
        "<blockquote><p>Words.</p><p><cite>Ada Lund</cite></p></blockquote><ul><li>a</li><li>b</li></ul>"
        "<table><caption>Sums</caption><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
    )
    story = story_of(NewsItem(uri="tag:x.example,2026:abc", headline="H", body=body, section="World"))
    story.save()
    again = item_of(story, local_day(datetime.now(UTC)))
    assert again.body.replace("\n", "") == body
