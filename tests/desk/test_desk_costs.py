"""What an editor waits for costs with many stories what it costs with few: counted, not timed."""

from typing import Any

import pytest

from dateline.wire import store

# Tables that grow with every story, or with everything that is done to one.
GROWING = (
    "desk_story", "wagtailcore_revision", "desk_author", "desk_request", "desk_approval", "desk_release",
    "desk_schedule", "desk_note", "desk_record", "wagtailcore_workflowstate", "wagtailcore_taskstate",
    "wagtailcore_modellogentry", "wire_dispatch", "wire_item", "intake_item",
)  # fmt: skip
# Indexes of nothing but what waits.
WAITING = ("desk_story_waiting", "desk_schedule_waits", "intake_item_waiting", "wire_item_embargoed")
SCREENS = (
    "/desk/", "/desk/queue/", "/desk/queue/?state=submitted", "/desk/queue/?state=draft", "/desk/queue/?mine=1",
    "/desk/queue/?section=World&urgency=3", "/desk/stories/", "/desk/stories/?q=harbour", "/desk/stories/?q=harbour+r",
)  # fmt: skip


def queries_of(client: Any, address: str) -> list[str]:
    """Return the queries of a screen."""
    found: list[str] = []
    assert client.get(address).status_code == 200  # what is remembered from now on
    store.sql().set_trace_callback(found.append)
    assert client.get(address).status_code == 200
    store.sql().set_trace_callback(None)
    # One that asks for none of them ends at once, whatever its plan says.
    return [query for query in found if query.split()[0] in ("SELECT", "WITH") and not query.endswith("IN ()")]


def steps_of(client: Any, address: str) -> int:
    """Return how many steps SQLite takes for a screen."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    assert client.get(address).status_code == 200
    store.sql().set_progress_handler(step, 1)
    assert client.get(address).status_code == 200
    store.sql().set_progress_handler(None, 0)
    return count


def grow(desk: Any) -> None:
    """Add the stories of some years: spiked, sent for review, asked about and scheduled, all of it over."""
    story = desk.story(headline="Harbour reopens")
    sql = store.sql()
    columns = [row[1] for row in sql.execute("PRAGMA table_info(desk_story)") if row[1] != "id"]
    values = ", ".join(
        {"uri": "'urn:story:' || n.value", "spiked_at": "changed_at"}.get(name, name) for name in columns
    )
    sql.execute(
        f"INSERT INTO desk_story ({', '.join(columns)}) SELECT {values} FROM desk_story s, "
        f"(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 2000) SELECT value FROM n) n "
        "WHERE s.id = ?",
        (story.pk,),
    )
    spiked = "FROM desk_story WHERE spiked_at IS NOT NULL"
    sql.execute(
        "INSERT INTO desk_story_fts (rowid, headline, slugline, words) "
        f"SELECT id, headline, '', 'The harbour reopened' {spiked}"
    )
    sql.execute(
        "INSERT INTO desk_request (story_id, act, note, digest, after_seq, user_id, at) "
        f"SELECT id, 'publish', '', '', 0, {desk.chief.pk}, '2025-01-01' {spiked}"
    )
    sql.execute(
        "INSERT INTO desk_schedule (story_id, revision_id, act, note, digest, user_id, due, after_seq, at, outcome) "
        f"SELECT id, latest_revision_id, 'publish', '', '', {desk.chief.pk}, '2025-01-01', 0, '2025-01-01', "
        f"'Not released: why' {spiked}"
    )
    columns = [row[1] for row in sql.execute("PRAGMA table_info(wagtailcore_workflowstate)") if row[1] != "id"]
    values = ", ".join(
        {"object_id": "s.id", "status": "'approved'", "current_task_state_id": "NULL"}.get(name, f"w.{name}")
        for name in columns
    )
    sql.execute(
        f"INSERT INTO wagtailcore_workflowstate ({', '.join(columns)}) SELECT {values} "
        "FROM desk_story s, (SELECT * FROM wagtailcore_workflowstate LIMIT 1) w WHERE s.spiked_at IS NOT NULL"
    )


@pytest.fixture
def client(desk: Any) -> Any:
    """A chief's, at a desk with sixty stories that wait."""
    for number in range(60):
        story = desk.story(headline=f"Harbour {number}")
    story.get_workflow().start(story, desk.reporter)
    return desk.client(desk.chief)


@pytest.mark.parametrize("address", SCREENS)
def test_no_screen_of_the_desk_looks_at_all_stories_or_at_all_that_was_done(client: Any, address: str) -> None:
    queries = queries_of(client, address)
    assert any("desk_story" in query for query in queries)
    for query in queries:
        plan = [row[3] for row in store.sql().execute(f"EXPLAIN QUERY PLAN {query}")]
        for step in plan:
            words = step.split()
            if words[0] == "SCAN" and words[1] in GROWING and words[-1] not in WAITING:
                # In the order of the table or an index, and no further than the limit, is no scan of a table.
                walks = " LIMIT " in query and not any("TEMP B-TREE" in sorts for sorts in plan)
                assert walks, f"{query}\nlooks at every row: {plan}"


@pytest.mark.parametrize("address", SCREENS)
def test_a_screen_of_the_desk_takes_as_many_steps_with_many_stories_as_with_few(
    desk: Any, client: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A search that finds more lists more, up to so many.
    monkeypatch.setattr("dateline.desk.search._MOST", 50)
    few = steps_of(client, address)
    grow(desk)
    assert steps_of(client, address) <= 1.2 * few


def test_the_list_says_how_many_stories_there_are_without_counting_them(desk: Any) -> None:
    from django.db import transaction

    from dateline.desk.models import Story
    from dateline.desk.story_count import StoryPaginator

    for number in range(3):
        desk.story(headline=f"Harbour {number}")
    with transaction.atomic():
        desk.story(headline="Never kept")
        transaction.set_rollback(True)
    store.sql().execute("DELETE FROM desk_story_fts")
    page = desk.client(desk.chief).get("/desk/stories/").content.decode()
    assert "3 stories" in " ".join(page.split()).lower()
    assert StoryPaginator(Story.objects.order_by("pk"), 50).count == 3
    assert StoryPaginator(Story.objects.filter(headline="Harbour 1").order_by("pk"), 50).count == 1
