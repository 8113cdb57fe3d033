"""Readers: they ask, confirm, change their choice, and stop. An address counts only once its owner has confirmed.

Nobody learns here whether an address is known: who asks hears the same in every case, and only a mail to the address
itself says more. What is in a mail is a token; of a sign-up's token only the digest is kept, and a stop link is
derived (HMAC) from a key in DATELINE_HOME/keys, so that a copy of the database opens nothing.
"""

import hashlib
import hmac
import os
import re
import secrets
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import transaction

from dateline.delivery.alerts import store
from dateline.delivery.errors import DeliveryError
from dateline.delivery.filter import Filter
from dateline.delivery.subscribing import digest_of, now_text
from dateline.delivery.ways.mail import is_address
from dateline.news.codes import rfc3339
from dateline.wire import store as wire

# Who has not confirmed by then has thought better of it, or never asked.
CONFIRM_WITHIN = timedelta(days=2)
# Sign-ups of one mailbox in a day: someone else may be typing it in.
_MAILBOX_A_DAY = 3
# Sign-ups of all in an hour: a flood from many machines must not make our mail server send as much to strangers.
_ALL_AN_HOUR = 1000
_TOKEN_BYTES = 24
_SALT_BYTES = 16
# In DATELINE_HOME/keys. Without it the stop links in old mails open nothing.
KEY_FILE = "alerts.key"
_KEY_BYTES = 32
# RFC 5321, dot-string and domain: what goes through every mail server.
_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}", re.A)


class BadAddress(DeliveryError):
    """A text is no mail address; the sentence says so."""

    code = "bad-address"


class Busy(DeliveryError):
    """Too many sign-ups come in at this time."""

    code = "busy"
    retry = True


def is_on() -> bool:
    """Whether this wire sends alerts: it has a mail server."""
    return bool(settings.OPTIONS["SMTP"])


def address_of(text: str) -> str:
    """Return a text as the mail address that it is, its domain in ASCII. Raises BadAddress."""
    local, _, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode().lower()
    except UnicodeError:
        domain = ""
    address = f"{local}@{domain}"
    # RFC 5321, 4.5.3.1.1: a local part has 64 octets at most.
    if not is_address(address) or len(local) > 64 or not _ADDRESS.fullmatch(address):
        raise BadAddress("This is not a mail address; write it as name@example.org.", text)
    return address


def mailbox_of(address: str) -> str:
    """Return what sign-ups of an address are counted by: without what many servers ignore (`+tag`, case)."""
    local, _, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def ask(address: str, wanted: Filter) -> None:
    """Keep a sign-up, whose mail is sent by the sender. Raises BadAddress, Busy.

    One too many of the same mailbox is not kept, and nobody is told.
    """
    address = address_of(address)
    mailbox, now = mailbox_of(address), datetime.now(UTC)
    with transaction.atomic():
        if store.count_asked(None, rfc3339(now - timedelta(hours=1), micros=True)) >= _ALL_AN_HOUR:
            raise Busy("Too many people sign up at this moment. Try again in an hour.")
        if store.count_asked(mailbox, rfc3339(now - timedelta(days=1), micros=True)) < _MAILBOX_A_DAY:
            store.insert_asked(address, mailbox, text_of(wanted), rfc3339(now, micros=True))


def text_of(wanted: Filter) -> str:
    """Return a choice as it is kept: the same for everyone who wants the same."""
    tidy = msgspec.structs.replace(wanted, sections=tuple(sorted(set(wanted.sections))))
    return msgspec.json.encode(tidy, order="sorted").decode()


@lru_cache(maxsize=4096)
def filter_of(text: str) -> Filter:
    """Return the choice that a text keeps."""
    return msgspec.json.decode(text, type=Filter)


def new_token(asked: int) -> str:
    """Return a token that confirms a sign-up, shown this once; the one before it confirms nothing any more."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with transaction.atomic():
        store.set_digest(asked, digest_of(token))
    return token


def find_asked(token: str) -> store.Waiting | None:
    """Return the sign-up that a token confirms, None if there is none, or it is too old."""
    found = store.find_asked(digest_of(token))
    oldest = rfc3339(datetime.now(UTC) - CONFIRM_WITHIN, micros=True)
    return found if found is not None and found.at > oldest else None


def confirm(token: str) -> Filter | None:
    """Let a sign-up count, once; return what was chosen, None if the token confirms nothing.

    Who gets alerts already gets what was chosen now, from the next dispatch on.
    """
    with transaction.atomic():
        found = find_asked(token)
        if found is None or not store.remove_asked(found.id):
            return None
        choice, head = store.choice_of(found.filter), wire.head_seq()
        known = store.find_reader(found.address)
        if known is None:
            store.insert_reader(found.address, choice, head, secrets.token_hex(_SALT_BYTES), now_text())
        elif known.choice != choice:
            store.change_choice(known, choice, head)
        # What else was asked for meanwhile is asked for no more.
        store.forget_asked_of(found.address)
    return filter_of(found.filter)


def stop_token(reader: int, salt: str) -> str:
    """Return the token in a reader's stop links; it is the same in each mail."""
    mac = hmac.new(_key(settings.DATELINE_HOME / "keys" / KEY_FILE), f"stop {reader} {salt}".encode(), hashlib.sha256)
    return f"{reader}-{mac.hexdigest()[:40]}"


def find_reader(token: str) -> store.Reader | None:
    """Return whose stop link has this token, None if it is nobody's."""
    number = token.partition("-")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    found = store.read_reader(int(number))
    # As long for who is not there as for who is.
    expected = stop_token(int(number), found.salt if found else "")
    return found if hmac.compare_digest(expected.encode(), token.encode()) else None


def stop(token: str) -> bool:
    """Forget a reader and all that waits for them; return whether the token was someone's."""
    with transaction.atomic():
        found = find_reader(token)
        if found is None:
            return False
        store.remove_readers([found.id])
        store.forget_asked_of(found.address)
    return True


def forget(address: str) -> bool:
    """Forget an address, as its owner asked the operator to; return whether it was known. Raises BadAddress."""
    address = address_of(address)
    with transaction.atomic():
        found = store.find_reader(address)
        store.remove_readers([found.id] if found else [])
        waited = store.forget_asked_of(address)
    return found is not None or waited > 0


@lru_cache(maxsize=4)
def _key(path: Path) -> bytes:
    """Return the key of the stop links, made if there is none. Raises OSError."""
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_hex(_KEY_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
        try:
            # link, not rename: of two that begin at once, one key must win.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()
