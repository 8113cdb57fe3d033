"""A home has one process that folds and renders: a server, or a rebuild."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from dateline.wire.errors import WireError


@contextlib.contextmanager
def only_process() -> Iterator[None]:
    """Hold the public side of this home alone; raise WireError if another process does.

    A server and a rebuild, or two servers, would each take the other's marks for done. The kernel lets go
    of the lock when the process ends, however it ends.
    """
    path = Path(settings.DATELINE_HOME) / "run" / "server.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WireError(
                f"A server, or a rebuild, is at work on {settings.DATELINE_HOME} already; stop it first.",
                str(path),
            ) from error
        yield
