"""Where webhooks may go: to public addresses only, unless the operator allows a network.

The name is resolved here, each address is looked at, and the connection goes to the very address that was looked
at: a name that changes its mind between the look and the connection (DNS rebinding) gains nothing. No redirect is
followed, no proxy of the environment is asked.
"""

import asyncio
import ipaddress
import socket
from concurrent.futures import Executor
from functools import partial
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
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        literal = None  # a name; what it stands for is looked at each time that something is sent
    if literal is not None and not (in_own_network(literal) if parts.scheme == "http" else is_allowed(literal)):
        raise BadEndpoint(
            f"{literal} is not a public address by https. DATELINE_WEBHOOK_NETWORKS allows networks of your own.", url
        )
    if parts.scheme == "http" and not settings.OPTIONS["WEBHOOK_NETWORKS"]:
        raise BadEndpoint("Webhooks go to https addresses; DATELINE_WEBHOOK_NETWORKS allows others.", url)


def is_allowed(address: Address) -> bool:
    """Whether deliveries may go to an address: a public one, or one of a network that the operator allows."""
    if in_own_network(address):
        return True
    plain = getattr(address, "ipv4_mapped", None) or address
    if not plain.is_global or plain.is_multicast:
        return False
    networks = _V4_APART if plain.version == 4 else _V6_APART
    return (plain.version == 4 or plain in _V6_UNICAST) and not any(plain in network for network in networks)


def in_own_network(address: Address) -> bool:
    """Whether an address lies in a network that the operator allows."""
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in network for network in settings.OPTIONS["WEBHOOK_NETWORKS"])


# IANA's global unicast; of it, what carries another address inside (6to4, Teredo) or is for documents.
_V6_UNICAST = ipaddress.ip_network("2000::/3")
_V6_APART = [ipaddress.ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
# 6to4's relay anycast.
_V4_APART = [ipaddress.ip_network("192.88.99.0/24")]


async def resolve(host: str, port: int, scheme: str = "https", pool: Executor | None = None) -> str:
    """Return the address to connect to for a name. Raises BadEndpoint if any of its addresses is not allowed.

    Any, not all: a name with one private address among public ones is an attack or a mistake. `http` goes to the
    operator's own networks only. `pool` looks the name up.
    """
    loop = asyncio.get_running_loop()
    look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = await loop.run_in_executor(pool, look)
    except (OSError, UnicodeError) as error:
        # UnicodeError: a label that is empty or too long.
        said = getattr(error, "strerror", None) or error
        raise BadEndpoint(f"The name {host} cannot be resolved: {said}.", host) from error
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        if scheme == "http" and not in_own_network(address):
            raise BadEndpoint(
                f"{host} is {address}: http goes to the networks of DATELINE_WEBHOOK_NETWORKS only.", host
            )
        if not is_allowed(address):
            raise BadEndpoint(
                f"{host} is {address}, which is not a public address. DATELINE_WEBHOOK_NETWORKS allows a network.", host
            )
    return str(addresses[0])
