"""Which way an address names, by its scheme, and whether something can be pushed there."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from dateline.delivery.endpoint import check_address
from dateline.delivery.errors import BadEndpoint
from dateline.delivery.ways.drop import OPTIONS, check_drop
from dateline.delivery.ways.mail import check_mail

_WORDS = {
    "": "pull", "https": "webhook", "http": "webhook", "mailto": "e-mail", "file": "folder", "sftp": "SFTP",
    "ftp": "FTP", "ftps": "FTP with TLS", "s3": "S3",
}  # fmt: skip
WEBHOOKS = ("https", "http")
DROPS = tuple(OPTIONS)


def scheme_of(url: str) -> str:
    """Return the scheme of an address, lower case; '' for a subscription that pulls."""
    return url.partition(":")[0].lower()


def in_words(url: str) -> str:
    """Return which way an address names, in a word."""
    return _WORDS.get(scheme_of(url), url)


def check_way(url: str, options: Mapping[str, str]) -> None:
    """Raise BadEndpoint, with a sentence, for an address or options that nothing can be pushed with."""
    scheme = scheme_of(url)
    if scheme not in _WORDS or not scheme:
        raise BadEndpoint(
            f"{url!r} is no address to push to: https://…, sftp://…, ftps://…, ftp://…, s3://…, file:… or mailto:….",
            url,
        )
    if scheme in DROPS:
        try:
            urlsplit(url).port  # noqa: B018
        except ValueError as error:
            raise BadEndpoint(f"{url!r} is not an address: {error}.", url) from error
        check_drop(url, options)
        return
    if options:
        raise BadEndpoint(f"A {in_words(url)} has no options.", url)
    if scheme == "mailto":
        check_mail(url)
    else:
        check_address(url)
