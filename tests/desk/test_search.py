"""The search in stories: the newest that have all words, the last word as far as it is typed."""

from typing import Any

import pytest

from dateline.wire import store


def found(query: str) -> list[str]:
    from dateline.desk import search
    from dateline.desk.models import Story

    return list(search.find(Story.objects.all(), query).order_by("-pk").values_list("headline", flat=True))


@pytest.fixture
def stories(desk: Any) -> list[Any]:
    headlines = ("Ferry aground", "Ferryman honoured", "Ferry to sail again", "Council meets")
    return [desk.story(headline=headline) for headline in headlines]


@pytest.mark.usefixtures("stories")
def test_all_words_are_found_and_the_last_may_be_a_beginning() -> None:
    assert found("ferry") == ["Ferry to sail again", "Ferryman honoured", "Ferry aground"]
    assert found("FERRY sai") == found("sail ferry") == ["Ferry to sail again"]
    assert found("fer sail") == []  # a beginning is the last
    for beginning in ("f", "fe", "fer", "ferr"):
        assert len(found(beginning)) == 3
    assert found("c") == ["Council meets"]
    assert found("") == found('"') == found("zebra") == []
    assert found('ferry" OR "council') == found("ferry NEAR") == []


@pytest.mark.usefixtures("stories")
def test_of_more_than_anyone_reads_the_newest_are_found_and_whole_words_before_beginnings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dateline.desk.search._MOST", 2)
    assert found("ferr") == ["Ferry to sail again", "Ferryman honoured"]
    assert found("ferry") == ["Ferry to sail again", "Ferry aground"]


def test_a_search_asks_for_the_newest_without_ranking_what_was_ever_written(stories: list[Any]) -> None:
    queries: list[str] = []
    store.sql().set_trace_callback(queries.append)
    found("ferry s")
    store.sql().set_trace_callback(None)
    asked = [query for query in queries if "MATCH" in query and query.startswith("SELECT")]
    assert asked
    for query in asked:
        plan = [row[3] for row in store.sql().execute(f"EXPLAIN QUERY PLAN {query}")]
        assert len(plan) == 1 and "VIRTUAL TABLE" in plan[0], plan  # nothing is sorted
        assert "ORDER BY rowid DESC LIMIT" in query


def test_a_desk_of_an_earlier_release_finds_what_it_found(stories: list[Any]) -> None:
    from dateline.desk.setup import set_up

    sql = store.sql()
    rows = sql.execute("SELECT rowid, headline, slugline, words FROM desk_story_fts").fetchall()
    sql.execute("DROP TABLE desk_story_fts")
    sql.execute("CREATE VIRTUAL TABLE desk_story_fts USING fts5(headline, slugline, words, tokenize='unicode61')")
    sql.executemany("INSERT INTO desk_story_fts (rowid, headline, slugline, words) VALUES (?, ?, ?, ?)", rows)
    for _ in range(2):
        set_up()
        assert found("ferry s") == ["Ferry to sail again"] and len(found("f")) == 3
    stories[0].headline = "Tug aground"
    stories[0].save_revision()
    assert found("aground") == [stories[0].headline] or found("tug")
    names = [row[0] for row in sql.execute("SELECT name FROM sqlite_master WHERE name LIKE 'desk_story_fts%'")]
    assert not [name for name in names if "before" in name]
