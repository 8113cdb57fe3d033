"""Large answers, lent to the kernel instead of copied into it for each reader.

`write` copies an answer into the kernel for every reader. A file in memory (memfd) is filled once, and `sendfile`
lends its pages to one connection after another, as a static server's does with a file. Nothing is ever written to
such a file again: a connection may still hold its pages when the answer is no longer given.
"""

import os
from typing import Any

# From here on lending beats copying: a tenth more requests a second at 8 kB, nothing at 4 kB (bench/pages.py).
LARGE_BYTES = 8192
# Making the file costs what some ten lendings save, and with every second an answer's Date is another.
WORTH_A_FILE = 16
# Files open at once. In one second few answers that large are asked for so often.
MOST_FILES = 64
_NO_FILE = -1


class _Allowance:
    def __init__(self) -> None:
        self.files = MOST_FILES


class Loan:
    """One whole answer, copied to the first that ask for it and lent to all others. Its file ends with it."""

    __slots__ = ("_allowance", "_asked", "_file", "answer")

    def __init__(self, answer: bytes, allowance: _Allowance) -> None:
        self.answer = answer
        self._allowance = allowance
        self._asked = 0
        self._file = _NO_FILE

    def send(self, transport: Any, connection: int) -> None:
        """Send the answer; `connection` is the file descriptor of the transport's open socket."""
        if self._file == _NO_FILE:
            self._asked += 1
            if self._asked == WORTH_A_FILE:
                self._open()
            transport.write(self.answer)
            return
        if transport.get_write_buffer_size():
            transport.write(self.answer)  # after what waits there
            return
        try:
            sent = os.sendfile(connection, self._file, 0, len(self.answer))
        except OSError:
            sent = 0  # the socket is full, or its client gone: the transport finds out and knows what to do
        if sent < len(self.answer):
            transport.write(memoryview(self.answer)[sent:])

    def _open(self) -> None:
        if not self._allowance.files:
            return
        try:
            file = os.memfd_create("dateline-page", os.MFD_CLOEXEC)
        except OSError:
            return  # no file descriptor is left: copying goes on
        try:
            whole = os.write(file, self.answer) == len(self.answer)
        except OSError:
            whole = False  # nor memory
        if not whole:
            os.close(file)
            return
        self._allowance.files -= 1
        self._file = file

    def __del__(self) -> None:
        if self._file != _NO_FILE:
            os.close(self._file)


class Lender:
    """The loans of one table of answers, which ends with the second or with a page's change, and they with it."""

    def __init__(self) -> None:
        # By the id of the answer, which lives as long as its loan.
        self._loans: dict[int, Loan] = {}
        self._allowance = _Allowance()

    def lend(self, answer: bytes) -> Loan:
        """Return the loan of this very answer, one for all who ask for it."""
        loan = self._loans.get(id(answer))
        if loan is None:
            loan = self._loans[id(answer)] = Loan(answer, self._allowance)
        return loan
