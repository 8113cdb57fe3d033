"""The editor's own form fields: native dates, a section with its list, the picker of media topics.

Dates are the browser's own controls: Wagtail's write scripts into the page, which the policy refuses.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dateline.desk import topics
from dateline.desk.models import Story


class DateInput(forms.DateInput):
    """A date, by the browser's own control."""

    input_type = "date"

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%Y-%m-%d", **options)


class InstantInput(forms.DateTimeInput):
    """A date and time to the second, in the agency's time zone, by the browser's own control."""

    input_type = "datetime-local"

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M:%S", attrs={"step": "1"}, **options)


class SectionInput(forms.TextInput):
    """A section: free text, with the agency's own at hand."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the field with its list."""
        attrs = {**(attrs or {}), "list": f"{name}-list", "autocomplete": "off"}
        field = super().render(name, value, attrs, renderer)
        options = format_html_join("", '<option value="{}"></option>', ((s,) for s in known_sections()))
        return format_html('{}<datalist id="{}-list">{}</datalist>', field, name, options)


def known_sections() -> list[str]:
    """Return the sections that an editor can pick: those of the settings, then those of the latest stories."""
    latest = set(Story.objects.order_by("-pk").values_list("section", flat=True)[:200])
    return list(dict.fromkeys([*settings.AGENCY.sections, *sorted(latest - {""})]))


class TopicPicker(forms.TextInput):
    """Media topics: the codes in a field, their names as chips, a search box beside them (topics.js)."""

    class Media:
        js = ("desk/topics.js",)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the field with its search box."""
        field = super().render(
            name, value, {**(attrs or {}), "data-topics-field": "", "class": "desk-topics-field"}, renderer
        )
        chips = format_html_join(
            "", '<li data-code="{}"><span>{}</span></li>',
            ((code, topics.vocabulary()[code].name) for code in topics.codes_of(value or "")),
        )  # fmt: skip
        return format_html(
            '<div class="desk-topics" data-topics>{}<ul class="desk-chips" data-topics-chips>{}</ul>'
            '<input type="search" data-topics-search aria-label="Search IPTC Media Topics" role="combobox" '
            'aria-expanded="false" aria-controls="{}-found" autocomplete="off" placeholder="Search media topics">'
            '<ul class="desk-topics-found" id="{}-found" role="listbox" aria-label="Media topics" hidden></ul></div>',
            field, chips, name, name,
        )  # fmt: skip
