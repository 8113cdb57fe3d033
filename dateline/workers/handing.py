"""Handing a connection from a worker to the main process: its socket (SCM_RIGHTS) and the bytes that were read of it.

Packets of a SOCK_SEQPACKET pair: the first of a connection carries the socket and how many bytes follow in all.
"""

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

# A packet is at most this, well below what a Unix socket takes at once (net.core.wmem_default).
_PACKET_BYTES = 32_768
_LENGTH_BYTES = 8
# Connections taken in one turn of the loop, so that it gets to answer them, too.
_A_TURN = 64


class Giver:
    """The worker's end."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._packets: deque[tuple[bytes, int | None]] = deque()

    def take(self, transport: Any, data: bytes) -> None:
        """Hand on a connection of which `data` was read and nothing answered yet."""
        if transport.get_write_buffer_size():
            # Earlier answers still wait to go out here; the client asks again on another connection.
            transport.close()
            return
        try:
            fd = os.dup(transport.get_extra_info("socket").fileno())
        except OSError:
            transport.abort()
            return
        # Nothing more may be read here. The connection lives on in the copy.
        transport.abort()
        length = len(data).to_bytes(_LENGTH_BYTES, "big")
        self._packets.append((length + data[:_PACKET_BYTES], fd))
        for at in range(_PACKET_BYTES, len(data), _PACKET_BYTES):
            self._packets.append((data[at : at + _PACKET_BYTES], None))
        self._pump()

    def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        while self._packets:
            packet, fd = self._packets[0]
            try:
                if fd is None:
                    self._end.send(packet)
                else:
                    socket.send_fds(self._end, [packet], [fd])
            except BlockingIOError:
                loop.add_writer(self._end, self._pump)
                return
            except OSError:
                pass  # the main process is gone, and this one about to end
            self._packets.popleft()
            if fd is not None:
                os.close(fd)
        loop.remove_writer(self._end)


class Taker:
    """The main process's end, in its loop."""

    def __init__(self, end: socket.socket, protocol: Callable[[bytes], asyncio.Protocol]) -> None:
        end.setblocking(False)
        self._end = end
        self._protocol = protocol
        self._missing = 0
        self._data = bytearray()
        self._connection: socket.socket | None = None
        self._opening: set[asyncio.Task[Any]] = set()
        asyncio.get_running_loop().add_reader(end, self._receive)

    def _receive(self) -> None:
        for _ in range(_A_TURN):
            try:
                packet, fds, _, _ = socket.recv_fds(self._end, _PACKET_BYTES + _LENGTH_BYTES, 1)
            except BlockingIOError:
                return
            except OSError:
                packet, fds = b"", []
            if not packet:
                self.close()  # the worker is gone
                return
            if fds:
                self._connection = socket.socket(fileno=fds[0])
                self._missing, packet = int.from_bytes(packet[:_LENGTH_BYTES], "big"), packet[_LENGTH_BYTES:]
                self._data.clear()
            self._data += packet
            self._missing -= len(packet)
            if not self._missing and self._connection is not None:
                self._open(self._connection, bytes(self._data))
                self._connection = None

    def _open(self, connection: socket.socket, data: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._adopt(connection, data))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _adopt(self, connection: socket.socket, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the client hung up meanwhile
            connection.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(lambda: self._protocol(data), connection)

    def close(self) -> None:
        """Take no more."""
        if self._end.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._end)
            self._end.close()
