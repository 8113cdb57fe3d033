"""Connections to the servers of file drops, by fsspec: SFTP with a host key that is known, FTP with or without TLS, S3.

The address that is connected to is the one that was looked at; the name serves to check a certificate.
"""

import ftplib
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from fsspec import get_filesystem_class, register_implementation
from fsspec.implementations.ftp import FTPFileSystem

from dateline.delivery.ways.outcome import TIMEOUT_S
from dateline.delivery.write_whole import write_whole

# By name: fsspec imports what is used, and only then; a command that drops nothing does not wait for it.
register_implementation("dateline-sftp", "dateline.delivery.ways.sftp.KnownSFTP")
_PORTS = {"sftp": 22, "ftp": 21, "ftps": 21}


def port_of(parts: SplitResult) -> int:
    """Return the port of a server."""
    return parts.port or _PORTS[parts.scheme]


def _sftp(parts: SplitResult, address: str, options: Mapping[str, str]) -> Any:
    key = key_path()
    return get_filesystem_class("dateline-sftp")(
        address, port=port_of(parts), username=unquote(parts.username or ""), password=options.get("password"),
        key_filename=str(key) if key.exists() else None, host_key=options.get("host_key", ""),
        skip_instance_cache=True,
    )  # fmt: skip


def _ftp(parts: SplitResult, address: str, options: Mapping[str, str]) -> Any:
    return FTPFileSystem(address, **_account(parts, options))


def _ftps(parts: SplitResult, address: str, options: Mapping[str, str]) -> Any:
    return _FTPS(address, parts.hostname or "", **_account(parts, options))


def _account(parts: SplitResult, options: Mapping[str, str]) -> dict[str, Any]:
    return {
        "port": port_of(parts), "username": unquote(parts.username or ""), "password": options.get("password", ""),
        "timeout": TIMEOUT_S, "use_listings_cache": False,
    }  # fmt: skip


class _FTPS(FTPFileSystem):  # type: ignore[misc]
    """FTP with TLS (RFC 4217) whose certificate is checked, which fsspec's own does not do."""

    def __init__(self, address: str, name: str, **options: Any) -> None:
        self._name = name
        super().__init__(address, tls=True, **options)

    def _connect(self) -> None:
        context = ssl.create_default_context()
        self.ftp = ftplib.FTP_TLS(timeout=self.timeout, encoding=self.encoding, context=context)  # noqa: S321
        self.ftp.connect(self.host, self.port)
        self.ftp.host = self._name
        self.ftp.login(*self.cred)


def _s3(parts: SplitResult, address: str, options: Mapping[str, str]) -> Any:
    return get_filesystem_class("s3")(
        key=options["key"], secret=options["secret"], endpoint_url=options.get("endpoint_url"),
        client_kwargs={"region_name": options.get("region") or "us-east-1"},
        # Nothing of this process's environment: no proxy, no other endpoint.
        config_kwargs={
            "connect_timeout": TIMEOUT_S, "read_timeout": TIMEOUT_S, "retries": {"max_attempts": 0}, "proxies": {},
            "ignore_configured_endpoint_urls": True,
        },
        use_listings_cache=False, skip_instance_cache=True,
    )  # fmt: skip


Connect = Callable[[SplitResult, str, Mapping[str, str]], Any]
CONNECT: dict[str, Connect] = {"sftp": _sftp, "ftp": _ftp, "ftps": _ftps, "s3": _s3}


def key_path() -> Path:
    """Return where the agency's key for SFTP lies, if it has one."""
    return Path(settings.DATELINE_HOME) / "keys" / "sftp.key"


def public_key() -> str:
    """Return the agency's public key for SFTP, a line of authorized_keys; the key is made if there is none."""
    path = key_path()
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        write_whole(path, pem, mode=0o600)
    public = serialization.load_ssh_private_key(path.read_bytes(), password=None).public_key()
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{line.decode()} {settings.AGENCY.domain}"
