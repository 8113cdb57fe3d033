"""Whoever changes something of a subscriber's leaves a record: both happen, or neither does."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.http import HttpRequest

from dateline.desk.recording import record
from dateline.desk.views.person import user_of
from dateline.wire import bell


@contextmanager
def managed(request: HttpRequest, what: str, name: str, detail: str = "") -> Iterator[list[str]]:
    """Do the block and keep that it was done, in one transaction; the block may add to what is kept. No secret is.

    What it rings inside is heard before the commit, so the bell rings once more after it.
    """
    said = [detail] if detail else []
    with transaction.atomic():
        yield said
        record(what, user=user_of(request), request=request, about=name, detail="; ".join(filter(None, said)))
    bell.ring()
