"""The desk sees its subscribers: how far they are, who has an item, who is in trouble."""

from typing import Any

from django.urls import reverse

from dateline.news.acts import Act


def test_the_desk_shows_who_is_in_trouble_and_who_has_what_is_killed(desk: Any) -> None:
    from django.db import transaction

    from dateline.delivery import store, subscribing
    from dateline.delivery.filter import Filter
    from dateline.delivery.fold import DeliveryFold
    from dateline.delivery.subscribing import Terms
    from dateline.desk.release_story import release_story
    from dateline.wire.follow import fold

    terms = Terms(wanted=Filter(sections=("world",)), url="https://quay.example/wire")
    quay = subscribing.subscribe("Daily Quay", terms)
    story = desk.story(desk.chief)
    release_story(story, Act.PUBLISH, desk.chief)
    while fold([DeliveryFold()]):
        pass
    with transaction.atomic():
        store.move_cursor(quay.id, 1, "2026-11-25T10:00:00.000000Z")
    chief = desk.client(desk.chief)
    assert (
        "Daily Quay: has the last word, version 1"
        in chief.get(reverse("desk:release", args=[story.pk]), {"act": "kill"}).content.decode()
    )
    page = chief.get(reverse("desk:subscribers")).content.decode()
    assert "up to date" in page and "Items in world" in page
    assert "Nothing is sent to" not in chief.get("/desk/").content.decode()
    subscribing.pause(quay, "Answered 410 Gone.")
    assert "Daily Quay (Answered 410 Gone.)" in chief.get("/desk/").content.decode()
    release_story(story, Act.KILL, desk.chief, note="Forged.")
    while fold([DeliveryFold()]):
        pass
    after = chief.get(reverse("desk:release", args=[story.pk])).content.decode()
    assert "Daily Quay: lacks the last word, has version 1 (paused: Answered 410 Gone.)" in after
    reporter = desk.client(desk.reporter)
    assert reporter.get(reverse("desk:subscribers")).status_code == 302
    assert "Nothing is sent to" not in reporter.get("/desk/").content.decode()
