"""The configurations in docs/deploy: the real nginx and the real Caddy answer as Dateline does."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.flow.conftest import Wire, free_port

DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy"
BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_static_module.so")


def adapted(name: str, wire: Wire) -> str:
    """Return a configuration with this wire's folder and port, as an operator would change it."""
    text = (DEPLOY / name).read_text()
    text = text.replace("/srv/dateline/var", str(wire.home)).replace("127.0.0.1:8000", f"127.0.0.1:{wire.port}")
    return text.replace("https://news.example.org", wire.url)


def nginx_command(wire: Wire, folder: Path, port: int) -> list[str]:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("needs nginx, which is not installed here (Debian: nginx, libnginx-mod-http-brotli-static)")
    site = adapted("nginx.conf", wire)
    # A certificate is the operator's; the test listens on the loopback without.
    site = re.sub(r" *(listen \[::\]|ssl_certificate).*\n", "", site).replace("listen 443 ssl http2", f"listen {port}")
    site = site.replace("server_name news.example.org", "server_name 127.0.0.1")
    module = f"load_module {BROTLI};" if BROTLI.exists() else ""
    if not module:
        site = site.replace("brotli_static on;", "")
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{module} {user} daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}} http {{ access_log off; {temporary}\n{site}\n}}\n"
    )
    return [program, "-c", str(folder / "nginx.conf")]


def caddy_command(wire: Wire, folder: Path, port: int) -> list[str]:
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("needs Caddy, which is not installed here (Debian: caddy)")
    site = adapted("Caddyfile", wire).replace("news.example.org {", f"http://127.0.0.1:{port} {{")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + site)
    return [program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


COMMANDS = {"nginx": nginx_command, "Caddy": caddy_command}


@pytest.fixture(params=COMMANDS)
def front(request: pytest.FixtureRequest, server: Wire, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of that server in front of a running Dateline."""
    folder, port = tmp_path / "front", free_port()
    folder.mkdir()
    command = COMMANDS[request.param](server, folder, port)
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
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield client
    finally:
        process.terminate()
        process.wait()


def wait_for(front: httpx.Client, path: str, status: int) -> httpx.Response:
    for _ in range(200):
        answer = front.get(path)
        if answer.status_code == status:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{path} never answered {status}")


def test_a_web_server_in_front_serves_the_folder_and_passes_on_what_must_be(front: httpx.Client, server: Wire) -> None:
    uri = server.publish("Harbour reopens", Section="World")
    forged = server.publish("Forged", body="Secretword.")
    server.publish_many(3)  # more than is too little to compress
    wait_for(front, "/sections/world/feed.json", 200)
    paths = {path.name[:6]: path for path in (server.home / "site").glob("2*/*/*/*") if path.is_dir()}
    item, killed = (
        "/" + paths[name].relative_to(server.home / "site").as_posix() + "/" for name in ("harbou", "forged")
    )
    assert wait_for(front, killed, 200)

    # The same bytes, types and headers as Dateline's own, for whatever the client takes.
    assert 'class="element"' in front.get("/").text
    for path in ("/", item, "/sections/world/", "/feed.atom", "/feed.rss", "/feed.json", "/news-sitemap.xml",
                 "/newsfeed.json"):  # fmt: skip
        for accept in ("identity", "gzip", "br"):
            headers = {"Accept-Encoding": accept}
            ours, theirs = server.get(path, **headers), front.get(path, headers=headers)
            assert (theirs.status_code, theirs.content) == (200, ours.content), path
            for name in ("content-type", "cache-control", "vary", "content-security-policy", "x-content-type-options"):
                assert theirs.headers[name] == ours.headers[name], (path, name)
            assert theirs.headers.get("link") == ours.headers.get("link"), path
            assert bool(theirs.headers.get("link")) is ("/feed." in path), path
            if accept != "br" or BROTLI.exists() or "Caddy" in theirs.headers["server"]:
                assert theirs.headers.get("content-encoding") == ours.headers.get("content-encoding"), (path, accept)
            again = front.get(path, headers={**headers, "If-None-Match": theirs.headers["etag"]})
            assert again.status_code == 304, path
    (asset,) = (server.home / "site" / "static").glob("*/wire.css")
    answer = front.get("/" + asset.relative_to(server.home / "site").as_posix())
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]

    # What no file answers comes from Dateline, with its own headers and no second ones.
    for path, code in (
        ("/newsfeed.json?before=2", 200), ("/newsfeed.json?section=world", 200), ("/newsfeed.json?before=x", 400), ("/log/checkpoint", 200), ("/desk/", 302), ("/api/wire", 401), ("/nothing/", 404),
        ("/sections/world", 301), ("/?before=2", 200), ("/healthz", 200), ("/.fresh/stamp", 404),
    ):  # fmt: skip
        answer = front.get(path)
        assert answer.status_code == code, (path, answer.status_code)
        assert len(answer.headers.get_list("content-security-policy")) <= 1
    assert "unsafe-inline" in front.get("/desk/").headers["content-security-policy"]

    # A kill: the page says so, and no way leads to what it was.
    server.run("kill", forged, "--advisory", "It was forged.")
    gone = wait_for(front, killed, 410)
    assert "It was forged." in gone.text and gone.headers["content-type"] == "text/html; charset=utf-8"
    assert gone.headers["cache-control"] == "no-cache"
    for path in (killed, killed + "index.html", killed + "410.html", "/", "/feed.atom"):
        assert "Secretword" not in front.get(path).text
    assert uri in server.get("/feed.atom").text


def test_events_pass_a_web_server_in_front_as_they_come(front: httpx.Client, server: Wire) -> None:
    with front.stream("GET", "/live") as answer:
        lines = answer.iter_lines()
        assert answer.headers["content-type"] == "text/event-stream"
        assert next(line for line in lines if line.startswith("event")) == "event: heartbeat"
        begun = time.monotonic()
        server.publish("Harbour reopens")
        assert "Harbour reopens" in next(line for line in lines if "Harbour" in line)
        assert time.monotonic() - begun < 10
