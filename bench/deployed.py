"""docs/deploy/nginx.conf as an operator would change it: other names, folders and ports, and no certificate.

The measurements and the tests of the deployment run the very file, so that neither can drift from it.
"""

import re
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1] / "docs" / "deploy"
# Debian's libnginx-mod-http-brotli-static.
BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_static_module.so")
# Before everything else in nginx's own file: the module, and what our file's head asks for.
MAIN = (f"load_module {BROTLI}; " if BROTLI.exists() else "") + "pcre_jit on;"


def adapted(name: str, home: Path, port: int, url: str) -> str:
    """Return a configuration of docs/deploy for the Dateline with this home, port and DATELINE_URL."""
    text = (_FOLDER / name).read_text()
    text = text.replace("/srv/dateline/var", str(home)).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    return text.replace("https://news.example.org", url)


def nginx_site(home: Path, port: int, url: str, listen: str, lists_s: int = 0) -> str:
    """Return docs/deploy/nginx.conf, to be included in nginx's http block; `listen`: its address and options.

    `lists_s`: the seconds for which it asks nothing about its lists, where the file leaves an operator the choice.
    """
    site = adapted("nginx.conf", home, port, url)
    site = re.sub(r" *(listen \[::\]|ssl_certificate).*\n", "", site)
    site = site.replace("listen 443 ssl http2", f"listen {listen}")
    site = site.replace("server_name news.example.org", "server_name 127.0.0.1")
    # The first is the server's; an item page's location has its own.
    site = site.replace("open_file_cache_valid 0;", f"open_file_cache_valid {lists_s}s;", 1)
    return site if BROTLI.exists() else re.sub(r" *brotli_static .*\n", "", site)
