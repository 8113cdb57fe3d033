"""What an operator reads about subscribers."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dateline.delivery import standing, store
from dateline.delivery.filter import in_words
from dateline.delivery.standing import Kind, kind_of, read_standings, shown
from dateline.delivery.store import Subscription
from dateline.delivery.ways.choose import in_words as way_in_words
from dateline.delivery.ways.drop import SECRETS

_LAST = 10
_TROUBLE = (Kind.STALLED, Kind.FAILING)


def print_states(out: Console) -> None:
    """Print a line a subscription: how it does; those that have stalled first."""
    now = datetime.now(UTC)
    for found in sorted(read_standings(now), key=lambda one: kind_of(one, now) is not Kind.STALLED):
        mark = "STALLED: " if kind_of(found, now) is Kind.STALLED else ""
        out.print(f"Subscriber {found.subscription.name}: {mark}{standing.in_words(found, now)}", markup=False)


def print_subscriptions(out: Console) -> None:
    """Print a line a subscription, those in trouble first."""
    now = datetime.now(UTC)
    found = sorted(read_standings(now), key=lambda one: kind_of(one, now) not in _TROUBLE)
    if not found:
        out.print("No subscribers yet. `dateline subscriber add NAME` makes one, or the desk under Subscribers.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("Name", "Way", "Cursor", "Seen", "State"):
        table.add_column(name)
    for one in found:
        sub, mark = one.subscription, "STALLED: " if kind_of(one, now) is Kind.STALLED else ""
        seen = shown(sub.seen) if sub.seen else "never"
        cells = (sub.name, way_in_words(sub.url), str(sub.cursor), seen, mark + standing.in_words(one, now))
        # What people and servers wrote is text, whatever brackets are in it.
        table.add_row(*map(Text, cells))
    out.print(table)


def _options(found: Subscription) -> str:
    """Return what a way has besides, secrets but their names."""
    return ", ".join(f"{name}={'…' if name in SECRETS else value}" for name, value in found.way.items())


def print_subscription(out: Console, found: Subscription) -> None:
    """Print all about one."""
    now = datetime.now(UTC)
    one = read_standings(now, "s.id = ?", (found.id,))[0]
    out.print(f"{found.name}: {in_words(one.wanted)}", markup=False)
    lines = {
        "Contact": found.contact, "Push": found.url, "Form": found.form, "Option": _options(found),
        "Begins": found.begins or f"after seq {found.since}", "Ends": found.ends,
        "Texts": "headlines only" if found.headlines else "", "Cursor": str(found.cursor), "Seen": found.seen,
        "State": standing.in_words(one, now),
        "Stalled": "yes" if kind_of(one, now) is Kind.STALLED else "",
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
