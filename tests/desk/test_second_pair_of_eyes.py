"""Ways round the second pair of eyes that a review found; each is closed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from dateline.news.acts import Act
from dateline.wire import store


def release(*args: Any, **options: Any) -> Any:
    from dateline.desk.release_story import release_story

    return release_story(*args, **options)


def refused() -> Any:
    from dateline.desk.errors import ReleaseRefused

    return ReleaseRefused


def test_what_was_typed_while_an_older_version_waited_for_its_time_still_has_its_author(desk: Any) -> None:
    from dateline.desk.approve_story import approve, ask_for_approval
    from dateline.desk.asking import ask
    from dateline.desk.schedule_story import release_due, schedule_story

    story = desk.story(desk.chief)
    made = schedule_story(story, Act.PUBLISH, desk.chief, datetime.now(UTC) + timedelta(seconds=60))
    story = desk.change(story, desk.chief, headline="War declared", urgency=1)
    type(made).objects.filter(pk=made.pk).update(due=datetime.now(UTC))
    release_due()
    assert store.head_seq() == 1
    story = desk.change(story, desk.reporter, slugline="war")
    with pytest.raises(refused(), match="second pair"):
        release(story, Act.UPDATE, desk.chief, note="More.")
    asked = ask_for_approval(story, Act.UPDATE, desk.chief, note="More.")
    with pytest.raises(refused(), match="yourself"):
        approve(asked, desk.chief, seen=ask(story, Act.UPDATE, desk.chief).digest)
    assert store.head_seq() == 1


def test_nobody_approves_what_they_asked_for_themselves(desk: Any) -> None:
    from dateline.desk.approve_story import approve, ask_for_approval
    from dateline.desk.asking import ask

    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    story = desk.story(embargoed=until)
    release(story, Act.PUBLISH, desk.editor)
    story = desk.change(story, desk.reporter, embargoed=until - timedelta(days=1))
    asked = ask_for_approval(story, Act.UPDATE, desk.chief, note="Earlier.")
    with pytest.raises(refused(), match="yourself"):
        approve(asked, desk.chief, seen=ask(story, Act.UPDATE, desk.chief).digest)
    urgent = desk.story(desk.reporter, urgency=1)
    release(urgent, Act.PUBLISH, desk.chief)
    asked = ask_for_approval(urgent, Act.REFILE, desk.chief, note="A new claim in the note.")
    with pytest.raises(refused(), match="yourself"):
        approve(asked, desk.chief, seen=ask(urgent, Act.REFILE, desk.chief).digest)
    assert store.head_seq() == 2


def test_the_database_refuses_ones_own_approval_too(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import IntegrityError

    from dateline.desk import release_story as door
    from dateline.desk.asking import person_of
    from dateline.desk.release_rules import Verdict

    urgent = desk.story(desk.reporter, urgency=1)
    release(urgent, Act.PUBLISH, desk.chief)
    monkeypatch.setattr(door, "judge", lambda case: Verdict(seen_by=person_of(desk.chief, case.act)))
    with pytest.raises(IntegrityError, match="second pair"):
        release(urgent, Act.REFILE, desk.chief, note="A new claim in the note.")


def test_a_comma_does_not_make_anothers_story_ones_own_to_kill(desk: Any) -> None:
    story = desk.story()
    release(story, Act.PUBLISH, desk.editor)
    story = desk.change(story, desk.chief, slugline="x")
    with pytest.raises(refused(), match="another's story"):
        release(story, Act.KILL, desk.chief, note="Mine now.")


def test_a_schedule_is_for_the_text_that_was_looked_at(desk: Any) -> None:
    story = desk.story(urgency=1)
    answer = desk.client(desk.chief).post(
        reverse("desk:release", args=[story.pk]),
        {"act": "publish", "do": "schedule", "seen": "0" * 64, "due": "2027-01-01T10:00"},
    )
    assert answer.status_code == 409
    assert story.schedules.count() == 0


def test_a_form_that_is_not_whole_freezes_and_thaws_nobody(desk: Any) -> None:
    from dateline.desk.models import Freeze

    client = desk.client(desk.chief)
    for form in ({"user": "nobody", "do": "freeze"}, {}, {"user": "²", "do": "freeze"}, {"do": "x"}):
        client.post(reverse("desk:freeze"), {"reason": "A reason.", **form})
    assert Freeze.objects.count() == 0
    client.post(reverse("desk:freeze"), {"reason": "A reason.", "user": "jonas", "do": "freeze"})
    assert Freeze.objects.get().user == desk.editor


def test_an_operator_writes_spikes_and_unschedules_nothing(desk: Any) -> None:
    from dateline.desk.schedule_story import schedule_story, waiting

    story, draft = desk.story(), desk.story()
    made = schedule_story(story, Act.PUBLISH, desk.editor, datetime.now(UTC) + timedelta(hours=1))
    for person in (desk.operator, desk.reporter):
        desk.client(person).post(reverse("desk:unschedule", args=[story.pk, made.pk]))
    assert waiting(story) == made
    desk.client(desk.operator).post(reverse("desk:spike", args=[draft.pk]))
    draft.refresh_from_db()
    assert draft.spiked_at is None


def test_the_editors_note_goes_out_with_the_item(desk: Any) -> None:
    item = release(desk.story(ednote="Editors: adds  to our earlier item."), Act.PUBLISH, desk.editor).news
    assert item.ednote == "Editors: adds to our earlier item."


def test_who_rewrites_a_caption_is_an_author_of_the_story_that_shows_it(desk: Any, settings: Any, home: Any) -> None:
    from test_pictures import picture, with_picture
    from wagtail.log_actions import LogContext

    from dateline.desk.models import Author

    settings.MEDIA_ROOT = str(home / "desk-media")
    shown = picture()
    story = with_picture(desk, shown)
    story = desk.change(story, desk.reporter, urgency=1)
    address = reverse("wagtailimages:edit", args=[shown.pk])
    form = {"title": shown.title, "caption": "The mayor has resigned.", "alt": shown.alt, "credit": shown.credit,
            "rights": "", "expires": "", "tags": ""}  # fmt: skip
    assert desk.client(desk.chief).post(address, form).status_code == 302
    shown.refresh_from_db()
    assert shown.caption == "The mayor has resigned."
    with pytest.raises(refused(), match="did not write it"):
        release(story, Act.PUBLISH, desk.chief)
    # Who changed nothing that readers get has written nothing.
    with LogContext(user=desk.other_chief):
        shown.focal_point_x = 4
        shown.save()
    release(story, Act.PUBLISH, desk.other_chief)
    assert Author.objects.filter(story=story, user=desk.chief).exists()
    assert not Author.objects.filter(story=story, user=desk.other_chief).exists()
