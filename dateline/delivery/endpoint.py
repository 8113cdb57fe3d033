"""Where webhooks may go: to public addresses only, unless the operator allows a network.

The name is resolved here, each address is looked at, and the connection goes to the very address that was looked
at: a name that changes its mind between the look and the connection (DNS rebinding) gains nothing. No redirect is
followed, no proxy of the environment is asked.
"""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from django.conf import settings

from dateline.delivery.errors import BadEndpoint

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_address(url: str) -> None:
    """Raise BadEndpoint for an address that no webhook goes to, whatever its name resolves to."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadEndpoint(f"{url!r} is not an address: {error}.", url) from error
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise BadEndpoint(f"{url!r} is not an https address such as https://client.example.org/wire.", url)
    if parts.username or parts.password:
        raise BadEndpoint("A webhook's address carries no password; deliveries are signed instead.", url)
    if parts.scheme == "http" and not settings.OPTIONS["WEBHOOK_NETWORKS"]:
        raise BadEndpoint("Webhooks go to https addresses; DATELINE_WEBHOOK_NETWORKS allows others.", url)


def is_allowed(address: Address) -> bool:
    """Whether deliveries may go to an address: a public one, or one of a network that the operator allows."""
    mapped = getattr(address, "ipv4_mapped", None)
    plain = mapped or address
    if any(plain in network for network in settings.OPTIONS["WEBHOOK_NETWORKS"]):
        return True
    # NAT64 and 6to4 carry a private address inside a public one.
    inner = getattr(address, "sixtofour", None) or getattr(address, "teredo", None)
    return plain.is_global and not plain.is_multicast and inner is None and plain not in _NAT64


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


async def resolve(host: str, port: int) -> str:
    """Return the address to connect to for a name. Raises BadEndpoint if any of its addresses is not allowed.

    Any, not all: a name with one private address among public ones is an attack or a mistake.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise BadEndpoint(f"The name {host} cannot be resolved: {error.strerror or error}.", host) from error
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_allowed(address):
            raise BadEndpoint(
                f"{host} is {address}, which is not a public address. DATELINE_WEBHOOK_NETWORKS allows a network.", host
            )
    return str(addresses[0])
