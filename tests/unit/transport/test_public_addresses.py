"""Only the public internet is reached on behalf of callers."""

import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.transport.connection import HttpForbidden, HttpUnreachable
from headgate.transport.http import HttpClient
from headgate.transport.public_addresses import is_public, public_addresses
from servers import serve

THREADS = ThreadPoolExecutor(2)

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_an_address_that_is_public_is_known(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
def test_nothing_that_python_knows_as_private_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    ) and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert not is_public(str(address))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "::1", "0"],
)
async def test_every_way_to_write_this_machine_is_forbidden(host: str) -> None:
    """The resolver understands more than dotted numbers; what counts is where it leads."""
    with pytest.raises(HttpForbidden):
        await public_addresses(host, 80, THREADS)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".example", "-"])
async def test_a_name_without_an_address_is_unreachable(host: str) -> None:
    with pytest.raises(HttpUnreachable):
        await public_addresses(host, 80, THREADS)


@pytest.mark.parametrize(
    ("found", "is_allowed"),
    [(("8.8.8.8", "10.0.0.1"), False), (("8.8.8.8", "8.8.4.4", "8.8.8.8"), True)],
)
async def test_one_private_address_among_public_ones_forbids_the_name(
    monkeypatch: pytest.MonkeyPatch, found: Sequence[str], is_allowed: bool
) -> None:
    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    if is_allowed:
        assert await public_addresses("two.example", 80, THREADS) == ["8.8.8.8", "8.8.4.4"]
    else:
        with pytest.raises(HttpForbidden):
            await public_addresses("two.example", 80, THREADS)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    host = dict(scope["headers"])[b"host"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": host})


async def test_the_connection_is_made_to_the_address_that_was_judged_and_asks_for_the_name() -> (
    None
):
    """The name itself leads nowhere, so nothing looked it up a second time."""
    asked: list[tuple[str, int]] = []

    async def addresses(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    async with serve(app) as url:
        port = int(url.rpartition(":")[2])
        client = HttpClient(addresses=addresses)
        answer = await client.send("GET", f"http://pinned.invalid:{port}/", headers={})
        await client.aclose()
    assert answer.body == f"pinned.invalid:{port}".encode()
    assert asked == [("pinned.invalid", port)]


async def test_an_address_that_does_not_answer_gives_way_to_the_next() -> None:
    async def addresses(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with serve(app) as url:
        client = HttpClient(addresses=addresses)
        port = url.rpartition(":")[2]
        answer = await client.send("GET", f"http://pinned.invalid:{port}/", headers={})
        await client.aclose()
    assert answer.status == 200
