"""Pictures on the public pages: responsive, lazy, in the best format that a browser reads.

The item says which renditions of a picture there are (its associations); its body shows one of them.
"""

import html
import re
from typing import Any
from urllib.parse import urlsplit

from dateline.news.item import NewsItem

_IMG = re.compile(r'<img src="(/pictures/[0-9a-f]{64}/)[^"]*"([^>]*)>')
# The text column is at most 42 rem wide (wire.css), the whole screen on a phone.
_SIZES = "(min-width: 45rem) 42rem, 100vw"


def with_pictures(item: NewsItem) -> str:
    """Return the item's body with a `picture` element round each picture whose renditions it knows."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for association in item.rest.get("associations", []):
        for rendition in association.get("renditions", []):
            path = urlsplit(str(rendition.get("href", ""))).path
            kinds = found.setdefault(path.rpartition("/")[0] + "/", {})
            kinds.setdefault(str(rendition.get("contentType", "")), []).append({**rendition, "path": path})
    if not found:
        return item.body
    return _IMG.sub(lambda match: _picture(match, found.get(match[1], {})), item.body)


def _picture(match: re.Match[str], kinds: dict[str, list[dict[str, Any]]]) -> str:
    sources = "".join(
        f'<source type="{html.escape(kind)}" srcset="{_srcset(renditions)}" sizes="{_SIZES}">'
        for kind, renditions in kinds.items()
        if kind != "image/jpeg"
    )
    plain = f' srcset="{_srcset(kinds["image/jpeg"])}" sizes="{_SIZES}"' if "image/jpeg" in kinds else ""
    shown = match[0].removesuffix(">") + f'{plain} loading="lazy" decoding="async">'
    return f"<picture>{sources}{shown}</picture>" if sources else shown


def _srcset(renditions: list[dict[str, Any]]) -> str:
    return ", ".join(f"{html.escape(str(r['path']))} {int(r['width'])}w" for r in renditions if r.get("width"))
