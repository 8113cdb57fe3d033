"""Webhooks: a POST signed by the Standard Webhooks specification."""

from datetime import UTC, datetime

import msgspec
from standardwebhooks import Webhook as Signer

from dateline import __version__
from dateline.delivery.lines import Line
from dateline.delivery.store import Subscription
from dateline.delivery.ways.outcome import Outcome
from dateline.delivery.ways.post import Poster
from dateline.news.formats.outgoing import FORMS, Form


def body_of(line: Line, form: Form) -> bytes:
    """Return a webhook's body: `{"type": "dispatch.ACT", "timestamp", "data": the line}`."""
    head = msgspec.json.encode({"type": f"dispatch.{line.dispatch.act}", "timestamp": line.dispatch.sent})
    return head[:-1] + b',"data":' + line.encode(form) + b"}"


def signed(secrets: str, key: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body: one signature for each secret that is valid."""
    signatures = [Signer(secret).sign(key, at, body.decode()) for secret in secrets.split()]
    return {
        "webhook-id": key, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": " ".join(signatures),
        "content-type": "application/json", "user-agent": f"Dateline/{__version__}",
    }  # fmt: skip


class Webhooks:
    """Posts dispatches."""

    def __init__(self, poster: Poster) -> None:
        self._poster = poster

    async def hand_over(self, found: Subscription, line: Line, key: str) -> Outcome:
        """Post one; `key` stays the same if it is posted again."""
        body = body_of(line, FORMS[found.form or "ninjs"])
        headers = signed(found.secrets, key, datetime.now(UTC), body)
        return (await self._poster.send(found.id, found.url, headers, body)).outcome
