"""What the desk's database needs besides its tables: the triggers, the roles, the review."""

from typing import Any

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from wagtail.models import Workflow, WorkflowContentType, WorkflowTask

from dateline.desk.models import DeskReview, Story
from dateline.desk.roles import Role, ensure_roles
from dateline.desk.triggers import ensure_triggers

_REVIEW = "Desk review"


def set_up(**options: Any) -> None:
    """Bring all of it to where this version wants it; called after every migration, changes nothing twice."""
    with transaction.atomic():
        ensure_triggers()
        ensure_roles()
        _ensure_review()


def _ensure_review() -> None:
    content_type = ContentType.objects.get_for_model(Story)
    if WorkflowContentType.objects.filter(content_type=content_type).exists():
        return
    task = DeskReview.objects.create(name=_REVIEW)
    task.groups.set(Group.objects.filter(name__in=[Role.EDITOR, Role.CHIEF]))
    workflow = Workflow.objects.create(name=_REVIEW)
    WorkflowTask.objects.create(workflow=workflow, task=task, sort_order=0)
    WorkflowContentType.objects.create(content_type=content_type, workflow=workflow)
