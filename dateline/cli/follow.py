"""`dateline follow`: a subscriber's own client of a wire."""

from pathlib import Path

import click

from dateline.cli.terminal import Command, err
from dateline.delivery.client import Follower, Refused
from dateline.delivery.sinks import Command as Run
from dateline.delivery.sinks import Database, Folder, NotTaken
from dateline.wire.verify import read_verifier


@click.command(
    cls=Command,
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
    if not token_.strip():
        raise click.UsageError("The token is empty. Give the one that `dateline subscriber` printed: --token dl_…")
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
