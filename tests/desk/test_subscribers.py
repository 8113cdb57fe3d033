"""The desk sees its subscribers and changes them: how far they are, who has an item, who may do what, and no secret."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from dateline.delivery import standing, store, subscribing
from dateline.delivery.filter import Filter
from dateline.delivery.fold import DeliveryFold, catch_up
from dateline.delivery.standing import Kind, Standing, kind_of
from dateline.delivery.store import Attempt, Subscription
from dateline.delivery.subscribing import Terms
from dateline.news.acts import Act
from dateline.news.codes import rfc3339
from dateline.news.item import NewsItem
from dateline.wire.append import append
from dateline.wire.follow import fold

QUAY = "https://quay.example/wire"
NEW = {"name": "Daily Quay", "urgency": "9", "way": "pull", "do": "save"}


def fold_all() -> None:
    while fold([DeliveryFold()]) or catch_up():
        pass


def publish(headline: str = "Harbour reopens", section: str = "World", act: Act = Act.PUBLISH, **more: Any) -> Any:
    return append(act, NewsItem(headline=headline, section=section, body="<p>Text.</p>"), **more)


def attempt(one: Subscription, seq: int, outcome: str = "", at: str = "") -> None:
    from django.db import transaction

    now = at or subscribing.now_text()
    with transaction.atomic():
        store.insert_attempts([Attempt(one.id, seq, now, 3, 0 if outcome else 200, outcome)])
        if not outcome:
            store.move_cursor(one.id, seq, now)


def test_the_desk_shows_who_is_in_trouble_and_who_has_what_is_killed(desk: Any) -> None:
    from dateline.desk.release_story import release_story

    quay = subscribing.subscribe("Daily Quay", Terms(wanted=Filter(sections=("world",)), url=QUAY))
    story = desk.story(desk.chief)
    release_story(story, Act.PUBLISH, desk.chief)
    fold_all()
    attempt(quay, 1)
    chief = desk.client(desk.chief)
    kill = reverse("desk:release", args=[story.pk])
    assert "Daily Quay: has the last word, version 1" in chief.get(kill, {"act": "kill"}).content.decode()
    page = chief.get(reverse("desk:subscribers")).content.decode()
    assert "up to date" in page and "Items in World" in page
    assert "stalled" not in chief.get("/desk/").content.decode()
    # A person's pause has its reason and calls nobody; trouble does.
    subscribing.pause(quay, "They move house.")
    assert "stalled" not in chief.get("/desk/").content.decode()
    assert "paused: They move house" in chief.get(reverse("desk:subscribers")).content.decode()
    attempt(quay, 1, "Answered 410 Gone.")
    subscribing.pause(quay, "Answered 410 Gone.")
    queue = chief.get("/desk/").content.decode()
    assert "1 subscriber has stalled" in queue and "stopped: Answered 410 Gone" in queue
    release_story(story, Act.KILL, desk.chief, note="Forged.")
    fold_all()
    after = chief.get(kill).content.decode()
    assert "Daily Quay: lacks the last word, has version 1 (paused: Answered 410 Gone.)" in after
    who = chief.get(reverse("desk:dispatch", args=[2])).content.decode()
    assert "1 of 1 lacks it" in who and "lacks the kill" in who
    attempt(quay, 2)
    who = chief.get(reverse("desk:dispatch", args=[2])).content.decode()
    assert "The one it is for has it" in who and "lacks the kill" not in who
    reporter = desk.client(desk.reporter)
    assert "stalled" not in reporter.get("/desk/").content.decode()


NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def doing(url: str = "", waits: int = 1, ago: timedelta = timedelta(0), said: str = "", **fields: Any) -> Kind:
    sent = rfc3339(NOW - ago, micros=True)
    one = Subscription(
        id=1, name="", contact="", stream=1, since=0, headlines=0, url=url, secrets="", cursor=0,
        **{"ends": "", "paused": "", "seen": "", "made": "", **fields},
    )  # fmt: skip
    return kind_of(Standing(subscription=one, wanted=Filter(), waits=waits, first=1, sent=sent, said=said), NOW)


def test_a_push_stalls_after_a_quarter_of_an_hour_and_a_pull_after_a_day() -> None:
    minute = timedelta(minutes=1)
    assert doing(QUAY, ago=14 * minute) is Kind.WAITING
    assert doing(QUAY, ago=14 * minute, said="No answer.") is Kind.FAILING
    assert doing(QUAY, ago=15 * minute) is Kind.STALLED
    assert doing(ago=23 * 60 * minute) is Kind.WAITING
    assert doing(ago=24 * 60 * minute) is Kind.STALLED
    assert doing(waits=0, ago=48 * 60 * minute) is Kind.FINE
    # It takes what waits, as one does that begins with the first dispatch, or is sent much again.
    seen = rfc3339(NOW - minute, micros=True)
    assert doing(QUAY, ago=9000 * minute, seen=seen) is Kind.WAITING
    assert doing(QUAY, ago=9000 * minute, made=seen) is Kind.WAITING
    old, ended = 9000 * minute, rfc3339(NOW - minute, micros=True)
    assert doing(QUAY, ago=old, ends=ended) is Kind.ENDED
    assert doing(QUAY, ago=old, paused="They move.") is Kind.PAUSED
    assert doing(QUAY, ago=old, paused="Gone.", said="Gone.") is Kind.STALLED
    assert doing(QUAY, ago=old, begins="2027-01-01T00:00:00.000000Z") is Kind.TO_BEGIN


def test_status_list_show_and_the_desk_say_the_same_of_who_has_stalled(desk: Any) -> None:
    from io import StringIO

    from rich.console import Console

    from dateline.delivery import report

    quay = subscribing.subscribe("Daily [red]Quay", Terms(url=QUAY), from_start=True)
    publish()
    fold_all()
    attempt(quay, 1, "No answer within 20 s.")

    def printed() -> list[str]:
        found = []
        for show in (report.print_states, report.print_subscriptions, lambda out: report.print_subscription(out, quay)):
            out = Console(file=StringIO(), width=300, highlight=False)
            show(out)
            found.append(out.file.getvalue())  # type: ignore[attr-defined]
        return found

    chief = desk.client(desk.chief)
    for text in printed():
        assert "1 waits; the last attempt: No answer within 20 s" in text and "stalled" not in text.lower()
    store.set_fields(quay.id, made="2026-01-01T00:00:00.000000Z")
    later = datetime.now(UTC) + standing.PUSH_STALLS_AFTER

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return later

    with pytest.MonkeyPatch.context() as patch:
        for module in ("report", "for_desk"):
            patch.setattr(f"dateline.delivery.{module}.datetime", Later)
        for text in printed():
            assert "stalled" in text.lower() and "took nothing since" in text and "Daily [red]Quay" in text
        assert "1 subscriber has stalled" in chief.get("/desk/").content.decode()
        assert 'data-standing="stalled"' in chief.get(reverse("desk:subscribers")).content.decode()
        # It takes something: that is no stall, whatever waits still.
        publish("Another")
        fold_all()
        attempt(quay, 1, at=rfc3339(later, micros=True))
        assert "stalled" not in chief.get("/desk/").content.decode()


def addresses(pk: int) -> list[str]:
    return [
        reverse("desk:make-subscription"), reverse("desk:change-subscription", args=[pk]),
        reverse("desk:preview-subscription"), reverse("desk:send-again-to-all"), reverse("desk:subscription", args=[pk]),
    ]  # fmt: skip


def test_only_chiefs_and_operators_who_are_not_frozen_change_anything_and_reporters_see_nothing(desk: Any) -> None:
    from dateline.desk.freezing import set_freeze

    quay = subscribing.subscribe("Daily Quay", Terms(url=QUAY))
    publish()
    fold_all()
    before = store.subscriptions()[0]
    set_freeze(desk.other_chief, True, "Stolen.", desk.chief)
    secrets = [reverse("desk:shown-once", args=[quay.id, "x"])]
    see = [
        reverse("desk:subscribers"),
        reverse("desk:subscription", args=[quay.id]),
        reverse("desk:dispatch", args=[1]),
    ]
    for person in (desk.reporter, desk.editor, desk.other_chief):
        client = desk.client(person)
        for address in addresses(quay.id):
            for do in ("save", "pause", "resume", "token", "revoke", "secret", "again"):
                data = {**NEW, "name": "Other", "do": do, "why": "x", "hours": "1", "first": "1"}
                answer = client.post(address, data)
                assert answer.status_code == 302 and "shown" not in answer["Location"]
    for address in see + secrets:
        assert desk.client(desk.reporter).get(address).status_code == 302
    for address in see:
        page = desk.client(desk.editor).get(address)
        assert page.status_code == 200
        assert not re.search('name="do"|New subscription|Send it again', page.content.decode())
        # The path of an address can be a secret; who may not change it does not see it.
        assert QUAY not in page.content.decode()
    assert store.subscriptions() == [before] and store.read_tokens(quay.id) == []
    for person in (desk.chief, desk.operator):
        page = desk.client(person).get(see[1]).content.decode()
        assert QUAY in page and 'value="pause"' in page


def make(client: Any, **fields: Any) -> Any:
    return client.post(reverse("desk:make-subscription"), {**NEW, **fields})


def secrets_in(text: str) -> list[str]:
    return re.findall(r"dl_[\w-]{20,}|whsec_[\w+/=]+", text)


def records() -> str:
    from dateline.desk.happenings import happenings

    return "\n".join(f"{row.who} {row.what} {row.about} {row.said}" for row in happenings())


def test_a_subscription_is_made_as_it_was_asked_for_and_its_secrets_are_shown_once(desk: Any) -> None:
    client = desk.client(desk.chief)
    publish("One", "World")
    answer = make(
        client, contact="desk@quay.example", sections=["world"], other_sections="Harbour & Sea", topics="11000000",
        languages="en, de-AT", urgency="3", embargoed="on", way="webhook", address="quay.example/wire/path-token",
        form="newsml-g2", ends="2030-12-31", paused="Not before Monday.",
    )  # fmt: skip
    quay = subscribing.find("Daily Quay")
    terms = subscribing.terms_of(quay)
    assert terms == Terms(
        wanted=Filter(
            sections=("harbour-and-sea", "world"), topics=("11000000",), languages=("de-AT", "en"), urgency=3,
            embargoed=True,
        ),
        contact="desk@quay.example", url="https://quay.example/wire/path-token", form="newsml-g2",
        ends=subscribing.end_of_day("2030-12-31", settings_agency()),
    )  # fmt: skip
    assert quay.paused == "Not before Monday."
    # Another account does not get to see it, and its try takes nothing away.
    assert "dl_" not in desk.client(desk.operator).get(answer["Location"]).content.decode()
    shown = client.get(answer["Location"])
    token, secret = sorted(set(secrets_in(shown.content.decode())))
    assert store.find_token(subscribing.digest_of(token), subscribing.now_text()) == quay
    assert quay.secrets == secret
    assert "no-store" in shown["Cache-Control"]
    again = client.get(answer["Location"])
    assert again.status_code == 410 and not secrets_in(again.content.decode())
    for address in [reverse("desk:subscribers"), *addresses(quay.id), reverse("desk:history"), "/desk/history.ndjson"]:
        page = client.get(address)
        text = b"".join(page.streaming_content).decode() if page.streaming else page.content.decode()
        assert not secrets_in(text), address
    said = records()
    assert "ines made a subscription Daily Quay" in said and "entitled to embargoed items: yes" in said
    assert "quay.example" in said and "path-token" not in said and not secrets_in(said)


def settings_agency() -> Any:
    from django.conf import settings

    return settings.AGENCY


WRONG = [
    ({"name": ""}, "name", "This field is required."),
    ({"name": "Night Post"}, "name", "There is a subscription &#x27;Night Post&#x27; already"),
    ({"way": "webhook", "address": ""}, "address", "Say where to"),
    ({"way": "webhook", "address": "ftp://x.example/a"}, "address", "which is another way"),
    ({"way": "webhook", "address": "https://user:pw@x.example/"}, "address", "carries no password"),
    ({"way": "webhook", "address": "https://[::1"}, "address", "is not an address"),
    ({"way": "webhook", "address": "http://x.example/"}, "address", "DATELINE_WEBHOOK_NETWORKS"),
    ({"way": "mail", "address": "desk@quay.example"}, "address", "DATELINE_SMTP"),
    ({"way": "sftp", "address": "files.example/in"}, "address", "names no user"),
    ({"way": "sftp", "address": "me:pw@files.example/in"}, "address", "password does not stand in its address"),
    ({"way": "folder", "address": "../etc"}, "address", "is not the address of a folder"),
    ({"way": "s3", "address": "bucket/in", "secret": "s"}, "key", "S3 takes nothing without it"),
    ({"way": "s3", "address": "b", "key": "k", "secret": "s", "endpoint_url": "http://x.example"}, "endpoint_url",
     "is not the https address of an S3 server"),
    ({"begins": "2030-02-01", "ends": "2030-01-31"}, "ends", "would end before it begins"),
    ({"ends": "9999-12-31"}, "ends", "is not a day"),
    ({"topics": "11000000,99"}, "topics", "There is no media topic 99"),
    ({"languages": "Deutsch!"}, "languages", "is not a language’s tag".replace("’", "&#x27;")),
    ({"other_sections": "World, ???"}, "other_sections", "is no section"),
]  # fmt: skip


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(desk: Any) -> None:
    subscribing.subscribe("Night Post", Terms())
    client = desk.client(desk.chief)
    for fields, field, sentence in WRONG:
        typed = {**NEW, "contact": "Ada, 0123", "password": "hunter-two", "urgency": "2", **fields}
        answer = client.post(reverse("desk:make-subscription"), typed)
        page = answer.content.decode()
        assert answer.status_code == 400, fields
        errors = re.search(rf'<ul class="errorlist" id="id_{field}_error">(.*?)</ul>', page, re.DOTALL)
        assert errors is not None and sentence in errors[1], (fields, page)
        for value in ("Ada, 0123", "hunter-two"):
            assert f'value="{value}"' in page
        assert re.search(r'value="2" selected', page)
    assert [one.name for one in store.subscriptions()] == ["Night Post"]
    assert "made a subscription" not in records()


def change(client: Any, pk: int, **fields: Any) -> Any:
    """Send the form as it opened, with some fields typed anew."""
    address = reverse("desk:change-subscription", args=[pk])
    form = client.get(address).context["form"]
    typed = {name: form.initial.get(name) for name in form.fields}
    return client.post(
        address, {n: v for n, v in {**typed, "do": "save", **fields}.items() if v not in (None, "", False)}
    )


def test_a_password_is_kept_until_it_is_typed_anew_and_goes_to_no_other_server(desk: Any) -> None:
    client = desk.client(desk.chief)
    make(client, way="sftp", address="wire@files.quay.example/in", password="first-word", host_key="SHA256:abc")
    quay = subscribing.find("Daily Quay")
    assert quay.way == {"password": "first-word", "host_key": "SHA256:abc"}
    page = client.get(reverse("desk:change-subscription", args=[quay.id])).content.decode()
    assert "first-word" not in page and "Kept; type to replace it" in page
    assert change(client, quay.id, contact="Ada").status_code == 302
    assert subscribing.find("Daily Quay").way["password"] == "first-word"
    assert change(client, quay.id, address="wire@files.quay.example/elsewhere").status_code == 302
    assert subscribing.find("Daily Quay").way["password"] == "first-word"
    for address in ("wire@evil.example/in", "wire@files.quay.example:2222/in", "root@files.quay.example/in"):
        refused = change(client, quay.id, address=address, host_key="SHA256:new")
        assert refused.status_code == 400 and "goes nowhere else" in refused.content.decode()
        kept = change(client, quay.id, address=address, password="second-word")
        assert kept.status_code == 400 and "the other server&#x27;s key" in kept.content.decode()
    refused = change(client, quay.id, way="ftp", address="wire@files.quay.example/in")
    assert refused.status_code == 400 and "goes nowhere else" in refused.content.decode()
    moved = change(client, quay.id, address="wire@new.example/in", password="second-word", host_key="SHA256:new")
    assert moved.status_code == 302
    assert subscribing.find("Daily Quay").way == {"password": "second-word", "host_key": "SHA256:new"}
    said = records()
    assert "-word" not in said and "password: a new one" in said and "goes to another address at new.example" in said


def test_a_change_is_from_now_on_names_what_differs_and_shows_a_new_secret_once(desk: Any) -> None:
    client = desk.client(desk.operator)
    make(client, other_sections="World")
    quay = subscribing.find("Daily Quay")
    publish("Before", "Sport")
    fold_all()
    answer = change(client, quay.id, name="The Quay", other_sections="Sport", way="webhook", address=QUAY)
    shown = client.get(answer["Location"]).content.decode()
    now = subscribing.find("The Quay")
    assert (now.id, now.secrets, now.url) == (quay.id, secrets_in(shown)[0], QUAY)
    publish("After", "Sport")
    fold_all()
    assert [row.seq for row in store.read_rows(now.stream, 0, 9)] == [2]
    assert "oda changed a subscription The Quay was Daily Quay; sections: " in records()
    assert change(client, quay.id, contact="Ada")["Location"] == reverse("desk:subscription", args=[quay.id])
    subscribing.subscribe("Night Post", Terms())
    taken = change(client, quay.id, name="Night Post")
    assert taken.status_code == 400 and "There is a subscription" in taken.content.decode()


def test_whoever_saves_over_another_s_change_is_told_first(desk: Any) -> None:
    make(desk.client(desk.operator))
    quay = subscribing.find("Daily Quay")
    client = desk.client(desk.chief)
    form = client.get(reverse("desk:change-subscription", args=[quay.id])).context["form"]
    subscribing.change(quay, Terms(contact="Someone else's word"))
    typed = {**NEW, "contact": "Ada", "seen": form.initial["seen"]}
    answer = client.post(reverse("desk:change-subscription", args=[quay.id]), typed)
    assert answer.status_code == 400 and "after you opened it" in answer.content.decode()
    assert subscribing.find("Daily Quay").contact == "Someone else's word"
    seen = re.search(r'name="seen" value="(\w+)"', answer.content.decode())
    assert seen is not None
    assert (
        client.post(reverse("desk:change-subscription", args=[quay.id]), typed | {"seen": seen[1]}).status_code == 302
    )
    assert subscribing.find("Daily Quay").contact == "Ada"


FILTERS: list[dict[str, Any]] = [
    {}, {"sections": ["world"]}, {"other_sections": "Sport"}, {"urgency": "2"}, {"embargoed": "on"},
    {"archive": "on", "sections": ["sport"]}, {"languages": "de"},
]  # fmt: skip


def test_the_preview_shows_what_would_have_matched_by_the_part_and_by_the_button(desk: Any) -> None:
    now = datetime.now(UTC)
    for number in range(24):
        section = ("World", "Sport")[number % 2]
        item = NewsItem(
            headline=f"Item {number}", section=section, urgency=1 + number % 9, body="<p>T.</p>", language="en"
        )
        append(Act.PUBLISH, item)
    append(Act.PUBLISH, NewsItem(headline="Marked", embargoed=now + timedelta(hours=1), body="<p>T.</p>"))
    append(
        Act.ARCHIVE,
        NewsItem(headline="Old", section="Sport", content_created=now - timedelta(days=900), body="<p>T.</p>"),
    )
    client = desk.client(desk.chief)
    for typed in FILTERS:
        sections = tuple(typed.get("sections", [])) + (
            (typed["other_sections"].lower(),) if "other_sections" in typed else ()
        )
        wanted = Filter(
            sections=sections, urgency=int(typed.get("urgency", 9)), embargoed="embargoed" in typed,
            archive="archive" in typed, languages=("de",) if "languages" in typed else (),
        )  # fmt: skip
        expected = [row.seq for row in subscribing.would_have_matched(wanted)]
        part = client.post(reverse("desk:preview-subscription"), {"urgency": "9", **typed}).content.decode()
        # Looked at before it has a name, with no JavaScript: the whole page again, and nothing is refused.
        whole = client.post(reverse("desk:make-subscription"), {"urgency": "9", "way": "sftp", **typed, "do": "show"})
        for text in (part, whole.content.decode().partition('id="matched"')[2]):
            assert [int(seq) for seq in re.findall(r'desk-quiet">(\d+) ·', text)] == expected
            assert ("perhaps more" in text) == (len(expected) == 20)
        assert whole.status_code == 200 and "errorlist" not in whole.content.decode()
        assert 'value="sftp"' in whole.content.decode()
    assert "is not a language" in client.post(
        reverse("desk:preview-subscription"), {"urgency": "9", "languages": "!"}
    ).content.decode()  # fmt: skip
    assert store.subscriptions() == []


def do(client: Any, pk: int, what: str, **fields: str) -> Any:
    return client.post(reverse("desk:subscription", args=[pk]), {"do": what, **fields})


def test_tokens_overlap_and_end_and_the_signing_secret_rotates(desk: Any) -> None:
    client = desk.client(desk.chief)
    make(client, way="webhook", address=QUAY)
    quay = subscribing.find("Daily Quay")
    first = subscribing.issue_token(quay)

    def works(token: str, ahead: timedelta = timedelta(0)) -> bool:
        at = rfc3339(datetime.now(UTC) + ahead, micros=True)
        return store.find_token(subscribing.digest_of(token), at) is not None

    answer = do(client, quay.id, "token", hours="2")
    page = client.get(answer["Location"]).content.decode()
    second = secrets_in(page)[0]
    assert not secrets_in(client.get(answer["Location"]).content.decode())
    assert works(first, timedelta(minutes=119)) and not works(first, timedelta(minutes=121)) and works(second)
    for hours in ("", "-1", "two", "9" * 30, "8761"):
        wrong = do(client, quay.id, "token", hours=hours)
        assert wrong.status_code == 400 and "hours" in wrong.content.decode() and "errorlist" in wrong.content.decode()
    assert len(store.read_tokens(quay.id)) == 3
    assert do(client, quay.id, "revoke").status_code == 302
    assert not works(first) and not works(second)
    answer = do(client, quay.id, "secret")
    rotated = secrets_in(client.get(answer["Location"]).content.decode())[0]
    assert store.subscriptions()[0].secrets.split() == [rotated, quay.secrets]
    said = records()
    for words in (
        "gave a token Daily Quay the ones before it end after 2 h",
        "revoked all tokens",
        "rotated a signing",
    ):
        assert f"ines {words}" in said
    assert not secrets_in(said)
    subscribing.change(store.subscriptions()[0], Terms())
    assert "shown" not in do(client, quay.id, "secret")["Location"]


def test_pause_has_a_reason_and_resume_goes_on(desk: Any) -> None:
    client = desk.client(desk.chief)
    make(client, way="webhook", address=QUAY)
    quay = subscribing.find("Daily Quay")
    nothing = do(client, quay.id, "pause", why=" ")
    assert nothing.status_code == 400 and "Say why" in nothing.content.decode()
    do(client, quay.id, "pause", why="They move <b>house</b>.")
    assert store.subscriptions()[0].paused == "They move <b>house</b>."
    assert "<b>house" not in client.get(reverse("desk:subscription", args=[quay.id])).content.decode()
    do(client, quay.id, "resume")
    assert store.subscriptions()[0].paused == ""
    assert "ines paused a subscription Daily Quay They move" in records() and "resumed a subscription" in records()
    assert do(client, quay.id, "nonsense").status_code == 302


def test_what_is_sent_again_is_said_before_and_is_what_is_sent(desk: Any) -> None:
    client = desk.client(desk.chief)
    terms = Terms(wanted=Filter(sections=("world",)), url=QUAY)
    quay, post = (subscribing.subscribe(name, terms) for name in ("Daily Quay", "Night Post"))
    pulls = subscribing.subscribe("Harbour Radio", Terms())
    for number in range(6):
        publish(f"Item {number}", "World" if number != 2 else "Sport")
    fold_all()
    for seq in (1, 2, 4):
        attempt(quay, seq)
    attempt(post, 1)
    page = client.get(reverse("desk:send-again", args=[quay.id]), {"first": "2", "last": "5"}).content.decode()
    assert "2 dispatches that Daily Quay has acknowledged go out once more" in page
    assert "1 of the range still waits for it and comes anyway" in page
    assert re.findall(r'desk-quiet">(\d+) ·', page) == ["2", "4", "5"]
    do(client, quay.id, "again", first="2", last="5")
    assert [row.seq for row in store.read_again(store.subscriptions()[0], 9)] == [2, 4]
    page = client.get(reverse("desk:send-again", args=[quay.id]), {"first": "4"}).content.decode()
    assert "1 that it has acknowledged, and 2 that still wait for it" in page
    do(client, quay.id, "again", first="4")
    assert store.subscriptions()[0].cursor == 3
    # To all, from the list, or from the dispatch of a kill.
    every = reverse("desk:send-again-to-all")
    page = client.get(every, {"first": "1", "last": "1"}).content.decode()
    assert "2 dispatches to 2 subscribers" in page and "Harbour Radio" not in page
    assert client.post(every, {"first": "1", "last": "1"}).status_code == 302
    assert [row.seq for row in store.read_again(post, 9)] == [1]
    assert f"{every}?first=1&amp;last=1" in client.get(reverse("desk:dispatch", args=[1])).content.decode()
    assert "ines sent again Night Post dispatches 1 to 1" in records()
    for first, last in (("", ""), ("0", ""), ("5", "4"), ("x", "y"), ("9" * 40, "")):
        for answer in (
            client.get(reverse("desk:send-again", args=[quay.id]), {"first": first, "last": last}),
            client.post(every, {"first": first, "last": last}), do(client, quay.id, "again", first=first, last=last),
        ):  # fmt: skip
            assert answer.status_code == 400 and "errorlist" in answer.content.decode()
    assert client.get(every, {"first": "1", "last": "20000"}).status_code == 400
    assert client.get(reverse("desk:send-again", args=[pulls.id]), {"first": "1"}).status_code == 302


def test_the_ledger_is_paged_and_the_list_is_searched(desk: Any) -> None:
    client = desk.client(desk.editor)
    quay = subscribing.subscribe("Daily Quay", Terms(url=QUAY, contact="Ada Marsh"))
    subscribing.subscribe("Harbour Radio", Terms())
    publish()
    fold_all()
    for number in range(120):
        attempt(quay, 1, f"Failed {number}.")
    address, seen = reverse("desk:subscription", args=[quay.id]), []
    query: dict[str, str] = {}
    while True:
        page = client.get(address, query).content.decode()
        seen += [int(number) for number in re.findall(r'desk-refused">Failed (\d+)\.', page)]
        older = re.search(r'href="\?before=(\d+)', page)
        if older is None:
            break
        query = {"before": older[1]}
    assert seen == list(range(119, -1, -1))
    listing = reverse("desk:subscribers")
    assert "100 or more failed in a row" in client.get(listing).content.decode()
    for query, names in (
        ({"q": "ada"}, {"Daily Quay"}), ({"q": "quay.example"}, {"Daily Quay"}), ({"state": "trouble"}, {"Daily Quay"}),
        ({"way": "pull"}, {"Harbour Radio"}), ({"state": "failing", "way": "pull"}, set()), ({}, {"Daily Quay", "Harbour Radio"}),
    ):  # fmt: skip
        page = client.get(listing, query).content.decode()
        assert {name for name in ("Daily Quay", "Harbour Radio") if f">{name}</a>" in page} == names


def test_the_list_and_the_alerts_cost_as_many_queries_for_two_hundred_as_for_two(desk: Any) -> None:
    from django.db import connection

    def queries(address: str, client: Any) -> int:
        count = 0

        def counted(text: str) -> None:
            nonlocal count
            count += text.startswith(("SELECT", "\n    SELECT", "\n        SELECT"))

        client.get(address)
        connection.connection.set_trace_callback(counted)
        client.get(address)
        connection.connection.set_trace_callback(None)
        return count

    client = desk.client(desk.chief)
    publish()
    for number in range(2):
        subscribing.issue_token(subscribing.subscribe(f"Client {number}", Terms(url=QUAY), from_start=True))
    fold_all()
    pages = ("/desk/", reverse("desk:subscribers"), reverse("desk:dispatch", args=[1]))
    few = [queries(page, client) for page in pages]
    for number in range(2, 200):
        terms = Terms(url=QUAY, wanted=Filter(urgency=1 + number % 9))
        subscribing.issue_token(subscribing.subscribe(f"Client {number}", terms, from_start=True))
    fold_all()
    assert [queries(page, client) for page in pages] == few


BAD = ["", "\x00", "x" * 20_000, "-1", "9" * 30, "<script>alert(1)</script>", "' OR 1=1 --", "²", "9" * 5000, "\ud7ff\U0010ffff", "%s%n",
       "https://[", "https://x\r\nHost: y", "file:../../x", "2026-13-45", "a,b;c|d", "sftp://u@h:99999/x", "mailto:"]  # fmt: skip


def test_hostile_input_gets_a_sentence_and_is_never_a_fault_of_ours(desk: Any) -> None:
    client = desk.client(desk.chief)
    quay = subscribing.subscribe("Daily Quay", Terms(url=QUAY))
    publish()
    fold_all()
    names = ["name", "contact", "sections", "other_sections", "topics", "languages", "urgency", "headlines", "way", "address",
             "password", "host_key", "key", "secret", "endpoint_url", "region", "form", "begins", "from_start", "ends",
             "paused", "seen", "why", "hours", "first", "last"]  # fmt: skip
    ways = ("pull", "webhook", "mail", "sftp", "ftps", "ftp", "s3", "folder")
    for value in BAD:
        for address in addresses(quay.id):
            for what in ("save", "show", "again", "token", "pause", value):
                answer = client.post(address, dict.fromkeys(names, value) | {"do": what})
                assert answer.status_code < 500 and b"<script>alert(1)" not in answer.content
        for way in ways:
            typed = {
                **NEW,
                "name": f"{way} {value[:50]}",
                "way": way,
                "address": value,
                "endpoint_url": value,
                "key": "k",
            }
            answer = client.post(reverse("desk:make-subscription"), typed | {"secret": "s", "host_key": value})
            assert answer.status_code < 500
        query = dict.fromkeys(("q", "state", "way", "page", "before", "first", "last"), value)
        for address in (reverse("desk:subscribers"), *addresses(quay.id), reverse("desk:send-again", args=[quay.id])):
            answer = client.get(address, query)
            assert answer.status_code < 500 and b"<script>alert(1)" not in answer.content
    for pk in (0, 999, 2**63, 10**30):
        for name in ("subscription", "change-subscription", "send-again", "dispatch"):
            assert client.get(reverse(f"desk:{name}", args=[pk])).status_code == 404
        assert client.get(reverse("desk:shown-once", args=[pk, "x"])).status_code == 410


def test_a_wire_that_is_there_already_gives_its_chiefs_and_operators_the_right_once(home: Path) -> None:
    from django.contrib.auth.models import Group, Permission
    from django.core.management import call_command

    def who() -> list[str]:
        return sorted(Group.objects.filter(permissions__codename="manage_subscribers").values_list("name", flat=True))

    assert who() == ["Chiefs", "Operators"]
    call_command("migrate", "desk", "0003", verbosity=0)
    Permission.objects.filter(codename="manage_subscribers").delete()
    assert who() == []
    call_command("migrate", verbosity=0)
    assert who() == ["Chiefs", "Operators"]
    Group.objects.get(name="Operators").permissions.remove(Permission.objects.get(codename="manage_subscribers"))
    call_command("migrate", verbosity=0)
    assert who() == ["Chiefs"]
