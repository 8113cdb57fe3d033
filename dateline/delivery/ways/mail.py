"""E-mail: one message a dispatch, through the agency's own mail server (DATELINE_SMTP).

What that server took is acknowledged. A message's id follows from the dispatch, so that one which comes twice is known
as one; the messages of an item are one conversation.
"""

import hashlib
import smtplib
from functools import partial
from urllib.parse import unquote

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from dateline.delivery.errors import BadEndpoint
from dateline.delivery.lines import Line
from dateline.delivery.store import Subscription
from dateline.delivery.ways.outcome import TIMEOUT_S, Clock, Outcome
from dateline.delivery.ways.threads import StillHangs, Threads
from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.codes import URGENCY_LABELS, rfc3339, short_id
from dateline.news.element import MARKS
from dateline.news.formats.outgoing import FORMS
from dateline.news.formats.plain import to_text

_WITHDRAWN = {
    Act.KILL: "KILL: do not use",
    Act.HOLD: "HOLD: take it off until something follows",
    Act.ADVISORY: "Advisory",
    Act.RELEASE: "Released",
    Act.ARCHIVE: "Archive",
}
# What a dispatch does, as the first word of a subject; nothing for a routine publish.
_LABELS = MARKS | _WITHDRAWN
# SMTP: 5yz is final, 4yz is worth another try (RFC 5321, 4.2.1).
_FINAL = 500


def addresses_of(url: str) -> list[str]:
    """Return the addresses in a mailto: (RFC 6068). Raises BadEndpoint with a sentence."""
    found = [part.strip() for part in unquote(url.removeprefix("mailto:").partition("?")[0]).split(",")]
    if not all(is_address(address) for address in found):
        raise BadEndpoint(f"{url!r} names no mail address; write mailto:desk@client.example.org.", url)
    return found


def is_address(text: str) -> bool:
    """Whether a text is one plain mail address."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def check_mail(url: str) -> None:
    """Raise BadEndpoint where no mail can be sent."""
    addresses_of(url)
    if not settings.OPTIONS["SMTP"]:
        raise BadEndpoint("There is no mail server to send through; set DATELINE_SMTP first.", url)


def subject_of(line: Line) -> str:
    """Return a message's subject: what the dispatch does, how urgent it is, the headline."""
    item = line.item()
    words = [_LABELS.get(line.act, "")]
    if line.act is not Act.KILL:
        words += [
            f"EMBARGOED until {rfc3339(item.embargoed)}" if item.embargoed else "",
            URGENCY_LABELS.get(item.urgency or 9, ""),
        ]
    label = ", ".join(word for word in words if word)
    return f"{label}: {item.headline or short_id(item.uri)}" if label else item.headline


def message_of(found: Subscription, line: Line, key: str, to: str, agency: Agency) -> EmailMessage:
    """Return the message for a dispatch: its text to read, and the item in the subscription's form as a file."""
    item, form = line.item(), FORMS[found.form or "text"]
    head = [item.ednote] if item.ednote else []
    foot = f"{agency.name}, seq {line.seq} after {line.prev}, {line.dispatch.act}, version {line.dispatch.version}"
    text = "\n\n".join([*head, item.headline, to_text(item), f"-- \n{foot}\n{line.dispatch.uri}\n"])
    # RFC 5322, 3.6.4: the thread of an item hangs on its uri.
    thread = f"<{hashlib.sha256(line.dispatch.uri.encode()).hexdigest()[:32]}@{agency.domain}>"
    message = EmailMessage(
        subject_of(line), text, settings.DEFAULT_FROM_EMAIL, [to],
        headers={
            "Message-ID": f"<{key}-{found.id}@{agency.domain}>", "References": thread, "In-Reply-To": thread,
            "Auto-Submitted": "auto-generated", "Wire-Seq": str(line.seq), "Wire-Prev": str(line.prev),
            "Wire-Act": str(line.dispatch.act),
        },
    )  # fmt: skip
    if form.name != "text":
        # A telegraph's message is no text that a mail program may mend.
        kind = form.media_type if form.charset == "utf-8" else "application/octet-stream"
        message.attach(f"{line.seq:010d}{form.suffix}", line.data(form), kind)
    return message


class Mails:
    """Sends dispatches by e-mail; one is acknowledged when the mail server took it for every address."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        # The addresses that have a dispatch, by subscription and key, while another does not have it yet.
        self._took: dict[tuple[int, str], set[str]] = {}

    async def hand_over(self, found: Subscription, line: Line, key: str) -> Outcome:
        """Send one; `key` stays the same if it is sent again."""
        clock = Clock()
        took = self._took.setdefault((found.id, key), set())
        try:
            check_mail(found.url)
            left = [to for to in addresses_of(found.url) if to not in took]
            messages = [message_of(found, line, key, to, settings.AGENCY) for to in left]
            said, final = await self._threads.run(found.id, partial(_send_each, messages, took), len(left) * TIMEOUT_S)
        except BadEndpoint as error:
            return clock.outcome(str(error))
        except StillHangs:
            return clock.outcome("The mail server has not answered the last attempt yet.")
        except TimeoutError:
            return clock.outcome(f"The mail server {settings.EMAIL_HOST} did not answer in time.")
        except (smtplib.SMTPException, OSError) as error:
            return clock.outcome(f"The mail server {settings.EMAIL_HOST}: {error or type(error).__name__}")
        if not said:
            del self._took[found.id, key]
        return clock.outcome(said, permanent=final)


def _send_each(messages: list[EmailMessage], took: set[str]) -> tuple[str, bool]:
    """Send messages of one address each; return what the server said against some, and whether that is for good.

    The addresses that it took are added to `took`: SMTP can take one and refuse the next.
    """
    refused, final = [], False
    with get_connection(timeout=TIMEOUT_S) as connection:
        for message in messages:
            message.connection = connection
            try:
                message.send()
                took.update(message.to)
            except smtplib.SMTPRecipientsRefused as error:
                for who, (code, why) in error.recipients.items():
                    refused.append(f"The mail server refused {who}: {code} {_said(why)}")
                    final = final or code >= _FINAL
            except smtplib.SMTPResponseException as error:
                refused.append(f"The mail server said {error.smtp_code} {_said(error.smtp_error)}")
    return "; ".join(refused), final


def _said(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def send(messages: list[EmailMessage]) -> None:
    """Send messages over one connection. Raises what smtplib raises."""
    with get_connection(timeout=TIMEOUT_S) as connection:
        for message in messages:
            message.connection = connection
            message.send()
