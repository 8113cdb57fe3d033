"""What a subscription is to be, as a person says it at the desk, and as terms: the one to the other and back.

What a way signs in with goes to the server that it was given for, and to no other: whoever changes the server types it
anew. It is never said back.
"""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from dateline.delivery import subscribing
from dateline.delivery.errors import BadEndpoint, NeedsSecret
from dateline.delivery.filter import Filter
from dateline.delivery.store import Subscription
from dateline.delivery.subscribing import Terms
from dateline.delivery.ways.choose import WEBHOOKS, scheme_of
from dateline.delivery.ways.drop import SECRETS
from dateline.news.codes import parse_instant

_SCHEMES = {
    "pull": "", "webhook": "https", "mail": "mailto", "sftp": "sftp", "ftps": "ftps", "ftp": "ftp", "s3": "s3",
    "folder": "file",
}  # fmt: skip
_WAYS = {scheme: way for way, scheme in _SCHEMES.items()} | dict.fromkeys(WEBHOOKS, "webhook")
# Their addresses have no server in them.
_PLAIN = ("mail", "folder")


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscription is to be, as a person says it.

    `sections` are slugs, `topics` codes; `way` is one of pull, webhook, mail, sftp, ftps, ftp, s3, folder, and
    `address` what that way goes to. `options`: an empty secret keeps the one that there is. `begins`, `ends`: the first
    day and the last, ISO 8601, in the agency's time zone, or ''.
    """

    contact: str = ""
    sections: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    urgency: int = 9
    embargoed: bool = False
    archive: bool = False
    headlines: bool = False
    way: str = "pull"
    address: str = ""
    options: dict[str, str] = {}
    form: str = ""
    begins: str = ""
    ends: str = ""

    @property
    def wanted(self) -> Filter:
        """The filter."""
        return Filter(
            sections=tuple(sorted(set(self.sections))), topics=tuple(sorted(set(self.topics))),
            languages=tuple(sorted(set(self.languages))), urgency=self.urgency, embargoed=self.embargoed,
            archive=self.archive,
        )  # fmt: skip


def way_of(url: str) -> str:
    """Return the way that a kept address goes."""
    return _WAYS.get(scheme_of(url), "")


def server_of(url: str) -> str:
    """Return where an address goes, without its path, which can be a secret of the client's."""
    way = way_of(url)
    return url.partition(":")[2] if way in _PLAIN else urlsplit(url).netloc.rpartition("@")[2]


def wishes_of(found: Subscription) -> Wishes:
    """Return what a subscription is, without its secrets."""
    terms = subscribing.terms_of(found)
    wanted, way = terms.wanted, way_of(terms.url)
    address = terms.url.partition(":")[2] if way in _PLAIN else terms.url
    return Wishes(
        contact=terms.contact, sections=wanted.sections, topics=wanted.topics, languages=wanted.languages,
        urgency=wanted.urgency, embargoed=wanted.embargoed, archive=wanted.archive, headlines=terms.headlines,
        way=way, address=address,
        options={name: "" if name in SECRETS else value for name, value in terms.options.items()},
        form=terms.form, begins=_day(terms.begins), ends=_day(terms.ends, last=True),
    )  # fmt: skip


def _day(instant: str, *, last: bool = False) -> str:
    """Return the day of an instant that begins it, or (`last`) ends it, in the agency's time zone."""
    if not instant:
        return ""
    moment = parse_instant(instant) - (timedelta(microseconds=1) if last else timedelta(0))
    return settings.AGENCY.local(moment).date().isoformat()


def url_of(way: str, address: str) -> str:
    """Return the address of a way as it is kept. Raises BadEndpoint for one of another way, or none."""
    scheme, text = _SCHEMES[way], address.strip()
    if not scheme:
        return ""
    if not text:
        raise BadEndpoint("Say where to: without an address nothing can be sent.", address)
    named = text.partition(":")[0].lower()
    if "://" not in text and named != scheme:
        return f"{scheme}:{text}" if way in _PLAIN else f"{scheme}://{text}"
    if _WAYS.get(named) != way:
        raise BadEndpoint(f"{text!r} begins with {named}:, which is another way. Choose that way, or mend it.", address)
    return f"{named}:{text.partition(':')[2]}"


def terms_from(wanted: Wishes, before: Terms) -> Terms:
    """Return wishes as terms; empty secrets are those that there are, if they are for the same server.

    Raises NeedsSecret where they are for another, BadEndpoint, BadPeriod.
    """
    url = url_of(wanted.way, wanted.address)
    begins = subscribing.start_of_day(wanted.begins, settings.AGENCY) if wanted.begins else ""
    ends = subscribing.end_of_day(wanted.ends, settings.AGENCY) if wanted.ends else ""
    options = {name: value.strip() for name, value in wanted.options.items() if value.strip()}
    same = _signs_in_at(url, options) == _signs_in_at(before.url, before.options)
    if not same and options.get("host_key", "") == before.options.get("host_key", "-"):
        raise NeedsSecret(
            "This is the other server's key. Type the new one's, or empty the field to take the one seen first.",
            "host_key",
        )
    for name in sorted((SECRETS & set(wanted.options) & set(before.options)) - set(options)):
        if not same:
            raise NeedsSecret("The server is another one now, so type it anew: the old one goes nowhere else.", name)
        options[name] = before.options[name]
    for name in ("key", "secret") if wanted.way == "s3" else ():
        if name not in options:
            raise NeedsSecret("S3 takes nothing without it, so type it.", name)
    return Terms(
        wanted=wanted.wanted, contact=wanted.contact, url=url, options=options if url else {},
        form=wanted.form if url else "", headlines=wanted.headlines, begins=begins, ends=ends,
    )  # fmt: skip


def _signs_in_at(url: str, options: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the scheme, the user with the server, and the server of S3 besides. Raises BadEndpoint."""
    try:
        return scheme_of(url), urlsplit(url).netloc, options.get("endpoint_url", "")
    except ValueError as error:
        raise BadEndpoint(f"{url!r} is not an address: {error}.", url) from error
