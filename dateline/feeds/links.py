"""Where a feed says that it can be had and posted: in its answer's head, as in the feed itself.

W3C WebSub, section 4 (Discovery): who subscribes asks the Link headers before the document. Imported by the workers,
which read feeds from their files and render none.
"""

import re
from urllib.parse import quote

from django.conf import settings

# Where to ask to be posted a feed (the delivery room answers there).
HUB = "/hub"
_FEED = re.compile(r"/(?:sections/[^/]+/)?feed\.(?:atom|rss|json)")


def link_of(path: str) -> str:
    """Return the value of the Link header (RFC 8288) of a page at this path, '' for what is no feed."""
    if not _FEED.fullmatch(path):
        return ""
    url = settings.AGENCY.url
    return f'<{url}{quote(path)}>; rel="self", <{url}{HUB}>; rel="hub"'
