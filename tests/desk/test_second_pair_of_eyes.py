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


def test_an_old_text_that_comes_back_brings_its_authors_along(desk: Any) -> None:
    story = desk.change(desk.story(urgency=1), desk.chief, headline="Bank fails")
    old = story.latest_revision
    story = desk.change(story, desk.reporter, headline="Bank closes early")
    release(story, Act.PUBLISH, desk.other_chief)
    # The reporter goes back to the chief's version; it is the chief's text still.
    text = type(story).objects.get(pk=story.pk).revisions.get(pk=old.pk).as_object()
    text.save_revision(user=desk.reporter)
    story.refresh_from_db()
    asked = ask_with(story, Act.UPDATE, desk.reporter, note="As before.")
    with pytest.raises(refused(), match="You changed this text yourself"):
        approve_as(asked, desk.chief)


def ask_with(story: Any, act: Act, user: Any, note: str = "") -> Any:
    from dateline.desk.approve_story import ask_for_approval

    return ask_for_approval(story, act, user, note=note)


def approve_as(asked: Any, user: Any) -> Any:
    from dateline.desk.approve_story import approve
    from dateline.desk.asking import ask

    return approve(asked, user, seen=ask(asked.story, Act(asked.act), user, note=asked.note).digest)


def test_a_note_is_a_text_that_another_has_to_have_read(desk: Any) -> None:
    story = desk.story(urgency=1)
    release(story, Act.PUBLISH, desk.chief)
    story = desk.change(story, desk.reporter, headline="Harbour reopens in part")
    # The chief did not write the text, but the note is the chief's own.
    with pytest.raises(refused(), match="Urgency 1 and 2"):
        release(story, Act.UPDATE, desk.chief, note="The president is dead.")
    # What the reporter asked for with its note is read by the chief, and goes.
    dispatch = approve_as(ask_with(story, Act.UPDATE, desk.reporter, note="One quay only."), desk.chief)
    assert dispatch.news.ednote == "One quay only."
    assert story.releases.last().user == desk.chief


def test_a_first_release_takes_no_note_from_who_lets_it_go(desk: Any) -> None:
    story = desk.story(urgency=1, ednote="Adds to our earlier item.")
    seen = _seen(desk, story)
    address = reverse("desk:release", args=[story.pk])
    form = {"act": "publish", "do": "release", "seen": seen, "note": "The president is dead"}
    assert desk.client(desk.chief).post(address, form).status_code == 409
    assert store.head_seq() == 0
    assert (
        release(story, Act.PUBLISH, desk.chief, note="The president is dead").news.ednote == "Adds to our earlier item."
    )


def _seen(desk: Any, story: Any) -> str:
    from dateline.desk.asking import ask

    return ask(story, Act.PUBLISH, desk.chief).digest


def test_only_the_button_for_it_releases_and_never_with_a_time_named(desk: Any) -> None:
    story = desk.story()
    client, address = desk.client(desk.editor), reverse("desk:release", args=[story.pk])
    form = {"act": "publish", "seen": _seen(desk, story)}
    for more in ({}, {"do": "nothing"}, {"do": "release", "due": "2027-01-01T10:00"}):
        assert client.post(address, {**form, **more}).status_code == 409, more
    assert store.head_seq() == 0


def test_no_story_takes_the_uri_of_what_the_wire_or_intake_has(desk: Any) -> None:
    from django.db import IntegrityError, transaction

    from dateline.desk.models import Story
    from dateline.news.item import NewsItem
    from dateline.wire.append import append

    uri = "tag:tidewater.example,2026:0123456789ab"
    append(Act.PUBLISH, NewsItem(uri=uri, headline="Sent by a script", body="<p>Text.</p>"))
    client = desk.client(desk.chief)
    client.post(reverse("desk:flash"), {"uri": uri, "headline": "Mine now", "do": "submit"})
    client.post("/desk/stories/add/", {"headline": "Mine now", "desk-letters": "0123456789ab", "body-count": "0"})
    assert not Story.objects.filter(uri=uri).exists()
    with pytest.raises(IntegrityError, match="carries this uri"), transaction.atomic():
        Story(uri=uri, headline="Mine now").save()


def test_a_new_storys_uri_is_minted_again_where_the_wire_or_intake_has_it(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dateline.desk.models import Story
    from dateline.intake import store as intake
    from dateline.news.codes import mint_uri
    from dateline.news.item import NewsItem
    from dateline.wire.append import append

    waits = mint_uri("tidewater.example", datetime.now(UTC))
    intake.write_source("digest", "page.txt", "2026-11-26T09:00:00Z", [])
    intake.write_item(intake.Waiting("key", "digest", 1, waits, b"{}", "", None))
    sent = append(Act.PUBLISH, NewsItem(headline="Sent by a script", body="<p>Text.</p>")).uri
    minted = iter([waits, sent, "tag:tidewater.example,2026:wh3k7q2m9x4bc"])
    monkeypatch.setattr("dateline.desk.models.story.mint_uri", lambda *_: next(minted))
    assert Story.objects.create(headline="Mine").uri == "tag:tidewater.example,2026:wh3k7q2m9x4bc"


def test_the_kill_of_what_a_script_rewrote_is_the_kill_of_anothers_story(desk: Any) -> None:
    import msgspec

    from dateline.wire.append import append

    story = desk.story(desk.chief)
    item = release(story, Act.PUBLISH, desk.chief).news
    append(Act.CORRECT, msgspec.structs.replace(item, headline="Corrected by a script"), note="A script.")
    with pytest.raises(refused(), match="another's story"):
        release(story, Act.KILL, desk.chief, note="Gone.")


def test_the_scheduler_may_write_on_and_what_was_scheduled_still_goes(desk: Any) -> None:
    from dateline.desk.models import Schedule
    from dateline.desk.schedule_story import release_due, schedule_story

    story = desk.story(urgency=1)
    made = schedule_story(story, Act.PUBLISH, desk.chief, datetime.now(UTC) + timedelta(hours=1))
    desk.change(story, desk.chief, headline="A later thought")
    Schedule.objects.filter(pk=made.pk).update(due=datetime.now(UTC))
    release_due()
    made.refresh_from_db()
    assert made.outcome == "released"
    assert store.read_item(1).headline == "Harbour reopens"


def test_what_was_scheduled_never_overwrites_a_correction_from_elsewhere(desk: Any) -> None:
    import msgspec

    from dateline.desk.models import Schedule
    from dateline.desk.schedule_story import release_due, schedule_story
    from dateline.wire.append import append

    story = desk.story()
    item = release(story, Act.PUBLISH, desk.editor).news
    story = desk.change(story, desk.reporter, headline="Harbour reopens, update")
    made = schedule_story(story, Act.UPDATE, desk.editor, datetime.now(UTC) + timedelta(hours=1), note="More.")
    append(Act.CORRECT, msgspec.structs.replace(item, headline="Harbour stays closed"), note="It was wrong.")
    Schedule.objects.filter(pk=made.pk).update(due=datetime.now(UTC))
    release_due()
    made.refresh_from_db()
    assert "A correct of the item went out" in made.outcome
    assert store.head_seq() == 2


def test_the_file_of_a_picture_on_the_wire_stays(desk: Any, settings: Any, home: Any) -> None:
    from django.core.exceptions import ValidationError
    from django.db import IntegrityError, transaction
    from test_pictures import picture, with_picture

    from dateline.desk.models import Picture

    settings.MEDIA_ROOT = str(home / "desk-media")
    shown = picture()
    release(with_picture(desk, shown), Act.PUBLISH, desk.editor)
    shown.refresh_from_db()
    shown.file = picture().file
    shown.file._committed = False
    with pytest.raises(ValidationError, match="as a new picture"):
        shown.clean()
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        Picture.objects.filter(pk=shown.pk).update(digest="0" * 64)


def test_a_stale_form_is_told_before_it_saves_over_a_newer_version(desk: Any) -> None:
    story = desk.story()
    loaded = story.latest_revision_id
    desk.change(story, desk.editor, headline="The correction of a libel")
    client, address = desk.client(desk.reporter), reverse("stories:edit", args=[story.pk])
    form = {
        "headline": "Libel",
        "urgency": "4",
        "body-count": "0",
        "loaded_revision_id": loaded,
        "action-to-publish": "1",
    }
    answer = client.post(address, form)
    assert answer.status_code == 200 and b"saved a newer version" in answer.content
    story.refresh_from_db()
    assert story.get_latest_revision_as_object().headline == "The correction of a libel"
    # The form that was shown then names the newest version: pressing again is meant.
    newest = story.latest_revision_id
    assert f'name="loaded_revision_id" value="{newest}"'.encode() in answer.content
    seen = {"loaded_revision_id": newest, "loaded_revision_created_at": story.latest_revision.created_at.isoformat()}
    answer = client.post(address, {**form, **seen})
    assert answer.status_code == 302, [str(m) for m in answer.context["messages"]]


def test_nobody_at_the_desk_gives_themselves_a_role_and_every_role_is_kept(desk: Any) -> None:
    from django.contrib.auth.models import Group

    from dateline.desk.happenings import happenings
    from dateline.desk.models import User

    client = desk.client(desk.operator)
    chiefs = str(Group.objects.get(name="Chiefs").pk)
    form = {"username": "oda", "first_name": "Oda", "last_name": "D", "email": "oda@example.org", "groups": [chiefs],
            "is_superuser": "on", "is_active": "on"}  # fmt: skip
    client.post(reverse("wagtailusers_users:edit", args=[desk.operator.pk]), form)
    assert not desk.operator.groups.filter(name="Chiefs").exists()
    new = {**form, "username": "sock", "password1": "quay-lantern-31", "password2": "quay-lantern-31"}
    assert client.post(reverse("wagtailusers_users:add"), new).status_code == 302
    sock = User.objects.get(username="sock")
    assert not sock.is_superuser and sock.must_change_password
    told = [row for row in happenings() if row.what == "role given" and row.who == "sock"]
    assert "Chiefs, by oda" in told[0].said


def test_who_is_frozen_neither_freezes_nor_thaws(desk: Any) -> None:
    from dateline.desk.freezing import set_freeze

    set_freeze(desk.chief, True, "Stolen.", desk.operator)
    for frozen, whom in ((False, None), (True, desk.other_chief), (False, desk.chief)):
        with pytest.raises(refused(), match="Your own account is frozen"):
            set_freeze(whom, frozen, "Mine.", desk.chief)


def test_the_history_has_spikes_and_schedules_under_the_accounts_own_name(desk: Any) -> None:
    from dateline.desk.happenings import happenings
    from dateline.desk.schedule_story import cancel, schedule_story
    from dateline.desk.spike_story import spike, take_back

    story = desk.story()
    cancel(schedule_story(story, Act.PUBLISH, desk.editor, datetime.now(UTC) + timedelta(hours=1)), desk.editor)
    spike(story, desk.reporter)
    take_back(story, desk.editor)
    desk.editor.first_name = "Ines Chief"
    desk.editor.save()
    told = [(row.who, row.what) for row in happenings() if row.story == story.pk][:4]
    assert told == [
        ("jonas", "took back from the spike"), ("maren", "spiked"), ("jonas", "cancelled the schedule"),
        ("jonas", "scheduled"),
    ]  # fmt: skip


def test_a_form_from_before_the_spike_does_not_take_a_story_back(desk: Any) -> None:
    from dateline.desk.models import Story
    from dateline.desk.spike_story import spike

    story = desk.story()
    stale = Story.objects.get(pk=story.pk)
    spike(story, desk.editor)
    stale.headline = "From before"
    stale.save()
    story.refresh_from_db()
    assert story.spiked_at is not None and story.headline == "From before"


def test_ones_own_autosaves_are_no_surprise_to_a_form_that_does_not_name_them(desk: Any) -> None:
    story = desk.story()
    loaded = story.latest_revision_id
    desk.change(story, desk.reporter, headline="Saved by itself a moment ago")
    client, address = desk.client(desk.reporter), reverse("stories:edit", args=[story.pk])
    form = {"headline": "Typed since", "urgency": "4", "body-count": "0", "loaded_revision_id": loaded}
    assert client.post(address, {**form, "action-to-publish": "1"}).status_code == 302


def test_no_bulk_action_changes_accounts_and_who_is_frozen_makes_none(desk: Any) -> None:
    from django.contrib.auth.models import Group

    from dateline.desk.freezing import set_freeze
    from dateline.desk.models import User

    client = desk.client(desk.operator)
    chiefs = Group.objects.get(name="Chiefs")
    for action in ("assign_role", "set_active_state", "delete"):
        form = {"role": chiefs.pk, "mark_as_active": "on"}
        client.post(f"/desk/bulk/desk/user/{action}/?id={desk.operator.pk}", form)
    assert not desk.operator.groups.filter(name="Chiefs").exists()
    set_freeze(desk.operator, True, "Stolen.", desk.chief)
    new = {"username": "sock", "first_name": "So", "last_name": "Ck", "email": "s@example.org", "groups": [chiefs.pk],
           "password1": "quay-lantern-31", "password2": "quay-lantern-31"}  # fmt: skip
    client.post(reverse("wagtailusers_users:add"), new)
    client.post(reverse("wagtailusers_users:edit", args=[desk.other_chief.pk]), {**new, "username": "abel"})
    assert not User.objects.filter(username="sock").exists()
    assert User.objects.get(username="abel").first_name == "Abel"


def test_no_request_hides_another(desk: Any) -> None:
    from dateline.desk.approve_story import open_requests
    from dateline.desk.queue_rows import Filter, read_queue

    story = desk.story()
    release(story, Act.PUBLISH, desk.editor)
    ask_with(story, Act.KILL, desk.chief, note="Libellous.")
    ask_with(story, Act.REFILE, desk.reporter, note="Spam.")
    assert [asked.act for asked in open_requests(story)] == ["refile", "kill"]
    assert {asked.act for asked in read_queue(desk.other_chief, Filter()).asked} == {Act.REFILE, Act.KILL}
    with pytest.raises(refused(), match="not possible now"):
        ask_with(story, Act.ARCHIVE, desk.reporter)


def test_what_an_editor_asks_for_a_chief_does_and_what_a_frozen_account_asked_for_nobody(desk: Any) -> None:
    from dateline.desk.freezing import set_freeze

    story = desk.story()
    release(story, Act.PUBLISH, desk.editor)
    asked = ask_with(story, Act.KILL, desk.editor, note="It was forged.")
    assert approve_as(asked, desk.chief).act is Act.KILL
    flash = desk.story(urgency=1)
    release(flash, Act.PUBLISH, desk.chief)
    # A note alone is a change, too, and another asked for it.
    assert approve_as(ask_with(flash, Act.REFILE, desk.reporter, note="A name."), desk.chief).news.ednote == "A name."
    poison = ask_with(flash, Act.REFILE, desk.reporter, note="Poison.")
    set_freeze(desk.reporter, True, "Stolen.", desk.operator)
    with pytest.raises(refused(), match="frozen"):
        approve_as(poison, desk.chief)


def test_who_may_not_send_urgent_text_may_not_send_it_again_after_a_hold(desk: Any) -> None:
    flash = desk.story(urgency=1)
    release(flash, Act.PUBLISH, desk.chief)
    release(flash, Act.HOLD, desk.editor, note="Checking.")
    with pytest.raises(refused(), match="Only a chief"):
        release(flash, Act.RELEASE, desk.editor)
    release(flash, Act.RELEASE, desk.chief)


def test_a_flash_that_was_written_on_since_is_not_sent_by_its_form_again(desk: Any) -> None:
    from dateline.desk.models import Story
    from dateline.news.codes import mint_uri

    uri = mint_uri("tidewater.example", datetime.now(UTC))
    form = {"uri": uri, "headline": "Ferry aground", "do": "release"}
    desk.client(desk.chief).post(reverse("desk:flash"), form)
    story = Story.objects.get(uri=uri)
    desk.change(story, desk.reporter, body=[("text", "<p>Poison.</p>")])
    desk.client(desk.chief).post(reverse("desk:flash"), {**form, "glass": "Alone on the desk"})
    assert store.head_seq() == 0


def test_a_form_of_an_earlier_sign_in_gets_a_page_of_the_desk(desk: Any) -> None:
    from django.test import Client

    client = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    client.force_login(desk.editor, "allauth.account.auth_backends.AuthenticationBackend")
    answer = client.post(reverse("desk:freeze"), {"reason": "x"})
    assert answer.status_code == 403 and b"of an earlier sign-in" in answer.content
    token = client.get("/desk/here/").json()["token"]
    assert (
        client.post(reverse("desk:save-filter"), {"name": "x", "query": "", "csrfmiddlewaretoken": token}).status_code
        == 302
    )
