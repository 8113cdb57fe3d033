"""Servers that subscribers run: SFTP, FTP and S3, real ones, on free ports of the loopback."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
from moto.server import DomainDispatcherApplication, create_backend_app
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
from werkzeug.serving import make_server

USER, PASSWORD = "wire", "s3cret-word"


class _Door(paramiko.ServerInterface):
    def __init__(self, public: str) -> None:
        self._public = public

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, password) == (USER, PASSWORD) else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = self._public and key.get_base64() == self._public.split()[1]
        return paramiko.AUTH_SUCCESSFUL if known and username == USER else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


def _files(root: Path) -> type[paramiko.SFTPServerInterface]:
    """An SFTP server's files below a folder; as paramiko's own tests do, with the calls that a drop needs."""

    class Files(paramiko.SFTPServerInterface):
        def _real(self, path: str) -> str:
            return str(root) + self.canonicalize(path)

        def stat(self, path: str) -> Any:
            try:
                return paramiko.SFTPAttributes.from_stat(os.stat(self._real(path)))
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)

        lstat = stat

        def open(self, path: str, flags: int, attr: Any) -> Any:
            try:
                fd = os.open(self._real(path), flags | getattr(os, "O_BINARY", 0), 0o666)
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)
            handle = paramiko.SFTPHandle(flags)
            handle.writefile = os.fdopen(fd, "wb")
            handle.readfile = handle.writefile
            return handle

        def posix_rename(self, oldpath: str, newpath: str) -> int:
            try:
                os.replace(self._real(oldpath), self._real(newpath))
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)
            return paramiko.SFTP_OK

        def mkdir(self, path: str, attr: Any) -> int:
            os.mkdir(self._real(path))
            return paramiko.SFTP_OK

    return Files


class Sftp:
    """An SFTP server for one user. `public`: a line of authorized_keys that is let in, too."""

    def __init__(self, root: Path, public: str = "") -> None:
        self.public = public
        self.key = paramiko.RSAKey.generate(2048)
        self._root = root
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[paramiko.Transport] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                transport = paramiko.Transport(connection)
                transport.add_server_key(self.key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _files(self._root))
                with contextlib.suppress(paramiko.SSHException, EOFError):
                    transport.start_server(server=_Door(self.public))
                self._open.append(transport)

    def cut(self) -> None:
        """Break every connection."""
        while self._open:
            self._open.pop().close()

    def close(self) -> None:
        self._listener.close()
        self.cut()


@contextlib.contextmanager
def ftp(root: Path) -> Iterator[int]:
    """An FTP server; yields its port."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(root), perm="elradfmwMT")
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, "auth_failed_timeout": 0})
    server = FTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.1, "handle_exit": False}, daemon=True)
    thread.start()
    yield server.address[1]
    server.close_all()


@contextlib.contextmanager
def s3() -> Iterator[int]:
    """An S3 server (moto); yields its port."""
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.port
    server.shutdown()
