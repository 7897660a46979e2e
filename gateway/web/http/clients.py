"""The client of a request, the host that it asked for, and the page that sent it.

A browser sends whatever a page tells it to. Two headers it writes itself: ``Host``, so a page whose own name was made to point
here (DNS rebinding) is known by that name; ``Origin``, so a page of another site, or of another port, is known by its origin.
"""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from aiohttp import web

ClientAddress = IPv4Address | IPv6Address

_SENDERS_MAX: Final = 32
"""Most entries of X-Forwarded-For that are read, from the right."""
_FORWARDING: Final = ("forwarded", "via", "x-real-ip")
_NOBODY: Final = ip_address("0.0.0.0")  # noqa: S104 - stands for a connection that has no address


@dataclass(frozen=True, slots=True)
class Client:
    """The origin of a request, behind trusted proxies, and the local address to which it came.

    :ivar forwarded: a proxy is in between, trusted or not, so it never counts as loopback.
    :ivar secure: the client uses HTTPS, to the gateway or to a trusted proxy.
    """

    address: ClientAddress
    came_to: ClientAddress
    forwarded: bool
    secure: bool

    @property
    def network(self) -> str:
        """The address by which the client is limited."""
        return network_of(self.address)


def network_of(address: ClientAddress) -> str:
    """The address by which a client is limited; of IPv6 the /64, within which one machine takes as many as it wants."""
    if isinstance(address, IPv4Address) or address.is_loopback:
        return str(address)
    return str(ip_network((address, 64), strict=False))


class Clients:
    """Finds the client of a request; ``trusted``: addresses and networks of trusted proxies."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = [ip_network(text, strict=False) for text in trusted]

    def is_proxy(self, peername: object) -> bool:
        """Tell if the other end of a connection is a trusted proxy."""
        return self._trusts(address_of(peername))

    def of(self, request: web.Request) -> Client:
        """The client of a request."""
        transport = request.transport
        peer = address_of(transport.get_extra_info("peername") if transport else None)
        came_to = address_of(transport.get_extra_info("sockname") if transport else None)
        forwarded = any(name.lower().startswith("x-forwarded-") or name.lower() in _FORWARDING for name in request.headers)
        if not self._trusts(peer):
            return Client(peer, came_to, forwarded, request.secure)
        said = request.headers.getall("X-Forwarded-Proto", [""])[-1].rpartition(",")[2].strip().lower()
        return Client(self._behind(peer, request), came_to, forwarded, request.secure or said == "https")

    def _trusts(self, address: ClientAddress) -> bool:
        return any(address in network for network in self._trusted)

    def _behind(self, peer: ClientAddress, request: web.Request) -> ClientAddress:
        """The rightmost address that is not a trusted proxy; entries left of it may be forged."""
        senders = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        nearest = peer
        for sender in reversed(senders[-_SENDERS_MAX:]):
            address = parse_address(sender.strip())
            if address is None:
                return nearest
            nearest = address
            if not self._trusts(address):
                return nearest
        return nearest


def parse_address(text: str) -> ClientAddress | None:
    """Parse an address; None if it is not valid. An IPv4 address mapped to IPv6 becomes the IPv4 address."""
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def address_of(name: object) -> ClientAddress:
    """The address in the name of a socket."""
    text = str(name[0]) if isinstance(name, tuple) else ""
    return parse_address(text) or _NOBODY


_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::\d{1,5})?")
_OF_OUR_PAGES: Final = frozenset({"same-origin", "none"})
"""``Sec-Fetch-Site``: a page of this origin, or the person at the browser."""


class OwnNames:
    """The names of this gateway: of ``http.host``, ``http.hosts`` and the machine."""

    def __init__(self, hosts: Iterable[str], machine: str | None = None) -> None:
        machine = (machine or socket.gethostname()).lower()
        short = machine.partition(".")[0]
        texts = ["localhost", machine, short, f"{short}.local", *(host.lower() for host in hosts)]
        self._names, self._addresses = frozenset(texts), frozenset(filter(None, map(parse_address, texts)))

    def include(self, request: web.Request, client: Client) -> bool:
        """Tell if the request is addressed to this gateway."""
        given = request.headers.getall("Host", [])
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if found is None:
            return False
        address = parse_address(found[1])
        if address is None:
            return found[1].lower().removesuffix(".") in self._names
        return address.is_loopback or address == client.came_to or address in self._addresses


def is_cross_site(request: web.Request, client: Client) -> bool:
    """Tell if a page of another site sent the request; programs send neither header."""
    site = request.headers.getall("Sec-Fetch-Site", [])
    if not _OF_OUR_PAGES.issuperset(site):
        return True
    return any(origin.lower() != _own_origin(request, client) for origin in request.headers.getall("Origin", []))


def is_from_a_page(request: web.Request) -> bool:
    """Tell if a browser says which page sent the request; every browser does so for a change."""
    return "Origin" in request.headers or "Sec-Fetch-Site" in request.headers


def _own_origin(request: web.Request, client: Client) -> str:
    scheme, port = ("https", ":443") if client.secure else ("http", ":80")
    return f"{scheme}://{request.headers['Host'].lower().removesuffix(port)}"
