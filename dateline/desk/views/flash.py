"""The flash: one line, two keys, out. The full story follows as an update of the same item."""

import re
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from wagtail.admin.auth import require_admin_access

from dateline.desk.approve_story import ask_for_approval
from dateline.desk.asking import ask
from dateline.desk.errors import DeskError, ReleaseRefused
from dateline.desk.models import Note, Story, User, new_uri
from dateline.desk.release_story import release_story
from dateline.desk.roles import Right
from dateline.desk.views.person import user_of
from dateline.desk.widgets import known_sections
from dateline.intake import store as intake
from dateline.news.acts import Act
from dateline.news.codes import is_letters
from dateline.news.errors import DatelineError
from dateline.pages.accepting import takes_html
from dateline.wire import store

_FLASH_URGENCY = 1
# What the form takes; more is no flash.
_LINE_CHARS = 200


@require_admin_access
def flash(request: HttpRequest) -> HttpResponse:
    """Show the form (`?part=1`: for the dialog); make the story and let it go, or ask for a second pair of eyes."""
    if not request.user.has_perm("desk.add_story"):
        raise DeskError("You may not write stories; ask an operator for the role of a reporter.")
    if request.method == "POST":
        return _send(request)
    last = Story.objects.filter(latest_revision__user=user_of(request)).exclude(place="").order_by("-pk").first()
    context = {
        "uri": new_uri(),
        "sections": known_sections(),
        "last": last,
        "can_flash": _may(request.user, Right.FLASH),
        "can_break": _may(request.user, Right.BREAK_GLASS),
        "agency": settings.AGENCY,
        "today": settings.AGENCY.local(datetime.now(UTC)),
    }
    template = "desk/_flash.html" if request.GET.get("part") else "desk/flash.html"
    return render(request, template, context)


def _may(user: Any, right: Right) -> bool:
    return bool(user.has_perm(f"desk.{right}"))


def _send(request: HttpRequest) -> HttpResponse:
    """Make the story, once however often it is sent, and do what was asked for."""
    user = user_of(request)
    post = request.POST
    try:
        story = _story(user, post)
        sentence, seq = _let_go(story, user, post.get("do", ""), post.get("glass", "").strip())
    except DatelineError as error:
        if not takes_html(request):
            return JsonResponse({"refused": str(error)}, status=409)
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("desk:flash"))
    address = f"{reverse('desk:release', args=[story.pk])}"
    if not takes_html(request):
        edit = reverse("stories:edit", args=[story.pk])
        return JsonResponse({"said": sentence, "seq": seq, "release": address, "edit": edit})
    messages.success(request, sentence)
    return HttpResponseRedirect(address)


def _story(user: User, post: Any) -> Story:
    headline = " ".join(post.get("headline", "").split())
    if not headline:
        raise DeskError("A flash needs its line.")
    if len(headline) > _LINE_CHARS:
        raise DeskError(f"The line has {len(headline)} characters; a flash has {_LINE_CHARS} at most.", headline)
    uri = post.get("uri", "")
    before, _, letters = uri.rpartition(":")
    if not re.fullmatch(rf"tag:{re.escape(settings.AGENCY.domain)},[0-9]{{4}}", before) or not is_letters(letters):
        raise DeskError("The form is not one of ours; open it again.", uri)
    story = Story.objects.filter(uri=uri).first()
    if story is not None:
        if story.headline != headline:
            raise DeskError("This flash was made already, with another line. Open a new one.", uri)
        if story.latest_revision is None or story.latest_revision.user_id != user.pk or story.body:
            raise DeskError("Someone has written on since this flash was made. Release it from its own screen.", uri)
        return story
    if store.read_state(uri) is not None or intake.knows(uri):
        raise DeskError("The form is not one of ours; open it again.", uri)
    story = Story(
        uri=uri,
        headline=headline,
        place=post.get("place", "").strip()[:160],
        section=post.get("section", "").strip()[:80],
        urgency=_FLASH_URGENCY,
    )
    story.full_clean(exclude=["uri"])
    story.save()
    story.save_revision(user=user)
    return story


def _let_go(story: Story, user: User, do: str, glass: str) -> tuple[str, int]:
    """Return what happened as a sentence, and the dispatch's seq (0: none yet)."""
    asked = ask(story, Act.PUBLISH, user, glass=glass)
    if do != "submit" and not asked.verdict.refused:
        dispatch = release_story(story, Act.PUBLISH, user, glass=glass, seen=asked.digest)
        return (
            f"Out: “{dispatch.news.headline}”, dispatch {dispatch.seq}. Now write the story as its update.",
            dispatch.seq,
        )
    if glass and do != "submit":
        # Who asked to send it alone is told why it did not go, not left to wait for others.
        raise ReleaseRefused(asked.verdict.refused, story.uri)
    if _may(user, Right.FLASH) and _may(user, Right.RELEASE):
        ask_for_approval(story, Act.PUBLISH, user, seen=asked.digest)
        return "Every chief sees it now. It goes out when one of them approves it.", 0
    workflow = story.get_workflow()
    if workflow is not None and not story.workflow_in_progress:
        workflow.start(story, user)
    Note.objects.create(story=story, user=user, text="Flash: please release.")
    return "Every editor and chief sees it now, at the top of the queue.", 0
