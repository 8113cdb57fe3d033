"""What a dispatch is to a live reader, as the bytes that are sent (WHATWG HTML, server-sent events)."""

from typing import Any

import msgspec
from django.conf import settings

from dateline.news.acts import Act
from dateline.news.codes import short_id
from dateline.news.element import Change, element_of, next_mark, public_change
from dateline.wire import store
from dateline.wire.dispatch import Dispatch


def is_withdrawn(dispatch: Dispatch) -> bool:
    """Whether the item that a past dispatch showed is held or killed by now."""
    state = store.read_state(dispatch.uri)
    return state is not None and state.pubstatus != "usable"


def event_of(dispatch: Dispatch) -> bytes | None:
    """Return the event that a dispatch is, or None if it changes nothing for a live reader.

    `element`: a newsfeed element, new or changed; `withdrawal`: one that goes. Items from an archive
    alert nobody.
    """
    change = dispatch.change
    if change is Change.NOTHING or dispatch.act is Act.ARCHIVE:
        return None
    if change is Change.SHOW:
        item = dispatch.news
        data: Any = element_of(item, mark_at(dispatch), settings.AGENCY)
        return encode("element", data, dispatch.seq)
    return encode("withdrawal", {"id": short_id(dispatch.uri), "act": str(dispatch.act)}, dispatch.seq)


def mark_at(dispatch: Dispatch) -> str:
    """Return the mark that the item's element carries after this dispatch."""
    if dispatch.version == 1:
        return ""
    mark: str | None = None
    for row in store.read_versions(dispatch.uri):
        if row.version <= dispatch.version and public_change(row.act, row.news) is Change.SHOW:
            mark = next_mark(mark, row.act)
    return mark or ""


def encode(name: str, data: Any, seq: int | None = None) -> bytes:
    """Return one event; `seq` becomes its id."""
    line = b"" if seq is None else b"id: %d\n" % seq
    return b"%sevent: %s\ndata: %s\n\n" % (line, name.encode(), msgspec.json.encode(data))
