"""Spiking: the desk throws a draft away. Its words stay, and it can be taken back."""

from datetime import UTC, datetime

from django.db import transaction

from dateline.desk.errors import NotThisWay
from dateline.desk.models import Schedule, Story, User
from dateline.desk.recording import record
from dateline.wire import store


def spike(story: Story, user: User) -> None:
    """Spike a draft. Raises NotThisWay for what the wire carries."""
    with transaction.atomic():
        if store.read_state(story.uri) is not None:
            raise NotThisWay(f"{story} is on the wire. Hold it or kill it; only a draft is spiked.", story.uri)
        Story.objects.filter(pk=story.pk).update(spiked_at=datetime.now(UTC))
        Schedule.objects.filter(story=story, outcome=None).update(outcome=f"spiked by {user}")
        if (running := story.current_workflow_state) is not None:
            running.cancel(user=user)
        record("spiked", user=user, story=story)


def take_back(story: Story, user: User) -> None:
    """Take a draft back from the spike."""
    record("took back from the spike", user=user, story=story)
    Story.objects.filter(pk=story.pk).update(spiked_at=None)
