"""Where a call comes from: addresses, networks, and whether the one lies in the other."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import unquote

Conditions = tuple[tuple[str, str], ...]

FROM = "from"
"""The name of a condition whose value is a network; one of several is enough."""


def address_of(peer: str) -> str:
    """The address in gRPC's name of the other side (`ipv4:10.0.0.7:51234`, `ipv6:%5B::1%5D:1`); '' if there is none."""
    kind, _, rest = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return ""
    found = parse_address(unquote(rest).rpartition(":")[0].strip("[]"))
    return "" if found is None else str(found)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, one of IPv4 in the clothes of IPv6 as what it is; None for what is no address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


@lru_cache(maxsize=4096)
def parse_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A network such as 10.0.0.0/8, or one address; None for what is neither, bits below the prefix included."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def networks_in(conditions: Conditions) -> tuple[str, ...]:
    """The networks that `conditions` name; none where they do not speak of any."""
    return tuple(value for name, value in conditions if name == FROM)


@lru_cache(maxsize=16_384)
def comes_from(conditions: Conditions, address: str) -> bool | None:
    """Whether `address` lies in a network of `conditions`; true if they name none, None where it cannot be known."""
    networks = networks_in(conditions)
    if not networks:
        return True
    where = parse_address(address) if address else None
    if where is None:
        return None
    return any(network is not None and where in network for network in map(parse_network, networks))


def is_narrower(one: str, other: str) -> bool:
    """Whether the network `one` lies in the network `other`."""
    inner, outer = parse_network(one), parse_network(other)
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False
