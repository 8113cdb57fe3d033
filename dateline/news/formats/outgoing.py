"""The forms in which an item leaves, by media type."""

from collections.abc import Callable

from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.formats import iptc7901, newsml_g2, ninjs, ninjs_older, nitf, plain
from dateline.news.item import NewsItem

Encode = Callable[[NewsItem, Agency, Act], bytes]
NINJS = "application/json"
# In the order of preference where a client takes anything.
FORMATS: dict[str, Encode] = {
    NINJS: lambda item, agency, act: ninjs.encode(item),
    newsml_g2.MEDIA_TYPE: newsml_g2.encode,
    nitf.MEDIA_TYPE: nitf.encode,
    "text/plain": lambda item, agency, act: plain.encode(item).encode(),
    iptc7901.MEDIA_TYPE: lambda item, agency, act: iptc7901.encode(item, agency),
}
# A parameter of the media type asks for an older ninjs: `application/json; ninjs=2.2`.
OLDER = tuple(ninjs_older.SCHEMAS)


def encoder(media_type: str, version: str = "") -> Encode:
    """Return how to write a form; `version` of ninjs where an older one is asked for."""
    if media_type == NINJS and version in OLDER:
        return lambda item, agency, act: ninjs_older.encode(item, agency, version)
    return FORMATS[media_type]
