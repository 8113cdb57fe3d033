"""File drops: each dispatch as a file on the subscriber's SFTP, FTP or S3 server, or in a folder of this machine.

A file has its name only once it is whole: it is written beside it first, and moved (S3 shows nothing of an upload
before its end). Its name follows from the dispatch, so that one which is dropped twice is one file.
"""

import asyncio
import ftplib
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
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
    if ".." in unquote(parts.path).split("/") or parts.query or parts.fragment or "\0" in unquote(url):
        raise BadEndpoint(f"{url!r} is not the address of a folder.", url)
    if parts.scheme == "file":
        if parts.netloc or parts.path.startswith("/") or not parts.path.strip("/."):
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


# Keeps a further option of a subscription: (its id, the name, the value).
Keep = Callable[[int, str, str], Awaitable[None]]


class Drops:
    """Drops files; keeps a connection to each server. `keep` is told the host key of a server that is seen first."""

    def __init__(self, pool: Executor, keep: Keep) -> None:
        self._pool = pool
        self._keep = keep
        self._open: dict[int, tuple[str, Any]] = {}

    async def hand_over(self, found: Subscription, line: Line, key: str) -> Outcome:
        """Drop one."""
        clock, form = Clock(), FORMS[found.form or "ninjs"]
        parts = urlsplit(found.url)
        try:
            address = await self._address(parts, found.way)
            drop = partial(_drop, self, found, parts, address, name_of(line, form), line.data(form))
            # The libraries' own limits are by operation; this is for all of them together.
            await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._pool, drop), 3 * TIMEOUT_S)
        except (RefusedHere, ftplib.error_perm) as error:
            self._forget(found.id)
            return clock.outcome(f"The server refused: {error}", permanent=True)
        except BadEndpoint as error:
            return clock.outcome(str(error))
        except Exception as error:  # the libraries raise what they like
            self._forget(found.id)
            return clock.outcome(f"{type(error).__name__}: {error}", permanent=_is_final(error))
        if parts.scheme == "sftp" and "host_key" not in found.way:
            await self._keep(found.id, "host_key", self._open[found.id][1].host_key)
        return clock.outcome()

    async def _address(self, parts: SplitResult, options: Mapping[str, str]) -> str:
        """Return the address to connect to, having looked whether it is allowed."""
        if parts.scheme == "file":
            return ""
        if parts.scheme == "s3":
            at = urlsplit(options.get("endpoint_url") or "https://s3.amazonaws.com")
            return await endpoint.resolve(at.hostname or "", at.port or 443, at.scheme, self._pool)
        return await endpoint.resolve(parts.hostname or "", port_of(parts), "https", self._pool)

    def connection(self, found: Subscription, parts: SplitResult, address: str) -> Any:
        """Return the open connection of a subscription, made anew if its settings changed. Blocks."""
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


def _drop(drops: Drops, found: Subscription, parts: SplitResult, address: str, name: str, data: bytes) -> None:
    if parts.scheme == "file":
        write_whole(folder_of(settings.DATELINE_HOME) / unquote(parts.path) / name, data)
        return
    files = drops.connection(found, parts, address)
    if parts.scheme == "s3":
        files.pipe_file("/".join([parts.netloc, unquote(parts.path).strip("/"), name]).replace("//", "/"), data)
        return
    folder = unquote(parts.path).rstrip("/") or "/"
    whole, part = f"{folder}/{name}".replace("//", "/"), f"{folder}/.{name}.part".replace("//", "/")
    try:
        files.pipe_file(part, data)
    except (FileNotFoundError, ftplib.error_perm):
        files.makedirs(folder, exist_ok=True)
        files.pipe_file(part, data)
    try:
        files.mv(part, whole)
    except ftplib.error_perm:
        # Some FTP servers move nothing over a file that is there.
        files.rm_file(whole)
        files.mv(part, whole)


def _is_final(error: Exception) -> bool:
    """Whether a server, or the system, said no for good: no leave, no such folder or bucket."""
    if isinstance(error, (PermissionError, FileNotFoundError)):
        return True
    # botocore's ClientError, which is not imported until S3 is used.
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return code in ("InvalidAccessKeyId", "SignatureDoesNotMatch")
