"""What the main process tells its workers, and how: MessagePack behind a length, over a Unix socket."""

from collections.abc import Iterator

import msgspec

from dateline.live.hub import Event
from dateline.pages.ready import Page

_LENGTH_BYTES = 4


class Hello(msgspec.Struct, frozen=True, tag=True):
    """The first message: the wire's id, and the last seq that was announced before."""

    wire: str
    head: int


class Put(msgspec.Struct, frozen=True, tag=True):
    """A path answers this page from now on; None: it answers nothing."""

    path: str
    page: Page | None


class Written(msgspec.Struct, frozen=True, tag=True):
    """What was put is in its files now; `digest` says which page that is, `twins` are its compressed bytes."""

    path: str
    digest: str
    twins: dict[str, bytes]


class Tell(msgspec.Struct, frozen=True, tag=True):
    """Dispatches for live readers."""

    events: list[Event]


class Sync(msgspec.Struct, frozen=True, tag=True):
    """Answer with this number when everything before is done."""

    number: int


Message = Hello | Put | Written | Tell | Sync
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)


def frame(message: Message) -> bytes:
    """Return a message as it is sent."""
    body = _encoder.encode(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


class Unframer:
    """Puts messages together from the pieces in which they come."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take the next piece; yield the messages that are whole."""
        held = self._held
        held += data
        at = 0
        while len(held) - at >= _LENGTH_BYTES:
            end = at + _LENGTH_BYTES + int.from_bytes(held[at : at + _LENGTH_BYTES], "big")
            if len(held) < end:
                break
            yield _decoder.decode(bytes(held[at + _LENGTH_BYTES : end]))
            at = end
        del held[:at]


def sync_reply(number: int) -> bytes:
    """Return a worker's answer to Sync."""
    return number.to_bytes(8, "big")
