"""Which dispatches a subscription gets: decided purely, folded in order, the same by any way."""

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dateline.delivery.filter import Filter, in_words, wants
from dateline.delivery.subscribing import Terms
from dateline.news.acts import Act
from dateline.news.item import NewsItem

MEDIA_TOPIC = "http://cv.iptc.org/newscodes/mediatopic/"


def item(**fields: Any) -> NewsItem:
    return NewsItem(
        uri="tag:a.example,2026:1", headline="Harbour", body="<p>Text.</p>", language="en", urgency=4, **fields
    )


@pytest.mark.parametrize(
    ("wanted", "gets"),
    [
        (Filter(), True),
        (Filter(sections=("world",)), True),
        (Filter(sections=("sport",)), False),
        (Filter(urgency=3), False),
        (Filter(urgency=4), True),
        (Filter(languages=("en",)), True),
        (Filter(languages=("de", "en-GB")), False),
        (Filter(topics=("11000000",)), True),
        (Filter(topics=("15000000",)), False),
    ],
)
def test_a_filter_takes_what_it_names(wanted: Filter, gets: bool) -> None:
    found = item(section="World", rest={"subjects": [{"uri": MEDIA_TOPIC + "11000000", "name": "politics"}]})
    assert wants(wanted, Act.PUBLISH, found, has_it=False) is gets
    # Who has an item gets what becomes of it, whatever it is about by then.
    assert wants(wanted, Act.KILL, found, has_it=True)
    # Nobody is told of the kill of what they never had.
    assert not wants(wanted, Act.KILL, found, has_it=False)


def test_a_filter_is_said_in_words() -> None:
    said = in_words(Filter(sections=("world", "sport"), urgency=3))
    assert said.startswith("Items in world or sport, of urgency 3 and more urgent, with all that becomes of them")
    assert in_words(Filter(embargoed=True)).startswith("Every item")


@given(act=st.sampled_from(list(Act)), has_it=st.booleans(), archive=st.booleans())
def test_nothing_under_embargo_goes_to_who_is_not_entitled(act: Act, has_it: bool, archive: bool) -> None:
    found = item(embargoed=datetime.now(UTC) + timedelta(hours=1))
    # Who has it all the same hears of its hold and its kill, which come without its text.
    assert wants(Filter(archive=archive), act, found, has_it=has_it) is (has_it and act in (Act.HOLD, Act.KILL))


def make_wire(count: int, seed: int = 1) -> None:
    """Append a mixed wire: items in sections, what becomes of them, embargoes."""
    from dateline.news.errors import ActRefused
    from dateline.wire.append import append

    chance = random.Random(seed)
    items: list[NewsItem] = []
    for number in range(count):
        act = chance.choice([Act.PUBLISH] * 4 + [Act.UPDATE, Act.CORRECT, Act.HOLD, Act.RELEASE, Act.KILL])
        if act is Act.PUBLISH or not items:
            ahead = datetime.now(UTC) + timedelta(hours=1) if chance.random() < 0.2 else None
            fresh = NewsItem(
                headline=f"Item {number}", body=f"<p>Text {number}.</p>", urgency=chance.randint(2, 5), embargoed=ahead,
                section=chance.choice(["World", "Sport", "Economy"]),
            )  # fmt: skip
            items.append(append(Act.PUBLISH, fresh).news)
            continue
        chosen = chance.choice(items)
        try:
            if act in (Act.UPDATE, Act.CORRECT):
                append(act, msgspec.structs.replace(chosen, headline=f"{act} {number}", embargoed=None), note="A note.")
            else:
                append(act, uri=chosen.uri, note="An advisory.")
        except ActRefused:
            continue


def fold_all() -> None:
    from dateline.delivery.fold import DeliveryFold, catch_up
    from dateline.wire.follow import fold

    while fold([DeliveryFold()]) or catch_up():
        pass


def rows_of(stream: int) -> list[tuple[int, int]]:
    from dateline.delivery import store

    return [(row.seq, row.prev) for row in store.read_rows(stream, 0, 10_000)]


FILTERS = (Filter(), Filter(sections=("world",)), Filter(urgency=3, embargoed=True))


def test_a_late_filter_a_rebuild_and_the_fold_as_it_went_agree_row_by_row(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.fold import DeliveryFold
    from dateline.wire.follow import refold

    for number, wanted in enumerate(FILTERS):
        subscribing.subscribe(f"early {number}", Terms(wanted=wanted), from_start=True)
    make_wire(120)
    fold_all()
    early = [rows_of(found.stream) for found in store.subscriptions()]
    assert all(rows for rows in early) and early[0] != early[1]
    for rows in early:
        assert [prev for _, prev in rows] == [0, *(seq for seq, _ in rows[:-1])]
    refold(DeliveryFold())
    assert [rows_of(found.stream) for found in store.subscriptions()] == early
    store.sql().execute("DELETE FROM delivery_row")
    store.sql().execute("DELETE FROM delivery_item")
    store.sql().execute("DELETE FROM delivery_subscription")
    store.sql().execute("DELETE FROM delivery_stream")
    for number, wanted in enumerate(FILTERS):
        subscribing.subscribe(f"late {number}", Terms(wanted=wanted), from_start=True)
    fold_all()
    assert [rows_of(found.stream) for found in store.subscriptions()] == early
    make_wire(20, seed=2)
    fold_all()
    assert all(len(rows_of(found.stream)) > len(rows) for found, rows in zip(store.subscriptions(), early, strict=True))


def catch_late_up(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> int:
    """Catch up a new stream of everything, do something whenever it is decided what it gets; return its id."""
    from dateline.delivery import fold, subscribing

    def wants(*values: Any, **named: Any) -> bool:
        meanwhile()
        return decide(*values, **named)

    make_wire(120)
    fold_all()
    found = subscribing.subscribe("Late", Terms(), from_start=True)
    decide = fold.wants
    monkeypatch.setattr(fold, "wants", wants)
    while fold.catch_up():
        pass
    return found.stream


def test_no_append_waits_while_it_is_decided_what_a_late_stream_gets(
    home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    locked: list[bool] = []
    stream = catch_late_up(monkeypatch, lambda: locked.append(connection.in_atomic_block))
    assert locked and not any(locked) and len(rows_of(stream)) > 50


def test_what_was_decided_for_a_late_stream_does_not_count_once_it_is_folded_anew(
    home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.delivery import store

    count = itertools.count(1)
    # Within the second piece, as a rebuild in another process would.
    stream = catch_late_up(monkeypatch, lambda: next(count) == 60 and store.forget_streams())
    rows = rows_of(stream)
    assert len(rows) > 50 and next(count) > 120 + 60
    assert [prev for _, prev in rows] == [0, *(seq for seq, _ in rows[:-1])]


def test_of_many_late_streams_one_gets_a_piece_at_a_time_and_all_come_on(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.fold import catch_up
    from dateline.wire import store as wire

    make_wire(120)
    fold_all()
    for urgency in range(2, 7):
        subscribing.subscribe(f"Late {urgency}", Terms(wanted=Filter(urgency=urgency)), from_start=True)
    before = [0] * 5
    while catch_up():
        after = [stream.cursor for stream in store.streams()]
        moved = [new - old for new, old in zip(after, before, strict=True) if new != old]
        assert len(moved) == 1 and moved[0] <= 50 and max(after) - min(after) <= 50
        before = after
    assert set(before) == {wire.head_seq()} and wire.head_seq() > 50


def test_a_late_stream_that_nobody_wants_any_more_leaves_no_rows(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dateline.delivery import store

    def remove() -> None:
        store.sql().execute("DELETE FROM delivery_subscription")
        store.forget_unused()

    assert rows_of(catch_late_up(monkeypatch, remove)) == []
    assert not store.streams()


def test_what_was_killed_leaves_without_its_text_and_the_rest_as_its_very_bytes(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.lines import lines_of
    from dateline.wire import store as wire
    from dateline.wire.append import append

    found = subscribing.subscribe("Quay", Terms())
    kept = append(Act.PUBLISH, NewsItem(headline="Kept", body="<p>Kept text.</p>"))
    forged = append(Act.PUBLISH, NewsItem(headline="Forged", body="<p>Forged text.</p>"))
    append(Act.KILL, uri=forged.uri, note="It was forged.")
    fold_all()
    lines = [line.encode() for line in lines_of(store.read_rows(found.stream, 0, 10), found)]
    assert kept.item in lines[0]
    assert b"Forged" not in lines[1] and msgspec.json.decode(lines[1])["withdrawn"] == 3
    assert msgspec.json.decode(lines[2])["act"] == "kill"
    assert wire.read_item(2).headline == "Forged"
    bare = subscribing.subscribe("Bare", Terms(headlines=True), from_start=True)
    headlines = lines_of(store.read_rows(found.stream, 0, 1), bare)[0].encode()
    assert b"Kept text" not in headlines and b'"Kept"' in headlines


def test_the_fast_way_to_write_lines_gives_the_same_bytes(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.lines import encoded, lines_of
    from dateline.wire.append import append

    found = subscribing.subscribe("Quay", Terms(wanted=Filter(embargoed=True)))
    make_wire(60)
    append(Act.PUBLISH, NewsItem(uri='urn:odd:"\\quoted', headline='Ärger "mit" \\ und ☃', body="<p>Text.</p>"))
    fold_all()
    rows = store.read_rows(found.stream, 0, 100)
    found = msgspec.structs.replace(found, since=3)
    lines = lines_of(rows, found)
    assert encoded(rows, found) == [line.encode() for line in lines]
    for other in (msgspec.structs.replace(found, headlines=1), subscribing.subscribe("Plain", Terms())):
        assert encoded(rows, other) == [line.encode() for line in lines_of(rows, other)] != encoded(rows, found)
    assert any(line.withdrawn for line in lines) and len(lines) > 30
    assert [msgspec.json.decode(line)["seq"] for line in encoded(rows, found)] == [row.seq for row in rows]


def test_headlines_leave_every_other_text_of_an_item_out(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.lines import lines_of
    from dateline.wire.append import append

    found = subscribing.subscribe("Quay", Terms(headlines=True))
    more = {"bodies": [{"role": "plain", "value": "SECRET"}], "descriptions": [{"role": "summary", "value": "SECRET"}]}
    append(Act.PUBLISH, NewsItem(headline="Kept", body="<p>SECRET</p>", rest=more))
    fold_all()
    assert b"SECRET" not in lines_of(store.read_rows(found.stream, 0, 1), found)[0].encode()


def test_more_kills_than_a_batch_lose_nothing_that_lies_between(home: Any) -> None:
    from django.db import transaction

    from dateline.delivery import push, store, subscribing
    from dateline.wire.append import append

    found = subscribing.subscribe("Quay", Terms(url="https://quay.example/wire"))
    made = [append(Act.PUBLISH, NewsItem(headline=f"Item {number}")) for number in range(61)]
    fold_all()
    with transaction.atomic():
        store.move_cursor(found.id, 61, "now")
    for dispatch in made[:60]:
        append(Act.KILL, uri=dispatch.uri, note="Gone.")
    between = append(Act.PUBLISH, NewsItem(headline="Between"))
    append(Act.KILL, uri=made[60].uri, note="Gone.")
    fold_all()
    due = push._due(found.id)
    # The first of them is next in turn anyway.
    assert [line.seq for line in due.lines] == [*range(63, 122), 123] and due.out_of_turn
    with transaction.atomic():
        for line in due.lines:
            store.keep_ahead(found.id, line.seq)
    assert [line.seq for line in push._due(found.id).lines] == [62, between.seq]
    with transaction.atomic():
        store.move_cursor(found.id, 62, "now")
    due = push._due(found.id)
    assert (due.out_of_turn, [line.seq for line in due.lines]) == (False, [between.seq])


def test_a_subscription_whose_maker_was_killed_is_folded_by_the_server(home: Any) -> None:
    from django.db import transaction

    from dateline.delivery import store

    make_wire(30)
    fold_all()
    with transaction.atomic():
        stream = store.stream_of(Filter())
    make_wire(5, seed=3)
    fold_all()
    assert len(rows_of(stream)) > 10
    assert store.read_stream(stream).cursor == store.streams()[-1].cursor


def test_a_cursor_that_was_put_back_is_not_moved_by_an_older_acknowledgement(home: Any) -> None:
    from django.db import transaction

    from dateline.delivery import store, subscribing

    make_wire(10)
    found = subscribing.subscribe("Quay", Terms(), from_start=True)
    with transaction.atomic():
        store.move_cursor(found.id, 9, "now", found.epoch)
    store.put_back(found.id, 2)
    with transaction.atomic():
        store.move_cursor(found.id, 10, "now", found.epoch)
    assert subscribing.find("Quay").cursor == 2


def test_the_first_of_a_late_subscription_has_nothing_before_it(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.lines import lines_of
    from dateline.wire.append import append

    subscribing.subscribe("Early", Terms())
    append(Act.PUBLISH, NewsItem(headline="Before"))
    fold_all()
    late = subscribing.subscribe("Late", Terms())
    append(Act.PUBLISH, NewsItem(headline="First"))
    fold_all()
    lines = lines_of(store.read_rows(late.stream, late.since, 5), late)
    assert [line.prev for line in lines] == [0]


def test_the_ledger_says_who_has_an_item_and_who_lacks_its_kill(home: Any) -> None:
    from django.db import transaction

    from dateline.delivery import store, subscribing
    from dateline.delivery.ledger import who_has
    from dateline.wire.append import append

    quay, _ = (
        subscribing.subscribe("Quay", Terms()),
        subscribing.subscribe("Sport", Terms(wanted=Filter(sections=("sport",)))),
    )
    late = subscribing.subscribe("Late", Terms())
    made = append(Act.PUBLISH, NewsItem(headline="Forged", body="<p>Text.</p>"))
    fold_all()
    assert who_has(made.uri) == []
    with transaction.atomic():
        store.move_cursor(quay.id, 1, "now")
        store.move_cursor(late.id, 1, "now")
    append(Act.KILL, uri=made.uri, note="Forged.")
    fold_all()
    with transaction.atomic():
        store.keep_ahead(quay.id, 2)
    assert [(one.name, one.version, one.is_last) for one in who_has(made.uri)] == [
        ("Late", 1, False),
        ("Quay", 2, True),
    ]
