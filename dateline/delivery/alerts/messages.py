"""The mails to readers, as they are written.

What was withdrawn is not repeated: a notice of a hold or a kill names the item by when and where it ran, and the
mail's thread, never by its headline. A mail's Message-ID follows from the dispatch and the reader, so that one which
comes twice is known as one.
"""

import hashlib
from email.utils import formataddr, make_msgid, parseaddr

from django.conf import settings
from django.core.mail import EmailMessage

from dateline.delivery.alerts import choices
from dateline.delivery.alerts.readers import CONFIRM_WITHIN, filter_of, stop_token
from dateline.delivery.alerts.store import Alert, Reader, Recipient, Waiting
from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.codes import URGENCY_LABELS
from dateline.news.formats.plain import to_text
from dateline.news.item import NewsItem
from dateline.wire.identity import wire_id

# Of the text; the page has the rest.
_CHARS = 600
_WITHDRAWN = {
    Act.HOLD: ("Withheld", "We have withheld a report that we alerted you to, and are checking it."),
    Act.KILL: ("Withdrawn", "We have withdrawn a report that we alerted you to. Please do not rely on it."),
}


def alert_message(alert: Alert, told: NewsItem, now: NewsItem, to: Recipient) -> EmailMessage:
    """Return the mail of an alert: `told` is the item as the alert's dispatch has it, `now` as it is now."""
    agency: Agency = settings.AGENCY
    if alert.does in _WITHDRAWN:
        subject, lines = _withdrawn(alert.does, told, agency)
    else:
        subject, lines = _news(alert.does, told, now, to, agency)
    stop = f"{agency.url}/alerts/stop/{stop_token(to.id, to.salt)}/"
    foot = f"-- \n{agency.name}. You asked for these alerts at {agency.url}/alerts/\nTo stop them: {stop}\n"
    thread = f"<{hashlib.sha256(f'alert {alert.uri}'.encode()).hexdigest()[:32]}@{agency.domain}>"
    headers = {
        "Message-ID": f"<{wire_id()}-{alert.seq}-alert-{to.id}@{agency.domain}>",
        "References": thread, "In-Reply-To": thread,
        # RFC 8058: one click in the mail program stops them.
        "List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"<alerts.{agency.domain}>", "Auto-Submitted": "auto-generated",
    }  # fmt: skip
    return _message(subject, [*lines, foot], to.address, headers)


def _news(act: Act, told: NewsItem, now: NewsItem, to: Recipient, agency: Agency) -> tuple[str, list[str]]:
    text = to_text(now).partition("\n\n")[0]
    if len(text) > _CHARS:
        text = text[:_CHARS].rpartition(" ")[0] + " …"
    label, lines = URGENCY_LABELS.get(now.urgency or 9, ""), []
    if act is Act.CORRECT:
        label = "Corrected"
        lines = ["We have corrected a report that we alerted you to.", f"What was wrong: {told.ednote}"]
    elif to.had:
        label, lines = "Released", ["We had withheld this report while we checked it. It stands."]
    place = f"{now.section}, " if now.section else ""
    assert now.content_created is not None
    when = f"{place}{agency.print_date(now.content_created)} ({agency.timezone.replace('_', ' ')})"
    subject = f"{label}: {now.headline}" if label else now.headline
    return subject, [*lines, now.headline, *([text] if text else []), f"{when}\n{agency.url}{now.path}"]


def _withdrawn(act: Act, told: NewsItem, agency: Agency) -> tuple[str, list[str]]:
    label, sentence = _WITHDRAWN[act]
    assert told.content_created is not None
    what = f"our report of {agency.print_date(told.content_created)}" + (f" in {told.section}" if told.section else "")
    return f"{label}: {what}", [sentence, f"It is {what}.", f"Why: {told.ednote}"]


def confirm_message(asked: Waiting, token: str, known: Reader | None) -> EmailMessage:
    """Return the mail that asks an address to confirm; `known`: it gets alerts already."""
    agency: Agency = settings.AGENCY
    lines = [
        f"Someone, we hope it was you, asked for alerts of {agency.name} at this address: "
        f"{choices.in_words(filter_of(asked.filter))}.",
        f"If you want them, open this page and press its button:\n{agency.url}/alerts/confirm/{token}/",
        f"The link holds for {CONFIRM_WITHIN.days} days and works once. If it was not you, do nothing: "
        "the address is forgotten then.",
    ]
    if known is not None:
        stop = f"{agency.url}/alerts/stop/{stop_token(known.id, known.salt)}/"
        lines.append(f"You get alerts already; these would take their place. To get none any more:\n{stop}")
    headers = {"Message-ID": make_msgid(domain=agency.domain), "Auto-Submitted": "auto-generated"}
    return _message(f"Confirm your alerts of {agency.name}", [*lines, f"-- \n{agency.name}\n"], asked.address, headers)


def _message(subject: str, lines: list[str], to: str, headers: dict[str, str]) -> EmailMessage:
    sender = formataddr((settings.AGENCY.name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))
    return EmailMessage(subject, "\n\n".join(lines), sender, [to], headers=headers)
