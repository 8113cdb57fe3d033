"""The one door: what goes through it, what does not, and that it is all or nothing."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from dateline.news.acts import Act
from dateline.news.errors import ActRefused
from dateline.wire import store


def release(*args: Any, **options: Any) -> Any:
    from dateline.desk.release_story import release_story

    return release_story(*args, **options)


def refused() -> Any:
    from dateline.desk.errors import ReleaseRefused

    return ReleaseRefused


def fresh(story: Any) -> Any:
    from dateline.desk.models import Story

    return Story.objects.get(pk=story.pk)


def test_an_editor_releases_a_routine_story_and_the_wire_has_its_text(desk: Any) -> None:
    story = desk.story()
    dispatch = release(story, Act.PUBLISH, desk.editor)
    assert (dispatch.seq, dispatch.act, dispatch.uri) == (1, Act.PUBLISH, story.uri)
    item = dispatch.news
    assert item.headline == "Harbour reopens"
    assert item.body == "<p>The harbour reopened on Monday.</p>"
    assert item.dateline.startswith("PORT ELLIS, ")
    assert item.dateline.endswith("/Tidewater/.")
    story = fresh(story)
    assert story.live and story.live_revision_id == story.latest_revision_id and not story.has_unpublished_changes


def test_a_reporter_releases_nothing(desk: Any) -> None:
    story = desk.story()
    with pytest.raises(refused(), match="Only editors and chiefs release"):
        release(story, Act.PUBLISH, desk.reporter)
    assert store.head_seq() == 0
    assert not fresh(story).live


def test_an_item_is_updated_corrected_refiled_held_released_and_killed(desk: Any) -> None:
    story = desk.story()
    release(story, Act.PUBLISH, desk.editor)
    for act, note in ((Act.UPDATE, "Adds the mayor."), (Act.CORRECT, "It was Tuesday."), (Act.REFILE, "A name.")):
        story = desk.change(story, desk.reporter, headline=f"Harbour reopens: {act}")
        with pytest.raises(ActRefused, match="needs a note"):
            release(story, act, desk.editor)
        assert release(story, act, desk.editor, note=note).news.ednote == note
    release(story, Act.HOLD, desk.editor, note="We are checking.")
    assert release(story, Act.RELEASE, desk.editor).news.headline == "Harbour reopens: refile"
    from dateline.desk.approve_story import approve, ask_for_approval
    from dateline.desk.asking import ask

    asked = ask_for_approval(story, Act.KILL, desk.chief, note="It was forged.")
    assert approve(asked, desk.other_chief, seen=ask(story, Act.KILL, desk.chief).digest).act is Act.KILL
    story = fresh(story)
    assert not story.live and story.killed_at is not None
    for act in Act:
        with pytest.raises(Exception, match=r"killed|on the wire already|as an advisory"):
            release(story, act, desk.chief, note="Back again, please, it was right.", glass="Because I say so, really")
    assert store.head_seq() == 7


def test_a_field_that_was_emptied_is_empty_on_the_wire(desk: Any) -> None:
    story = desk.story(byline="By Maren Toll", slugline="harbour")
    release(story, Act.PUBLISH, desk.editor)
    story = desk.change(story, desk.reporter, byline="", slugline="")
    item = release(story, Act.UPDATE, desk.editor, note="Takes the byline out.").news
    assert (item.byline, item.slugline) == ("", "")


def test_what_was_not_looked_at_is_not_released(desk: Any) -> None:
    from dateline.desk.asking import ask
    from dateline.desk.errors import TextChanged

    story = desk.story()
    seen = ask(story, Act.PUBLISH, desk.editor).digest
    story = desk.change(story, desk.reporter, headline="Harbour does not reopen")
    with pytest.raises(TextChanged):
        release(story, Act.PUBLISH, desk.editor, seen=seen)
    assert store.head_seq() == 0


def test_a_crash_between_append_and_publish_leaves_neither(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dateline.desk import release_story as door

    story = desk.story()
    for name in ("_follow", "append"):
        with monkeypatch.context() as patch:
            real = getattr(door, name)

            def crash(*args: Any, real: Any = real, **options: Any) -> None:
                real(*args, **options)
                raise RuntimeError("the power went")

            patch.setattr(door, name, crash)
            with pytest.raises(RuntimeError):
                release(story, Act.PUBLISH, desk.editor)
        assert store.head_seq() == 0
        assert not fresh(story).live
        assert fresh(story).releases.count() == 0
    release(story, Act.PUBLISH, desk.editor)
    assert store.head_seq() == 1


def test_urgent_text_needs_another_who_did_not_write_it(desk: Any) -> None:
    story = desk.story(desk.chief, urgency=1)
    with pytest.raises(refused(), match="second pair of eyes"):
        release(story, Act.PUBLISH, desk.chief)
    with pytest.raises(refused(), match="Only a chief"):
        release(story, Act.PUBLISH, desk.editor)
    dispatch = release(story, Act.PUBLISH, desk.other_chief)
    assert dispatch.news.urgency == 1
    kept = fresh(story).releases.get()
    assert kept.approval.user == desk.other_chief


def test_lowering_the_urgency_of_what_was_urgent_does_not_dodge_the_second_pair(desk: Any) -> None:
    story = desk.story(desk.reporter, urgency=2)
    release(story, Act.PUBLISH, desk.chief)
    story = desk.change(story, desk.chief, urgency=5, headline="It was nothing")
    with pytest.raises(refused(), match="lowering"):
        release(story, Act.UPDATE, desk.chief, note="Lower.")
    with pytest.raises(refused(), match="lowering"):
        release(story, Act.UPDATE, desk.other_chief, note="Lower.")
    from dateline.desk.approve_story import approve, ask_for_approval
    from dateline.desk.asking import ask

    seen = ask(story, Act.UPDATE, desk.chief, note="Lower.").digest
    approve(ask_for_approval(story, Act.UPDATE, desk.chief, note="Lower."), desk.other_chief, seen=seen)


def test_an_approval_lets_that_very_text_go_and_no_other(desk: Any) -> None:
    from dateline.desk.approve_story import approve, ask_for_approval
    from dateline.desk.asking import ask
    from dateline.desk.errors import TextChanged

    story = desk.story(desk.chief, urgency=1)
    seen = ask(story, Act.PUBLISH, desk.chief).digest
    asked = ask_for_approval(story, Act.PUBLISH, desk.chief, seen=seen)
    with pytest.raises(refused(), match="yourself"):
        approve(asked, desk.chief, seen=seen)
    changed = desk.change(story, desk.chief, headline="Harbour burns")
    for digest in (seen, ask(changed, Act.PUBLISH, desk.chief).digest):
        with pytest.raises(TextChanged):
            approve(asked, desk.other_chief, seen=digest)
    desk.change(story, desk.chief, headline="Harbour reopens")
    dispatch = approve(asked, desk.other_chief, seen=seen)
    kept = fresh(story).releases.get()
    assert (kept.seq, kept.user, kept.approval.user) == (dispatch.seq, desk.chief, desk.other_chief)


def test_an_approver_who_touches_the_text_is_an_author(desk: Any) -> None:
    story = desk.story(desk.chief, urgency=1)
    desk.change(story, desk.other_chief, headline="Harbour reopens today")
    with pytest.raises(refused(), match="second pair"):
        release(story, Act.PUBLISH, desk.other_chief)
    # Saving without a change is not writing.
    story = desk.story(desk.chief, urgency=1)
    desk.change(story, desk.other_chief)
    release(story, Act.PUBLISH, desk.other_chief)


def test_killing_anothers_story_needs_two_and_ones_own_needs_one(desk: Any) -> None:
    from dateline.desk.approve_story import approve, ask_for_approval
    from dateline.desk.asking import ask

    story = desk.story()
    release(story, Act.PUBLISH, desk.editor)
    with pytest.raises(refused(), match="Only a chief kills"):
        release(story, Act.KILL, desk.editor, note="Forged.")
    with pytest.raises(refused(), match="another's story"):
        release(story, Act.KILL, desk.chief, note="Forged.")
    asked = ask_for_approval(story, Act.KILL, desk.chief, note="Forged.")
    seen = ask(story, Act.KILL, desk.chief).digest
    with pytest.raises(refused()):
        approve(asked, desk.chief, seen=seen)
    with pytest.raises(refused()):
        approve(asked, desk.editor, seen=seen)
    assert approve(asked, desk.other_chief, seen=seen).act is Act.KILL

    own = desk.story(desk.chief)
    release(own, Act.PUBLISH, desk.editor)
    assert release(own, Act.KILL, desk.chief, note="Mine, and wrong.").act is Act.KILL


def test_an_embargo_is_lifted_early_by_two_chiefs_and_not_by_moving_it(desk: Any) -> None:
    from datetime import UTC, datetime, timedelta

    from dateline.desk.approve_story import approve, ask_for_approval
    from dateline.desk.asking import ask

    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    story = desk.story(embargoed=until)
    release(story, Act.PUBLISH, desk.editor)
    with pytest.raises(refused(), match="Only a chief lifts"):
        release(story, Act.RELEASE, desk.editor)
    with pytest.raises(refused(), match="early needs a second pair"):
        release(story, Act.RELEASE, desk.chief)
    moved = desk.change(story, desk.reporter, embargoed=until - timedelta(hours=1))
    with pytest.raises(refused(), match="Only a chief lifts"):
        release(moved, Act.UPDATE, desk.editor, note="Earlier.")
    with pytest.raises(refused(), match="early needs a second pair"):
        release(moved, Act.UPDATE, desk.chief, note="Earlier.")
    asked = ask_for_approval(story, Act.RELEASE, desk.chief)
    approve(asked, desk.other_chief, seen=ask(story, Act.RELEASE, desk.chief).digest)
    assert store.read_state(story.uri).embargoed is None


def test_a_chief_breaks_glass_with_a_reason_and_it_is_kept(desk: Any) -> None:
    story = desk.story(desk.chief, urgency=1)
    with pytest.raises(refused(), match="Say in a few words"):
        release(story, Act.PUBLISH, desk.chief, glass="ok")
    release(story, Act.PUBLISH, desk.chief, glass="Alone on the desk tonight")
    assert fresh(story).releases.get().glass == "Alone on the desk tonight"


def test_a_freeze_stops_one_or_all_at_once(desk: Any) -> None:
    from dateline.desk.freezing import set_freeze

    story = desk.story()
    with pytest.raises(refused()):
        set_freeze(None, True, "Because.", desk.reporter)
    set_freeze(desk.editor, True, "The account was stolen.", desk.operator)
    with pytest.raises(refused(), match="stolen"):
        release(story, Act.PUBLISH, desk.editor)
    set_freeze(None, True, "Everyone stop.", desk.chief)
    with pytest.raises(refused(), match="Everyone stop"):
        release(story, Act.PUBLISH, desk.chief, glass="But I am the chief here")
    set_freeze(None, False, "It is over.", desk.operator)
    with pytest.raises(refused(), match="stolen"):
        release(story, Act.PUBLISH, desk.editor)
    release(story, Act.PUBLISH, desk.chief)


def test_a_false_flash_is_withdrawn_while_all_is_frozen(desk: Any) -> None:
    from dateline.desk.freezing import set_freeze

    story = desk.story()
    release(story, Act.PUBLISH, desk.editor)
    set_freeze(None, True, "Someone is in the system.", desk.chief)
    set_freeze(desk.editor, True, "It is his account.", desk.chief)
    for act in (Act.HOLD, Act.UPDATE):
        with pytest.raises(refused(), match="frozen"):
            release(story, act, desk.editor, note="More lies.")
    release(story, Act.HOLD, desk.chief, note="We are checking.")
    with pytest.raises(refused(), match="All releases are frozen"):
        release(story, Act.RELEASE, desk.chief)
    release(story, Act.KILL, desk.chief, note="It was forged.", glass="Nobody else is here tonight")
    assert fresh(story).killed_at is not None


def test_the_database_itself_refuses_what_goes_round_the_door(desk: Any) -> None:
    from wagtail.actions.publish_revision import PublishRevisionAction
    from wagtail.actions.unpublish import UnpublishAction
    from wagtail.models import Revision

    from dateline.desk.models import Approval, Author, Release, Story

    draft, story = desk.story(), desk.story()
    release(story, Act.PUBLISH, desk.editor)
    story = fresh(story)

    def refuses(sentence: str, act: Any) -> None:
        with pytest.raises(IntegrityError, match=sentence), transaction.atomic():
            act()

    refuses("with its dispatch", lambda: PublishRevisionAction(draft.latest_revision).execute())
    refuses("with its dispatch", lambda: Story.objects.filter(pk=draft.pk).update(live=True))
    refuses("by a kill only", lambda: UnpublishAction(fresh(story)).execute())
    refuses("by a kill only", lambda: Story.objects.filter(pk=story.pk).update(live=False))
    changed = desk.change(story, desk.reporter, headline="Another")
    refuses("with its dispatch", lambda: PublishRevisionAction(changed.latest_revision).execute())
    refuses("never changes", lambda: Revision.objects.filter(pk=story.live_revision_id).update(content={"a": 1}))
    refuses("begins as a draft", lambda: Story.objects.create(headline="x", live=True))
    refuses("uri", lambda: Story.objects.filter(pk=draft.pk).update(uri="tag:x,2026:y"))
    refuses("only ever added", lambda: Release.objects.all().update(glass="x"))
    refuses("only ever added", lambda: Author.objects.all().delete())
    refuses("names the dispatch", lambda: Release.objects.create(
        story=draft, seq=1, act="publish", digest="0" * 64, user=desk.editor))  # fmt: skip
    refuses("an author", lambda: Approval.objects.create(
        story=draft, act="publish", digest="0" * 64, after_seq=0, user=desk.reporter))  # fmt: skip
    refuses("never deleted", lambda: connection.cursor().execute("DELETE FROM desk_story WHERE id = %s", [story.pk]))
    assert store.head_seq() == 1


def test_the_database_asks_for_the_second_pair_of_eyes_too(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dateline.desk import release_story as door
    from dateline.desk.release_rules import Verdict

    monkeypatch.setattr(door, "judge", lambda case: Verdict())
    story = desk.story(desk.chief, urgency=1)
    with pytest.raises(IntegrityError, match="second pair of eyes"):
        release(story, Act.PUBLISH, desk.chief)
    routine = desk.story(desk.reporter)
    release(routine, Act.PUBLISH, desk.editor)
    with pytest.raises(IntegrityError, match="second pair of eyes"):
        release(routine, Act.KILL, desk.chief, note="Forged.")
    from dateline.desk.freezing import set_freeze

    set_freeze(None, True, "Stop.", desk.chief)
    with pytest.raises(IntegrityError, match="frozen"):
        release(routine, Act.UPDATE, desk.editor, note="More.")
    assert store.head_seq() == 1
    set_freeze(desk.editor, True, "Stolen.", desk.chief)
    with pytest.raises(IntegrityError, match="frozen"):
        release(routine, Act.HOLD, desk.editor, note="Checking.")
    release(routine, Act.HOLD, desk.chief, note="Checking.")


def test_a_version_that_was_released_is_never_written_over_by_an_autosave(desk: Any) -> None:
    story = desk.story()
    release(story, Act.PUBLISH, desk.editor)
    text = fresh(story).get_latest_revision_as_object()
    text.headline = "Typed after the release"
    released = fresh(story).latest_revision
    revision = text.save_revision(user=desk.reporter, overwrite_revision=released, clean=False)
    assert revision.pk != released.pk
    released.refresh_from_db()
    assert released.content["headline"] == "Harbour reopens"
