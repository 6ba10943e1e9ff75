"""Where the server may send a request of its own: what a URL names, and which addresses are out of bounds."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidRequest
from mlv_core.ids import escape

URL_LIMIT = 2000
"""Characters: what every server on the way takes."""
PORT_LIMIT = 65535
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_VISIBLE = re.compile(r"[!-~]+")
_ALLOW_ADVICE = "Whoever runs the server can allow it with the setting outgoing.allow."
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_IPV4_BITS = 0xFFFFFFFF

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Destination:
    """What a URL names: `resource` is path and query, as they are sent."""

    host: str
    port: int
    resource: str
    tls: bool

    @property
    def authority(self) -> str:
        """The host and, where it is not the usual one, the port: what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the settings allow besides public addresses over TLS: `names` in lower case."""

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    names: frozenset[str] = frozenset()
    plaintext: bool = False

    @classmethod
    def of(cls, places: Iterable[str], *, plaintext: bool) -> Allowed:
        """From the checked text of networks and host names."""
        networks, names = [], set()
        for place in places:
            try:
                networks.append(ipaddress.ip_network(place))
            except ValueError:
                names.add(place.lower().rstrip("."))
        return cls(tuple(networks), frozenset(names), plaintext)


def parse_destination(url: str, allowed: Allowed) -> Destination:
    """What `url` names. A name's addresses are not known here; a literal address is looked at.

    Raises: InvalidRequest for what is no URL of a kind that the server calls.
    """
    shown = escape(url[:URL_LIMIT])
    if len(url) > URL_LIMIT or not _VISIBLE.fullmatch(url):
        raise InvalidRequest(f"'{shown}' is no URL: at most {URL_LIMIT:,} visible ASCII characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidRequest(f"'{shown}' is no URL.", advice="Write https://HOST[:PORT]/PATH.") from None
    if parts.scheme not in {"https", "http"}:
        raise InvalidRequest(f"'{shown}' is no URL that a server calls.", advice="Write https://HOST[:PORT]/PATH.")
    if parts.scheme == "http" and not allowed.plaintext:
        raise InvalidRequest(
            f"'{shown}' would be called without TLS.",
            advice="Write https://; whoever runs the server can allow http:// with outgoing.plaintext.",
        )
    host = (parts.hostname or "").rstrip(".")
    if not _HOST.fullmatch(host) or parts.username is not None or parts.fragment or port == 0:
        raise InvalidRequest(
            f"'{shown}' names no host, or a user or fragment.", advice="Write https://HOST[:PORT]/PATH."
        )
    tls = parts.scheme == "https"
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    found = Destination(host, port or (443 if tls else 80), resource, tls)
    if reason := _literal_fault(host, allowed):
        raise InvalidRequest(f"The server does not call {host}: {reason}.", advice=_ALLOW_ADVICE)
    return found


def place_of(url: str) -> str:
    """Scheme and host of a checked URL, for the audit trail: with many services the path is itself the secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def address_fault(host: str, address: str, allowed: Allowed) -> str:
    """Why the server does not connect to `address`, to which the name `host` led; '' where it does."""
    if host.lower() in allowed.names:
        return ""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return "it is no address"
    faults = [_reason(inner) for inner in _carried(one) if not any(inner in net for net in allowed.networks)]
    return next(filter(None, faults), "")


def _literal_fault(host: str, allowed: Allowed) -> str:
    """As `address_fault`, of what can be seen in the URL already."""
    if host.lower() in allowed.names:
        return ""
    try:
        return address_fault(host, str(ipaddress.ip_address(host)), allowed)
    except ValueError:
        local = host.lower() == "localhost" or host.lower().endswith(".localhost")
    reachable = any(net.overlaps(loop) for net in allowed.networks for loop in _loopbacks(net.version))
    return "it is a loopback address" if local and not reachable else ""


def _loopbacks(version: int) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return (ipaddress.ip_network("127.0.0.0/8" if version == 4 else "::1/128"),)  # noqa: PLR2004 - of IP


def _carried(address: Address) -> list[Address]:
    """The addresses that a packet to `address` may end at: itself, or what it carries inside."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    found: list[Address] = [address]
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found += address.teredo
    if address in _NAT64 or address in _NAT64_LOCAL:
        found.append(ipaddress.IPv4Address(int(address) & _IPV4_BITS))
    return found


def _reason(address: Address) -> str:
    """Why `address` is out of bounds unless it is allowed; '' for a public one."""
    if address.is_unspecified:
        return "it is the unspecified address"
    if address.is_loopback:
        return "it is a loopback address"
    if address.is_link_local:
        return "it is a link-local address"
    if address.is_multicast:
        return "it is a multicast address"
    public = address.is_global and not address.is_reserved
    return "" if public or address in _NAT64 else "it is no public address"
