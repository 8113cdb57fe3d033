"""No query between an append and a reader looks at every item, or sorts them: a million cost what a thousand do."""

import itertools

import pytest

from dateline.news.acts import Act
from dateline.site import store as site
from dateline.site.render import newsfeed_page
from dateline.wire import store
from dateline.wire.append import append, release_due
from dateline.wire.verify import check_remembered, read_verifier, remember
from tests.outlets import Public, publish, story

pytestmark = pytest.mark.usefixtures("home")

# Tables with a row a section, a stream or a waiting page: few, whatever the wire's size.
SMALL = ("site_section", "feeds_feed", "delivery_stream", "site_dirty", "found", "CONSTANT")


def queries_of_a_day() -> list[str]:
    """Return every query of: a start, each kind of act, its folds and pages, older parts, and the clock."""
    public = Public()
    public.catch_up()
    seen: dict[str, str] = {}
    store.sql().set_trace_callback(lambda query: seen.setdefault(query.partition("VALUES")[0], query))
    for number in range(3):
        publish(f"Harbour reopens {number}", section=("World", "Economy")[number % 2])
    uri = publish("Storm").uri
    for act in (Act.UPDATE, Act.HOLD, Act.CORRECT, Act.KILL):
        append(act, story(uri=uri) if act in (Act.UPDATE, Act.CORRECT) else None, uri=uri, note="why")
        public.catch_up()
    newsfeed_page(before=2)
    newsfeed_page(slug="world", before=1)
    release_due()
    store.find_uri(uri.rpartition(":")[2])
    check_remembered(read_verifier())
    remember(store.read_head().checkpoint)
    public.outlets.start()
    list(itertools.islice(site.every_list(), 100))
    store.sql().set_trace_callback(None)
    return [query for query in seen.values() if query.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")]


def test_no_query_between_an_append_and_a_reader_grows_with_the_wire() -> None:
    queries = queries_of_a_day()
    assert len(queries) > 50
    for query in queries:
        plan = [row[3] for row in store.sql().execute(f"EXPLAIN QUERY PLAN {query}")]
        for step in plan:
            assert "TEMP B-TREE" not in step, f"{query}\nsorts: {plan}"
            scans = step.startswith("SCAN") and step.split()[1] not in SMALL
            # In the order of an index, and no further than the limit, is no scan of a table.
            walks = " USING " in step and " LIMIT " in query
            assert not scans or walks, f"{query}\nlooks at every row: {plan}"
