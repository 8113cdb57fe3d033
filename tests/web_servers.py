"""The real nginx and the real Caddy in front of a running Dateline, with the configurations of docs/deploy."""

import contextlib
import functools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.deployed import MAIN, adapted, nginx_site
from tests.flow.conftest import Wire


def nginx_command(wire: Wire, folder: Path, port: int, lists_s: int = 0) -> list[str]:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("needs nginx, which is not installed here (Debian: nginx, libnginx-mod-http-brotli-static)")
    # A certificate is the operator's; the test listens on the loopback without.
    site = nginx_site(wire.home, wire.port, wire.url, listen=f"127.0.0.1:{port}", lists_s=lists_s)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{MAIN} {user} daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}} http {{ access_log off; {temporary}\n{site}\n}}\n"
    )
    return [program, "-c", str(folder / "nginx.conf")]


def caddy_command(wire: Wire, folder: Path, port: int) -> list[str]:
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("needs Caddy, which is not installed here (Debian: caddy)")
    site = adapted("Caddyfile", wire.home, wire.port, wire.url).replace(
        "news.example.org {", f"http://127.0.0.1:{port} {{"
    )
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + site)
    return [program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


# What docs/deploy has, and with what an operator may choose there.
COMMANDS = {"nginx": nginx_command, "Caddy": caddy_command}
CHOSEN = {"nginx that asks for lists once a second": functools.partial(nginx_command, lists_s=1)}


@contextlib.contextmanager
def running(name: str, wire: Wire, folder: Path, port: int) -> Iterator[int]:
    """Run that server in front of a wire's; give its first process's id."""
    folder.mkdir()
    command = (COMMANDS | CHOSEN)[name](wire, folder, port)
    env = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()
