"""A batch of mails to the mail server, over one connection, each with an outcome of its own."""

import logging
import smtplib
from collections.abc import Sequence
from enum import Enum, auto

import msgspec
from django.conf import settings
from django.core.mail import EmailMessage, get_connection

log = logging.getLogger(__name__)
# A mail server that is there greets sooner; a stop of ours waits for this.
_TIMEOUT_S = 10
# SMTP: 5yz is final, 4yz is worth another try (RFC 5321, 4.2.1); 421 says that the server closes the connection.
_FINAL, _CLOSING = 500, 421


class Said(Enum):
    """What became of a mail: taken; its address refused for good; not yet; the mail itself refused for good."""

    TAKEN = auto()
    REFUSED = auto()
    LATER = auto()
    SPOILED = auto()


class Handed(msgspec.Struct, frozen=True):
    """What became of the first mails of a batch, and what kept the others back: '' if nothing did."""

    said: Sequence[Said]
    trouble: str = ""


def hand_over(messages: Sequence[EmailMessage]) -> Handed:
    """Hand mails to the mail server. Never raises for what the server does.

    A mail that the connection breaks at counts as LATER, so that it cannot hold up the others for good.
    """
    said: list[Said] = []
    try:
        connection = get_connection(timeout=_TIMEOUT_S)
        connection.open()
    except (smtplib.SMTPException, OSError) as error:
        return Handed(said, _sentence(error))
    try:
        for message in messages:
            message.connection = connection
            try:
                said.append(_sent(message))
            except (smtplib.SMTPSenderRefused, smtplib.SMTPNotSupportedError) as error:
                # Of us, not of who is mailed.
                return Handed(said, _sentence(error))
            except (smtplib.SMTPException, OSError) as error:
                return Handed([*said, Said.LATER], _sentence(error))
    finally:
        connection.close()
    return Handed(said)


def _sent(message: EmailMessage) -> Said:
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        if code == _CLOSING:
            raise
        return Said.REFUSED if code >= _FINAL else Said.LATER
    except smtplib.SMTPDataError as error:
        if error.smtp_code == _CLOSING:
            raise
        return Said.SPOILED if error.smtp_code >= _FINAL else Said.LATER
    except (smtplib.SMTPException, OSError):
        raise
    except Exception:
        log.exception("A mail cannot be written; it is left out")
        return Said.SPOILED
    return Said.TAKEN


def _sentence(error: Exception) -> str:
    return f"The mail server {settings.EMAIL_HOST}: {error or type(error).__name__}"
