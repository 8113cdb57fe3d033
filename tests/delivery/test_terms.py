"""What a subscription is can change: from then on, and nothing that was delivered is forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from test_streams import fold_all, make_wire, rows_of

from dateline.delivery.errors import DeliveryError
from dateline.delivery.filter import Filter
from dateline.delivery.subscribing import Terms
from dateline.news.acts import Act
from dateline.news.codes import rfc3339
from dateline.news.item import NewsItem

WORLD, SPORT = Filter(sections=("world",)), Filter(sections=("sport",))


def test_another_filter_holds_from_then_on_and_what_was_got_is_followed_still(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.fold import DeliveryFold
    from dateline.wire.append import append
    from dateline.wire.follow import refold

    found = subscribing.subscribe("Quay", Terms(wanted=WORLD))
    had = append(Act.PUBLISH, NewsItem(headline="Had", body="<p>Text.</p>", section="World"))
    append(Act.PUBLISH, NewsItem(headline="Not had", section="Sport"))
    fold_all()
    before = rows_of(found.stream)
    found = subscribing.change(found, msgspec.structs.replace(subscribing.terms_of(found), wanted=SPORT))
    append(Act.PUBLISH, NewsItem(headline="Not wanted any more", section="World"))
    append(Act.PUBLISH, NewsItem(headline="Wanted", section="Sport"))
    append(Act.KILL, uri=had.uri, note="Forged.")
    fold_all()
    rows = rows_of(found.stream)
    assert before == [(1, 0)] and rows == [(1, 0), (4, 1), (5, 4)]
    refold(DeliveryFold())
    assert rows_of(found.stream) == rows
    assert subscribing.terms_of(found).wanted == SPORT
    # Back again: another period, the same rows before.
    back = subscribing.change(found, msgspec.structs.replace(subscribing.terms_of(found), wanted=WORLD))
    fold_all()
    assert rows_of(back.stream) == rows
    assert store.read_stream(back.stream).wanted == WORLD


def test_a_filter_that_was_changed_before_anything_came_was_never_in_force(home: Any) -> None:
    from dateline.delivery import store, subscribing

    found = subscribing.subscribe("Quay", Terms(wanted=WORLD))
    for wanted in (Filter(), SPORT, WORLD):
        found = subscribing.change(found, Terms(wanted=wanted))
    assert found.stream == store.stream_of(WORLD)
    assert subscribing.change(found, Terms(wanted=WORLD)) == found


def test_a_subscription_begins_with_the_first_dispatch_of_its_day(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.push import _due

    make_wire(10)
    fold_all()
    soon = rfc3339(datetime.now(UTC) + timedelta(seconds=0.5), micros=True)
    terms = Terms(begins=soon, url="https://quay.example/wire")
    found = subscribing.subscribe("Quay", terms)
    make_wire(5, seed=2)
    fold_all()
    assert found.begins and not _due(found.id).lines
    import time

    time.sleep(0.6)
    make_wire(5, seed=3)
    fold_all()
    due = _due(found.id)
    begun = due.found
    first = store.sql().execute("SELECT min(seq) FROM wire_dispatch WHERE sent >= ?", (soon,)).fetchone()[0]
    assert begun is not None and (begun.begins, begun.since) == ("", first - 1)
    assert due.lines[0].seq >= first
    with pytest.raises(DeliveryError, match="begun already"):
        subscribing.change(begun, msgspec.structs.replace(terms, begins="2099-01-01T00:00:00.000000Z"))
    with pytest.raises(DeliveryError, match="before it begins"):
        subscribing.subscribe("Never", Terms(begins="2030-01-02T00:00:00Z", ends="2030-01-01T00:00:00Z"))


def test_a_beginning_in_the_past_brings_what_came_since(home: Any) -> None:
    from dateline.delivery import subscribing
    from dateline.wire import store as wire

    make_wire(10)
    third = wire.read_dispatch(3)
    assert third is not None
    found = subscribing.subscribe("Quay", Terms(begins=third.sent))
    assert (found.since, found.begins) == (2, "")


def test_a_range_is_sent_again_once_and_a_whole_tail_in_order(home: Any) -> None:
    from django.db import transaction

    from dateline.delivery import store, subscribing
    from dateline.delivery.push import _Done, _due, _write
    from dateline.delivery.store import Attempt

    found = subscribing.subscribe("Quay", Terms(url="https://quay.example/wire", wanted=Filter(embargoed=True)))
    make_wire(20)
    fold_all()
    with transaction.atomic():
        store.move_cursor(found.id, 12, "now")
    assert subscribing.send_again(found, 3, 4) == 2
    # What is still to come is not asked for twice.
    assert subscribing.send_again(found, 13, 15) == 0
    seen = []
    while (due := _due(found.id)).lines[0].seq <= 12:
        again = due.lines[0].seq
        seen.append(again)
        _write([_Done(Attempt(found.id, again, "now", 1, 204, ""), 0, acknowledged=True, out_of_turn=due.out_of_turn)])
    assert seen == [3, 4]
    after = subscribing.find("Quay")
    assert after.cursor == 12 and not store.read_ahead(found.id)
    subscribing.send_again(after, 5)
    assert subscribing.find("Quay").cursor == 4
    pulling = subscribing.subscribe("Puller", Terms())
    with pytest.raises(DeliveryError, match="asks again by itself"):
        subscribing.send_again(pulling, 1)


def test_no_text_follows_a_hold_that_jumped_whether_its_answer_came_or_not(home: Any) -> None:
    from django.db import transaction

    from dateline.delivery import store, subscribing
    from dateline.delivery.push import _due
    from dateline.wire.append import append

    found = subscribing.subscribe("Quay", Terms(url="https://quay.example/wire"))
    append(Act.PUBLISH, NewsItem(headline="First", body="<p>Text.</p>"))
    made = append(Act.PUBLISH, NewsItem(headline="Doubted", body="<p>Doubted text.</p>"))
    append(Act.HOLD, uri=made.uri, note="We check.")
    fold_all()
    due = _due(found.id)
    assert [line.seq for line in due.lines] == [3] and due.out_of_turn
    # It was tried, and no answer came: it waits for its next try, and may be there all the same.
    due = _due(found.id, frozenset({3}))
    assert [(line.seq, line.withdrawn, line.held) for line in due.lines] == [(1, 0, False), (2, 3, True), (3, 0, False)]
    assert b"Doubted text" not in b"".join(line.encode() for line in due.lines[:2])
    with transaction.atomic():
        store.move_cursor(found.id, 3, "now")
    # Nor does it come with what is sent once more.
    subscribing.send_again(found, 2, 2)
    due = _due(found.id)
    assert [(line.seq, line.withdrawn) for line in due.lines] == [(2, 3)] and due.out_of_turn


def test_a_secret_comes_with_the_first_webhook_and_options_go_with_their_way(home: Any) -> None:
    from dateline.delivery import subscribing

    found = subscribing.subscribe("Quay", Terms())
    assert not found.secrets
    terms = subscribing.terms_of(found)
    found = subscribing.change(found, msgspec.structs.replace(terms, url="https://quay.example/wire"))
    assert found.secrets.startswith("whsec_")
    kept = subscribing.change(found, msgspec.structs.replace(subscribing.terms_of(found), contact="Ann"))
    assert (kept.secrets, kept.contact) == (found.secrets, "Ann")
