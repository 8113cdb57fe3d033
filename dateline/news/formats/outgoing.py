"""The forms in which an item leaves, by media type and by name."""

from collections.abc import Callable

import msgspec

from dateline.news.acts import Act
from dateline.news.agency import Agency
from dateline.news.formats import iptc7901, newsml_g2, ninjs, ninjs_older, nitf, plain
from dateline.news.item import NewsItem, PubStatus

Encode = Callable[[NewsItem, Agency, Act], bytes]
NINJS = "application/json"
# In the order of preference where a client takes anything.
FORMATS: dict[str, Encode] = {
    NINJS: lambda item, agency, act: ninjs.encode(item),
    newsml_g2.MEDIA_TYPE: newsml_g2.encode,
    nitf.MEDIA_TYPE: nitf.encode,
    "text/plain": lambda item, agency, act: plain.encode(_marked(item)).encode(),
    iptc7901.MEDIA_TYPE: lambda item, agency, act: iptc7901.encode(_marked(item), agency),
}
_MARKS = {PubStatus.CANCELED: "KILL: do not use", PubStatus.WITHHELD: "HOLD: do not use until something follows"}


def _marked(item: NewsItem) -> NewsItem:
    """Return an item for the forms that have no field for its status: what is withdrawn says so, and names itself."""
    mark = _MARKS.get(item.pubstatus)
    if mark is None:
        return item
    note = " ".join(part for part in (item.ednote, f"Item {item.uri}.") if part)
    headline = f"{mark}: {item.headline}" if item.headline else mark
    return msgspec.structs.replace(item, headline=headline, ednote=note, body="", dateline="")


# A parameter of the media type asks for an older ninjs: `application/json; ninjs=2.2`.
OLDER = tuple(ninjs_older.SCHEMAS)


def encoder(media_type: str, version: str = "") -> Encode:
    """Return how to write a form; `version` of ninjs where an older one is asked for."""
    if media_type == NINJS and version in OLDER:
        return lambda item, agency, act: ninjs_older.encode(item, agency, version)
    return FORMATS[media_type]


class Form(msgspec.Struct, frozen=True):
    """A form by the name that a subscription says: its media type, and how a file of it ends."""

    name: str
    media_type: str
    suffix: str
    version: str = ""

    def encode(self, item: NewsItem, agency: Agency, act: Act) -> bytes:
        """Return an item in this form; `act` is what the dispatch with it did."""
        return encoder(self.media_type, self.version)(item, agency, act)

    @property
    def is_json(self) -> bool:
        """Whether it can stand in JSON as it is."""
        return self.media_type == NINJS

    @property
    def charset(self) -> str:
        """The encoding of its text."""
        return "latin-1" if self.media_type == iptc7901.MEDIA_TYPE else "utf-8"


FORMS = {
    form.name: form
    for form in (
        Form("ninjs", NINJS, ".json"),
        *(Form(f"ninjs-{version}", NINJS, ".json", version) for version in OLDER),
        Form("newsml-g2", newsml_g2.MEDIA_TYPE, ".xml"),
        Form("nitf", nitf.MEDIA_TYPE, ".nitf.xml"),
        Form("text", "text/plain", ".txt"),
        Form("iptc7901", iptc7901.MEDIA_TYPE, ".iptc7901"),
    )
}
