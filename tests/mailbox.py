"""A real mail server for the tests (aiosmtpd), on the loopback."""

import re
import socket
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """A mail server; `codes` says what it answers to RCPT for an address. `got` is what it took, in order."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.codes: dict[str, str] = {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._controller: Controller | None = None
        self.start()

    def start(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        code = self.codes.get(address, "250 OK")
        if code.startswith("250"):
            envelope.rcpt_tos.append(address)
        return code

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        return "250 taken"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.got if mail["To"] == address]

    def subjects(self, address: str) -> list[str]:
        return [str(mail["Subject"]) for mail in self.to(address)]


def link_in(mail: EmailMessage, kind: str) -> str:
    """Return the path of a link of ours in a mail: `confirm` or `stop`."""
    found = re.search(rf"https?://[^/\s]+(/alerts/{kind}/[^\s]+)", mail.get_content())
    assert found is not None, mail.get_content()
    return found[1]
