"""The form of a subscription: what it gets, which way, from when until when.

What is wrong stands at its field in a sentence, and nothing that was typed is lost. Secrets are written, never read: a
field of one is empty whenever the form opens, and left empty it keeps what there is.
"""

import re
from collections.abc import Mapping
from typing import Any

from django import forms

from dateline.desk import topics
from dateline.desk.subscribers import Room, Wishes
from dateline.desk.subscription_words import FORMS, OPTIONS, SECRETS, WAYS, sections_at_hand
from dateline.desk.widgets import DateInput, TopicPicker
from dateline.news.agency import Section
from dateline.news.errors import DatelineError

# BCP 47 as far as anyone asks for it: en, de-AT, zh-Hant.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_URGENCIES = [
    (9, "All"),
    *((number, f"{number} and more urgent") for number in range(8, 3, -1)),
    (3, "3: urgent, bulletins and flashes"), (2, "2: bulletins and flashes"), (1, "1: flashes only"),
]  # fmt: skip
# The longest address and the longest secret that anyone has; longer is a mistake.
_CHARS = 2000
# Which field an error of the other room belongs to, by its code; one that names a field itself is not here.
_FIELD_OF = {"taken-name": "name", "bad-endpoint": "address", "bad-period": "ends"}


class FilterForm(forms.Form):
    """What a subscription gets; by itself it is what the preview reads."""

    sections = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    other_sections = forms.CharField(
        label="Other sections", required=False, max_length=_CHARS, help_text="By their names, with commas between."
    )
    topics = forms.CharField(
        label="Media topics", required=False, max_length=_CHARS, widget=TopicPicker, help_text="None: all topics."
    )
    languages = forms.CharField(
        required=False,
        max_length=200,
        help_text="Such as en, de-AT, with commas between; de is for de-AT, too. None: all.",
    )
    urgency = forms.TypedChoiceField(choices=_URGENCIES, coerce=int, initial=9)
    headlines = forms.BooleanField(label="Headlines only, without the texts", required=False)
    embargoed = forms.BooleanField(label="Entitled to items under embargo: they come at once, marked", required=False)
    archive = forms.BooleanField(label="Archive items, too: old ones that an import brings", required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.at_hand = sections_at_hand()
        self.fields["sections"].choices = list(self.at_hand.items())  # type: ignore[attr-defined]

    def clean_other_sections(self) -> tuple[str, ...]:
        """Return the sections' slugs."""
        found = _parts(self.cleaned_data["other_sections"])
        if bad := next((one for one in found if not any(letter.isalnum() for letter in one)), ""):
            raise forms.ValidationError(f"“{bad}” is no section's name; a name has letters.")
        return tuple(Section.named(one).slug for one in found)

    def clean_topics(self) -> tuple[str, ...]:
        """Return the topics' codes; one that IPTC has retired may stay where it was."""
        found = _parts(self.cleaned_data["topics"])
        known = {*topics.vocabulary(), *_parts(str(self.initial.get("topics", "")))}
        if bad := next((one for one in found if one not in known), ""):
            raise forms.ValidationError(f"There is no media topic {bad}. Search for one by its name.")
        return tuple(found)

    def clean_languages(self) -> tuple[str, ...]:
        """Return the languages' tags."""
        found = _parts(self.cleaned_data["languages"])
        if bad := next((one for one in found if not _LANGUAGE.fullmatch(one)), ""):
            raise forms.ValidationError(f"“{bad}” is not a language's tag; write en, de or pt-BR.")
        return tuple(found)

    def all_sections(self) -> tuple[str, ...]:
        """Return the slugs of all sections that were chosen or typed."""
        return tuple(dict.fromkeys([*self.cleaned_data["sections"], *self.cleaned_data["other_sections"]]))

    def wishes(self, room: Room[Any], **more: Any) -> Any:
        """Return what a form that is valid says, as the room's own value."""
        said = self.cleaned_data
        rest = {"contact": "", "way": "pull", "address": "", "options": {}, "form": "", "begins": "", "ends": ""}
        wanted = {name: said[name] for name in ("topics", "languages", "urgency", "embargoed", "archive", "headlines")}
        return room.wishes(sections=self.all_sections(), **wanted, **{**rest, **more})


class SubscriptionForm(FilterForm):
    """All of a subscription."""

    name = forms.CharField(max_length=120, help_text="The subscriber's, as the desk knows it.")
    contact = forms.CharField(
        required=False,
        max_length=200,
        help_text="Whom to call when something is wrong: a name, a number, a mail address.",
    )
    way = forms.ChoiceField(choices=list(WAYS.items()), initial="pull", widget=forms.RadioSelect)
    address = forms.CharField(label="Where to", required=False, max_length=_CHARS)
    password = forms.CharField(required=False, max_length=_CHARS)
    host_key = forms.CharField(
        label="The server’s host key", required=False, max_length=200,
        help_text="Its fingerprint, SHA256:…. Empty: the one that is seen first is kept.",
    )  # fmt: skip
    key = forms.CharField(label="Access key", required=False, max_length=_CHARS)
    secret = forms.CharField(label="Secret key", required=False, max_length=_CHARS)
    endpoint_url = forms.CharField(
        label="Address of the S3 server", required=False, max_length=_CHARS, help_text="Empty: Amazon’s own."
    )
    region = forms.CharField(required=False, max_length=60, help_text="Empty: us-east-1.")
    form = forms.ChoiceField(label="Form", choices=list(FORMS.items()), required=False)
    begins = forms.DateField(
        label="From", required=False, widget=DateInput,
        help_text="The first day. Empty: with the next dispatch. A day that is over: with what went out since, too.",
    )  # fmt: skip
    from_start = forms.BooleanField(label="With the first dispatch of the wire", required=False)
    ends = forms.DateField(label="Until", required=False, widget=DateInput, help_text="The last day. Empty: no end.")
    paused = forms.CharField(
        label="Paused", required=False, max_length=200,
        help_text="Why nothing is to be sent to it yet; empty: it is not paused.",
    )  # fmt: skip
    # What the subscription was when the form was opened.
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, before: Wishes | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in SECRETS:
            kept = before is not None and name in before.options
            # What was just typed comes back with an error at another field; what is kept never does.
            self.fields[name].widget = forms.PasswordInput(
                render_value=True,
                attrs={"autocomplete": "new-password", "placeholder": "Kept; type to replace it" if kept else ""},
            )
        if before is not None:
            del self.fields["from_start"], self.fields["paused"]
            if not before.begins:
                del self.fields["begins"]

    @classmethod
    def initial_of(cls, name: str, wishes: Wishes, at_hand: Mapping[str, str], seen: str) -> dict[str, Any]:
        """Return what the form shows of a subscription that is there."""
        return {
            "name": name, "contact": wishes.contact, "sections": [one for one in wishes.sections if one in at_hand],
            "other_sections": ", ".join(one for one in wishes.sections if one not in at_hand),
            "topics": ",".join(wishes.topics), "languages": ", ".join(wishes.languages), "urgency": wishes.urgency,
            "headlines": wishes.headlines, "embargoed": wishes.embargoed, "archive": wishes.archive, "way": wishes.way,
            "address": wishes.address, "form": wishes.form, "begins": wishes.begins, "ends": wishes.ends, "seen": seen,
            **{name: value for name, value in wishes.options.items() if name not in SECRETS},
        }  # fmt: skip

    def wishes(self, room: Room[Any], **more: Any) -> Any:
        """Return what a form that is valid says, as the room's own value."""
        said = self.cleaned_data
        days = {name: said[name].isoformat() if said.get(name) else "" for name in ("begins", "ends")}
        return super().wishes(
            room, contact=said["contact"], way=said["way"], address=said["address"], form=said["form"],
            options={name: said[name] for name in OPTIONS.get(said["way"], ())}, **days, **more,
        )  # fmt: skip

    def refuse(self, error: DatelineError) -> None:
        """Put what the room refused at the field that it is about."""
        field: str | None = _FIELD_OF.get(error.code)
        if error.code == "needs-secret":
            field = str(error.value)
        elif field == "address" and error.value and error.value == self.cleaned_data.get("endpoint_url"):
            field = "endpoint_url"
        elif field == "ends" and self.cleaned_data.get("begins") and not self.cleaned_data.get("ends"):
            field = "begins"
        self.add_error(field if field in self.fields else None, str(error))

    def only_filter(self) -> None:
        """Take back what is said of other fields than the filter's: it was looked at, not sent."""
        for name in [*self.errors]:
            if name not in FilterForm.base_fields:
                del self.errors[name]


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(" ".join(part.split()) for part in text.split(",") if part.strip()))


class PauseForm(forms.Form):
    """Why nothing is to be sent for a while."""

    why = forms.CharField(
        label="Why", max_length=200, error_messages={"required": "Say why; everyone who looks at it reads it."}
    )


class TokenForm(forms.Form):
    """A new token, and how long the ones before it last."""

    hours = forms.IntegerField(
        label="Hours that the old one lasts", min_value=0, max_value=24 * 365, initial=24,
        error_messages={
            "required": "Say how many hours the old one lasts; 0 ends it at once.",
            "invalid": "Write a whole number of hours; 0 ends it at once.",
            "min_value": "Write a whole number of hours; 0 ends it at once.",
            "max_value": "No longer than a year: 8760 hours.",
        },
    )  # fmt: skip


# Where SQLite's whole numbers end.
_MOST = 2**63 - 1


class AgainForm(forms.Form):
    """Which dispatches are to be sent once more."""

    first = forms.IntegerField(
        label="From seq", min_value=1, max_value=_MOST,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), "Write the seq of the first dispatch, such as 1207."
        ),
    )  # fmt: skip
    last = forms.IntegerField(
        label="To seq", required=False, min_value=1, max_value=_MOST,
        help_text="The same for one. Empty: everything from there on, in order.",
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), "Write the seq of the last dispatch, or nothing."
        ),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Refuse a range whose end lies before its beginning."""
        said = super().clean() or {}
        if said.get("first") and said.get("last") and said["last"] < said["first"]:
            self.add_error("last", f"The last one lies before the first: write {said['first']} or more, or nothing.")
        return said
