"""The fold of delivery: for every filter, which dispatches it gets, in order, each with the one before it."""

import time
from functools import lru_cache

from django.db import transaction

from dateline.delivery import store
from dateline.delivery.blocks import BLOCKS
from dateline.delivery.filter import read_periods, wanted_at, wants
from dateline.news.acts import WITHDRAWING, Act
from dateline.wire import store as wire
from dateline.wire.dispatch import Dispatch

# Rows a transaction when a new filter catches up, and the pause after it: writers get their turn.
_BATCH = 200
_PAUSE_S = 0.02


class DeliveryFold:
    """The streams as a projection of the wire."""

    name = "delivery"

    def apply(self, dispatch: Dispatch) -> None:
        """Fold one dispatch into every stream that has come as far; `catch_up` brings the others."""
        if dispatch.act is Act.KILL:
            BLOCKS.forget(wire.seqs_of(dispatch.uri))
        got = store.streams_with(dispatch.uri)
        for stream in store.streams():
            if stream.cursor == dispatch.seq - 1:
                _apply(stream, dispatch, has_it=stream.id in got)
        store.move_streams(dispatch.seq)

    def forget(self) -> None:
        """Drop what was folded."""
        store.forget_streams()


_periods = lru_cache(maxsize=1024)(read_periods)


def _apply(stream: store.Stream, dispatch: Dispatch, *, has_it: bool) -> None:
    if wants(wanted_at(_periods(stream.filter), dispatch.seq), dispatch.act, dispatch.news, has_it=has_it):
        store.add_row(stream, dispatch.seq, dispatch.uri, withdraws=dispatch.act in WITHDRAWING)


def catch_up() -> bool:
    """Fold one batch into each stream that is behind the others, as a new one is; return whether any was.

    The running server calls it until none is; whoever made the filter may be gone by then.
    """
    behind = [stream.id for stream in store.streams() if stream.cursor < wire.read_cursor(DeliveryFold.name)]
    for stream in behind:
        with transaction.atomic():
            found = store.read_stream(stream)
            goal = wire.read_cursor(DeliveryFold.name)
            rows = wire.read_rows(found.cursor, min(_BATCH, max(0, goal - found.cursor)))
            for row in rows:
                _apply(store.read_stream(stream), row, has_it=store.has_item(stream, row.uri))
            if rows:
                store.move_stream(stream, rows[-1].seq)
        time.sleep(_PAUSE_S)
    return bool(behind)
