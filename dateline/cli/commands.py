"""The commands that are none of a room's own: they run the server, look after the wire and its accounts."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
from django.conf import settings
from django.db import DatabaseError, connection

from dateline import __version__
from dateline.cli.acts import ACTS
from dateline.cli.follow import follow
from dateline.cli.home import need_wire, prepare
from dateline.cli.subscriber import subscriber
from dateline.cli.terminal import Command, err, out, progress_bar
from dateline.delivery.alerts import readers
from dateline.desk.first_chief import FirstChief, give_password, make_first_chief
from dateline.intake.importing import import_files
from dateline.intake.report import print_report
from dateline.news.counting import counted, dispatches
from dateline.news.errors import DatelineError
from dateline.projections import all_projections
from dateline.sample import append_sample
from dateline.server.listen import listen
from dateline.server.only_process import only_process
from dateline.server.outlets import Outlets, open_pages
from dateline.server.serve import serve
from dateline.site.render import menu
from dateline.status import print_status
from dateline.wire import store
from dateline.wire.export import export_wire
from dateline.wire.follow import refold
from dateline.wire.verify import check_remembered, read_verifier, verify_lines, verify_url, verify_wire


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="Dateline")
def cli() -> None:
    """Run a news agency's wire: one ordered, append-only, signed log of dispatches.

    State lies in one folder, DATELINE_HOME (default: ./var). Settings come from the environment
    (DATELINE_…) or from dateline.toml; docs/operating.md lists them.
    """


for _command in (*ACTS, subscriber, follow):
    cli.add_command(_command)


@cli.command(cls=Command, example="dateline run --port 8080")
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
            err.print(f"{counted(rendered, 'page was', 'pages were')} rendered.")
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


@cli.command(
    cls=Command,
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
    cls=Command,
    example="dateline verify\ndateline verify wire.ndjson --key agency.pub\ndateline verify https://news.example.org/",
)
@click.argument("what", required=False)
@click.option("--key", help="The agency's public key: a verifier key or a file that holds one. Default: this wire's.")
def verify(what: str | None, key: str | None) -> None:
    """Verify this wire, a saved wire or item (a file, - for standard input), or a served one (a URL)."""
    verifier = read_verifier(key)
    with progress_bar("Verifying", None) as show:
        if what is None:
            need_wire()
            verified = verify_wire(verifier, show)
        elif "://" in what:
            verified = verify_url(what, verifier, show)
        else:
            with click.open_file(what, "rb") as file:
                verified = verify_lines(file, verifier, show)
    point = verified.checkpoint
    if verified.dispatches:
        several = verified.dispatches != 1
        count = dispatches(verified.dispatches)
        out.print(f"Verified: {count} of {point.origin} {'are as they were' if several else 'is as it was'} signed.")
    else:
        out.print(f"Verified: the tree of {dispatches(point.size)} that {point.origin} serves is the signed one.")
    out.print(f"  log   {dispatches(point.size)}, tree head {point.root.hex()}")
    out.print(f"  key   {verifier.name}")


@cli.command(cls=Command, example="dateline export --from 1 --output wire.ndjson")
@click.option("--from", "first", default=1, show_default=True, type=click.IntRange(1), help="The first seq.")
@click.option("--output", default="-", type=click.Path(dir_okay=False, path_type=Path), help="A file; - for stdout.")
def export(first: int, output: Path) -> None:
    """Write the wire as NDJSON that verifies offline with nothing but the public key.

    It holds everything, embargoed items too.
    """
    need_wire()
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


@cli.command(cls=Command, example="dateline password chief")
@click.argument("username")
def password(username: str) -> None:
    """Give an account at the desk a new one-time password, and take its second factors away."""
    prepare()
    given = give_password(username)
    out.print(f"One-time password of {username}: {given}", markup=False)
    out.print("They choose their own when they sign in. Second factors and open sessions are gone.")


@cli.command(cls=Command, example="dateline forget reader@example.org")
@click.argument("address")
def forget(address: str) -> None:
    """Forget a reader's address: it gets no alerts any more, and nothing of it is kept."""
    need_wire()
    known = readers.forget(address)
    out.print("The address is deleted." if known else "The address is not known here.", markup=False)


@cli.command(cls=Command, example="dateline rebuild site")
@click.argument("projection", type=click.Choice([fold.name for fold in all_projections()]))
def rebuild(projection: str) -> None:
    """Fold a projection anew from the log, and render its pages anew. Stop the server first."""
    need_wire()
    fold_ = next(fold for fold in all_projections() if fold.name == projection)
    with only_process():
        with progress_bar("Folding", store.head_seq()) as show:
            head = refold(fold_, progress=show)
        outlets = Outlets(open_pages())
        with progress_bar("Rendering", None):
            count = outlets.rebuild(projection)
    out.print(f"{projection}: folded {dispatches(head)}, rendered {counted(count, 'page')}.")


@cli.command(cls=Command, example="dateline status")
def status() -> None:
    """Say where the wire stands: its head, each projection's lag, what waits."""
    need_wire()
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
