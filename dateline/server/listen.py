"""The sockets that readers come in by: the port is this server's alone, or there is no start."""

import errno
import socket
import time

from django.conf import settings

from dateline.wire.errors import WireError

# Readers that come back all at once after a restart wait here, not in vain.
BACKLOG = 4096
# A worker of a server that was killed on this port takes a moment to notice.
_LEAVE_S = 1.0


def listen(host: str, port: int) -> list[socket.socket]:
    """Return a socket that listens there, or one for each worker where there are several.

    Raises WireError with a sentence if that cannot be.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    until = time.monotonic() + _LEAVE_S
    while True:
        try:
            if settings.WORKERS < 2:
                return [socket.create_server((host, port), family=family, backlog=BACKLOG)]
            # First we find out that the port is nobody else's: these would share it with anyone. Nobody is let in by
            # this one, whose connections would end with it.
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((host, port))
            return [
                socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True)
                for _ in range(settings.WORKERS)
            ]
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise WireError(
                    f"The server cannot listen on {host}:{port}: {error.strerror}. Try --port.", port
                ) from error
            time.sleep(0.05)
