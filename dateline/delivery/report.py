"""What an operator reads about subscribers."""

import msgspec
from rich.console import Console
from rich.table import Table

from dateline.delivery import store
from dateline.delivery.filter import in_words
from dateline.delivery.ledger import trouble_of
from dateline.delivery.store import Subscription
from dateline.delivery.ways.choose import in_words as way_in_words
from dateline.delivery.ways.drop import SECRETS

_LAST = 10


def state_of(found: Subscription) -> str:
    """Return how a subscription does, in a few words."""
    return _state(found)[0]


def _state(found: Subscription) -> tuple[str, bool]:
    """Return how a subscription does, and whether it needs someone."""
    trouble = trouble_of(found)
    if found.paused:
        return trouble, True
    waits = store.count_rows(found.stream, found.cursor)
    if waits and trouble:
        return f"{waits} wait; the last attempt: {trouble}", True
    return ("up to date" if not waits else f"{waits} wait"), False


class Line(msgspec.Struct, frozen=True):
    """What the desk shows of a subscription. `trouble`: it needs someone."""

    name: str
    contact: str
    gets: str
    way: str
    cursor: int
    seen: str
    state: str
    trouble: bool


def lines() -> list[Line]:
    """Return every subscription as the desk shows it, those in trouble first."""
    found = [
        Line(
            one.name, one.contact, in_words(store.read_stream(one.stream).wanted), way_in_words(one.url),
            one.cursor, one.seen[:19].replace("T", " "), *_state(one),
        )
        for one in store.subscriptions()
    ]  # fmt: skip
    return sorted(found, key=lambda line: not line.trouble)


def stalled() -> list[str]:
    """Return the names of subscriptions that are paused; one query, for the desk's queue."""
    return [f"{one.name} ({one.paused})" for one in store.subscriptions("paused <> ''")]


def print_subscriptions(out: Console) -> None:
    """Print a line a subscription."""
    found = store.subscriptions()
    if not found:
        out.print("No subscribers yet. `dateline subscriber add NAME` makes one.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("Name", "Way", "Cursor", "Seen", "State"):
        table.add_column(name)
    for one in found:
        table.add_row(one.name, way_in_words(one.url), str(one.cursor), one.seen[:19], state_of(one))
    out.print(table)


def _options(found: Subscription) -> str:
    """Return what a way has besides, secrets but their names."""
    return ", ".join(f"{name}={'…' if name in SECRETS else value}" for name, value in found.way.items())


def print_subscription(out: Console, found: Subscription) -> None:
    """Print all about one."""
    out.print(f"{found.name}: {in_words(store.read_stream(found.stream).wanted)}", markup=False)
    lines = {
        "Contact": found.contact, "Push": found.url, "Form": found.form, "Option": _options(found),
        "Begins": found.begins or f"after seq {found.since}", "Ends": found.ends,
        "Texts": "headlines only" if found.headlines else "", "Cursor": str(found.cursor), "Seen": found.seen,
        "State": state_of(found),
    }  # fmt: skip
    for name, value in lines.items():
        if value:
            out.print(f"  {name:<8} {value}", markup=False)
    for hint, made, ends, used in store.read_tokens(found.id):
        out.print(
            f"  Token    {hint}… made {made[:19]}, used {used[:19] or 'never'}{', ends ' + ends[:19] if ends else ''}"
        )
    for attempt in store.read_attempts(found.id, _LAST):
        said = attempt.outcome or (f"acknowledged ({attempt.status})" if attempt.status else "acknowledged")
        out.print(f"  Attempt  {attempt.at[:19]}  seq {attempt.seq}  {attempt.ms} ms  {said}", markup=False)
