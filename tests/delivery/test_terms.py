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


def test_who_is_no_more_entitled_hears_of_the_kill_and_gets_no_word_of_the_text(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.lines import encoded, lines_of
    from dateline.wire.append import append

    ahead = datetime.now(UTC) + timedelta(hours=1)
    for name in ("Alone", "Shared", "Sharing"):
        subscribing.subscribe(name, Terms(wanted=Filter(embargoed=True), url=f"https://{name}.example/wire"))
    made = [append(Act.PUBLISH, NewsItem(headline="Ahead", body="<p>Secret.</p>", embargoed=ahead)) for _ in range(2)]
    fold_all()
    for name in ("Alone", "Shared"):
        found = subscribing.find(name)
        found = subscribing.change(found, msgspec.structs.replace(subscribing.terms_of(found), wanted=Filter()))
        # What it has is in sight at once, before anything is folded anew.
        assert rows_of(found.stream) == [(1, 0), (2, 1)] and store.first_of(found.stream, made[0].uri) == 1
    append(Act.HOLD, uri=made[0].uri, note="We check.")
    append(Act.KILL, uri=made[1].uri, note="Forged.")
    append(Act.PUBLISH, NewsItem(headline="Ahead, too", body="<p>Secret.</p>", embargoed=ahead))
    fold_all()
    for name in ("Alone", "Shared"):
        found = subscribing.find(name)
        rows = store.read_rows(found.stream, 0, 10)
        assert [row.seq for row in rows] == [1, 2, 3, 4]
        assert b"Secret" not in b"".join(encoded(rows, found))
        assert [line.embargoed for line in lines_of(rows, found)] == [True, True, True, False]
    entitled = subscribing.find("Sharing")
    rows = store.read_rows(entitled.stream, 0, 10)
    assert len(rows) == 5 and b"".join(encoded(rows, entitled)).count(b"Secret") == 3


def test_streams_that_nobody_has_any_more_are_forgotten(home: Any) -> None:
    from dateline.delivery import store, subscribing

    found = subscribing.subscribe("Quay", Terms())
    make_wire(10)
    fold_all()
    for wanted in (WORLD, SPORT, Filter(), WORLD):
        found = subscribing.change(found, Terms(wanted=wanted))
        fold_all()
        make_wire(3, seed=len(rows_of(found.stream)))
        fold_all()
    assert len(store.streams()) == 1


def test_a_kill_that_jumped_can_be_sent_again_and_what_comes_anyway_is_not_sent_twice(home: Any) -> None:
    from django.db import transaction

    from dateline.delivery import store, subscribing
    from dateline.delivery.push import _Done, _due, _write
    from dateline.delivery.store import Attempt
    from dateline.wire.append import append

    found = subscribing.subscribe("Quay", Terms(url="https://quay.example/wire"))
    made = append(Act.PUBLISH, NewsItem(headline="First"))
    append(Act.UPDATE, NewsItem(uri=made.uri, headline="Second"), note="More.")
    append(Act.KILL, uri=append(Act.PUBLISH, NewsItem(headline="Forged")).uri, note="Forged.")
    fold_all()
    with transaction.atomic():
        store.keep_ahead(found.id, 4)
    assert subscribing.send_again(found, 4, 4) == 1
    assert [line.seq for line in _due(found.id).lines] == [4]
    with transaction.atomic():
        store.end_again(found.id, 4)
        store.move_cursor(found.id, 2, "now")
    # A range that was asked for, then everything: the range comes in its turn, and is taken for no hold.
    subscribing.send_again(found, 2, 2)
    subscribing.send_again(found, 1)
    _write([_Done(Attempt(found.id, 2, "now", 1, 204, ""), 0, acknowledged=True, out_of_turn=True)])
    assert not store.read_ahead(found.id)
    due = _due(found.id)
    assert [line.seq for line in due.lines] == [4]
    due = _due(found.id, frozenset({4}))
    assert [(line.seq, line.withdrawn) for line in due.lines] == [(1, 0), (2, 0), (3, 4), (4, 0)]
    with pytest.raises(DeliveryError, match="nothing from 5 to 3"):
        subscribing.send_again(found, 5, 3)


def test_a_host_key_is_kept_for_the_server_that_showed_it_only(home: Any) -> None:
    from dateline.delivery import subscribing

    used = subscribing.subscribe("Quay", Terms(url="sftp://wire@a.example/in", options={"password": "x"}))
    subscribing.change(used, Terms(url="sftp://wire@b.example/in", options={"password": "x"}))
    subscribing.keep_option(used, "host_key", "SHA256:old")
    assert "host_key" not in subscribing.find("Quay").way
    now = subscribing.find("Quay")
    for key in ("SHA256:first", "SHA256:second"):
        subscribing.keep_option(now, "host_key", key)
    assert subscribing.find("Quay").way["host_key"] == "SHA256:first"


def test_topics_are_codes_and_a_beginning_is_one(home: Any) -> None:
    from dateline.delivery import subscribing

    with pytest.raises(DeliveryError, match="eight digits"):
        subscribing.subscribe("Quay", Terms(wanted=Filter(topics=("politics",))))
    with pytest.raises(DeliveryError, match="not both"):
        subscribing.subscribe("Quay", Terms(begins="2030-01-01T00:00:00.000000Z"), from_start=True)


def test_a_secret_comes_with_the_first_webhook_and_options_go_with_their_way(home: Any) -> None:
    from dateline.delivery import subscribing

    found = subscribing.subscribe("Quay", Terms())
    assert not found.secrets
    terms = subscribing.terms_of(found)
    found = subscribing.change(found, msgspec.structs.replace(terms, url="https://quay.example/wire"))
    assert found.secrets.startswith("whsec_")
    kept = subscribing.change(found, msgspec.structs.replace(subscribing.terms_of(found), contact="Ann"))
    assert (kept.secrets, kept.contact) == (found.secrets, "Ann")


def test_names_that_differ_in_capitals_only_are_one_name(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.errors import TakenName

    quay = subscribing.subscribe("Daily Quay", Terms())
    post = subscribing.subscribe("Straße", Terms())
    for name in ("daily quay", "DAILY  QUAY ", "STRASSE"):
        with pytest.raises(TakenName, match=r"There is a subscription '(Daily Quay|Straße)' already"):
            subscribing.subscribe(name, Terms())
    with pytest.raises(TakenName):
        subscribing.rename(post, "daily quay")
    assert subscribing.rename(quay, "DAILY QUAY").name == "DAILY QUAY"
    # Two that there are from before can be changed, each under its own name.
    store.set_fields(post.id, name="daily quay")
    assert subscribing.rename(subscribing.find("daily quay"), "daily quay").name == "daily quay"


def test_a_subscription_cannot_end_before_now_but_one_that_ended_can_be_changed(home: Any) -> None:
    from dateline.delivery import store, subscribing
    from dateline.delivery.errors import BadPeriod

    past = "2020-01-01T00:00:00.000000Z"
    with pytest.raises(BadPeriod, match="ended already"):
        subscribing.subscribe("Quay", Terms(ends=past))
    found = subscribing.subscribe("Quay", Terms())
    with pytest.raises(BadPeriod, match="ended already"):
        subscribing.change(found, Terms(ends=past))
    store.set_fields(found.id, ends=past)
    ended = subscribing.find("Quay")
    changed = subscribing.change(ended, msgspec.structs.replace(subscribing.terms_of(ended), contact="Ada, desk"))
    assert (changed.contact, changed.ends) == ("Ada, desk", past)
    assert subscribing.change(changed, Terms(ends="2999-01-01T00:00:00.000000Z")).ends > past
