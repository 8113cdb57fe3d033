"""The references: Debian's nginx, as a static server and with nchan for server-sent events."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.deployed import MAIN, nginx_site
from bench.machine import Server, children, free_port, wait_for
from dateline.pages.headers import SECURITY_HEADERS

_MODULES = Path("/usr/lib/nginx/modules")

_FRAME = """
{main}
worker_processes {workers}; worker_rlimit_nofile 20000; daemon off; user root;
error_log {folder}/error.log; pid {folder}/nginx.pid;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {http}
}}
"""
_PLAIN = """
  include /etc/nginx/mime.types; default_type text/html;
  sendfile on; tcp_nopush on; keepalive_requests 100000000;
  open_file_cache {files};
  server {{ listen {listen}; {server} }}
"""
# At its best: files stay open and are looked at again once a second. (nginx's own minute would have it serve for so
# long a page that has since been replaced, or withdrawn.)
_KEPT_OPEN = "max=10000; open_file_cache_valid 1s; open_file_cache_errors on"
# At its best where nothing that was withdrawn may be served: asked for with each request.
_ASKED = "max=10000; open_file_cache_valid 0"
STATIC = "root {root}; gzip_static on; add_header Cache-Control no-cache;"
# The same without sendfile: head and file go out in one call. Faster below some 20 kB, slower above.
_COPIED = "sendfile off; tcp_nopush off; output_buffers 1 128k; "
STATIC_COPIED = _COPIED + STATIC
# The same with the other headers that our configuration sends.
_HEADERS = "add_header Vary Accept-Encoding; " + "".join(
    f'add_header {name} "{value}"; ' for name, value in SECURITY_HEADERS.items()
)
HEADED, HEADED_COPIED = STATIC + _HEADERS, STATIC_COPIED + _HEADERS
NCHAN = (
    "root {root}; location /live {{ nchan_subscriber eventsource; nchan_channel_id wire; "
    "nchan_subscriber_first_message newest; nchan_eventsource_event element; }} "
    "location /publish {{ nchan_publisher; nchan_channel_id wire; nchan_message_buffer_length 2000; "
    "nchan_message_timeout 1h; }}"
)


@contextlib.contextmanager
def nginx(
    server: str, workers: int = 1, root: Path | None = None, *, cold: bool = False, asked: bool = False
) -> Iterator[tuple[int, list[int]]]:
    """Run nginx with this inside of its server block; yield its port and its workers' process ids.

    `cold`: it keeps no file open, as on the first request for each; `asked`: it looks for each file that it keeps open
    with each request.
    """
    port = free_port()
    modules = f"load_module {_MODULES}/ngx_nchan_module.so;" if "nchan" in server else ""
    files = "off" if cold else _ASKED if asked else _KEPT_OPEN
    text = _PLAIN.format(server=server.format(root=root), files=files, listen=_listen(port, workers))
    with _running(modules, text, port, workers) as pids:
        yield port, pids


@contextlib.contextmanager
def nginx_deployed(behind: Server, *, lists_s: int = 0, workers: int = 1) -> Iterator[tuple[int, list[int]]]:
    """Run nginx with docs/deploy/nginx.conf in front of a Dateline; yield its port and its workers' process ids.

    `lists_s`: what an operator can write there, the seconds for which it asks nothing about front page and feeds.
    """
    port = free_port()
    text = nginx_site(
        behind.home, behind.port, f"http://127.0.0.1:{port}", listen=_listen(port, workers), lists_s=lists_s
    )
    with _running(MAIN, text, port, workers) as pids:
        yield port, pids


def _listen(port: int, workers: int) -> str:
    # As a single nginx on two workers is tuned: each worker has a queue of its own.
    return f"127.0.0.1:{port} backlog=4096{' reuseport' if workers > 1 else ''}"


@contextlib.contextmanager
def _running(main: str, http: str, port: int, workers: int) -> Iterator[list[int]]:
    """Run nginx with this before everything else and this in its http block; yield its workers' process ids."""
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "nginx.conf").write_text(_FRAME.format(main=main, workers=workers, folder=folder, http=http))
        process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE)
        try:
            if not wait_for(port):
                sys.exit(f"nginx did not start: {(folder / 'error.log').read_text()}")
            while len(children(process.pid)) < workers:  # the master listens before it has them
                time.sleep(0.05)
            yield children(process.pid)
        finally:
            process.terminate()
            process.wait()
