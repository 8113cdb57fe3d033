"""The release screen: what would go out, the checks, the acts that its state allows, the second pair of eyes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST
from wagtail.admin.auth import require_admin_access

from dateline.desk import approve_story, schedule_story
from dateline.desk.act_words import EMBARGOED_MEANS, LABELS, LIFTS, MEANS, PAST
from dateline.desk.asking import acts_for, ask, case_of, person_of
from dateline.desk.checks import Warning_, check, style_list
from dateline.desk.errors import DeskError
from dateline.desk.freezing import frozen_why
from dateline.desk.models import Note, Request, Schedule, Story, User
from dateline.desk.release_rules import may_approve
from dateline.desk.release_story import release_story
from dateline.desk.roles import Right
from dateline.desk.spike_story import spike, take_back
from dateline.desk.story_item import local_day
from dateline.desk.subscribers import room
from dateline.desk.views.person import need, user_of
from dateline.desk.views.subscribers import may_see
from dateline.desk.viewsets import release_address
from dateline.news import body
from dateline.news.acts import NOTE_SAYS, OPENING, REVISING, Act
from dateline.news.codes import URGENCY_LABELS
from dateline.news.errors import DatelineError
from dateline.news.item import NewsItem, PubStatus
from dateline.wire import store


@require_admin_access
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what would go out; do it, ask for a second pair of eyes, or schedule it."""
    story = get_object_or_404(Story, pk=pk)
    if request.method == "POST":
        return _do(request, story)
    return render(request, "desk/release.html", _context(request, story))


def _act(request: HttpRequest, story: Story) -> Act | None:
    acts = acts_for(story)
    wanted = request.GET.get("act", "")
    return next((act for act in acts if act == wanted), acts[0] if acts else None)


def _context(request: HttpRequest, story: Story) -> dict[str, Any]:
    user = user_of(request)
    act = _act(request, story)
    asked = ask(story, act or Act.PUBLISH, user)
    state = story.state
    requests = approve_story.open_requests(story)
    standing = next((one for one in requests if one.act == act), requests[0] if requests else None)
    versions = store.read_versions(story.uri) if state else []
    rights = {right: user.has_perm(f"desk.{right}") for right in Right}
    words = [(other, *_words(other, state, asked.item)) for other in acts_for(story)]
    context = {
        "story": story, "asked": asked, "act": act, "state": state,
        "acts": words, "label": next((name for other, name, _ in words if other == act), ""),
        "note_says": NOTE_SAYS.get(act, "") if act else "",
        "has_text": act in OPENING | REVISING, "seq": story.wire_seq,
        **_reading(asked.item),
        "warnings": [*_standing_out(story, act, asked.item), *check(
            asked.item, settings.AGENCY, local_day(datetime.now(UTC)), _style_list()
        )],
        "can_ask": user.has_perm("desk.change_story") and not frozen_why(user, act or Act.PUBLISH),
        "can_break": rights[Right.BREAK_GLASS], "can_release": rights[Right.RELEASE],
        "standing": standing, "approval_refused": _approval_refused(standing, story, user),
        "schedule": schedule_story.waiting(story), "zone": settings.AGENCY.timezone,
        "notes": story.notes.select_related("user").order_by("pk"),
        "gone": _gone(story, versions), "address": settings.AGENCY.url + state.path if state else "",
        "changed": bool(state) and story.has_unpublished_changes,
        "sees_subscribers": may_see(user),
        "kept": {"note": standing.note if standing and standing.act == act else ""},
    }  # fmt: skip
    if act is Act.KILL:
        context["received"] = [*_subscribers(story.uri), *_received(versions)]
    if state is not None and state.pubstatus == PubStatus.CANCELED:
        context["received"] = _subscribers(story.uri)
    return context


def _words(act: Act, state: store.ItemState | None, item: NewsItem) -> tuple[str, str]:
    """Return an act's label and what it means for this item."""
    if act is Act.RELEASE and state is not None and state.pubstatus == PubStatus.USABLE:
        return LIFTS
    return LABELS[act], EMBARGOED_MEANS if act is Act.PUBLISH and item.embargoed else MEANS[act]


def _standing_out(story: Story, act: Act | None, item: NewsItem) -> Iterator[Warning_]:
    """Yield what stands out beside the version on the wire."""
    if act not in REVISING or (state := story.state) is None:
        return
    before = store.read_item(state.seq)
    texts = [(one.headline, one.body, one.dateline, one.section, one.byline, one.urgency) for one in (before, item)]
    if texts[0] == texts[1] and before.rest.get("associations") == item.rest.get("associations"):
        yield Warning_("same", "Nothing in the text has changed since what is on the wire.")
    if item.embargoed is not None and story.get_latest_revision_as_object().embargoed is None:
        yield Warning_("embargo", "Its embargo stays as it is on the wire. To open it early, lift the embargo.")


def _reading(item: NewsItem) -> dict[str, Any]:
    shown = body.with_dateline(item.body, item.dateline, marked=True).replace('"/pictures/', '"/desk/picture/')
    return {
        "item": item,
        "urgency_label": URGENCY_LABELS.get(item.urgency or 9, ""),
        # The body was cleaned to the wire's subset by `item_of`; the dateline is escaped.
        "body_html": mark_safe(shown),  # noqa: S308
        "words": body.count_words(item.body),
        "topics": [subject["name"] for subject in item.rest.get("subjects", [])],
    }


def _style_list() -> dict[str, str]:
    """Return the agency's style list, from style-list.txt in the home; nothing if it cannot be read."""
    path = Path(settings.DATELINE_HOME) / "style-list.txt"
    try:
        return style_list(path.read_text().splitlines())
    except (OSError, UnicodeDecodeError):
        return {}


def _approval_refused(standing: Request | None, story: Story, user: User) -> str:
    if standing is None:
        return ""
    case, _ = case_of(story, Act(standing.act), standing.user, note=standing.note)
    return may_approve(case, person_of(user, case.act))


def _gone(story: Story, versions: list[Any]) -> list[dict[str, Any]]:
    releases = {release.seq: release for release in story.releases.select_related("user", "approval__user")}
    return [
        {
            "row": row, "label": PAST.get(row.act, str(row.act)), "note": row.news.ednote,
            "release": releases.get(row.seq),
        }
        for row in reversed(versions)
    ]  # fmt: skip


def _subscribers(uri: str) -> list[str]:
    """Return which subscribers have an item, and what of it: those first who lack its last word."""
    holders = sorted(room().who_has(uri), key=lambda one: one.is_last)
    return [
        f"{one.name}: {'has the last word, ' if one.is_last else 'lacks the last word, has '}version {one.version}"
        + (f" ({one.trouble})" if one.trouble else "")
        for one in holders
    ]


def _received(versions: list[Any]) -> list[str]:
    """Return who has had it, as far as this machine knows: the sentence of each way out."""
    public = [row for row in versions if row.news.is_public]
    if not public:
        return ["No reader has seen it: it was under embargo, or held, from the first."]
    since = settings.AGENCY.local(public[0].instant)
    count = len(public)
    texts = "one version" if count == 1 else f"{count} versions"
    return [
        f"Readers of the newsfeed, of its page and of the feeds: {texts}, the first at {since:%B %-d, %H:%M:%S}.",
        "Whoever copied it from there. The page will say “withdrawn” with your advisory, feeds and lists drop it, "
        "open pages see it go.",
    ]


def _do(request: HttpRequest, story: Story) -> HttpResponse:
    user = user_of(request)
    post = request.POST
    try:
        act = Act(post.get("act", ""))
        note, seen, at_seq = post.get("note", "").strip(), post.get("seen", ""), post.get("at_seq", "")
        if act is Act.KILL and post.get("sure") != "yes":
            raise DeskError("Tick the box that says it is to be killed for good.")
        if not seen:
            raise DeskError("Look at the text first, then release it.")
        match post.get("do"):
            case "ask":
                approve_story.ask_for_approval(story, act, user, note=note, seen=seen)
                messages.success(request, "Everyone who may approve it sees it now, at the top of the queue.")
                return HttpResponseRedirect(release_address(story, act))
            case "schedule":
                due = _due(post.get("due", ""))
                made = schedule_story.schedule_story(story, act, user, due, note=note, seen=seen)
                messages.success(request, f"Scheduled for {settings.AGENCY.local(made.due):%B %-d, %Y, %H:%M:%S}.")
                return HttpResponseRedirect(release_address(story, act))
            case "release":
                pass
            case _:
                raise DeskError("Nothing was done: the form was not whole. Press the button for what you want.")
        if post.get("due"):
            raise DeskError("A time was named, so nothing went out now. Press Schedule, or take the time out.")
        if act not in NOTE_SAYS and note:
            raise DeskError(f"A {act} has no note; what readers are to know stands in the text.")
        dispatch = release_story(
            story, act, user, note=note, glass=post.get("glass", ""), seen=seen,
            at_seq=int(at_seq) if at_seq.isdigit() else None,
        )  # fmt: skip
    except (DatelineError, ValueError) as error:
        sentence = str(error) if isinstance(error, DatelineError) else "There is no such act."
        messages.error(request, sentence)
        kept = {"note": post.get("note", ""), "glass": post.get("glass", ""), "due": post.get("due", "")}
        query = request.GET.copy()
        query["act"] = post.get("act", "")
        request.GET = query  # type: ignore[assignment]
        return render(request, "desk/release.html", {**_context(request, story), "kept": kept}, status=409)
    messages.success(request, f"{PAST[act]}: “{dispatch.news.headline}”, dispatch {dispatch.seq}.")
    return HttpResponseRedirect(reverse("wagtailadmin_home"))


def _due(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DeskError("Name the day and the time at which it is to go out.", text) from error
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=settings.AGENCY.zone)).astimezone(UTC)
    except OverflowError as error:
        raise DeskError("That time lies beyond the calendar.", text) from error


@require_POST
@require_admin_access
def approve_request(request: HttpRequest, pk: int, request_pk: int) -> HttpResponse:
    """Be the second pair of eyes: approve, and let it go."""
    user = user_of(request)
    story = get_object_or_404(Story, pk=pk)
    asked = get_object_or_404(Request.objects.select_related("story", "user"), pk=request_pk, story=story)
    try:
        dispatch = approve_story.approve(asked, user, seen=request.POST.get("seen", ""))
    except DatelineError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(release_address(asked.story, Act(asked.act)))
    messages.success(request, f"Approved. {PAST[dispatch.act]}: “{dispatch.news.headline}”, dispatch {dispatch.seq}.")
    return HttpResponseRedirect(reverse("wagtailadmin_home"))


@require_POST
@require_admin_access
def add_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a word for the other editors of a story."""
    need(request, "desk.change_story", "Only who may write stories does that.")
    story = get_object_or_404(Story, pk=pk)
    if text := request.POST.get("text", "").strip():
        Note.objects.create(story=story, user=user_of(request), text=text[:5000])
    return HttpResponseRedirect(f"{reverse('desk:release', args=[pk])}#notes")


@require_POST
@require_admin_access
def spike_story(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw a draft away."""
    need(request, "desk.change_story", "Only who may write stories does that.")
    story = get_object_or_404(Story, pk=pk)
    user = user_of(request)
    spike(story, user)
    messages.success(request, f"“{story}” was spiked. It is kept, and can be taken back.")
    return HttpResponseRedirect(reverse("wagtailadmin_home"))


@require_POST
@require_admin_access
def take_back_story(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a draft back from the spike."""
    need(request, "desk.change_story", "Only who may write stories does that.")
    story = get_object_or_404(Story, pk=pk)
    take_back(story, user_of(request))
    messages.success(request, f"“{story}” is a draft again.")
    return HttpResponseRedirect(reverse("stories:edit", args=[pk]))


@require_POST
@require_admin_access
def unschedule(request: HttpRequest, pk: int, schedule_pk: int) -> HttpResponse:
    """Take a schedule back."""
    story = get_object_or_404(Story, pk=pk)
    schedule = get_object_or_404(Schedule, pk=schedule_pk, story=story)
    user = user_of(request)
    if schedule.user_id != user.pk:
        need(request, f"desk.{Right.RELEASE}", "Only who scheduled it, or an editor, cancels a schedule.")
    schedule_story.cancel(schedule, user)
    messages.success(request, "It is not scheduled any more.")
    return HttpResponseRedirect(reverse("desk:release", args=[pk]))
