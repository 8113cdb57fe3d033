"""Wagtail's views of stories, with our ways out in place of its own."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from wagtail.admin.panels import FieldPanel, FieldRowPanel, ObjectList, TabbedInterface
from wagtail.admin.ui.tables import Column, DateColumn, UserColumn
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import CreateView, DeleteView, EditView, IndexView, SnippetViewSet, UnpublishView

from dateline.desk import search
from dateline.desk.asking import acts_for
from dateline.desk.errors import DeskError
from dateline.desk.models import Story
from dateline.desk.queue_rows import sent_back
from dateline.desk.story_count import StoryPaginator
from dateline.desk.widgets import DateInput, InstantInput, SectionInput, TopicPicker
from dateline.intake import store as intake
from dateline.news.acts import Act
from dateline.news.codes import URGENCY_LABELS, is_letters
from dateline.news.item import PubStatus
from dateline.wire import store

_PREFIX = "to-"


def release_address(story: Story, act: Act | str) -> str:
    """Return the address of a story's release screen, for an act."""
    return f"{reverse('desk:release', args=[story.pk])}?act={act}"


class _ThenRelease:
    """Saves the draft, then goes on to the release screen: the footer's buttons."""

    request: HttpRequest
    action: str
    object: Any

    def get_available_actions(self) -> list[str]:
        """Return Wagtail's own but publish, and ours."""
        actions: list[str] = [name for name in super().get_available_actions() if name != "publish"]  # type: ignore[misc]
        return [*actions, *(f"{_PREFIX}{act}" for act in Act)]

    def run_action_method(self) -> HttpResponse | None:
        """Go to the release screen if one of our buttons was pressed."""
        if self.action.startswith(_PREFIX):
            return HttpResponseRedirect(release_address(self.object, self.action.removeprefix(_PREFIX)))
        response: HttpResponse | None = super().run_action_method()  # type: ignore[misc]
        return response


class StoryCreateView(_ThenRelease, CreateView):
    """A new story; it opens with an empty text, to be typed at once.

    The form carries letters of its own (editor.js) that become the story's uri. An autosave and a button can
    both reach us before the page knows that the story exists: the second one edits what the first one made.
    """

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Make the story, or save into the one that this form has made already."""
        return self._edit() or super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Make the story under the form's own uri."""
        if uri := self._uri():
            if store.read_state(uri) is not None or intake.knows(uri):
                raise DeskError("The form is not one of ours; open a new story.", uri)
            form.instance.uri = uri
        try:
            with transaction.atomic():
                response: HttpResponse = super().form_valid(form)
        except IntegrityError:
            # The other request was first by a moment.
            if (edited := self._edit()) is None:
                raise
            return edited
        return response

    def _uri(self) -> str:
        letters = self.request.POST.get("desk-letters", "")
        now = datetime.now(UTC)
        return f"tag:{settings.AGENCY.domain},{now.year}:{letters}" if is_letters(letters) else ""

    def _edit(self) -> HttpResponse | None:
        uri = self._uri()
        made = Story.objects.filter(uri=uri).first() if uri else None
        if made is None or made.latest_revision is None or made.latest_revision.user_id != self.request.user.pk:
            return None
        response: HttpResponse = viewset().edit_view(self.request, pk=str(made.pk))
        return response

    def get_initial_form_instance(self) -> Story:
        """Return the story that the empty form shows."""
        return Story(body=[("text", "")])


class StoryEditView(_ThenRelease, EditView):
    """A story in the editor."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show it; say so where the item is killed or the draft spiked."""
        state = self.object.state
        if state is not None and state.pubstatus == PubStatus.CANCELED:
            messages.warning(request, "This item was killed. Nothing of it can go out again; the text is kept.")
        elif words := sent_back(self.object.current_workflow_state):
            messages.warning(request, f"Sent back by {words}")
        elif self.object.spiked_at is not None:
            messages.warning(request, "This draft was spiked. Take it back on its release screen to work on it.")
        response: HttpResponse = super().get(request, *args, **kwargs)
        return response

    def is_valid(self, form: Any) -> bool:
        """Refuse to save over what another saved in the meantime, until this person has seen that, and says so."""
        # One's own later version is no surprise: a form does not name what its autosaves have made.
        by = self.latest_revision.user if self.latest_revision else None
        stale = self.is_out_of_date and by != self.request.user and self.request.POST.get("desk-over") != "yes"
        if stale and not self.expects_json_response:
            self.produced_error_message = (
                f"{by or 'Someone'} saved a newer version of this story in the meantime. Yours is below, and not "
                "saved yet. Compare it with theirs under Versions; press the button again to save yours as the newest "
                "version (theirs is kept)."
            )
            # The form that is shown now names the newest version, so the next press has seen it.
            return False
        valid: bool = super().is_valid(form)
        return valid


class _NotThisWay:
    """In place of a way of Wagtail's that would go round the wire: says what there is instead."""

    object: Any
    sentence = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Go to the release screen."""
        messages.error(request, self.sentence)
        return HttpResponseRedirect(reverse("desk:release", args=[self.object.pk]))


class StoryUnpublishView(_NotThisWay, UnpublishView):
    """Wagtail's unpublish."""

    sentence = "What the wire carries is not unpublished. Hold it, or kill it."


class StoryDeleteView(_NotThisWay, DeleteView):
    """Wagtail's delete."""

    sentence = "Stories are not deleted. Spike a draft here; hold or kill what is on the wire."


class _StateColumn(Column):
    """Where the item stands, without a query a row."""

    def get_value(self, instance: Any) -> str:
        """Return the state in a word or two."""
        return str(instance.on_wire_words)


class StoryIndexView(IndexView):
    """The list of all stories."""

    paginator_class = StoryPaginator

    def get_base_queryset(self) -> QuerySet[Story]:
        """Return the stories without their bodies."""
        found: QuerySet[Story] = Story.objects.select_related("latest_revision__user").defer("body")
        return found

    def search_queryset(self, queryset: QuerySet[Story]) -> QuerySet[Story]:
        """Search in the desk's own index."""
        return search.find(queryset, self.search_query) if self.is_searching else queryset

    @property
    def is_searchable(self) -> bool:
        """Return True: the index is ours."""
        return True

    def get_table(self, object_list: Any) -> Any:
        """Say of each row where its item stands, with one query for all."""
        stories = list(object_list)
        states = store.read_states([story.uri for story in stories])
        for story in stories:
            story.on_wire_words = _words(story, states.get(story.uri))
        return super().get_table(stories)


def _words(story: Story, state: store.ItemState | None) -> str:
    if state is None:
        return "Spiked" if story.spiked_at else "Draft"
    words = {PubStatus.USABLE: "On the wire", PubStatus.WITHHELD: "Held", PubStatus.CANCELED: "Killed"}[
        PubStatus(state.pubstatus)
    ]
    if state.embargoed and state.pubstatus == PubStatus.USABLE:
        words = "Embargoed"
    return f"{words}, version {state.version}" + (", draft changed" if story.has_unpublished_changes else "")


def _urgency(story: Story) -> str:
    label = URGENCY_LABELS.get(story.urgency, "")
    return format_html(
        '<span class="desk-urgency" data-urgency="{}">{}</span>', story.urgency, f"{story.urgency} {label}".strip()
    )


_STORY = [
    FieldPanel("headline", classname="desk-headline"),
    FieldRowPanel([FieldPanel("section", widget=SectionInput), FieldPanel("slugline"), FieldPanel("urgency")]),
    FieldRowPanel([FieldPanel("place"), FieldPanel("dateline_date", widget=DateInput), FieldPanel("credit")]),
    FieldPanel("body"),
    FieldRowPanel([FieldPanel("byline"), FieldPanel("sign_off")]),
]
_DETAILS = [
    FieldPanel("embargoed", widget=InstantInput),
    FieldPanel("ednote"),
    FieldPanel("topics", widget=TopicPicker),
    FieldPanel("language"),
]


class StoryViewSet(SnippetViewSet):
    """Stories at the desk."""

    model = Story
    icon = "doc-full"
    menu_label = "Stories"
    menu_order = 20
    add_to_admin_menu = True
    base_url_path = "stories"
    admin_url_namespace = "stories"
    copy_view_enabled = False
    inspect_view_enabled = False
    add_view_class = StoryCreateView
    edit_view_class = StoryEditView
    index_view_class = StoryIndexView
    delete_view_class = StoryDeleteView
    unpublish_view_class = StoryUnpublishView
    list_per_page = 50
    ordering = ("-changed_at",)
    list_display = (
        "headline",
        Column("urgency", label="Urgency", accessor=_urgency, sort_key="urgency"),
        Column("section", label="Section", sort_key="section", classname="desk-wide"),
        _StateColumn("state", label="State"),
        UserColumn(
            "latest_revision__user",
            label="Last by",
            classname="desk-wide",
            accessor=lambda story: story.latest_revision and story.latest_revision.user,
        ),
        DateColumn("changed_at", label="Changed", sort_key="changed_at"),
    )
    edit_handler = TabbedInterface([ObjectList(_STORY, heading="Story"), ObjectList(_DETAILS, heading="Details")])


def register() -> None:
    """Register stories with Wagtail."""
    register_snippet(StoryViewSet)


def viewset() -> Any:
    """Return the views of stories as Wagtail registered them."""
    return Story.snippet_viewset


def acts_in_footer(story: Story | None) -> list[Act]:
    """Return the acts that the editor's footer offers for a story, the likely one first."""
    if story is None:
        return [Act.PUBLISH]
    return acts_for(story) if story.spiked_at is None else []
