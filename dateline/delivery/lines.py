"""A dispatch as a subscriber gets it: one JSON object, its item the stored bytes.

`{"act", "prev", "salt", "sent", "seq", "uri", "version", "item"}`: the fields of the signed envelope, `prev` the seq
before it on the same subscription (0: none), `item` canonical ninjs. Four have another item, and `digest`, the SHA-256
of the signed one, so that the rest of them can be proved: `"headlines": true` leaves the text out; `"withdrawn": SEQ`
stands where the item was killed later, by that dispatch: its text leaves by no way any more (it stands, too, where a
hold was pushed ahead of its turn); `"embargoed": true` stands where the item is under an embargo that the subscription
is not entitled to any more; `"form"` names the media type of an item that is pushed in another form: an object where
that is JSON, else a string.
"""

import base64
import hashlib
import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping

import msgspec
from django.conf import settings

from dateline.delivery.store import Row, Subscription, read_stream
from dateline.news.acts import Act
from dateline.news.formats import ninjs
from dateline.news.formats.outgoing import FORMS, Form
from dateline.news.item import NewsItem, PubStatus
from dateline.wire import store, tree
from dateline.wire.dispatch import Dispatch

_ENCODER = msgspec.json.Encoder(order="sorted")
# Stands in JSON as it is.
_PLAIN_URI = re.compile(r"[!#-\[\]-~]+")
# The form of the wire itself.
NINJS = FORMS["ninjs"]


class Line(msgspec.Struct, frozen=True):
    """One dispatch as one subscription gets it.

    `prev`: the seq before it there. `withdrawn`: the seq of the kill, or of the hold that was pushed ahead (`held`),
    that took its text away, 0 for none. `headlines`: without the text. `embargoed`: under an embargo that the
    subscription is not entitled to.
    """

    dispatch: Dispatch
    prev: int
    withdrawn: int = 0
    held: bool = False
    headlines: bool = False
    embargoed: bool = False

    @property
    def seq(self) -> int:
        """Its place on the wire."""
        return self.dispatch.seq

    def item(self) -> NewsItem:
        """Return the item as it leaves."""
        dispatch = self.dispatch
        if self.is_stub:
            return NewsItem(
                uri=dispatch.uri, version=dispatch.version, pubstatus=self._status, version_created=dispatch.instant
            )
        news = dispatch.news
        if not self.headlines:
            return news
        # What is named here goes out, nothing else of what an item may carry.
        rest = {name: news.rest[name] for name in ("subjects",) if name in news.rest}
        return msgspec.structs.replace(news, body="", rest=rest)

    @property
    def is_stub(self) -> bool:
        """Whether nothing of the item leaves but its identity."""
        return bool(self.withdrawn) or self.embargoed

    @property
    def _status(self) -> PubStatus:
        return PubStatus.WITHHELD if self.held or not self.withdrawn else PubStatus.CANCELED

    @property
    def act(self) -> Act:
        """What it does as it leaves: a stub says what took its text away."""
        if self.is_stub:
            return Act.HOLD if self._status is PubStatus.WITHHELD else Act.KILL
        return self.dispatch.act

    def data(self, form: Form = NINJS) -> bytes:
        """Return the item as it leaves, in a form."""
        if form is NINJS:
            if not (self.is_stub or self.headlines):
                return self.dispatch.item
            if self.is_stub:
                uri, version = self.dispatch.uri, str(self.dispatch.version)
                return _ENCODER.encode({"pubStatus": str(self._status), "uri": uri, "version": version})
            return ninjs.encode(self.item())
        return form.encode(self.item(), settings.AGENCY, self.act)

    def encode(self, form: Form = NINJS, proof_size: int = 0, checkpoint: str = "") -> bytes:
        """Return the line without its end. `proof_size`: with its proof in the log of that size, and with that log's
        `checkpoint`, if it is to stand there.
        """
        dispatch = self.dispatch
        head: dict[str, object] = {
            "act": str(dispatch.act), "prev": self.prev, "salt": base64.b64encode(dispatch.salt).decode(),
            "sent": dispatch.sent, "seq": dispatch.seq, "uri": dispatch.uri, "version": dispatch.version,
        }  # fmt: skip
        if proof_size:
            head["proof"] = [base64.b64encode(part).decode() for part in tree.inclusion(dispatch.seq, proof_size)]
        if checkpoint:
            head["checkpoint"] = checkpoint
        if self.withdrawn:
            head["withdrawn"] = self.withdrawn
        elif self.embargoed:
            head["embargoed"] = True
        elif self.headlines:
            head["headlines"] = True
        if form is not NINJS:
            head["form"] = form.media_type + (f"; ninjs={form.version}" if form.version else "")
        if self.is_stub or self.headlines or form is not NINJS:
            head["digest"] = hashlib.sha256(dispatch.item).hexdigest()
        data = self.data(form)
        item = data if form.is_json else msgspec.json.encode(data.decode(form.charset))
        return _ENCODER.encode(head)[:-1] + b',"item":' + item + b"}"


def lines_of(rows: list[Row], found: Subscription, *, jumped: Mapping[str, int] | None = None) -> list[Line]:
    """Return rows of a subscription's stream as its lines.

    `jumped`: holds and kills that the receiver has ahead of its turn, by uri: what comes before them is a stub.
    """
    entitled = read_stream(found.stream).wanted.embargoed
    lines = []
    for (seq, act, sent, uri, version, salt, item, killed_by), row in _read(rows):
        withdrawn, held = killed_by, False
        if not withdrawn and jumped and jumped.get(uri, 0) > seq:
            withdrawn, held = jumped[uri], True
        dispatch = Dispatch(seq, sent, Act(act), uri, version, item, salt, b"")
        embargoed = not entitled and _is_embargoed(act, item)
        prev = row.prev if row.prev > found.since else 0
        lines.append(Line(dispatch, prev, withdrawn, held, bool(found.headlines), embargoed))
    return lines


def encoded(rows: list[Row], found: Subscription) -> list[bytes]:
    """Return rows of a stream as the bytes of their lines: `Line.encode` without a proof, but faster for whole items.

    They follow from the stream's rows and its filter, from `found.since` and `found.headlines`, and from the log, of
    which only a kill changes a line that was written before (`blocks` depends on it).
    """
    if found.headlines:
        return [line.encode() for line in lines_of(rows, found)]
    entitled = read_stream(found.stream).wanted.embargoed
    lines = []
    for (seq, act, sent, uri, version, salt, item, killed_by), row in _read(rows):
        prev = row.prev if row.prev > found.since else 0
        embargoed = not entitled and _is_embargoed(act, item)
        if killed_by or embargoed or not _PLAIN_URI.fullmatch(uri):
            dispatch = Dispatch(seq, sent, Act(act), uri, version, item, salt, b"")
            lines.append(Line(dispatch, prev, killed_by, embargoed=embargoed).encode())
            continue
        salted = b2a_base64(salt, newline=False).decode()
        head = (
            f'{{"act":"{act}","prev":{prev},"salt":"{salted}","sent":"{sent}","seq":{seq},"uri":"{uri}",'
            f'"version":{version},"item":'
        )
        lines.append(head.encode() + item + b"}")
    return lines


def _is_embargoed(act: str, item: bytes) -> bool:
    """Whether an item's text is under an embargo; a kill has no text, and goes to whoever had it."""
    return act != Act.KILL and b'"embargoedUntil":' in item and ninjs.decode(item).embargoed is not None


def _read(rows: list[Row]) -> Iterator[tuple[store.RawRow, Row]]:
    return zip(store.read_raw([row.seq for row in rows]), rows, strict=True)
