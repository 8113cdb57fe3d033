"""Four people at a desk of their own."""

from pathlib import Path
from typing import Any

import pytest


class Desk:
    """The people of the desk, and what they do all day."""

    def __init__(self) -> None:
        from django.contrib.auth.models import Group

        from dateline.desk.models import User
        from dateline.desk.roles import Role

        def person(name: str, *roles: Role) -> User:
            user = User.objects.create_user(name, password="harbour-light-77", first_name=name.capitalize())
            user.groups.set(Group.objects.filter(name__in=roles))
            return user

        self.reporter = person("maren", Role.REPORTER)
        self.editor = person("jonas", Role.EDITOR)
        self.chief = person("ines", Role.CHIEF)
        self.other_chief = person("abel", Role.CHIEF)
        self.operator = person("oda", Role.OPERATOR)

    def story(self, author: Any = None, **fields: Any) -> Any:
        from dateline.desk.models import Story

        fields = {
            "headline": "Harbour reopens", "section": "World", "place": "PORT ELLIS",
            "body": [("text", "<p>The harbour reopened on Monday.</p>")], **fields,
        }  # fmt: skip
        story = Story(**fields)
        story.save()
        story.save_revision(user=author or self.reporter)
        return story

    def change(self, story: Any, author: Any, **fields: Any) -> Any:
        """Save a new version as someone would in the editor; return the story afresh."""
        from dateline.desk.models import Story

        text = Story.objects.get(pk=story.pk).get_latest_revision_as_object()
        for name, value in fields.items():
            setattr(text, name, value)
        text.save_revision(user=author)
        return Story.objects.get(pk=story.pk)

    def client(self, user: Any) -> Any:
        from django.test import Client

        client = Client(headers={"host": "localhost"})
        client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
        return client


@pytest.fixture
def desk(home: Path) -> Desk:
    return Desk()
