"""Webhooks go to public addresses only, whatever their names say."""

import asyncio
import ipaddress
import socket
from typing import Any

import pytest

from dateline.delivery import endpoint
from dateline.delivery.errors import BadEndpoint


@pytest.mark.parametrize(
    "url",
    ["", "ftp://client.example.org/", "https://", "https://user:secret@client.example.org/", "http://client.example.org/",
     "https://client.example.org:0/", "https://client.example.org:99999/", "https://[::1", "file:///etc/passwd"],
)  # fmt: skip
def test_addresses_that_no_webhook_goes_to(url: str) -> None:
    with pytest.raises(BadEndpoint):
        endpoint.check_address(url)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
     "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1", "198.18.0.1", "2001:0:7f00:1::", "::127.0.0.1", "fec0::1",
     "64:ff9b:1::1", "::ffff:0:7f00:1", "192.88.99.1", "3fff::1", "5f00::1", "2001:db8::1"],
)  # fmt: skip
def test_private_addresses_in_every_dress_are_refused(address: str) -> None:
    assert not endpoint.is_allowed(ipaddress.ip_address(address))


def test_public_addresses_and_a_network_that_the_operator_allows(settings: Any) -> None:
    assert endpoint.is_allowed(ipaddress.ip_address("93.184.216.34"))
    assert endpoint.is_allowed(ipaddress.ip_address("2606:2800:220:1::1"))
    settings.OPTIONS = {**settings.OPTIONS, "WEBHOOK_NETWORKS": (ipaddress.ip_network("10.1.0.0/16"),)}
    assert endpoint.is_allowed(ipaddress.ip_address("10.1.2.3"))
    assert endpoint.is_allowed(ipaddress.ip_address("::ffff:10.1.2.3"))
    assert not endpoint.is_allowed(ipaddress.ip_address("10.2.2.3"))


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve() -> str:
        return await endpoint.resolve("client.example.org", 443)

    def found(*args: Any, **options: Any) -> Any:
        return [(0, 0, 0, "", ("93.184.216.34", 443)), (0, 0, 0, "", ("127.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", found)

    with pytest.raises(BadEndpoint, match="not a public address"):
        asyncio.run(resolve())
