"""Readers' alerts: who is mailed of what, decided purely; a batch written down before the next; ten thousand readers."""

import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from dateline.delivery.alerts import readers, send, store
from dateline.delivery.alerts.fold import NEWS_FOR, AlertFold, worth
from dateline.delivery.alerts.hand_over import Handed, Said
from dateline.delivery.alerts.send import Sender
from dateline.delivery.filter import Filter
from dateline.delivery.limits import Buckets, client_of
from dateline.news.acts import Act
from dateline.news.item import PubStatus
from dateline.wire import store as wire
from dateline.wire.append import append
from tests.mailbox import Mailbox, link_in
from tests.outlets import publish, story

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    found = Mailbox()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
    settings.OPTIONS = {**settings.OPTIONS, "SMTP": f"smtp://127.0.0.1:{found.port}"}
    yield found
    found.stop()


@pytest.fixture
def sender(mailbox: Mailbox) -> Sender:
    found = Sender(lambda: False)
    run(found)
    return found


def run(sender: Sender) -> None:
    """Let the sender do all that there is to do."""
    for _ in range(500):
        if not sender.step():
            return
    raise AssertionError("it never comes to an end")


def add(address: str, **wanted: Any) -> None:
    with transaction.atomic():
        store.insert_reader(
            address, store.choice_of(readers.text_of(Filter(**wanted))), wire.head_seq(), "salt", "2026-01-01T00:00:00Z"
        )


def test_what_is_still_worth_a_mail() -> None:
    now, late = timedelta(0), NEWS_FOR + timedelta(seconds=1)
    for age in (now, late, timedelta(days=400)):
        assert worth(Act.KILL, PubStatus.CANCELED, age).follows
        assert worth(Act.CORRECT, PubStatus.USABLE, age).follows
        assert worth(Act.HOLD, PubStatus.WITHHELD, age).follows
    assert worth(Act.PUBLISH, PubStatus.USABLE, now).fresh and not worth(Act.PUBLISH, PubStatus.USABLE, late)
    released = worth(Act.RELEASE, PubStatus.USABLE, late)
    assert released.follows and not released.fresh
    # What was withdrawn since is sent by nobody; a hold that has ended is no news.
    for act in (Act.PUBLISH, Act.RELEASE, Act.CORRECT):
        assert not worth(act, PubStatus.CANCELED, now) and not worth(act, PubStatus.WITHHELD, now)
    assert not worth(Act.HOLD, PubStatus.USABLE, now) and not worth(Act.HOLD, PubStatus.CANCELED, now)


def test_a_kill_is_told_also_to_who_was_mailed_and_chose_anew_and_to_nobody_else(
    sender: Sender, mailbox: Mailbox
) -> None:
    add("first@reader.example", urgency=1)
    uri = publish("Bridge has fallen", urgency=1).uri
    run(sender)
    readers.ask("first@reader.example", Filter(sections=("sport",)))
    run(sender)
    token = link_in(mailbox.to("first@reader.example")[-1], "confirm").split("/")[-2]
    assert readers.confirm(token) == Filter(sections=("sport",))
    add("second@reader.example")
    append(Act.KILL, uri=uri, note="It stands.")
    run(sender)
    assert mailbox.subjects("first@reader.example")[-1].startswith("Withdrawn")
    assert not mailbox.subjects("second@reader.example")


def test_a_killed_text_leaves_no_more_while_its_mails_are_under_way(
    sender: Sender, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "_BATCH", 2)
    for number in range(5):
        add(f"r{number}@reader.example")
    uri = publish("Forged").uri
    # Looked at, and one batch is out.
    while not mailbox.got:
        sender.step()
    assert len(mailbox.got) == 2
    append(Act.KILL, uri=uri, note="Forged.")
    run(sender)
    assert [str(mail["Subject"]).partition(":")[0] for mail in mailbox.got] == ["Forged", "Forged"] + ["Withdrawn"] * 2
    assert {mail["To"] for mail in mailbox.got} == {"r0@reader.example", "r1@reader.example"}


def test_a_crash_repeats_one_batch_at_most_under_the_same_ids(
    sender: Sender, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "_BATCH", 3)
    for number in range(9):
        add(f"r{number}@reader.example")
    publish("Harbour reopens")

    def crash(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(send, "_note", crash)
        with pytest.raises(KeyboardInterrupt):
            run(sender)
    assert len(mailbox.got) == 3
    run(Sender(lambda: False))
    ids = [mail["Message-ID"] for mail in mailbox.got]
    assert len(ids) == 12 and len(set(ids)) == 9 and ids[:3] == ids[3:6]


def test_what_was_mailed_is_written_down_before_more_is(
    sender: Sender, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("reader@reader.example")
    publish("Harbour reopens")
    tries = iter(range(3))

    def failing(*args: Any) -> None:
        if next(tries) < 2:
            raise sqlite3.OperationalError("database or disk is full")
        note(*args)

    note = send._note
    monkeypatch.setattr(send, "_note", failing)
    run(sender)
    assert len(mailbox.got) == 1, "the mail did not go out again while the disk was full"


def test_old_news_is_dropped_with_a_line_and_no_kill_ever_is(
    sender: Sender, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add("reader@reader.example")
    uri = publish("First").uri
    run(sender)
    mailbox.stop()
    publish("Second")
    append(Act.CORRECT, story("First, mended", uri=uri), note="Wrong.")
    sender.step()
    assert "Alerts wait" in caplog.text
    append(Act.KILL, uri=uri, note="Forged.")

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(UTC) + NEWS_FOR * 2

    monkeypatch.setattr(send, "datetime", Later)
    mailbox.start()
    sender = Sender(lambda: False)
    run(sender)
    assert [subject.partition(":")[0] for subject in mailbox.subjects("reader@reader.example")] == [
        "First",
        "Withdrawn",
    ]
    assert "The alert of dispatch 2 was dropped: it is older than 1:00:00" in caplog.text
    monkeypatch.setattr("dateline.delivery.alerts.fold.datetime", Later)
    publish("Third")
    run(sender)
    assert "(older than 1:00:00) were dropped: 1" in caplog.text


def test_an_address_that_is_refused_for_long_is_forgotten_and_a_server_that_refuses_all_forgets_none(
    sender: Sender, mailbox: Mailbox
) -> None:
    for name in ("a", "b", "c"):
        add(f"{name}@reader.example")
    mailbox.codes = dict.fromkeys([f"{name}@reader.example" for name in "abc"], "554 relay access denied")
    publish("Nobody gets it")
    run(sender)
    assert [found.refused for name in "abc" if (found := store.find_reader(f"{name}@reader.example"))] == [0, 0, 0]
    mailbox.codes = {"a@reader.example": "550 no such user"}
    for number in range(6):
        publish(f"Item {number}")
        run(sender)
    assert store.find_reader("a@reader.example"), "not within a day"
    with transaction.atomic():
        wire.sql().execute("UPDATE delivery_reader SET refused_at = '2026-01-01T00:00:00.000000Z' WHERE refused > 0")
    publish("Last")
    run(sender)
    assert store.find_reader("a@reader.example") is None and store.find_reader("b@reader.example")


def test_a_connection_that_breaks_at_one_mail_holds_up_no_other(
    sender: Sender, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        add(f"{name}@reader.example")
    mailbox.codes = {"a@reader.example": "421 closing"}
    publish("Harbour reopens")
    run(sender)
    assert not mailbox.got and sender._down[0] == 1
    sender._down = (1, 0.0)
    run(sender)
    assert mailbox.subjects("b@reader.example") == ["Harbour reopens"]
    assert store.read_again("2999-01-01T00:00:00.000000Z", 10) is not None


def test_sign_ups_are_forgotten_after_two_days(sender: Sender, mailbox: Mailbox) -> None:
    readers.ask("reader@reader.example", Filter())
    run(sender)
    token = link_in(mailbox.got[0], "confirm").split("/")[-2]
    with transaction.atomic():
        old = (datetime.now(UTC) - timedelta(days=2, seconds=1)).isoformat().replace("+00:00", "Z")
        wire.sql().execute("UPDATE delivery_asked SET at = ?", (old,))
    assert readers.find_asked(token) is None and readers.confirm(token) is None
    run(Sender(lambda: False))
    assert wire.sql().execute("SELECT count(*) FROM delivery_asked").fetchone() == (0,)


def test_a_flood_of_sign_ups_from_everywhere_is_turned_away(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_ALL_AN_HOUR", 5)
    for number in range(5):
        readers.ask(f"r{number}@reader.example", Filter())
    with pytest.raises(readers.Busy, match="Try again in an hour"):
        readers.ask("more@reader.example", Filter())


def test_the_key_of_the_stop_links_is_its_owners_alone_and_lasts(sender: Sender, settings: Any) -> None:
    add("reader@reader.example")
    token = readers.stop_token(1, "salt")
    path = settings.DATELINE_HOME / "keys" / readers.KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    readers._key.cache_clear()
    assert readers.stop_token(1, "salt") == token and readers.find_reader(token)
    assert readers.stop_token(1, "other") != token
    for forged in ("", "1", "1-", token + "0", token.upper(), "2" + token[1:], "٣-" + token[2:], "1-ü"):
        assert readers.find_reader(forged) is None


def test_nothing_of_a_reader_stays_when_they_stop(sender: Sender, mailbox: Mailbox, settings: Any) -> None:
    add("Nobody.Else@reader.example")
    readers.ask("nobody.else@reader.example", Filter(urgency=1))
    run(sender)
    assert readers.stop(readers.stop_token(1, "salt"))
    wire.sql().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"obody.else" not in (settings.DATELINE_HOME / "wire.sqlite3").read_bytes().lower()


def test_an_address_outside_ascii_has_its_domain_translated() -> None:
    assert readers.address_of(" reader@bücher.example ") == "reader@xn--bcher-kva.example"
    with pytest.raises(readers.BadAddress):
        readers.address_of("ünde@reader.example")


def test_buckets_fill_again_and_count_a_network_as_one_client() -> None:
    now = [0.0]
    bucket = Buckets(rate_s=0.5, burst=2, clock=lambda: now[0])
    assert [bucket.take("a"), bucket.take("a"), bucket.take("a"), bucket.take("b")] == [0, 0, 2, 0]
    now[0] = 2.0
    assert bucket.take("a") == 0 and bucket.take("a") == 2
    assert client_of("2001:db8:1:2:3::1") == client_of("2001:db8:1:2:ffff::9") != client_of("2001:db8:1:3::1")
    assert client_of("::ffff:192.0.2.1") == client_of("192.0.2.1") == "192.0.2.1"


def test_ten_thousand_readers_are_found_and_written_down_within_seconds(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        for number in range(10_000):
            wanted = Filter(sections=(f"s{number % 40}",) if number % 2 else (), urgency=(1, 3, 9)[number % 3])
            store.insert_reader(f"r{number}@reader.example", store.choice_of(readers.text_of(wanted)), 0, "salt", "")
    mailed: list[int] = []

    def take(messages: Any) -> Handed:
        mailed.append(len(messages))
        return Handed([Said.TAKEN] * len(messages))

    monkeypatch.setattr(send, "hand_over", take)
    uri = publish("Of everyone", section="s1", urgency=1).uri
    began = time.monotonic()
    run(sender)
    # All who chose no section, and one in forty of those who chose one.
    assert sum(mailed) == 5000 + 250
    append(Act.KILL, uri=uri, note="Forged.")
    run(sender)
    assert sum(mailed) == 2 * 5250
    took = time.monotonic() - began
    publish("Of few", section="s3", urgency=9)
    began = time.monotonic()
    run(sender)
    # A third of those without a section, and those of that section who want everything.
    assert sum(mailed) == 2 * 5250 + 1667 + 83
    print(f"10,500 mails written and noted in {took:.1f} s, 1,750 in {time.monotonic() - began:.2f} s")
    assert took < 60


def test_the_first_look_begins_at_the_head() -> None:
    publish("Before anyone asked")
    fold = AlertFold()
    assert fold.step() == 0 and store.read_cursor() == 1
    publish("After")
    assert fold.step() == 1
