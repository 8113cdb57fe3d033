"""Subscriptions: made, shown, paused, ended; their tokens, shown once and kept as digests."""

import base64
import hashlib
import secrets
from datetime import UTC, date, datetime, time, timedelta

import msgspec
from django.db import transaction

from dateline.delivery import store
from dateline.delivery.errors import BadEndpoint, BadPeriod, DeliveryError, TakenName, UnknownSubscription
from dateline.delivery.filter import Filter, wants
from dateline.delivery.store import Subscription
from dateline.delivery.ways.choose import DROPS, WEBHOOKS, check_way, scheme_of
from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.codes import rfc3339
from dateline.news.formats.outgoing import FORMS
from dateline.wire import bell
from dateline.wire import store as wire
from dateline.wire.dispatch import Dispatch

_TOKEN_BYTES = 24
# Standard Webhooks 1.0, "Signature scheme": between 24 and 64 bytes.
_SECRET_BYTES = 32
# A name stands in lists, on phones too.
_NAME_CHARS = 100
_LOOK_BACK = timedelta(days=1)


def now_text() -> str:
    """Return the present instant as the room keeps it."""
    return rfc3339(datetime.now(UTC), micros=True)


def end_of_day(text: str, agency: Agency) -> str:
    """Return the end of a day in the agency's time zone, as an instant. Raises BadPeriod for what is no day."""
    return _midnight(text, agency, timedelta(days=1))


def start_of_day(text: str, agency: Agency) -> str:
    """Return the beginning of a day in the agency's time zone, as an instant. Raises BadPeriod likewise."""
    return _midnight(text, agency, timedelta(0))


def _midnight(text: str, agency: Agency, after: timedelta) -> str:
    try:
        day = date.fromisoformat(text)
        midnight = datetime.combine(day + after, time(), tzinfo=agency.zone)
        return rfc3339(midnight.astimezone(UTC), micros=True)
    except (ValueError, OverflowError) as error:
        raise BadPeriod(f"{text!r} is not a day; write it as 2027-12-31.", text) from error


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscription is, as it can be given and changed.

    `wanted`: what it gets; `headlines`: without the texts. `url`: where it is pushed to, '' for pull; `options`: what
    that way needs besides; `form`: what is pushed, by its name in `news.formats.outgoing`, '' for the way's own (ninjs;
    text in a mail). `begins`, `ends`: instants (RFC 3339), or ''.
    """

    wanted: Filter = Filter()
    contact: str = ""
    url: str = ""
    options: dict[str, str] = {}
    form: str = ""
    headlines: bool = False
    begins: str = ""
    ends: str = ""


def _check_alone(terms: Terms, found: Subscription | None) -> None:
    """Raise BadEndpoint where another subscription's files lie: theirs and ours would have the same names."""
    if terms.url and scheme_of(terms.url) in DROPS:
        for other in store.subscriptions("url = ?", (terms.url,)):
            if found is None or other.id != found.id:
                raise BadEndpoint(f"{other.name} has its files there; name another folder.", terms.url)


def _checked(terms: Terms, ended: str = "") -> Terms:
    """Return the terms with their lists in order; `ended`: the end that there is. Raises DeliveryError, BadEndpoint."""
    lists = {field: tuple(sorted(set(getattr(terms.wanted, field)))) for field in ("sections", "topics", "languages")}
    if terms.form and terms.form not in FORMS:
        raise DeliveryError(f"There is no form {terms.form!r}. There are: {', '.join(FORMS)}.", terms.form)
    if terms.url:
        check_way(terms.url, terms.options)
    elif terms.options or terms.form:
        raise DeliveryError(
            "A form and options are for what is pushed; say where to. Who pulls asks for a form itself."
        )
    if bad := [code for code in terms.wanted.topics if not (code.isascii() and code.isdigit() and len(code) == 8)]:
        raise DeliveryError(f"{bad[0]!r} is no media topic; their codes have eight digits, such as 11000000.", bad[0])
    if terms.begins and terms.ends and terms.begins >= terms.ends:
        raise BadPeriod("The subscription would end before it begins.", terms.ends)
    # One that has ended can be changed in all else.
    if terms.ends != ended and terms.ends and terms.ends <= now_text():
        raise BadPeriod(
            "The subscription would have ended already. Its last day is today or later; to stop it at once, pause it "
            "and end its tokens.",
            terms.ends,
        )
    return msgspec.structs.replace(terms, wanted=msgspec.structs.replace(terms.wanted, **lists))


def subscribe(name: str, terms: Terms, *, from_start: bool = False) -> Subscription:
    """Make a subscription; it begins with the next dispatch, with the first (`from_start`), or when its terms say.

    Raises TakenName where another has the name, DeliveryError where the terms do not hold, BadEndpoint for an address
    that nothing is sent to.
    """
    terms = _checked(terms)
    with transaction.atomic():
        name = _free(name)
        if from_start and terms.begins:
            raise BadPeriod("It begins with the first dispatch, or on a day; not both.", terms.begins)
        _check_alone(terms, None)
        since = 0 if from_start else wire.head_seq()
        found = Subscription(
            id=0, name=name, contact=terms.contact, stream=store.stream_of(terms.wanted), since=since, ends=terms.ends,
            headlines=int(terms.headlines), url=terms.url, secrets=_new_secret() if _signs(terms.url) else "",
            paused="", cursor=since, seen="", made=now_text(), form=terms.form, begins=terms.begins,
            options=msgspec.json.encode(terms.options, order="sorted").decode(),
        )  # fmt: skip
        store.insert_subscription(found)
    bell.ring()
    return begun(find(name))


def _free(name: str, own: Subscription | None = None) -> str:
    """Return a name in order. Raises DeliveryError for none, TakenName for one that another than `own` has.

    Capitals make no other name: nobody would tell the two apart when it matters.
    """
    name = " ".join(name.split())
    if own is not None and name == own.name:
        return name
    if not name:
        raise DeliveryError("A subscription needs a name: the subscriber's, as the desk knows it.")
    if len(name) > _NAME_CHARS:
        raise DeliveryError(
            f"A name has {_NAME_CHARS} characters at most; this one has {len(name)}.", name[:_NAME_CHARS]
        )
    for other in store.subscriptions("id <> ?", (own.id if own is not None else 0,)):
        if other.name.casefold() == name.casefold():
            raise TakenName(f"There is a subscription {other.name!r} already; choose another name.", name)
    return name


def rename(found: Subscription, name: str) -> Subscription:
    """Give a subscription another name; its tokens and its cursor stay. Raises DeliveryError, TakenName."""
    with transaction.atomic():
        name = _free(name, found)
        store.set_fields(found.id, name=name)
    return find(name)


def terms_of(found: Subscription) -> Terms:
    """Return what a subscription is."""
    return Terms(
        wanted=store.read_stream(found.stream).wanted, contact=found.contact, url=found.url, options=found.way,
        form=found.form, headlines=bool(found.headlines), begins=found.begins, ends=found.ends,
    )  # fmt: skip


def change(found: Subscription, terms: Terms) -> Subscription:
    """Change what a subscription is, from the next dispatch on. Raises as `subscribe` does.

    Up to now its stream stays what it was, and whatever becomes of an item that it got by then, it goes on to get.
    """
    terms = _checked(terms, found.ends)
    if terms.begins and not found.begins:
        raise BadPeriod("It has begun already; pause it instead.", terms.begins)
    with transaction.atomic():
        _check_alone(terms, found)
        stream = store.stream_after(found.stream, terms.wanted, wire.head_seq())
        fields: dict[str, object] = {
            "contact": terms.contact, "stream": stream, "ends": terms.ends, "headlines": int(terms.headlines),
            "url": terms.url, "form": terms.form, "begins": terms.begins,
            "options": msgspec.json.encode(terms.options, order="sorted").decode(),
        }  # fmt: skip
        if _signs(terms.url) and not found.secrets:
            fields["secrets"] = _new_secret()
        store.set_fields(found.id, **fields)
        store.forget_unused()
    bell.ring()
    return find(found.name)


def begun(found: Subscription) -> Subscription:
    """Return a subscription, having let it begin if its instant has come: with the first dispatch from then on."""
    if not found.begins or found.begins > now_text():
        return found
    since = wire.last_before(found.begins)
    with transaction.atomic():
        now = store.subscriptions("id = ?", (found.id,))[0]
        # Another thread may have seen it begin, and it has gone on since.
        if now.begins == found.begins:
            store.set_fields(found.id, begins="", since=since, cursor=since)
    return store.subscriptions("id = ?", (found.id,))[0]


def keep_option(used: Subscription, name: str, value: str) -> None:
    """Keep a further option of a subscription's way, unless its address has changed since, or it has one."""
    with transaction.atomic():
        found = store.subscriptions("id = ?", (used.id,))[0]
        if found.url == used.url and name not in found.way:
            kept = found.way | {name: value}
            store.set_fields(used.id, options=msgspec.json.encode(kept, order="sorted").decode())


def _signs(url: str) -> bool:
    return scheme_of(url) in WEBHOOKS


def find(name: str) -> Subscription:
    """Return a subscription by its name. Raises UnknownSubscription."""
    found = store.subscriptions("name = ?", (name,))
    if not found:
        known = ", ".join(other.name for other in store.subscriptions()) or "none yet"
        raise UnknownSubscription(f"There is no subscription {name!r}. There are: {known}.", name)
    return found[0]


def pushed_to() -> list[Subscription]:
    """Return the subscriptions that are pushed to."""
    return store.subscriptions("url <> ''")


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def issue_token(found: Subscription, *, overlap: timedelta = timedelta(0)) -> str:
    """Return a new token, shown this once; the ones before it end after `overlap`."""
    token = f"dl_{secrets.token_urlsafe(_TOKEN_BYTES)}"
    with transaction.atomic():
        store.end_tokens(found.id, rfc3339(datetime.now(UTC) + overlap, micros=True))
        store.insert_token(found.id, digest_of(token), token[:7], now_text())
    return token


def revoke_tokens(found: Subscription) -> int:
    """End every token of a subscription at once; return how many."""
    with transaction.atomic():
        return store.end_tokens(found.id, now_text())


def digest_of(token: str) -> str:
    """Return what is kept of a token. 192 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def rotate_secret(found: Subscription) -> str:
    """Return a new signing secret; deliveries are signed with the one before it, too, until the next rotation."""
    secret = _new_secret()
    kept = " ".join([secret, *found.secrets.split()[:1]])
    with transaction.atomic():
        store.set_fields(found.id, secrets=kept)
    bell.ring()
    return secret


def pause(found: Subscription, why: str) -> None:
    """Send nothing until it is resumed; nothing is dropped."""
    with transaction.atomic():
        store.set_fields(found.id, paused=why or "paused by an operator")
    bell.ring()


def resume(found: Subscription) -> None:
    """Go on where it stopped."""
    with transaction.atomic():
        store.set_fields(found.id, paused="")
    bell.ring()


def send_again(found: Subscription, first: int, last: int | None = None) -> int:
    """Send once more, under the same keys, what a subscription has from seq `first` to `last`; return how many.

    Without `last` its cursor is put back, so that everything from there comes again, in order. With it just those
    dispatches do, as far as they were acknowledged; the others are still to come. Raises DeliveryError for who pulls.
    """
    if last is not None and last < first:
        raise DeliveryError(f"There is nothing from {first} to {last}.", last)
    if not found.url:
        raise DeliveryError(f"{found.name} pulls; it asks again by itself, with after={max(0, first - 1)}.", found.name)
    with transaction.atomic():
        now = store.subscriptions("id = ?", (found.id,))[0]
        if last is None:
            cursor = max(now.since, min(first - 1, now.cursor))
            store.put_back(found.id, cursor)
            count = store.count_rows(now.stream, cursor)
        else:
            count = store.ask_again(found.id, first, last)
    bell.ring()
    return count


def would_have_matched(wanted: Filter, limit: int = 20) -> list[Dispatch]:
    """Return which dispatches of the last day a filter gets, the newest first, at most `limit`."""
    since = rfc3339(datetime.now(UTC) - _LOOK_BACK, micros=True)
    found: list[Dispatch] = []
    got: set[str] = set()
    for row in wire.iterate(wire.last_before(since)):
        # An import can bring a hundred thousand of them in a day; they need not be read to be left out.
        if row.act is Act.ARCHIVE and not wanted.archive and row.uri not in got:
            continue
        if wants(wanted, row.act, row.news, has_it=row.uri in got):
            got.add(row.uri)
            found.append(row)
    return found[: -limit - 1 : -1]
