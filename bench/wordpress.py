"""WordPress from Debian beside Dateline, each with 2,000 items: requests a second, publish to visible.

`python -m bench.wordpress`. nginx, php-fpm (with its opcode cache) and MariaDB as Debian has them, in a folder and on
ports of their own, started and ended here; Debian's theme, fifty items on the front page as on ours. "Cached" is
nginx's fastcgi_cache of one second before it. The same items, the same load generator (wrk), in turn.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.clients import wrk
from bench.machine import dateline_server, free_port, median, print_table, spread, wait_for

ITEMS = 2000
ROUNDS = 5
PUBLISHED = 20
ELEMENTS = 50
WORDPRESS = Path("/usr/share/wordpress")
_THEME = "twentytwentythree"
# Program and the Debian package that has it.
_NEEDED = {
    "nginx": "nginx",
    "wrk": "wrk",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "php": "php-cli",
    "php-fpm8.2": "php-fpm",
}
_PATH = f"{os.environ['PATH']}:/usr/sbin"

_NGINX = """
worker_processes 2; daemon off; error_log {folder}/nginx.log; pid {folder}/nginx.pid; user root;
events {{ worker_connections 1024; }}
http {{
  access_log off; include /etc/nginx/mime.types; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 10000000;
  fastcgi_cache_path {folder}/cache keys_zone=micro:10m; fastcgi_cache_key $host$request_uri;
  upstream php {{ server unix:{folder}/php.sock; }}
  server {{
    listen 127.0.0.1:{plain}; root {folder}/wordpress; index index.php;
    location / {{ try_files $uri $uri/ /index.php?$args; }}
    location ~ \\.php$ {{ include /etc/nginx/fastcgi.conf; fastcgi_pass php; }}
  }}
  server {{
    listen 127.0.0.1:{cached}; root {folder}/wordpress; index index.php;
    location / {{ try_files $uri $uri/ /index.php?$args; }}
    location ~ \\.php$ {{
      include /etc/nginx/fastcgi.conf; fastcgi_pass php; fastcgi_cache micro; fastcgi_cache_valid 200 1s;
      fastcgi_cache_use_stale updating; fastcgi_cache_lock on; fastcgi_ignore_headers Cache-Control Expires;
    }}
  }}
}}
"""
_PHP_FPM = """
[global]
error_log = {folder}/php.log
daemonize = no
[www]
listen = {folder}/php.sock
listen.mode = 0666
user = {user}
pm = static
pm.max_children = 4
"""
_CONFIG = """<?php
define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{folder}/mariadb.sock'); define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {{
  define($name . '_KEY', 'a bench'); define($name . '_SALT', 'a bench');
}}
$host = isset($_SERVER['HTTP_HOST']) ? $_SERVER['HTTP_HOST'] : '127.0.0.1:{plain}';
define('WP_HOME', 'http://' . $host); define('WP_SITEURL', 'http://' . $host);
// No requests to others, and none to itself, while we measure.
define('DISABLE_WP_CRON', true); define('WP_HTTP_BLOCK_EXTERNAL', true); define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
# Installs, fills, then publishes one item for each line that it reads; says when each insert began and ended.
_PHP = """<?php
if ($argv[1] === 'install') define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = '127.0.0.1:{plain}';
require '{folder}/wordpress/wp-load.php';
if ($argv[1] === 'install') {{
  require ABSPATH . 'wp-admin/includes/upgrade.php';
  wp_install('Tidewater', 'editor', 'editor@tidewater.example', true, '', 'a bench');
  exit;
}}
update_option('posts_per_page', {elements}); switch_theme('{theme}');
function item($title, $text) {{
  $begun = microtime(true);
  $id = wp_insert_post(['post_title' => $title, 'post_content' => $text, 'post_status' => 'publish',
                        'post_author' => 1, 'post_category' => [1]], true);
  if (is_wp_error($id)) {{ fwrite(STDERR, $id->get_error_message()); exit(1); }}
  return [$begun, microtime(true)];
}}
while ($line = fgets(STDIN)) {{
  [$title, $text] = json_decode($line);
  echo json_encode(item($title, $text)), "\\n";
}}
"""
# The same for Dateline.
_DATELINE = """
import json, sys, time, django; django.setup()
from dateline.news.acts import Act
from dateline.news.item import NewsItem
from dateline.wire.append import append
for line in sys.stdin:
    title, text = json.loads(line)
    begun = time.time()
    append(Act.PUBLISH, NewsItem(headline=title, body=text, section="World"))
    print(json.dumps([begun, time.time()]), flush=True)
"""


def missing() -> list[str]:
    """Return Debian's packages that this measurement needs and that are not installed."""
    packages = {package for name, package in _NEEDED.items() if shutil.which(name, path=_PATH) is None}
    if not (WORDPRESS / "wp-load.php").exists():
        packages.add("wordpress")
    if not (WORDPRESS / "wp-content/themes" / _THEME).exists():
        packages.add(f"wordpress-theme-{_THEME}")
    if not list(Path("/etc/php").glob("*/cli/conf.d/*mysqli.ini")):
        packages.add("php-mysql")
    return sorted(packages)


@contextlib.contextmanager
def running(name: str, *args: str, log: Path) -> Iterator[None]:
    """Run a server in the foreground; end it, by its process, at the end."""
    path = shutil.which(name, path=_PATH)
    assert path is not None
    with log.open("a") as file:
        process = subprocess.Popen([path, *args], stdout=file, stderr=file)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def wait_for_socket(path: Path) -> None:
    """Wait until a server has made its socket."""
    for _ in range(400):
        if path.exists():
            return
        time.sleep(0.05)
    sys.exit(f"{path} never came; the server's log lies beside it.")


@contextlib.contextmanager
def wordpress(folder: Path) -> Iterator[tuple[int, int, "Publisher"]]:
    """Run WordPress, installed and empty; yield its port, that with the cache, and what publishes on it."""
    plain, cached = free_port(), free_port()
    user = "www-data" if os.geteuid() == 0 else os.environ.get("USER", "")
    values = {"folder": folder, "plain": plain, "cached": cached, "elements": ELEMENTS, "theme": _THEME, "user": user}
    folder.chmod(0o755)
    # Debian's tree is links to elsewhere and reads /etc; a copy has its own configuration.
    shutil.copytree(WORDPRESS, folder / "wordpress", ignore_dangling_symlinks=True)
    for name, text in (("nginx.conf", _NGINX), ("php.conf", _PHP_FPM), ("wordpress/wp-config.php", _CONFIG)):
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(text.format(**values))
    script = folder / "bench.php"
    script.write_text(_PHP.format(**values))
    data, database = folder / "mariadb", folder / "mariadb.sock"
    whoami = [f"--user={'mysql' if os.geteuid() == 0 else user}"]
    data.mkdir()
    if os.geteuid() == 0:
        shutil.chown(data, "mysql")
        folder.chmod(0o777)
    make = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    subprocess.run([*make, "--skip-test-db", *whoami], check=True, capture_output=True)
    server = ["--no-defaults", f"--datadir={data}", f"--socket={database}", "--skip-networking", *whoami]
    with contextlib.ExitStack() as stack:
        stack.enter_context(running("mariadbd", *server, log=folder / "mariadb.log"))
        wait_for_socket(database)
        create = ["mariadb", "--no-defaults", f"--socket={database}", "-uroot", "-e", "CREATE DATABASE wordpress"]
        subprocess.run(create, check=True)
        subprocess.run(["php", str(script), "install"], check=True, capture_output=True)
        root = ["-R"] if os.geteuid() == 0 else []
        fpm = ["-F", *root, "-y", str(folder / "php.conf")]
        stack.enter_context(running("php-fpm8.2", *fpm, log=folder / "php.log"))
        wait_for_socket(folder / "php.sock")
        stack.enter_context(running("nginx", "-c", str(folder / "nginx.conf"), log=folder / "nginx.log"))
        wait_for(plain)
        publisher = stack.enter_context(publishing(["php", str(script), "publish"], dict(os.environ)))
        yield plain, cached, publisher


# Publishes a title and a text; returns when the insert began and ended, in seconds of the epoch.
Publisher = Callable[[str, str], tuple[float, float]]


@contextlib.contextmanager
def publishing(command: list[str], env: dict[str, str]) -> Iterator[Publisher]:
    """Run a process that publishes what it is told."""
    process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def publish(title: str, text: str) -> tuple[float, float]:
        assert process.stdin is not None and process.stdout is not None
        print(json.dumps([title, text]), file=process.stdin, flush=True)
        begun, done = json.loads(process.stdout.readline())
        return float(begun), float(done)

    try:
        yield publish
    finally:
        process.kill()
        process.wait()


def text_of(number: int) -> str:
    """Return an item's text, some 2 kB."""
    sentence = "The harbour of Port Ellis reopened after three days of storms, officials said on Tuesday. "
    return "\n".join(f"<p>{number}.{part} {sentence * 4}</p>" for part in range(5))


def front_page(port: int) -> bytes:
    """Return the front page as it is now, with its head."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        # HTTP/1.0: no chunks, and the end of the connection is the end of the page.
        connection.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def until_visible(port: int, publish: Publisher, number: int) -> tuple[float, float]:
    """Publish an item; return how long that took, and how long until the front page had it, in milliseconds."""
    title = f"Story number {number} of the bench"
    begun, done = publish(title, text_of(number))
    while title.encode() not in front_page(port):
        if time.time() - begun > 20:
            sys.exit(f"{title!r} never came to port {port}.")
        time.sleep(0.001)
    return (done - begun) * 1000, (time.time() - begun) * 1000


def measure(ports: dict[str, tuple[int, Publisher]]) -> dict[str, dict[str, list[float]]]:
    """Return, by server: requests a second, and milliseconds of a publish and until it is visible."""
    found: dict[str, dict[str, list[float]]] = {name: {"rate": [], "publish": [], "visible": []} for name in ports}
    for _, publish in {id(publish): (port, publish) for port, publish in ports.values()}.values():
        for number in range(ITEMS):
            publish(f"Item {number}", text_of(number))
    time.sleep(5)
    for _ in range(ROUNDS):
        for name, (port, _) in ports.items():
            found[name]["rate"].append(wrk(f"http://127.0.0.1:{port}/", pids=[], seconds=3, patient=True).rate)
    for turn in range(PUBLISHED):
        for place, (name, (port, publish)) in enumerate(ports.items()):
            took, visible = until_visible(port, publish, ITEMS + turn * len(ports) + place)
            found[name]["publish"].append(took)
            found[name]["visible"].append(visible)
            time.sleep(0.3)
    return found


def main() -> None:
    """Measure and print, or say what is missing."""
    if packages := missing():
        print(f"Skipped: WordPress is not here to compare with; on Debian: apt-get install {' '.join(packages)}")
        return
    with tempfile.TemporaryDirectory(prefix="dateline-bench-") as folder, contextlib.ExitStack() as stack:
        plain, cached, theirs = stack.enter_context(wordpress(Path(folder)))
        port, _, env = stack.enter_context(dateline_server(DATELINE_FRONT=str(ELEMENTS)))
        env = {**env, "DJANGO_SETTINGS_MODULE": "dateline.settings"}
        ours = stack.enter_context(publishing([sys.executable, "-c", _DATELINE], env))
        found = measure(
            {"Dateline": (port, ours), "WordPress": (plain, theirs), "WordPress, cached 1 s": (cached, theirs)}
        )
    print_table(
        f"The front page of {ITEMS:,} items, {ELEMENTS} on it",
        ("", "requests a second", "publish, ms", "until visible, ms (median / p95)"),
        [
            (
                name,
                f"{median(times['rate']):,.0f}",
                f"{median(times['publish']):.1f}",
                spread(times["visible"]),
            )
            for name, times in found.items()
        ],
        f"Medians of {ROUNDS} rounds in turn, {PUBLISHED} publishes each. WordPress and its theme ({_THEME}), nginx, "
        "php-fpm with four processes, MariaDB: as Debian has them. The load generator shares the machine.",
    )


if __name__ == "__main__":
    main()
