"""Readers' alerts with a real server and a real mail server: asked for, confirmed, mailed, followed up, stopped."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.flow.conftest import Wire
from tests.mailbox import Mailbox, link_in


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    found = Mailbox()
    yield found
    found.stop()


@pytest.fixture
def served(wire: Wire, mailbox: Mailbox) -> Wire:
    wire.env["DATELINE_SMTP"] = f"smtp://127.0.0.1:{mailbox.port}"
    wire.start()
    return wire


def until(said: Any, timeout_s: float = 20) -> None:
    end = time.monotonic() + timeout_s
    while not said():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def ask(wire: Wire, address: str, urgency: str = "all", *sections: str) -> httpx.Response:
    form = {"address": address, "urgency": urgency, "section": list(sections)}
    return httpx.post(f"{wire.url}/alerts/", data=form, timeout=20)


def sign_up(wire: Wire, mailbox: Mailbox, address: str, urgency: str = "all", *sections: str) -> None:
    before = len(mailbox.to(address))
    assert ask(wire, address, urgency, *sections).status_code == 200
    until(lambda: len(mailbox.to(address)) > before)
    answer = httpx.post(wire.url + link_in(mailbox.to(address)[-1], "confirm"), timeout=20)
    assert answer.status_code == 200 and "Your alerts begin now" in answer.text


def rows(wire: Wire, query: str) -> list[Any]:
    with sqlite3.connect(wire.home / "wire.sqlite3") as database:
        return database.execute(query).fetchall()


def test_a_reader_gets_what_they_chose_once_with_the_link_to_stop(served: Wire, mailbox: Mailbox) -> None:
    served.publish("Before", Section="World")
    served.wait_for("/sections/world/", "Before")
    served.publish("Likewise", Section="Sport")
    served.wait_for("/sections/sport/", "Likewise")
    sign_up(served, mailbox, "all@reader.example")
    sign_up(served, mailbox, "world@reader.example", "all", "world")
    sign_up(served, mailbox, "flash@reader.example", "flash")
    served.publish("Harbour reopens", Section="World", body="The harbour reopened.\n\nSecond paragraph.")
    served.publish("Cup final", Section="Sport", Urgency="1")
    uri = served.publish("Draw for the cup", Section="Sport")
    served.run("update", uri, "-", "--note", "More.", text="Headline: Draw for the cup, the list\n\nText.\n")
    served.run("advisory", "-", text="Headline: Editors, note\n\nText.\n")
    until(lambda: len(mailbox.got) == 3 + 3 + 1 + 1)
    time.sleep(1.5)
    assert mailbox.subjects("all@reader.example")[1:] == ["Harbour reopens", "Flash: Cup final", "Draw for the cup"]
    assert mailbox.subjects("world@reader.example")[1:] == ["Harbour reopens"]
    assert mailbox.subjects("flash@reader.example")[1:] == ["Flash: Cup final"]
    mail = mailbox.to("world@reader.example")[1]
    text = mail.get_content()
    assert "The harbour reopened." in text and "Second paragraph" not in text
    assert f"{served.url}/2" in text and "harbour-reopens-" in text
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].strip() == f"<{served.url}{link_in(mail, 'stop')}>"
    assert len({each["Message-ID"] for each in mailbox.got}) == len(mailbox.got)


def test_opening_the_link_confirms_nothing_and_it_works_once(served: Wire, mailbox: Mailbox) -> None:
    ask(served, "reader@reader.example", "flash")
    until(lambda: mailbox.got)
    link = link_in(mailbox.got[0], "confirm")
    for _ in range(3):
        page = served.get(link)
        assert page.status_code == 200 and "flashes, in every section" in page.text
        assert page.headers["referrer-policy"] == "no-referrer" and page.headers["cache-control"] == "no-store"
    assert not rows(served, "SELECT * FROM delivery_reader")
    token = link.split("/")[-2]
    assert token not in str(rows(served, "SELECT * FROM delivery_asked"))
    assert httpx.post(served.url + link, timeout=20).status_code == 200
    assert rows(served, "SELECT address FROM delivery_reader") == [("reader@reader.example",)]
    assert httpx.post(served.url + link, timeout=20).status_code == 404
    assert served.get(link).status_code == 404
    assert not rows(served, "SELECT * FROM delivery_asked")


def test_one_click_stops_and_forgets_the_address(served: Wire, mailbox: Mailbox) -> None:
    sign_up(served, mailbox, "reader@reader.example")
    sign_up(served, mailbox, "other@reader.example")
    served.publish("Harbour reopens")
    until(lambda: len(mailbox.got) == 4)
    link = link_in(mailbox.to("reader@reader.example")[1], "stop")
    assert "Stop, and delete my address" in served.get(link).text
    assert len(rows(served, "SELECT * FROM delivery_reader")) == 2, "a look stops nothing"
    for forged in (link[:-2] + ("0/" if link[-2] != "0" else "1/"), "/alerts/stop/1-/", "/alerts/stop/x/",
                   "/alerts/stop/99999-" + "a" * 40 + "/", "/alerts/stop/" + "9" * 400 + "/"):  # fmt: skip
        assert httpx.post(served.url + forged, timeout=20).status_code == 404
    answer = httpx.post(served.url + link, data={"List-Unsubscribe": "One-Click"}, timeout=20)
    assert answer.status_code == 200 and "Your address is deleted here" in answer.text
    assert rows(served, "SELECT address FROM delivery_reader") == [("other@reader.example",)]
    served.publish("Another")
    until(lambda: len(mailbox.to("other@reader.example")) == 3)
    time.sleep(1)
    assert len(mailbox.to("reader@reader.example")) == 2
    assert httpx.post(served.url + link, timeout=20).status_code == 404


def test_an_operator_forgets_an_address_that_its_owner_wants_forgotten(served: Wire, mailbox: Mailbox) -> None:
    sign_up(served, mailbox, "reader@reader.example")
    assert "readers: 1," in served.run("status")
    assert "is deleted" in served.run("forget", "Reader@reader.example")
    assert "not known" in served.run("forget", "reader@reader.example")
    assert "not a mail address" in served.run("forget", "reader", code=1)
    assert not rows(served, "SELECT * FROM delivery_reader")


def test_a_correction_a_hold_and_a_kill_reach_whoever_was_mailed_the_item(served: Wire, mailbox: Mailbox) -> None:
    sign_up(served, mailbox, "early@reader.example", "flash")
    uri = served.publish("Bridge has fallen", Section="World", Urgency="1")
    until(lambda: len(mailbox.to("early@reader.example")) == 2)
    # Chosen anew, what was mailed before is followed up all the same; who came later is told nothing of it.
    sign_up(served, mailbox, "early@reader.example", "urgent", "world")
    sign_up(served, mailbox, "late@reader.example", "all")
    served.run(
        "correct", uri, "-", "--note", "It was the old bridge.", text="Headline: Old bridge has fallen\n\nText.\n"
    )
    served.run("hold", uri, "--advisory", "We check it.")
    time.sleep(1.5)
    served.run("release", uri)
    time.sleep(1.5)
    served.run("kill", uri, "--advisory", "Nothing has fallen.")
    until(lambda: len(mailbox.to("early@reader.example")) == 7)
    subjects = mailbox.subjects("early@reader.example")
    assert subjects[1] == "Flash: Bridge has fallen" and subjects[3] == "Corrected: Old bridge has fallen"
    assert subjects[4].startswith("Withheld: our report of") and subjects[5] == "Released: Old bridge has fallen"
    assert subjects[6].startswith("Withdrawn: our report of") and subjects[6].endswith("in World")
    mails = mailbox.to("early@reader.example")
    assert "What was wrong: It was the old bridge." in mails[3].get_content()
    for notice in (mails[4], mails[6]):
        assert "fallen" not in str(notice["Subject"]) and "ridge has" not in notice.get_content()
    assert "Why: Nothing has fallen." in mails[6].get_content()
    assert len({mail["References"] for mail in mails[1:2] + mails[3:]}) == 1
    # The one who came within the item's first hour got it when the hold was lifted, and so the kill.
    late = mailbox.subjects("late@reader.example")
    assert late[1] == "Flash: Old bridge has fallen" and late[2].startswith("Withdrawn") and len(late) == 3


def test_archive_items_never_alert_and_embargoed_ones_when_they_open(served: Wire, mailbox: Mailbox) -> None:
    sign_up(served, mailbox, "reader@reader.example")
    at = datetime.now(UTC) + timedelta(seconds=15)
    served.publish("Budget agreed", Embargo=at.isoformat())
    killed = served.publish("Never to be seen", Embargo=(at + timedelta(hours=1)).isoformat())
    served.run("kill", killed, "--advisory", "Wrong.")
    page = served.home.parent / "page.txt"
    page.write_text(
        "World\nOld harbour story\nApril 13, 14:14\nSecond old story\nApril 13, 12:10\nThird\nApril 12, 10:00\n"
    )
    served.run("import", str(page), "--year", "2024", "--release")
    until(lambda: len(mailbox.got) == 2, 60)
    assert datetime.now(UTC) >= at
    time.sleep(1.5)
    assert mailbox.subjects("reader@reader.example")[1:] == ["Budget agreed"]


def test_a_dead_mail_server_loses_nothing_that_is_news_and_no_kill(served: Wire, mailbox: Mailbox) -> None:
    sign_up(served, mailbox, "reader@reader.example")
    uri = served.publish("First")
    until(lambda: len(mailbox.got) == 2)
    mailbox.stop()
    served.publish("Second")
    killed = served.publish("Third")
    served.run("kill", killed, "--advisory", "Wrong.")
    served.run("kill", uri, "--advisory", "Wrong.")
    until(lambda: "Alerts wait." in served.log.read_text())
    served.stop(signal.SIGKILL)
    served.start()
    mailbox.start()
    until(lambda: len(mailbox.got) == 4, 90)
    time.sleep(1.5)
    subjects = mailbox.subjects("reader@reader.example")
    assert subjects[2].startswith("Withdrawn") and subjects[3:] == ["Second"]


def test_one_refused_address_delays_nobody(served: Wire, mailbox: Mailbox) -> None:
    for name in ("a", "b", "c"):
        sign_up(served, mailbox, f"{name}@reader.example")
    mailbox.codes = {"a@reader.example": "550 no such user", "b@reader.example": "450 come again"}
    served.publish("Harbour reopens")
    until(lambda: len(mailbox.to("c@reader.example")) == 2)
    time.sleep(1)
    assert rows(served, "SELECT refused FROM delivery_reader ORDER BY id") == [(1,), (0,), (0,)]
    assert rows(served, "SELECT reader, tries FROM delivery_alert_again") == [(2, 1)]
    mailbox.codes = {}
    served.stop()
    with sqlite3.connect(served.home / "wire.sqlite3") as database:
        database.execute("UPDATE delivery_alert_again SET due = '2026-01-01T00:00:00.000000Z'")
    served.start()
    until(lambda: len(mailbox.to("b@reader.example")) == 2)
    served.publish("Another")
    until(lambda: len(mailbox.to("a@reader.example")) == 2)
    time.sleep(0.5)
    assert rows(served, "SELECT refused FROM delivery_reader ORDER BY id") == [(0,), (0,), (0,)]


BAD = ["", "reader", "reader@", "@reader.example", "reader@reader", "a b@reader.example", "a@b.example,c@d.example",
       "reader@reader.example\r\nBcc: all@reader.example", "reader@reader.example\nSubject: x", "Reader <r@reader.example>",
       '"a b"@reader.example', "reader@[127.0.0.1]", "r@reader.example\x00", "a" * 65 + "@reader.example", "a.@b.example",
       "reader@" + "a" * 64 + ".example", "ü@reader.example", "reader@-.example@", "reader@reader..example"]  # fmt: skip


def test_what_is_no_address_gets_a_sentence_and_no_mail(served: Wire, mailbox: Mailbox) -> None:
    statuses = []
    for number, address in enumerate(BAD):
        if number % 9 == 8:
            served.stop()
            served.start()  # forgives the client's rate
        answer = ask(served, address)
        statuses.append(answer.status_code)
        assert "not a mail address" in answer.text, (address, answer.status_code)
    assert set(statuses) == {400}
    answer = ask(served, "reader@reader.example", "always")
    assert answer.status_code == 400 and "Choose how urgent" in answer.text and "reader@reader.example" in answer.text
    assert ask(served, "reader@reader.example", "all", "nowhere").status_code == 400
    assert ask(served, "<script>alert(1)</script>").text.count("<script>alert") == 0
    time.sleep(1.5)
    assert not mailbox.got and not rows(served, "SELECT * FROM delivery_asked")


def test_nobody_learns_whether_an_address_is_known_and_floods_are_turned_away(served: Wire, mailbox: Mailbox) -> None:
    sign_up(served, mailbox, "known@reader.example")
    known, unknown = ask(served, "known@reader.example"), ask(served, "unknown@reader.example")
    assert known.text == unknown.text and known.status_code == unknown.status_code == 200
    until(lambda: len(mailbox.got) == 3)
    assert "You get alerts already" in mailbox.to("known@reader.example")[1].get_content()
    # One mailbox gets three such mails a day, however it is written; who asks is told nothing of it.
    for address in ("unknown@reader.example", "Unknown+a@reader.example", "unknown+b@reader.example"):
        assert ask(served, address).text == unknown.text
    with httpx.Client(base_url=served.url, timeout=20) as client:
        form = {"urgency": "all"}
        answers = [
            client.post("/alerts/", data=form | {"address": f"r{number}@reader.example"}) for number in range(1000)
        ]
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert sum(answer.status_code == 200 for answer in answers) <= 10
    # A proxy on this machine says whose request it passes on: the other readers behind it are not those.
    other = httpx.post(f"{served.url}/alerts/", data=form, headers={"X-Forwarded-For": "203.0.113.7"}, timeout=20)
    assert other.status_code == 400
    assert int(answers[-1].headers["retry-after"]) > 0 and "Too many requests" in answers[-1].text
    time.sleep(3)
    assert len(mailbox.got) <= 3 + 2 + 10
    assert sum("nknown" in mail["To"] for mail in mailbox.got) == 3


def test_a_wire_without_a_mail_server_says_that_it_sends_none(wire: Wire) -> None:
    wire.start()
    page = wire.get("/alerts/")
    assert page.status_code == 404 and "sends no alerts" in page.text
    assert ask(wire, "reader@reader.example").status_code == 404
    assert "/alerts/" not in wire.get("/").text


def test_the_newsfeed_links_to_the_alerts_where_there_are_any(served: Wire) -> None:
    assert served.get("/alerts").headers["location"] == "/alerts/"
    assert 'href="/alerts/"' in served.get("/").text
    refused = httpx.put(f"{served.url}/alerts/", content=b"x", timeout=20)
    assert refused.status_code == 405
    assert httpx.post(f"{served.url}/alerts/", content=b"x" * 200_000, timeout=20).status_code == 413


@pytest.mark.browser
def test_the_pages_work_without_a_script_and_for_everyone(served: Wire, mailbox: Mailbox, chromium: Any) -> None:
    for section in ("World", "Economy", "Sport", "Science & Technology"):
        served.publish(f"Of {section}", Section=section)
    served.wait_for("/", "Of Science")
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{served.url}/")
    page.get_by_role("link", name="Alerts by e-mail").click()
    page.get_by_label("Urgent news").check()
    page.get_by_label("World").check()
    page.get_by_label("Your e-mail address").fill("reader@reader.example")
    page.get_by_role("button").click()
    expect(page.locator("h1")).to_have_text("Look into your mail")
    until(lambda: mailbox.got)
    page.goto(served.url + link_in(mailbox.got[0], "confirm"))
    expect(page.locator("main")).to_contain_text("flashes, bulletins and urgent items, in World")
    page.get_by_role("button").click()
    expect(page.locator("h1")).to_have_text("Your alerts begin now")
    served.publish("Harbour reopens", Section="World", Urgency="2")
    until(lambda: len(mailbox.got) == 2)
    stop = served.url + link_in(mailbox.got[1], "stop")
    context.close()
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    for address in (f"{served.url}/alerts/", stop):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.goto(address)
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button").click()
    expect(page.locator("h1")).to_have_text("Your alerts have stopped")
    context.close()
