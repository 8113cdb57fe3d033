"""The fold of delivery: for every filter, which dispatches it gets, in order, each with the one before it."""

from django.db import transaction

from dateline.delivery import store
from dateline.delivery.filter import wants
from dateline.wire import store as wire
from dateline.wire.dispatch import Dispatch

# Rows a transaction when a new filter catches up: no lock is held for long.
_BATCH = 500


class DeliveryFold:
    """The streams as a projection of the wire."""

    name = "delivery"

    def apply(self, dispatch: Dispatch) -> None:
        """Fold one dispatch into every stream that has come as far; others catch up by themselves."""
        ready = [stream for stream in store.streams() if stream.cursor == dispatch.seq - 1]
        for stream in ready:
            _apply(stream, dispatch)
        store.move_stream([stream.id for stream in ready], dispatch.seq)

    def forget(self) -> None:
        """Drop what was folded."""
        store.forget_streams()


def _apply(stream: store.Stream, dispatch: Dispatch) -> None:
    has_it = store.has_item(stream.id, dispatch.uri)
    if wants(stream.wanted, dispatch.act, dispatch.news, has_it=has_it):
        store.add_row(stream, dispatch.seq, dispatch.uri)


def catch_up(stream: int) -> None:
    """Fold a new stream up to where the other projections are: the head, or where the server has come."""
    while True:
        with transaction.atomic():
            found = store.read_stream(stream)
            goal = wire.read_cursor(DeliveryFold.name)
            rows = wire.read_rows(found.cursor, min(_BATCH, max(0, goal - found.cursor)))
            for row in rows:
                _apply(store.read_stream(stream), row)
            if rows:
                store.move_stream([stream], rows[-1].seq)
        if not rows:
            return
