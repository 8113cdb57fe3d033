"""fsspec's SFTP with a host key that is known, and no keys but the agency's own."""

import contextlib
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from dateline.delivery.ways.outcome import TIMEOUT_S, RefusedHere


class _Known(paramiko.MissingHostKeyPolicy):
    """Takes the host key with a fingerprint, and no other; without one, whichever is seen."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Compare the fingerprints."""
        if self._wanted and key.fingerprint != self._wanted:
            raise RefusedHere(
                f"its host key is {key.fingerprint}, not {self._wanted}. If that is right, set the option host_key."
            )


class KnownSFTP(SFTPFileSystem):  # type: ignore[misc]
    """An SFTP server. `host_key`: its fingerprint (SHA256:…), '' where none is known yet."""

    def __init__(self, host: str, *, host_key: str, **options: Any) -> None:
        # Keys of whoever runs this process are not the agency's to offer.
        alone = {"allow_agent": False, "look_for_keys": False}
        limits = dict.fromkeys(("timeout", "banner_timeout", "auth_timeout"), TIMEOUT_S)
        super().__init__(host, host_key_policy=_Known(host_key), **options, **alone, **limits)

    def _connect(self) -> None:
        try:
            super()._connect()
        except paramiko.AuthenticationException as error:
            # A server that hung up, or was slow, has not said no.
            if any(word in str(error).lower() for word in ("shut down", "eof", "timeout")):
                raise
            raise RefusedHere(f"{error or 'the password, or the key, is not right'}") from error
        except paramiko.SSHException as error:
            # What paramiko says before it asks the server, where there is neither a password nor a key.
            if "No authentication methods" in str(error):
                raise RefusedHere("there is neither a password nor a key (`dateline subscriber sftp-key`)") from error
            raise
        self.ftp.get_channel().settimeout(TIMEOUT_S)

    def mv(self, old: str, new: str) -> None:
        """Move a file over another; servers without OpenSSH's way to do that get two steps."""
        try:
            self.ftp.posix_rename(old, new)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                self.ftp.remove(new)
            self.ftp.rename(old, new)

    @property
    def host_key(self) -> str:
        """The fingerprint of the server's host key."""
        return str(self.client.get_transport().get_remote_server_key().fingerprint)
