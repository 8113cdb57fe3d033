"""File drops: each dispatch as a file on the subscriber's SFTP, FTP or S3 server, or in a folder of this machine.

A file has its name only once it is whole: it is written beside it first, and moved (S3 shows nothing of an upload
before its end). Its name follows from the dispatch, so that one which is dropped twice is one file.
"""

import asyncio
import ftplib
import ipaddress
import threading
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings

from dateline.delivery import endpoint
from dateline.delivery.errors import BadEndpoint
from dateline.delivery.lines import Line
from dateline.delivery.store import Subscription
from dateline.delivery.ways.outcome import TIMEOUT_S, Clock, Outcome, RefusedHere
from dateline.delivery.ways.servers import CONNECT, port_of
from dateline.delivery.ways.threads import StillHangs, Threads
from dateline.delivery.write_whole import write_whole
from dateline.news.codes import short_id
from dateline.news.formats.outgoing import FORMS, Form

# What each kind of server needs beside its address, and may have.
OPTIONS = {
    "file": frozenset[str](),
    "sftp": frozenset({"password", "host_key"}),
    "ftp": frozenset({"password"}),
    "ftps": frozenset({"password"}),
    "s3": frozenset({"key", "secret", "endpoint_url", "region"}),
}
# What is never shown again.
SECRETS = frozenset({"password", "key", "secret"})


def folder_of(home: Path) -> Path:
    """Return where the drops in folders of this machine lie."""
    return home / "drops"


def check_drop(url: str, options: Mapping[str, str]) -> None:
    """Raise BadEndpoint for an address that nothing is dropped at."""
    parts = urlsplit(url)
    if extra := sorted(set(options) - OPTIONS[parts.scheme]):
        known = ", ".join(sorted(OPTIONS[parts.scheme])) or "none"
        raise BadEndpoint(f"A {parts.scheme} drop has no option {', '.join(extra)}; it has {known}.", url)
    if parts.password is not None:
        raise BadEndpoint("A drop's password does not stand in its address, which is shown: use --option.", url)
    path = unquote(parts.path)
    if ".." in path.split("/") or parts.query or parts.fragment or "\0" in unquote(url):
        raise BadEndpoint(f"{url!r} is not the address of a folder.", url)
    if parts.scheme == "file":
        if parts.netloc or path.startswith("/") or not path.strip("/."):
            raise BadEndpoint(
                f"{url!r}: a folder of this machine lies in {folder_of(settings.DATELINE_HOME)} and is named alone, "
                "as file:harbour-radio.", url
            )  # fmt: skip
        return
    if not parts.hostname:
        raise BadEndpoint(f"{url!r} names no server; write {parts.scheme}://user@files.example.org/folder.", url)
    if parts.scheme == "s3":
        _check_s3(parts, options)
    elif not parts.username:
        raise BadEndpoint(f"{url!r} names no user; write {parts.scheme}://user@{parts.hostname}/folder.", url)


def _check_s3(parts: SplitResult, options: Mapping[str, str]) -> None:
    # Without them the library would look for credentials of this machine, which are not the subscriber's.
    if not options.get("key") or not options.get("secret"):
        raise BadEndpoint("An S3 drop needs the options key and secret.", parts.geturl())
    if not (at := options.get("endpoint_url")):
        return
    server = urlsplit(at)
    if server.username or server.password:
        raise BadEndpoint("An endpoint_url carries no password: use key and secret.", server.hostname)
    if server.scheme == "https" and server.hostname:
        return
    # The library resolves the name itself. With https the certificate holds it to the name; without, nothing does.
    try:
        ipaddress.ip_address(server.hostname or "" if server.scheme == "http" else "")
    except ValueError as error:
        raise BadEndpoint(f"{at!r} is not the https address of an S3 server.", at) from error


def name_of(line: Line, form: Form) -> str:
    """Return the name of a dispatch's file: its seq first, so that a folder sorts as the wire runs."""
    return f"{line.seq:010d}-{line.dispatch.act}-{short_id(line.dispatch.uri)}{form.suffix}"


# Keeps a further option of a subscription: (the subscription, the name, the value).
Keep = Callable[[Subscription, str, str], Awaitable[None]]
# The libraries' own limits are by operation; this is for all of them together.
_LIMIT_S = 2 * TIMEOUT_S


class Drops:
    """Drops files; keeps a connection to each server. `keep` is told the host key of a server that is seen first."""

    def __init__(self, threads: Threads, keep: Keep) -> None:
        self._threads = threads
        self._keep = keep
        self._open: dict[int, tuple[str, Any]] = {}

    async def hand_over(self, found: Subscription, line: Line, key: str) -> Outcome:
        """Drop one."""
        clock, form = Clock(), FORMS[found.form or "ninjs"]
        parts, given_up = urlsplit(found.url), threading.Event()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                address = await self._address(parts, found.way)
            drop = partial(self._drop, found, parts, address, name_of(line, form), line.data(form), given_up)
            seen = await self._threads.run(found.id, drop, _LIMIT_S)
        except (RefusedHere, ftplib.error_perm) as error:
            self._forget(found.id)
            return clock.outcome(f"The server refused: {error}", permanent=True)
        except BadEndpoint as error:
            return clock.outcome(str(error))
        except StillHangs:
            return clock.outcome("The server has not answered the last attempt yet.")
        except TimeoutError:
            given_up.set()
            self._forget(found.id)
            return clock.outcome(f"No answer within {_LIMIT_S:.0f} s.")
        except Exception as error:  # the libraries raise what they like
            self._forget(found.id)
            return clock.outcome(f"{type(error).__name__}: {error}", permanent=_is_final(error))
        if seen and "host_key" not in found.way:
            await self._keep(found, "host_key", seen)
        return clock.outcome()

    async def _address(self, parts: SplitResult, options: Mapping[str, str]) -> str:
        """Return the address to connect to, having looked whether it is allowed."""
        if parts.scheme == "file":
            return ""
        if parts.scheme == "s3":
            at = urlsplit(options.get("endpoint_url") or "https://s3.amazonaws.com")
            return await endpoint.resolve(at.hostname or "", at.port or 443, at.scheme, self._threads.names)
        return await endpoint.resolve(parts.hostname or "", port_of(parts), "https", self._threads.names)

    def _drop(
        self, found: Subscription, parts: SplitResult, address: str, name: str, data: bytes, given_up: threading.Event
    ) -> str:
        """Write a file, and return the server's host key where it has one. Blocks.

        Nothing is written once the attempt was `given_up`: what it carries may have been killed meanwhile.
        """
        if parts.scheme == "file":
            write_whole(_folder(parts) / name, data)
            return ""
        files = self._connection(found, parts, address)
        if given_up.is_set():
            return ""
        if parts.scheme == "s3":
            files.pipe_file(
                "/".join(part for part in (parts.netloc, unquote(parts.path).strip("/"), name) if part), data
            )
            return ""
        folder = unquote(parts.path).rstrip("/")
        whole, part = f"{folder}/{name}", f"{folder}/.{name}.part"
        try:
            files.pipe_file(part, data)
        except (FileNotFoundError, ftplib.error_perm):
            files.makedirs(folder, exist_ok=True)
            files.pipe_file(part, data)
        if not given_up.is_set():
            _move(files, part, whole)
        return getattr(files, "host_key", "")

    def _connection(self, found: Subscription, parts: SplitResult, address: str) -> Any:
        """Return the open connection of a subscription, made anew if its settings changed."""
        settings_now = f"{found.url} {found.options} {address}"
        kept = self._open.get(found.id)
        if kept is None or kept[0] != settings_now:
            kept = self._open[found.id] = (settings_now, CONNECT[parts.scheme](parts, address, found.way))
        return kept[1]

    def _forget(self, key: int) -> None:
        _, files = self._open.pop(key, ("", None))
        # A thread that hangs in it must not go on once another has begun anew.
        if (client := getattr(files, "client", None) or getattr(files, "ftp", None)) is not None:
            client.close()

    def close(self) -> None:
        """Close all connections."""
        for key in list(self._open):
            self._forget(key)


def _folder(parts: SplitResult) -> Path:
    """Return the folder of this machine that an address names, whatever links lie on its way. Raises RefusedHere."""
    root = folder_of(settings.DATELINE_HOME).resolve()
    folder = (root / unquote(parts.path)).resolve()
    if root not in folder.parents:
        raise RefusedHere(f"{folder} does not lie in {root}")
    return folder


def _move(files: Any, part: str, whole: str) -> None:
    try:
        files.mv(part, whole)
    except (ftplib.error_perm, OSError):
        # Some servers move nothing over a file that is there.
        files.rm_file(whole)
        files.mv(part, whole)


def _is_final(error: Exception) -> bool:
    """Whether a server, or the system, said no for good: no leave, no such folder or bucket."""
    if isinstance(error, (PermissionError, FileNotFoundError)):
        return True
    # botocore's ClientError, which is not imported until S3 is used.
    code = (getattr(error, "response", None) or {}).get("Error", {}).get("Code", "")
    return code in ("InvalidAccessKeyId", "SignatureDoesNotMatch")
