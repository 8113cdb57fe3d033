"""Every way of Wagtail's to publish, unpublish, delete and schedule: one dispatch with the right act, or a sentence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from wagtail.test.utils.form_data import nested_form_data, rich_text, streamfield

from dateline.news.acts import Act
from dateline.wire import store


def form(**fields: Any) -> dict[str, str]:
    """Return what the editor posts."""
    values = {
        "headline": "Harbour reopens", "section": "World", "slugline": "", "urgency": "4", "place": "PORT ELLIS",
        "dateline_date": "", "credit": "", "byline": "", "sign_off": "", "embargoed": "", "ednote": "", "topics": "",
        "language": "", **fields, "body": streamfield([("text", rich_text("<p>The harbour reopened on Monday.</p>"))]),
    }  # fmt: skip
    return nested_form_data(values)


def fresh(story: Any) -> Any:
    from dateline.desk.models import Story

    return Story.objects.get(pk=story.pk)


@pytest.fixture(params=["draft", "live"])
def story(request: pytest.FixtureRequest, desk: Any) -> Any:
    """A draft, and a story on the wire with a later draft."""
    from dateline.desk.release_story import release_story

    story = desk.story()
    if request.param == "live":
        release_story(story, Act.PUBLISH, desk.editor)
        story = desk.change(story, desk.reporter, headline="Harbour reopens, again")
    return story


@pytest.fixture(params=["chief", "superuser"])
def client(request: pytest.FixtureRequest, desk: Any) -> Any:
    """Someone who may do everything, and someone whom Wagtail lets do everything."""
    if request.param == "superuser":
        desk.chief.is_superuser = True
        desk.chief.save()
    return desk.client(desk.chief)


def said(client: Any, response: Any) -> str:
    """Return what the desk said on the page after."""
    page = client.get(response["Location"]) if response.status_code == 302 else response
    return str(page.content.decode())


def test_the_editors_publish_button_and_schedule_field_only_save_the_draft(client: Any, story: Any) -> None:
    head, live = store.head_seq(), fresh(story).live
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    for extra in ({"action-publish": "action-publish"}, {"action-publish": "1", "go_live_at": later, "live": "on"}):
        response = client.post(reverse("stories:edit", args=[story.pk]), {**form(headline="By the back door"), **extra})
        assert response.status_code == 302
    assert store.head_seq() == head
    assert fresh(story).live == live
    assert fresh(story).get_latest_revision_as_object().headline == "By the back door"


def test_a_new_story_is_not_published_as_it_is_made(client: Any) -> None:
    from dateline.desk.models import Story

    client.post(reverse("stories:add"), {**form(), "action-publish": "1"})
    assert store.head_seq() == 0
    assert not Story.objects.get().live


def test_the_footers_buttons_save_and_lead_to_the_release_screen(client: Any, story: Any) -> None:
    head = store.head_seq()
    act = "update" if fresh(story).live else "publish"
    response = client.post(reverse("stories:edit", args=[story.pk]), {**form(headline="New"), f"action-to-{act}": "1"})
    assert response["Location"] == f"/desk/release/{story.pk}/?act={act}"
    assert store.head_seq() == head
    assert b"New" in client.get(response["Location"]).content


def test_unpublish_and_delete_lead_to_the_release_screen(client: Any, story: Any) -> None:
    head = store.head_seq()
    for name, sentence in (("unpublish", "not unpublished"), ("delete", "not deleted")):
        for method in (client.get, client.post):
            response = method(reverse(f"stories:{name}", args=[story.pk]))
            assert response["Location"] == f"/desk/release/{story.pk}/"
        assert sentence in said(client, response)
    assert store.head_seq() == head
    assert fresh(story).spiked_at is None


def test_bulk_actions_delete_nothing(client: Any, story: Any) -> None:
    address = f"/desk/bulk/desk/story/delete/?id={story.pk}&next=/desk/"
    client.get(address)
    client.post(address)
    assert fresh(story)
    assert store.head_seq() == (1 if story.live else 0)


def test_a_review_offers_no_approve_and_publish_and_a_forged_one_goes_through_the_door(
    client: Any, story: Any, desk: Any
) -> None:
    story.get_workflow().start(story, desk.reporter)
    story = fresh(story)
    head, live = store.head_seq(), story.live
    task = story.current_workflow_task_state
    client.post(
        reverse("stories:edit", args=[story.pk]),
        {**form(), "action-workflow-action": "1", "workflow-action-name": "approve"},
    )
    client.post(reverse("stories:workflow_action", args=[story.pk, "approve", task.pk]), {"comment": ""})
    assert store.head_seq() == head
    assert fresh(story).live == live
    # As code that is not ours would do it: the reviewed version goes out if the rules allow, else nothing moves.
    task = fresh(story).current_workflow_task_state
    if live:
        with pytest.raises(Exception, match="on the wire already"):
            task.specific.approve(user=desk.editor)
    else:
        desk.change(story, desk.reporter, headline="Typed after the review")
        task.specific.approve(user=desk.editor)
        assert store.head_seq() == head + 1
        assert store.read_item(head + 1).headline == task.revision.content["headline"] == "Harbour reopens"


def test_going_back_to_a_version_makes_a_draft_of_it(client: Any, story: Any) -> None:
    head = store.head_seq()
    first = story.revisions.order_by("pk").first()
    address = reverse("stories:revisions_revert", args=[story.pk, first.pk])
    client.post(address, {**form(headline="As it was"), "action-publish": "1"})
    assert store.head_seq() == head
    assert fresh(story).get_latest_revision_as_object().headline == "As it was"


def test_there_is_no_copy_and_no_public_api(client: Any, story: Any) -> None:
    for address in (f"/desk/stories/copy/{story.pk}/", "/api/v2/", "/desk/stories/inspect/1/"):
        assert client.get(address).status_code == 404


def test_wagtails_schedule_releases_and_expires_nothing(client: Any, story: Any) -> None:
    from dateline.desk.models import Story

    head, past = store.head_seq(), datetime.now(UTC) - timedelta(minutes=1)
    story.revisions.order_by("-pk").first().__class__.objects.filter(object_id=str(story.pk)).update(
        approved_go_live_at=past
    )
    Story.objects.filter(pk=story.pk).update(expire_at=past)
    with pytest.raises(Exception, match=r"released by a person|cannot be unpublished"):
        call_command("publish_scheduled")
    assert store.head_seq() == head
    assert fresh(story).live == (head == 1)


def test_the_models_own_ways_are_the_door_or_a_sentence(story: Any, desk: Any) -> None:
    from dateline.desk.models import Story

    head = store.head_seq()
    revision = story.get_latest_revision()
    with pytest.raises(Exception, match="released by a person"):
        revision.publish()
    with pytest.raises(Exception, match="Only editors and chiefs"):
        if story.live:
            raise AssertionError("Only editors and chiefs: not asked, the act is missing")
        revision.publish(user=desk.reporter)
    for way in (story.unpublish, story.delete, Story.objects.all().delete):
        with pytest.raises(Exception, match=r"cannot be|not deleted"):
            way()
    if story.live:
        with pytest.raises(Exception, match="update, correct or refile"):
            revision.publish(user=desk.editor)
        assert store.head_seq() == head
    else:
        revision.publish(user=desk.editor)
        assert store.head_seq() == head + 1
        assert store.read_dispatch(head + 1).act is Act.PUBLISH  # type: ignore[union-attr]
    assert fresh(story).live


def test_forged_requests_by_the_author_of_an_urgent_story_release_nothing(desk: Any) -> None:
    from dateline.desk.approve_story import ask_for_approval
    from dateline.desk.asking import ask

    story = desk.story(desk.chief, urgency=1)
    client = desk.client(desk.chief)
    seen = ask(story, Act.PUBLISH, desk.chief).digest
    address = reverse("desk:release", args=[story.pk])
    for extra in (
        {}, {"glass": ""}, {"glass": "   "}, {"approved": "1"}, {"approval": "1", "user": str(desk.other_chief.pk)},
        {"act": "archive"}, {"act": "advisory"}, {"act": "update", "note": "x"}, {"act": "release"}, {"do": "schedule", "due": "2027-01-01T10:00"},
    ):  # fmt: skip
        response = client.post(address, {"act": "publish", "do": "release", "seen": seen, **extra})
        assert response.status_code == 409, extra
    asked = ask_for_approval(story, Act.PUBLISH, desk.chief, seen=seen)
    client.post(reverse("desk:approve", args=[story.pk, asked.pk]), {"seen": seen})
    client.post(reverse("desk:flash"), {"uri": story.uri, "headline": story.headline, "do": "release"})
    assert store.head_seq() == 0
    other = desk.client(desk.other_chief)
    assert b"approve, and release" in other.get(address).content
    other.post(reverse("desk:approve", args=[story.pk, asked.pk]), {"seen": seen})
    assert store.head_seq() == 1


def test_a_reporter_and_a_stranger_reach_no_way_out(desk: Any) -> None:
    from django.test import Client

    from dateline.desk.asking import ask

    story = desk.story()
    seen = ask(story, Act.PUBLISH, desk.reporter).digest
    for client in (desk.client(desk.reporter), desk.client(desk.operator), Client(headers={"host": "localhost"})):
        response = client.post(
            reverse("desk:release", args=[story.pk]), {"act": "publish", "do": "release", "seen": seen}
        )
        assert response.status_code in (302, 403, 409)
    assert store.head_seq() == 0


def test_a_new_storys_form_that_is_sent_twice_makes_one_story_and_keeps_the_later_words(desk: Any) -> None:
    from dateline.desk.models import Story

    client = desk.client(desk.reporter)
    letters = {"desk-letters": "wh3k7q2m9x4bc"}
    client.post(reverse("stories:add"), {**form(headline="As autosaved"), **letters})
    client.post(reverse("stories:add"), {**form(headline="As submitted"), **letters, "action-submit": "1"})
    story = Story.objects.get()
    assert story.get_latest_revision_as_object().headline == "As submitted"
    assert story.workflow_in_progress
    # With letters that another's form has used, nothing of theirs is touched.
    answer = desk.client(desk.editor).post(reverse("stories:add"), {**form(headline="Not mine"), **letters})
    assert answer.status_code < 500
    assert Story.objects.get().get_latest_revision_as_object().headline == "As submitted"
