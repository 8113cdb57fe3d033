"""The fold of delivery: for every filter, which dispatches it gets, in order, each with the one before it."""

from functools import lru_cache

from django.db import transaction

from dateline.delivery import store
from dateline.delivery.blocks import BLOCKS
from dateline.delivery.filter import read_periods, wanted_at, wants
from dateline.news.acts import WITHDRAWING, Act
from dateline.wire import store as wire
from dateline.wire.dispatch import Dispatch

# Dispatches a piece when a new filter catches up, three milliseconds or so: what is published meanwhile waits for one.
_PIECE = 50


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
    """Fold one piece into the stream that is furthest behind the others, as a new one is; return whether any was.

    The running server calls it again and again until none is; whoever made the filter may be gone by then.
    """
    goal = wire.read_cursor(DeliveryFold.name)
    stream = min(store.streams(), key=lambda stream: stream.cursor, default=None)
    if stream is None or stream.cursor >= goal:
        return False
    _fold_piece(stream, wire.read_rows(stream.cursor, min(_PIECE, goal - stream.cursor)))
    return True


def _fold_piece(stream: store.Stream, dispatches: list[Dispatch]) -> None:
    """Fold the next dispatches into one stream. It is decided first what it gets: appends wait for a writer's lock."""
    has = store.items_in(stream.id, {dispatch.uri for dispatch in dispatches})
    got: list[Dispatch] = []
    for dispatch in dispatches:
        wanted = wanted_at(_periods(stream.filter), dispatch.seq)
        if wants(wanted, dispatch.act, dispatch.news, has_it=dispatch.uri in has):
            has.add(dispatch.uri)
            got.append(dispatch)
    with transaction.atomic():
        # Forgotten, changed or folded anew meanwhile: what was decided holds no more.
        if store.stands(stream):
            store.add_rows(stream, [(row.seq, row.uri, row.act in WITHDRAWING) for row in got])
            store.move_stream(stream.id, dispatches[-1].seq)
