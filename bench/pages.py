"""Newsfeed page requests per second, beside nginx serving the same bytes. `python -m bench.pages`

One worker each, the load generator (wrk) on the same cores; the two take turns, several rounds.
"""

import re
import subprocess
import sys
import threading
import time

from bench.machine import dateline_server, free_port, median, need, print_table, wait_for

ROUNDS = 5
SECONDS = 3
CONNECTIONS = 32

_NGINX = """
worker_processes 1; daemon off; error_log {folder}/error.log; pid {folder}/nginx.pid; user root;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=1000; keepalive_requests 10000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  types {{ text/html html; }}
  server {{ listen 127.0.0.1:{port}; root {root}; gzip_static on; add_header Cache-Control no-cache; }}
}}
"""


def wrk(port: int, *headers: str) -> float:
    """Return requests per second of one round."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s"]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run([*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out and not any(header.startswith("If-None-Match") for header in headers):
        raise RuntimeError(out)
    match = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert match is not None
    return float(match[1])


def etag_of(port: int, *headers: str) -> str:
    """Return the ETag that the front page has now."""
    command = ["curl", "-s", "-o", "/dev/null", "-D", "-", f"http://127.0.0.1:{port}/"]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"(?i)^etag: (.*?)\r?$", out, re.MULTILINE)
    assert match is not None
    return match[1]


def publish_each_second(env: dict[str, str], stop: threading.Event) -> None:
    """Publish one dispatch a second from a process of its own, as a desk does."""
    script = (
        "import sys, time, django; django.setup()\nfrom dateline.wire.append import append\n"
        "from dateline.news.acts import Act\nfrom dateline.news.item import NewsItem\n"
        "n = 0\nwhile True:\n n += 1\n append(Act.PUBLISH, NewsItem(headline=f'Story {n}', body='<p>Text.</p>'))\n"
        " time.sleep(1)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], env={**env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
    )
    stop.wait()
    process.terminate()
    process.wait()


def main() -> None:
    """Measure and print."""
    need("nginx", "wrk", "curl")
    with dateline_server() as (port, home, env):
        folder = home.parent / "nginx"
        folder.mkdir()
        other = free_port()
        config = folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=other, root=home / "site"))
        folder.chmod(0o755)
        home.parent.chmod(0o755)
        home.chmod(0o755)
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            wait_for(other)
            rows = [
                _compare("full", port, other),
                _compare("full, gzip", port, other, "Accept-Encoding: gzip"),
                _compare("304 Not Modified", port, other, etags=True),
            ]
            stop = threading.Event()
            publisher = threading.Thread(target=publish_each_second, args=(env, stop))
            publisher.start()
            time.sleep(2)
            rows.append(_compare("full, one dispatch a second published", port, other))
            stop.set()
            publisher.join()
        finally:
            nginx.terminate()
            nginx.wait()
        size = (home / "site" / "index.html").stat().st_size
    print_table(
        "Front page, requests per second",
        ("answer", "Dateline", "nginx", "ratio"),
        rows,
        f"Medians of {ROUNDS} rounds of {SECONDS} s in turns; {CONNECTIONS} connections, one worker each, "
        f"a page of {size / 1000:.0f} kB. The load generator shares the two cores.",
    )


def _compare(name: str, port: int, other: int, *headers: str, etags: bool = False) -> tuple[str, str, str, str]:
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        for at, results in ((port, ours), (other, theirs)):
            extra = [f"If-None-Match: {etag_of(at)}"] if etags else []
            results.append(wrk(at, *headers, *extra))
    ratio = median([a / b for a, b in zip(ours, theirs, strict=True)])
    return name, f"{median(ours):,.0f}", f"{median(theirs):,.0f}", f"{ratio:.2f}"


if __name__ == "__main__":
    main()
