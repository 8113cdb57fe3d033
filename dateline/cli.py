"""The `dateline` command. Thin: each command reads its arguments, calls one room, prints what it did."""

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import click
import msgspec

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dateline.settings")

import django
from django.conf import settings

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402

from dateline import __version__  # noqa: E402
from dateline.delivery import subscribing  # noqa: E402
from dateline.delivery.alerts import readers  # noqa: E402
from dateline.delivery.client import Command as Run  # noqa: E402
from dateline.delivery.client import Database, Folder, Follower, NotTaken, Refused  # noqa: E402
from dateline.delivery.filter import Filter, in_words, section_slug  # noqa: E402
from dateline.delivery.report import print_subscription, print_subscriptions  # noqa: E402
from dateline.delivery.store import Subscription  # noqa: E402
from dateline.delivery.subscribing import Terms  # noqa: E402
from dateline.delivery.ways.servers import public_key  # noqa: E402
from dateline.desk.first_chief import FirstChief, give_password, keep_secret, make_first_chief  # noqa: E402
from dateline.intake.importing import import_files  # noqa: E402
from dateline.intake.report import print_report  # noqa: E402
from dateline.news.acts import Act  # noqa: E402
from dateline.news.errors import DatelineError  # noqa: E402
from dateline.news.formats.outgoing import FORMS  # noqa: E402
from dateline.news.formats.reading import read_dispatch  # noqa: E402
from dateline.news.item import NewsItem  # noqa: E402
from dateline.options import SECRET_FILE  # noqa: E402
from dateline.projections import all_projections  # noqa: E402
from dateline.sample import append_sample  # noqa: E402
from dateline.server import Outlets, listen, only_process, open_pages, serve  # noqa: E402
from dateline.site.render import menu  # noqa: E402
from dateline.status import print_status  # noqa: E402
from dateline.wire import bell, store  # noqa: E402
from dateline.wire.append import append  # noqa: E402
from dateline.wire.dispatch import Dispatch  # noqa: E402
from dateline.wire.errors import UnknownItem  # noqa: E402
from dateline.wire.export import export_wire  # noqa: E402
from dateline.wire.follow import refold  # noqa: E402
from dateline.wire.keys import load_signer, make_keys  # noqa: E402
from dateline.wire.verify import check_remembered, read_verifier, remember, verify_lines, verify_url, verify_wire  # noqa: E402

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class _Command(click.Command):
    """A command whose help ends in an example."""

    def __init__(self, *args: Any, example: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.example = example

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Example" if "\n" not in self.example else "Examples"):
            for line in self.example.splitlines():
                formatter.write(f"  {line}\n")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="Dateline")
def cli() -> None:
    """Run a news agency's wire: one ordered, append-only, signed log of dispatches.

    State lies in one folder, DATELINE_HOME (default: ./var). Settings come from the environment
    (DATELINE_…) or from dateline.toml; docs/operating.md lists them.
    """


def prepare(*, migrate: bool = False) -> bool:
    """Make the home, the keys and the tables where they are missing; return whether the wire is new."""
    home: Path = settings.DATELINE_HOME
    try:
        home.mkdir(parents=True, exist_ok=True)
        database = home / "wire.sqlite3"
        fresh = not database.exists()
        keys = home / "keys"
        # An old wire whose key is gone gets no new one: nobody could tell that from a forgery.
        if fresh or ((keys / "wire.key").exists() and not (keys / "wire.pub").exists()):
            make_keys(keys, settings.AGENCY.origin)
        # It holds embargoed text; SQLite gives its journals the same mode.
        database.touch(mode=0o600)
    except OSError as error:
        raise click.ClickException(f"The folder {home} cannot be used: {error.strerror}.") from error
    if migrate or fresh or not store.is_ready():
        _migrate(database)
    load_signer(home / "keys", settings.AGENCY.origin)
    keep_secret(home / "keys" / SECRET_FILE)
    return fresh


def _migrate(database: Path) -> None:
    """Bring the tables up to date. Where that fails before anything was kept, the next start begins anew.

    Some migrations of others are not whole or nothing: what a full disk left of a first start is of no use.
    """
    try:
        call_command("migrate", verbosity=0)
    except DatabaseError as error:
        connection.close()
        # Only then: after any other failure another process may be at work on the file.
        if "disk is full" not in str(error):
            raise
        with closing(sqlite3.connect(database)) as left:
            tables = {row[0] for row in left.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            kept = any(
                left.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()
                for name in tables & {"wire_dispatch", "desk_user"}
            )
        if not kept:
            for suffix in ("", "-wal", "-shm"):
                database.with_name(database.name + suffix).unlink(missing_ok=True)
        raise


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal; elsewhere nothing."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@cli.command(cls=_Command, example="dateline run --port 8080")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=settings.PORT, show_default=True, type=click.IntRange(1, 65535), help="The port.")
@click.option("--sample", is_flag=True, help="If the wire is empty, put a sample wire of an invented agency on it.")
def run(host: str, port: int, sample: bool) -> None:
    """Start everything: migrate, fold, serve the newsfeed, keep the embargoes."""
    prepare(migrate=True)
    settings.LISTEN_HOST = host
    with only_process():
        listeners = listen(host, port)
        check_remembered(read_verifier())
        if sample and store.head_seq() == 0:
            err.print(f"The wire is empty: {len(append_sample())} sample dispatches were put on it.")
        outlets = Outlets(open_pages())
        with progress_bar("Folding and rendering", None):
            rendered = outlets.start()
        first = make_first_chief(sample=sample)
        if rendered:
            err.print(f"{rendered} pages were rendered.")
        serve(listeners, outlets, lambda: _say_where(host, port, first))


def _say_where(host: str, port: int, first: FirstChief | None) -> None:
    address = f"http://{host}:{port}/"
    out.print(f"Newsfeed  {address}")
    if settings.AGENCY.url + "/" != address:
        out.print(f"          its links and feeds say {settings.AGENCY.url}/ (DATELINE_URL)")
    out.print(f"Desk      {address}desk/")
    if first is not None:
        out.print(f"          sign in as {first.username} with the one-time password {first.password}", markup=False)
    out.print("Stop      Ctrl+C")


def _read(file: IO[bytes]) -> NewsItem:
    return read_dispatch(file.read(), settings.AGENCY, datetime.now(UTC))


def _find(uri: str) -> str:
    """Return the uri that a uri, a page's address or its end names."""
    text = uri.removeprefix(settings.AGENCY.url)
    found = store.find_uri(text) or store.find_uri("/" + text.partition("://")[2].partition("/")[2])
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


@cli.command(
    cls=_Command,
    example="dateline publish harbour.txt\nprintf 'Headline: Harbour reopens\\n\\nText.' | dateline publish -",
)
@_FILE
def publish(file: IO[bytes]) -> None:
    """Publish FILE: a plain-text dispatch with a short header, ninjs, NewsML-G2 or NITF (- for standard input)."""
    prepare()
    _say(append(Act.PUBLISH, _read(file)))


@cli.command(cls=_Command, example="dateline advisory coverage-plan.txt")
@_FILE
def advisory(file: IO[bytes]) -> None:
    """Send FILE as a note to subscribers' editors; it never shows on the public site."""
    prepare()
    _say(append(Act.ADVISORY, _read(file)))


def _revise(act: Act, uri: str, file: IO[bytes], note: str) -> None:
    prepare()
    _say(append(act, _read(file), uri=_find(uri), note=note))


@cli.command(
    cls=_Command,
    example="dateline update tag:tidewater.example,2026:h3k7q2m9x4bc harbour.txt --note 'Adds the minister.'",
)
@_URI
@_FILE
@click.option("--note", required=True, help="What changed; readers see it.")
def update(uri: str, file: IO[bytes], note: str) -> None:
    """Add news to an item: a new lead, a writethru. URI is its uri or its page's address."""
    _revise(Act.UPDATE, uri, file, note)


@cli.command(
    cls=_Command,
    example="dateline correct /2026/11/25/harbour-h3k7q2m9x4bc/ harbour.txt --note 'The depth is 12 m, not 21.'",
)
@_URI
@_FILE
@click.option("--note", required=True, help="What was wrong; readers see it.")
def correct(uri: str, file: IO[bytes], note: str) -> None:
    """Mend a substantive error openly. URI is the item's uri or its page's address."""
    _revise(Act.CORRECT, uri, file, note)


@cli.command(cls=_Command, example="dateline refile h3k7q2m9x4bc harbour.txt --note 'Mends the spelling of a name.'")
@_URI
@_FILE
@click.option("--note", required=True, help="What was mended; readers see it.")
def refile(uri: str, file: IO[bytes], note: str) -> None:
    """Mend a minor slip openly. URI is the item's uri or its page's address."""
    _revise(Act.REFILE, uri, file, note)


@cli.command(cls=_Command, example="dateline hold h3k7q2m9x4bc --advisory 'We are checking the casualty figure.'")
@_URI
@click.option("--advisory", required=True, help="Why it is held, for subscribers' editors.")
def hold(uri: str, advisory: str) -> None:
    """Withhold an item while it is checked. URI is its uri or its page's address."""
    prepare()
    _say(append(Act.HOLD, uri=_find(uri), note=advisory))


@cli.command(cls=_Command, example="dateline release h3k7q2m9x4bc")
@_URI
@click.option("--advisory", default="", help="A note for subscribers' editors; it goes out with the signed dispatch.")
def release(uri: str, advisory: str) -> None:
    """Lift a hold, or an embargo before its instant. URI is the item's uri or its page's address."""
    prepare()
    _say(append(Act.RELEASE, uri=_find(uri), note=advisory))


@cli.command(cls=_Command, example="dateline kill h3k7q2m9x4bc --advisory 'The statement was forged; do not use.'")
@_URI
@click.option("--advisory", required=True, help="Why it is withdrawn; its page says so from now on.")
def kill(uri: str, advisory: str) -> None:
    """Withdraw an item for good. Nothing brings it back. URI is its uri or its page's address."""
    prepare()
    _say(append(Act.KILL, uri=_find(uri), note=advisory))


@cli.command(
    cls=_Command,
    name="import",
    example="dateline import old-pages/*.txt --year 2017\ndateline import old-pages/ --year 2017 --release",
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--year", type=click.IntRange(1800, 2200), help="The year of pages whose dates do not say it.")
@click.option("--release", "release_", is_flag=True, help="Send what is complete to the wire, as archive items.")
@click.option("--all", "every_line", is_flag=True, help="List every line that was not recognised, not the first ones.")
def import_(paths: tuple[Path, ...], year: int | None, release_: bool, every_line: bool) -> None:
    """Import page texts: old pages of a newsfeed, saved as plain text. Running it again adds nothing.

    What is recognised waits in quarantine, and nothing reaches the wire without --release.
    """
    prepare()
    with progress_bar("Reading", None) as show:
        known = [section.name for section in menu()]
        reports = import_files(paths, year=year, release=release_, known=known, progress=show)
    print_report(out, reports, every_line=every_line, released=release_)
    if any(report.trouble for report in reports):
        sys.exit(1)


@cli.command(
    cls=_Command,
    example="dateline verify\ndateline verify wire.ndjson --key agency.pub\ndateline verify https://news.example.org/",
)
@click.argument("what", required=False)
@click.option("--key", help="The agency's public key: a verifier key or a file that holds one. Default: this wire's.")
def verify(what: str | None, key: str | None) -> None:
    """Verify this wire, a saved wire or item (a file, - for standard input), or a served one (a URL)."""
    verifier = read_verifier(key)
    with progress_bar("Verifying", None) as show:
        if what is None:
            _need_wire()
            verified = verify_wire(verifier, show)
        elif "://" in what:
            verified = verify_url(what, verifier, show)
        else:
            with click.open_file(what, "rb") as file:
                verified = verify_lines(file, verifier, show)
    point = verified.checkpoint
    if verified.dispatches:
        several = verified.dispatches != 1
        count = f"{verified.dispatches} dispatch{'es' if several else ''}"
        out.print(f"Verified: {count} of {point.origin} {'are as they were' if several else 'is as it was'} signed.")
    else:
        out.print(f"Verified: the tree of {point.size} dispatches that {point.origin} serves is the signed one.")
    out.print(f"  log   {point.size} dispatches, tree head {point.root.hex()}")
    out.print(f"  key   {verifier.name}")


def _need_wire() -> None:
    if not (settings.DATELINE_HOME / "wire.sqlite3").exists():
        raise click.ClickException(
            f"There is no wire in {settings.DATELINE_HOME}. `dateline run` makes one; DATELINE_HOME says where it is."
        )


@cli.group()
def subscriber() -> None:
    """Subscribers: what each gets, its token, how far it is."""


_NAME = click.argument("name")


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=VALUE; a value of @FILE is what stands in that file, so that a password is in no list of processes."""
    found = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE.")
        found[name] = Path(value[1:]).read_text().strip() if value.startswith("@") else value
    return found


_TERMS = (
    click.option("--section", "sections", multiple=True, help="A section, or several; '*' for all, as by default."),
    click.option("--topic", "topics", multiple=True, help="A media topic's code (11000000); '*' for all."),
    click.option("--language", "languages", multiple=True, help="A language (en, de-AT); '*' for all."),
    click.option("--urgency", type=click.IntRange(1, 9), help="This and more urgent ones. Default: 9, all."),
    click.option("--embargoed/--not-embargoed", default=None, help="Entitled to items under embargo, at once, marked."),
    click.option("--archive/--no-archive", default=None, help="Old items that an import brings, too."),
    click.option("--headlines/--texts", default=None, help="Without the texts, or with them."),
    click.option("--push", help="Where it is pushed to: https://…, sftp://…, ftps://…, ftp://…, s3://…, file:… or "
                 "mailto:…; '' for a subscriber who pulls, as by default."),
    click.option("--option", "options", multiple=True, callback=_pairs, metavar="NAME=VALUE",
                 help="What that way needs besides, as password=@FILE; an empty value takes it away."),
    click.option("--form", type=click.Choice(list(FORMS)), help="What is pushed. Default: ninjs; text in a mail."),
    click.option("--contact", help="Whom to call."),
    click.option("--begins", help="The day that it begins: 2027-01-01. Default: now."),
    click.option("--until", help="The last day: 2027-12-31; '' for no end."),
)  # fmt: skip


def _terms_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_TERMS):
        command = option(command)
    return command


def _terms(before: Terms, values: dict[str, Any]) -> Terms:
    """Return terms with what was given in the place of what was."""
    given = {name: value for name, value in values.items() if value not in (None, (), {})}
    for name in ("sections", "topics", "languages"):
        if name in given:
            if not all(one.strip() for one in given[name]):
                # A variable that was not set must not give somebody the whole wire.
                raise click.UsageError(
                    f"One of the {name} is empty. Leave the option out, or write '*' for all of them."
                )
            chosen = [one for one in given[name] if one != "*"]
            given[name] = tuple(section_slug(one) if name == "sections" else one for one in chosen)
    wanted = {name: given.pop(name) for name in Filter.__struct_fields__ if name in given}
    push = given.pop("push", before.url)
    given["url"] = push
    # What the way needs besides is the server's: it stays, but for what is given anew, or taken away by an empty value.
    kept = before.options if _server_of(push) == _server_of(before.url) else {}
    given["options"] = {name: value for name, value in (kept | given.get("options", {})).items() if value}
    if not push:
        given.setdefault("form", "")
    if "begins" in given:
        given["begins"] = subscribing.start_of_day(given["begins"], settings.AGENCY)
    if (until := given.pop("until", None)) is not None:
        given["ends"] = subscribing.end_of_day(until, settings.AGENCY) if until else ""
    return msgspec.structs.replace(before, wanted=msgspec.structs.replace(before.wanted, **wanted), **given)


def _server_of(url: str) -> str:
    """Return the part of an address that passwords and keys are for."""
    scheme, _, rest = url.partition("//")
    return scheme + rest.partition("/")[0] if rest else url


def _say_terms(found: Subscription) -> None:
    wanted = subscribing.terms_of(found).wanted
    texts = " Without the texts." if found.headlines else ""
    out.print(f"{found.name} gets: {in_words(wanted)}{texts}", markup=False)
    matched = subscribing.would_have_matched(wanted)
    out.print(f"Of the last day it would have got {len(matched)}{' or more' if len(matched) == 20 else ''}:")
    for row in matched:
        out.print(f"  {row.seq:>6}  {row.act:<8}  {row.news.headline}", markup=False)


@subscriber.command(
    cls=_Command,
    example="dateline subscriber add 'Harbour Radio' --section World --section Politics\n"
    "dateline subscriber add 'Daily Quay' --push https://quay.example.org/wire --urgency 3\n"
    "dateline subscriber add 'Night Post' --push sftp://wire@files.post.example.org/in --form newsml-g2",
)
@_NAME
@_terms_options
@click.option("--from-start", is_flag=True, help="From the first dispatch of the wire, not from now on.")
def add(name: str, from_start: bool, **values: Any) -> None:
    """Make a subscription and print its token, once."""
    prepare()
    found = subscribing.subscribe(name, _terms(Terms(), values), from_start=from_start)
    _say_terms(found)
    out.print(f"Token   {subscribing.issue_token(found)}   (shown this once)", markup=False)
    if found.secrets:
        out.print(f"Secret  {found.secrets}   (signs the webhooks)", markup=False)
    out.print(f"Docs    {settings.AGENCY.url}/api/wire?after={found.since}; docs/subscribers.md", markup=False)


@subscriber.command(
    cls=_Command,
    example="dateline subscriber change 'Harbour Radio' --section World --urgency 3\n"
    "dateline subscriber change 'Night Post' --form nitf --option password=@new-password",
)
@_NAME
@_terms_options
def change(name: str, **values: Any) -> None:
    """Change what a subscription gets, and how, from the next dispatch on. What is not named stays as it is."""
    _need_wire()
    before = subscribing.find(name)
    found = subscribing.change(before, _terms(subscribing.terms_of(before), values))
    _say_terms(found)
    if found.secrets and not before.secrets:
        out.print(f"Secret  {found.secrets}   (signs the webhooks)", markup=False)


@subscriber.command(cls=_Command, name="sftp-key", example="dateline subscriber sftp-key")
def sftp_key() -> None:
    """Print the agency's public key for SFTP drops, for the subscriber's authorized_keys. It is made once."""
    _need_wire()
    out.print(public_key(), markup=False)


@subscriber.command(cls=_Command, name="list", example="dateline subscriber list")
def list_() -> None:
    """List the subscriptions: what each gets, how far it is, what it lacks."""
    _need_wire()
    print_subscriptions(out)


@subscriber.command(cls=_Command, example="dateline subscriber show 'Daily Quay'")
@_NAME
def show(name: str) -> None:
    """Show one: its tokens, its lag, the last attempts of its deliveries."""
    _need_wire()
    print_subscription(out, subscribing.find(name))


@subscriber.command(cls=_Command, example="dateline subscriber token 'Daily Quay' --overlap 24")
@_NAME
@click.option(
    "--overlap", default=0.0, show_default=True, type=click.FloatRange(0, 8760), help="Hours the old one lasts."
)
def token(name: str, overlap: float) -> None:
    """Give a new token; the ones before it end."""
    _need_wire()
    made = subscribing.issue_token(subscribing.find(name), overlap=timedelta(hours=overlap))
    out.print(f"Token   {made}   (shown this once)", markup=False)


@subscriber.command(cls=_Command, example="dateline subscriber revoke 'Daily Quay'")
@_NAME
def revoke(name: str) -> None:
    """End every token of a subscription at once."""
    _need_wire()
    out.print(f"{subscribing.revoke_tokens(subscribing.find(name))} tokens ended.")


@subscriber.command(cls=_Command, example="dateline subscriber secret 'Daily Quay'")
@_NAME
def secret(name: str) -> None:
    """Give a new signing secret; the one before it signs, too, until the next rotation."""
    _need_wire()
    out.print(f"Secret  {subscribing.rotate_secret(subscribing.find(name))}", markup=False)


@subscriber.command(cls=_Command, example="dateline subscriber pause 'Daily Quay' --why 'They move house.'")
@_NAME
@click.option("--why", default="", help="Kept and shown.")
def pause(name: str, why: str) -> None:
    """Push nothing to a subscriber until it is resumed. Nothing is dropped."""
    _need_wire()
    subscribing.pause(subscribing.find(name), why)
    out.print("Paused.")


@subscriber.command(cls=_Command, example="dateline subscriber resume 'Daily Quay'")
@_NAME
def resume(name: str) -> None:
    """Go on where a paused subscriber stopped."""
    _need_wire()
    subscribing.resume(subscribing.find(name))
    out.print("Resumed.")


@subscriber.command(
    cls=_Command,
    example="dateline subscriber resend 'Daily Quay' --from 1200\n"
    "dateline subscriber resend --all --from 1207 --to 1207",
)
@click.argument("name", required=False)
@click.option("--all", "everyone", is_flag=True, help="To every subscriber that is pushed to.")
@click.option("--from", "first", required=True, type=click.IntRange(1), help="The first seq.")
@click.option("--to", "last", type=click.IntRange(1), help="The last seq. Default: everything from there, in order.")
def resend(name: str | None, everyone: bool, first: int, last: int | None) -> None:
    """Push again, under the same keys: one dispatch, a range, or everything from a seq on."""
    _need_wire()
    if everyone == (name is not None):
        raise click.UsageError("Say to whom: a subscriber's name, or --all.")
    chosen = subscribing.pushed_to() if name is None else [subscribing.find(name)]
    for found in chosen:
        count = subscribing.send_again(found, first, last)
        out.print(f"{found.name}: {count} dispatch{'' if count == 1 else 'es'} again.", markup=False)


@cli.command(
    cls=_Command,
    example="dateline follow https://news.example.org --token dl_… --key agency.pub --into wire/\n"
    "dateline follow https://news.example.org --key agency.pub --sqlite wire.db --once",
)
@click.argument("url")
@click.option("--token", "token_", envvar="WIRE_TOKEN", required=True, help="Its token; or in WIRE_TOKEN.")
@click.option("--key", required=True, help="The agency's public key: a verifier key or a file that holds one.")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="Write each dispatch to a file here.")
@click.option(
    "--sqlite", "sqlite_", type=click.Path(dir_okay=False, path_type=Path), help="Keep them in a SQLite file."
)
@click.option("--exec", "exec_", help="Run this command for each, the dispatch on its standard input.")
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="Its cursor's file. Default: beside them."
)
@click.option("--once", is_flag=True, help="Stop at the head, do not wait for more.")
@click.option("--headlines", is_flag=True, help="The subscription is for headlines: take what comes without text.")
def follow(
    url: str, token_: str, key: str, into: Path | None, sqlite_: Path | None, exec_: str | None, state: Path | None,
    once: bool, headlines: bool,
) -> None:  # fmt: skip
    """Follow a wire: receive, verify and keep every dispatch of a subscription. URL is the agency's address.

    It goes on where it stopped, however it stopped.
    """
    if not url.startswith(("https://", "http://")):
        raise click.UsageError(f"{url!r} is not the address of a wire, such as https://news.example.org.")
    if not (token_.isascii() and token_.isprintable()):
        raise click.UsageError("This is not a token: it has characters that none has.")
    if sum(sink is not None for sink in (into, sqlite_, exec_)) != 1:
        raise click.UsageError("Say where the dispatches go: one of --into, --sqlite and --exec.")
    place = into / ".cursor" if into else sqlite_.with_name(sqlite_.name + ".cursor") if sqlite_ else None
    if (kept := state or place) is None:
        raise click.UsageError("With --exec name a file for the cursor: --state FILE.")
    try:
        sink = Folder(into) if into else Database(sqlite_) if sqlite_ else Run(exec_ or "")
        Follower(url, token_, read_verifier(key), kept, sink, headlines=headlines).run(once=once, told=err.print)
    except (Refused, NotTaken) as error:
        raise click.ClickException(str(error)) from error


@cli.command(cls=_Command, example="dateline export --from 1 --output wire.ndjson")
@click.option("--from", "first", default=1, show_default=True, type=click.IntRange(1), help="The first seq.")
@click.option("--output", default="-", type=click.Path(dir_okay=False, path_type=Path), help="A file; - for stdout.")
def export(first: int, output: Path) -> None:
    """Write the wire as NDJSON that verifies offline with nothing but the public key.

    It holds everything, embargoed items too.
    """
    _need_wire()
    head = store.head_seq()
    with progress_bar("Exporting", head - first + 2) as show, _open_output(output) as file:
        for count, line in enumerate(export_wire(first)):
            file.write(line)
            show(count)


@contextmanager
def _open_output(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, or standard output; what cannot be written to the end is an error, not a short file."""
    if str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with path.open("wb") as file:
        yield file
        file.flush()
        if path.is_file():
            os.fsync(file.fileno())


@cli.command(cls=_Command, example="dateline password chief")
@click.argument("username")
def password(username: str) -> None:
    """Give an account at the desk a new one-time password, and take its second factors away."""
    prepare()
    given = give_password(username)
    out.print(f"One-time password of {username}: {given}", markup=False)
    out.print("They choose their own when they sign in. Second factors and open sessions are gone.")


@cli.command(cls=_Command, example="dateline forget reader@example.org")
@click.argument("address")
def forget(address: str) -> None:
    """Forget a reader's address: it gets no alerts any more, and nothing of it is kept."""
    _need_wire()
    known = readers.forget(address)
    out.print("The address is deleted." if known else "The address is not known here.", markup=False)


@cli.command(cls=_Command, example="dateline rebuild site")
@click.argument("projection", type=click.Choice([fold.name for fold in all_projections()]))
def rebuild(projection: str) -> None:
    """Fold a projection anew from the log, and render its pages anew. Stop the server first."""
    _need_wire()
    fold_ = next(fold for fold in all_projections() if fold.name == projection)
    with only_process():
        with progress_bar("Folding", store.head_seq()) as show:
            head = refold(fold_, progress=show)
        outlets = Outlets(open_pages())
        with progress_bar("Rendering", None):
            count = outlets.rebuild(projection)
    out.print(f"{projection}: folded {head} dispatches, rendered {count} pages.")


@cli.command(cls=_Command, example="dateline status")
def status() -> None:
    """Say where the wire stands: its head, each projection's lag, what waits."""
    _need_wire()
    print_status(out)


def main() -> None:
    """Run the command; what goes wrong is one sentence on standard error and exit status 1."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except DatelineError as error:
        _fail(str(error))
    except (sqlite3.Error, DatabaseError) as error:
        _fail(f"The database in {settings.DATELINE_HOME} failed: {error}. Nothing that was confirmed is lost by it.")
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        _fail(f"{error.filename or 'A file'}: {error.strerror or error}.")
    finally:
        connection.close()


def _fail(sentence: str) -> None:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(1)
