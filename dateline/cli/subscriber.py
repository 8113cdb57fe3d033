"""`dateline subscriber`: subscriptions by command. What is done so stands in the desk's history, too."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
from django.conf import settings

from dateline.cli.home import need_wire, prepare
from dateline.cli.terminal import Command, out
from dateline.delivery import for_desk, subscribing
from dateline.delivery.filter import Filter, in_words, section_slug
from dateline.delivery.report import print_subscription, print_subscriptions
from dateline.delivery.store import Subscription
from dateline.delivery.subscribing import Terms
from dateline.delivery.ways.servers import public_key
from dateline.desk.managing import managed_by_command
from dateline.desk.subscribers import Wishes
from dateline.desk.subscription_words import SECRETS, changes, nothing
from dateline.news.counting import counted, dispatches
from dateline.news.formats.outgoing import FORMS


@click.group()
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


def _changed(before: Wishes, found: Subscription, values: dict[str, Any]) -> str:
    """Return what differs, for the desk's history; no secret is in it, only that there is a new one."""
    now = for_desk.details(found.id, {})
    typed = [f"{name}: a new one" for name, value in values["options"].items() if name in SECRETS and value]
    return "; ".join(filter(None, [changes(before, now.wishes, now.line.server), *typed]))


@subscriber.command(
    cls=Command,
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
    terms = _terms(Terms(), values)
    with managed_by_command("made a subscription", " ".join(name.split())) as kept:
        found = subscribing.subscribe(name, terms, from_start=from_start)
        made = subscribing.issue_token(found)
        kept.append(_changed(nothing(), found, values))
    _say_terms(found)
    out.print(f"Token   {made}   (shown this once)", markup=False)
    if found.secrets:
        out.print(f"Secret  {found.secrets}   (signs the webhooks)", markup=False)
    out.print(f"Docs    {settings.AGENCY.url}/api/wire?after={found.since}; docs/subscribers.md", markup=False)


@subscriber.command(
    cls=Command,
    example="dateline subscriber change 'Harbour Radio' --section World --urgency 3\n"
    "dateline subscriber change 'Night Post' --form nitf --option password=@new-password",
)
@_NAME
@_terms_options
def change(name: str, **values: Any) -> None:
    """Change what a subscription gets, and how, from the next dispatch on. What is not named stays as it is."""
    need_wire()
    before = subscribing.find(name)
    terms = _terms(subscribing.terms_of(before), values)
    with managed_by_command("changed a subscription", name) as kept:
        was = for_desk.details(before.id, {}).wishes
        found = subscribing.change(before, terms)
        kept.append(_changed(was, found, values))
    _say_terms(found)
    if found.secrets and not before.secrets:
        out.print(f"Secret  {found.secrets}   (signs the webhooks)", markup=False)


@subscriber.command(cls=Command, name="sftp-key", example="dateline subscriber sftp-key")
def sftp_key() -> None:
    """Print the agency's public key for SFTP drops, for the subscriber's authorized_keys. It is made once."""
    need_wire()
    out.print(public_key(), markup=False)


@subscriber.command(cls=Command, name="list", example="dateline subscriber list")
def list_() -> None:
    """List the subscriptions: what each gets, how far it is, what it lacks."""
    need_wire()
    print_subscriptions(out)


@subscriber.command(cls=Command, example="dateline subscriber show 'Daily Quay'")
@_NAME
def show(name: str) -> None:
    """Show one: its tokens, its lag, the last attempts of its deliveries."""
    need_wire()
    print_subscription(out, subscribing.find(name))


@subscriber.command(cls=Command, example="dateline subscriber token 'Daily Quay' --overlap 24")
@_NAME
@click.option(
    "--overlap", default=0.0, show_default=True, type=click.FloatRange(0, 8760), help="Hours the old one lasts."
)
def token(name: str, overlap: float) -> None:
    """Give a new token; the ones before it end."""
    need_wire()
    found = subscribing.find(name)
    with managed_by_command("gave a token", name, f"the ones before it end after {overlap:g} h"):
        made = subscribing.issue_token(found, overlap=timedelta(hours=overlap))
    out.print(f"Token   {made}   (shown this once)", markup=False)


@subscriber.command(cls=Command, example="dateline subscriber revoke 'Daily Quay'")
@_NAME
def revoke(name: str) -> None:
    """End every token of a subscription at once."""
    need_wire()
    found = subscribing.find(name)
    with managed_by_command("revoked all tokens", name):
        count = subscribing.revoke_tokens(found)
    out.print(f"{counted(count, 'token')} ended.")


@subscriber.command(cls=Command, example="dateline subscriber secret 'Daily Quay'")
@_NAME
def secret(name: str) -> None:
    """Give a new signing secret; the one before it signs, too, until the next rotation."""
    need_wire()
    found = subscribing.find(name)
    with managed_by_command("rotated a signing secret", name):
        made = subscribing.rotate_secret(found)
    out.print(f"Secret  {made}", markup=False)


@subscriber.command(cls=Command, example="dateline subscriber pause 'Daily Quay' --why 'They move house.'")
@_NAME
@click.option("--why", default="", help="Kept and shown.")
def pause(name: str, why: str) -> None:
    """Push nothing to a subscriber until it is resumed. Nothing is dropped."""
    need_wire()
    found = subscribing.find(name)
    with managed_by_command("paused a subscription", name, why):
        subscribing.pause(found, why)
    out.print("Paused.")


@subscriber.command(cls=Command, example="dateline subscriber resume 'Daily Quay'")
@_NAME
def resume(name: str) -> None:
    """Go on where a paused subscriber stopped."""
    need_wire()
    found = subscribing.find(name)
    with managed_by_command("resumed a subscription", name):
        subscribing.resume(found)
    out.print("Resumed.")


@subscriber.command(
    cls=Command,
    example="dateline subscriber resend 'Daily Quay' --from 1200\n"
    "dateline subscriber resend --all --from 1207 --to 1207",
)
@click.argument("name", required=False)
@click.option("--all", "everyone", is_flag=True, help="To every subscriber that is pushed to.")
@click.option("--from", "first", required=True, type=click.IntRange(1), help="The first seq.")
@click.option("--to", "last", type=click.IntRange(1), help="The last seq. Default: everything from there, in order.")
def resend(name: str | None, everyone: bool, first: int, last: int | None) -> None:
    """Push again, under the same keys: one dispatch, a range, or everything from a seq on."""
    need_wire()
    if everyone == (name is not None):
        raise click.UsageError("Say to whom: a subscriber's name, or --all.")
    chosen = subscribing.pushed_to() if name is None else [subscribing.find(name)]
    said = f"dispatches {first} to {last}" if last else f"everything from dispatch {first} on"
    for found in chosen:
        with managed_by_command("sent again", found.name, said):
            count = subscribing.send_again(found, first, last)
        out.print(f"{found.name}: {dispatches(count)} again.", markup=False)
