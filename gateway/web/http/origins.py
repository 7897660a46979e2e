"""Host and origin of a request: its target, and the page that sent it.

A browser sends whatever a page tells it to. Two headers it writes itself: ``Host``, so a page whose own name was made to point
here (DNS rebinding) is known by that name; ``Origin``, so a page of another site, or of another port, is known by its origin.
"""

import re
import socket
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from gateway.web.http.clients import Client, parse_address

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::\d{1,5})?")
_OF_OUR_PAGES: Final = frozenset({"same-origin", "none"})
"""``Sec-Fetch-Site``: a page of this origin, or the person at the browser."""


class OwnNames:
    """The names of this gateway.

    :param hosts: ``http.host`` and ``http.hosts``.
    :param machine: the name of the machine.
    """

    def __init__(self, hosts: Iterable[str], machine: str | None = None) -> None:
        machine = (machine or socket.gethostname()).lower()
        short = machine.partition(".")[0]
        texts = ["localhost", machine, short, f"{short}.local", *(host.lower() for host in hosts)]
        self._names = frozenset(texts)
        self._addresses = frozenset(address for address in map(parse_address, texts) if address is not None)

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
