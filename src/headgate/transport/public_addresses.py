"""Names looked up for callers who must not reach anything but the public internet.

What a caller asks to be fetched could lie in the platform's own network: its database, its
neighbours, the cloud's metadata service. So a name is looked up here, all of its addresses are
judged, and the connection is made to one of these very addresses: a name that is looked up again
could say something else by then. The ranges are those of IANA's registries of special-purpose
addresses.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import Executor

from headgate.transport.connection import HttpForbidden, HttpUnreachable

_NOT_PUBLIC_4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared behind a carrier's NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, with the metadata services of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, with Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which leads to an IPv4 address
        "3fff::/20",  # documentation
    )
)
# Networks without IPv4 reach public IPv4 hosts under this prefix.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Azure's hosts answer their own machines at this public one.
_METADATA = frozenset({ipaddress.IPv4Address("168.63.129.16")})


async def public_addresses(host: str, port: int, threads: Executor) -> Sequence[str]:
    """The addresses of `host`, each of them public; looked up in one of `threads`.

    Whoever answers for a name may take long over it, so these are no threads that others wait for.

    Raises:
        HttpForbidden: one of them is not.
        HttpUnreachable: it has none.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(
            threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError):
        raise HttpUnreachable("no connection could be made: the name is unknown") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(is_public(address) for address in addresses):
        raise HttpForbidden("the host is not on the public internet")
    return addresses


def is_public(address: str) -> bool:
    """Whether an address, as text, belongs to the public internet."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed not in _METADATA and not any(parsed in network for network in _NOT_PUBLIC_4)
    if parsed in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)))
    return parsed in _GLOBAL_UNICAST and not any(parsed in network for network in _NOT_PUBLIC_6)
