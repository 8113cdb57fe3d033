"""What a replay writes to a socket: an HTTP answer in chunks, each a piece of bytes or of a file.

It never waits: what a socket does not take stays in the piece, which goes on where it was.
"""

import os
import socket
import time
from email.utils import formatdate
from http import HTTPStatus

from django.http import HttpResponse

from dateline.pages.headers import SECURITY_HEADERS

# Tells the kernel that more follows at once (Linux): a chunk's size and its text share a packet.
_MORE = getattr(socket, "MSG_MORE", 0)


class Piece:
    """What is being written: some bytes, then a part of a file. `begun`: a part of it is with the client."""

    __slots__ = ("_at", "_bytes", "_end", "_file", "begun", "chosen")

    def __init__(self, data: bytes, file: int = -1, begin: int = 0, end: int = 0) -> None:
        self._bytes = memoryview(data)
        self._file, self._at, self._end = file, begin, end
        self.begun = False
        # When, by the monotonic clock, seconds.
        self.chosen = time.monotonic()

    @property
    def is_done(self) -> bool:
        """Whether all of it is written."""
        return not self._bytes and self._at >= self._end

    def send(self, to: socket.socket) -> None:
        """Write all of it. Raises BlockingIOError where the client has to read first, OSError where it is gone."""
        while self._bytes:
            self._bytes = self._bytes[to.send(self._bytes, _MORE if self._file >= 0 else 0) :]
            self.begun = True
        while self._at < self._end:
            sent = os.sendfile(to.fileno(), self._file, self._at, self._end - self._at)
            if not sent:
                raise OSError("a block was cut off while it was being sent")
            self._at += sent
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Answer:
    """One answer under way.

    `joint`: what goes before the next chunk; `keep`: the connection goes on when the answer `ends`, which is when the
    piece is written; `begun`: something of it was to be written.
    """

    __slots__ = ("begun", "ends", "joint", "keep", "piece")

    def __init__(self, *, keep: bool) -> None:
        self.joint = b""
        self.piece = Piece(b"")
        self.begun = self.ends = False
        self.keep = keep

    def head(self, response: HttpResponse, **fields: str) -> bytes:
        """Return the head of an answer: what Django and the server below it would have written."""
        status = HTTPStatus(response.status_code)
        named = {**SECURITY_HEADERS, **dict(response.items()), "Cache-Control": "no-store", **fields}
        named["Date"] = formatdate(usegmt=True)
        if not self.keep:
            named["Connection"] = "close"
        text = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return f"HTTP/1.1 {status.value} {status.phrase}\r\n{text}\r\n".encode("latin-1")

    def write(self, data: bytes) -> None:
        """Let a chunk be next."""
        self.piece = Piece(b"%b%x\r\n%b" % (self.joint, len(data), data))
        self.begun, self.joint = True, b"\r\n"

    def write_file(self, file: int, begin: int, end: int) -> None:
        """Let a part of a file be the next chunk; the descriptor is this one's from now on."""
        self.piece = Piece(b"%b%x\r\n" % (self.joint, end - begin), file, begin, end)
        self.begun, self.joint = True, b"\r\n"

    def finish(self, data: bytes = b"") -> None:
        """Let this be the last of it."""
        last = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        self.piece = Piece(self.joint + last + b"0\r\n\r\n")
        self.begun = self.ends = True

    def refuse(self, response: HttpResponse) -> None:
        """Answer with this instead."""
        content = response.content
        self.piece = Piece(self.head(response, **{"Content-Length": str(len(content))}) + content)
        self.begun = self.ends = True
