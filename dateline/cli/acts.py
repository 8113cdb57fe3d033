"""The acts as commands: a file, an item, a note; what the wire did with them is printed."""

import re
from datetime import UTC, datetime
from typing import IO

import click
from django.conf import settings

from dateline.cli.home import prepare
from dateline.cli.terminal import Command, out
from dateline.news.acts import Act
from dateline.news.formats.reading import read_dispatch
from dateline.news.item import NewsItem
from dateline.wire import bell, store
from dateline.wire.append import append
from dateline.wire.dispatch import Dispatch
from dateline.wire.errors import UnknownItem
from dateline.wire.verify import remember


def _read(file: IO[bytes]) -> NewsItem:
    return read_dispatch(file.read(), settings.AGENCY, datetime.now(UTC))


# What an address that is copied from a browser may have after the item's own: an older version, a query, a place.
_COPIED = re.compile(r"(?:(?<=/)v[0-9]+/)?(?:[?#].*)?$")


def _find(uri: str) -> str:
    """Return the uri that a uri, a page's address or its end names."""
    text = uri.removeprefix(settings.AGENCY.url)
    path = "/" + text.partition("://")[2].partition("/")[2] if "://" in text else text
    found = store.find_uri(text) or store.find_uri(path) or store.find_uri(_COPIED.sub("", path))
    if found is None:
        raise UnknownItem(
            f"No item on the wire has the uri or the address {uri!r}; `dateline status` lists the latest."
        )
    return found


_PAST = {
    Act.PUBLISH: "Published", Act.UPDATE: "Updated", Act.CORRECT: "Corrected", Act.REFILE: "Refiled",
    Act.HOLD: "Held", Act.RELEASE: "Released", Act.KILL: "Killed", Act.ADVISORY: "Sent to subscribers",
}  # fmt: skip


def _say(dispatch: Dispatch) -> None:
    remember(store.read_head().checkpoint)
    item = dispatch.news
    out.print(f"{_PAST[dispatch.act]}: {item.headline}", markup=False)
    out.print(f"  seq   {dispatch.seq}, version {dispatch.version}")
    out.print(f"  uri   {item.uri}", markup=False)
    if dispatch.act is not Act.ADVISORY:
        out.print(f"  page  {settings.AGENCY.url}{item.path}", markup=False)
    if item.embargoed:
        local = settings.AGENCY.local(item.embargoed)
        running = "the running server releases it then" if bell.is_followed() else (
            "no server is running, so it will be released when one starts after that"
        )  # fmt: skip
        out.print(f"  embargoed until {local:%Y-%m-%d %H:%M:%S %Z}; {running}")


_FILE = click.argument("file", type=click.File("rb"))
_URI = click.argument("uri")


@click.command(
    cls=Command,
    example="dateline publish harbour.txt\nprintf 'Headline: Harbour reopens\\n\\nText.' | dateline publish -",
)
@_FILE
def publish(file: IO[bytes]) -> None:
    """Publish FILE: a plain-text dispatch with a short header, ninjs, NewsML-G2 or NITF (- for standard input)."""
    prepare()
    _say(append(Act.PUBLISH, _read(file)))


@click.command(cls=Command, example="dateline advisory coverage-plan.txt")
@_FILE
def advisory(file: IO[bytes]) -> None:
    """Send FILE as a note to subscribers' editors; it never shows on the public site."""
    prepare()
    _say(append(Act.ADVISORY, _read(file)))


def _revise(act: Act, uri: str, file: IO[bytes], note: str) -> None:
    prepare()
    _say(append(act, _read(file), uri=_find(uri), note=note))


@click.command(
    cls=Command,
    example="dateline update tag:tidewater.example,2026:wh3k7q2m9x4bc harbour.txt --note 'Adds the minister.'",
)
@_URI
@_FILE
@click.option("--note", required=True, help="What changed; readers see it.")
def update(uri: str, file: IO[bytes], note: str) -> None:
    """Add news to an item: a new lead, a writethru. URI is its uri or its page's address."""
    _revise(Act.UPDATE, uri, file, note)


@click.command(
    cls=Command,
    example="dateline correct /2026/11/25/harbour-wh3k7q2m9x4bc/ harbour.txt --note 'The depth is 12 m, not 21.'",
)
@_URI
@_FILE
@click.option("--note", required=True, help="What was wrong; readers see it.")
def correct(uri: str, file: IO[bytes], note: str) -> None:
    """Mend a substantive error openly. URI is the item's uri or its page's address."""
    _revise(Act.CORRECT, uri, file, note)


@click.command(cls=Command, example="dateline refile wh3k7q2m9x4bc harbour.txt --note 'Mends the spelling of a name.'")
@_URI
@_FILE
@click.option("--note", required=True, help="What was mended; readers see it.")
def refile(uri: str, file: IO[bytes], note: str) -> None:
    """Mend a minor slip openly. URI is the item's uri or its page's address."""
    _revise(Act.REFILE, uri, file, note)


@click.command(cls=Command, example="dateline hold wh3k7q2m9x4bc --advisory 'We are checking the casualty figure.'")
@_URI
@click.option("--advisory", required=True, help="Why it is held, for subscribers' editors.")
def hold(uri: str, advisory: str) -> None:
    """Withhold an item while it is checked. URI is its uri or its page's address."""
    prepare()
    _say(append(Act.HOLD, uri=_find(uri), note=advisory))


@click.command(cls=Command, example="dateline release wh3k7q2m9x4bc")
@_URI
@click.option("--advisory", default="", help="A note for subscribers' editors; it goes out with the signed dispatch.")
def release(uri: str, advisory: str) -> None:
    """Lift a hold, or an embargo before its instant. URI is the item's uri or its page's address."""
    prepare()
    _say(append(Act.RELEASE, uri=_find(uri), note=advisory))


@click.command(cls=Command, example="dateline kill wh3k7q2m9x4bc --advisory 'The statement was forged; do not use.'")
@_URI
@click.option("--advisory", required=True, help="Why it is withdrawn; its page says so from now on.")
def kill(uri: str, advisory: str) -> None:
    """Withdraw an item for good. Nothing brings it back. URI is its uri or its page's address."""
    prepare()
    _say(append(Act.KILL, uri=_find(uri), note=advisory))


ACTS = (publish, advisory, update, correct, refile, hold, release, kill)
