"""The references: Debian's nginx, as a static server and with nchan for server-sent events."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.machine import children, free_port, wait_for

_MODULES = Path("/usr/lib/nginx/modules")

_FRAME = """
{modules}
worker_processes {workers}; worker_rlimit_nofile 20000; daemon off; user root;
error_log {folder}/error.log; pid {folder}/nginx.pid;
events {{ worker_connections 20000; }}
http {{
  include /etc/nginx/mime.types; default_type text/html;
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  open_file_cache {files};
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} backlog=4096{options}; {server} }}
}}
"""
# At its best: files stay open and are looked at again once a second. (nginx's own minute would have it serve for so
# long a page that has since been replaced, or withdrawn.)
_KEPT_OPEN = "max=10000; open_file_cache_valid 1s; open_file_cache_errors on"
STATIC = "root {root}; gzip_static on; add_header Cache-Control no-cache;"
# The same without sendfile: head and file go out in one call. Faster below some 20 kB, slower above.
STATIC_COPIED = "sendfile off; tcp_nopush off; output_buffers 1 128k; " + STATIC
NCHAN = (
    "root {root}; location /live {{ nchan_subscriber eventsource; nchan_channel_id wire; "
    "nchan_subscriber_first_message newest; nchan_eventsource_event element; }} "
    "location /publish {{ nchan_publisher; nchan_channel_id wire; nchan_message_buffer_length 2000; "
    "nchan_message_timeout 1h; }}"
)


@contextlib.contextmanager
def nginx(
    server: str, workers: int = 1, root: Path | None = None, *, cold: bool = False
) -> Iterator[tuple[int, list[int]]]:
    """Run nginx with this inside of its server block; yield its port and its workers' process ids.

    `cold`: it keeps no file open, as on the first request for each.
    """
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)
        modules = f"load_module {_MODULES}/ngx_nchan_module.so;" if "nchan" in server else ""
        # As a single nginx on two workers is tuned: each worker has a queue of its own.
        options = " reuseport" if workers > 1 else ""
        text = _FRAME.format(
            modules=modules, workers=workers, folder=folder, port=port, options=options,
            server=server.format(root=root), files="off" if cold else _KEPT_OPEN,
        )  # fmt: skip
        (folder / "nginx.conf").write_text(text)
        process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE)
        try:
            if not wait_for(port):
                sys.exit(f"nginx did not start: {(folder / 'error.log').read_text()}")
            while len(children(process.pid)) < workers:  # the master listens before it has them
                time.sleep(0.05)
            yield port, children(process.pid)
        finally:
            process.terminate()
            process.wait()
