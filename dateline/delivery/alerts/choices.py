"""What a reader can choose: sections of the newsfeed, and how urgent an item must be."""

from collections.abc import Iterable

from django.conf import settings
from django.utils.module_loading import import_string

from dateline.delivery.errors import DeliveryError
from dateline.delivery.filter import Filter
from dateline.news.agency import Section

# The least urgent that is mailed (ninjs: 1 flash, 2 bulletin, 3 urgent), its value in the form, its words.
URGENCIES = {
    "flash": (1, "Flashes only: the few lines that cannot wait"),
    "urgent": (3, "Urgent news: flashes, bulletins and urgent items"),
    "all": (9, "Everything that is published"),
}
_IN_WORDS = {1: "flashes", 3: "flashes, bulletins and urgent items", 9: "everything that is published"}


class BadChoice(DeliveryError):
    """A choice that the form does not offer."""

    code = "bad-choice"


def sections() -> list[Section]:
    """Return the sections of the newsfeed; the site says which there are, by way of the settings."""
    found: list[Section] = import_string(settings.PUBLIC_SECTIONS)()
    return found


def read_choice(slugs: Iterable[str], urgency: str) -> Filter:
    """Return what a form chooses; no section means all. Raises BadChoice."""
    wanted = set(slugs)
    if urgency not in URGENCIES:
        raise BadChoice("Choose how urgent an item must be.", urgency)
    if wanted - {section.slug for section in sections()}:
        raise BadChoice("One of the sections is not there any more. Choose from these.")
    return Filter(sections=tuple(sorted(wanted)), urgency=URGENCIES[urgency][0])


def in_words(wanted: Filter) -> str:
    """Return what is chosen, as the end of a sentence."""
    names = {section.slug: section.name for section in sections()}
    what = _IN_WORDS.get(wanted.urgency, f"items of urgency {wanted.urgency} and more urgent")
    places = [names.get(slug, slug) for slug in wanted.sections]
    if not places:
        return f"{what}, in every section"
    return f"{what}, in {places[0] if len(places) == 1 else ', '.join(places[:-1]) + ' and ' + places[-1]}"
