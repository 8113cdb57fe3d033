"""A limit to what strangers may send: nothing of the public side takes more than a form.

Django keeps a request's whole body on the disk before it looks at the request. So the limit stands before it: by the
length that a request claims, and by what really comes.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
# Some times the longest form of ours.
BODY_BYTES = 65_536
_SENTENCE = f"A request has {BODY_BYTES} bytes at most here.\n".encode()


class _TooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware: 413 for a body beyond BODY_BYTES, except below the paths `apart`."""

    def __init__(self, app: App, apart: tuple[str, ...]) -> None:
        self._app = app
        self._apart = apart

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass the request on, counting what comes."""
        if scope["type"] != "http" or scope["path"].startswith(self._apart):
            await self._app(scope, receive, send)
            return
        if _claimed(scope) > BODY_BYTES:
            await _refuse(send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > BODY_BYTES:
                raise _TooLarge
            return message

        try:
            await self._app(scope, counted, send)
        except _TooLarge:
            await _refuse(send)


def _claimed(scope: MutableMapping[str, Any]) -> int:
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(text) if text.isdigit() else 0


async def _refuse(send: Send) -> None:
    # The connection ends with it: what is still to come is not read.
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"),
               (b"content-length", str(len(_SENTENCE)).encode())]  # fmt: skip
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _SENTENCE})
