"""The entrance to the pages: the port is taken at the start, and what serves it is loaded when the first client is there.

aiohttp and the pages are a quarter of what a start would import, and messages wait in the broker meanwhile. Many a gateway is
looked at by nobody.
"""

import asyncio
import socket
from contextlib import suppress
from ipaddress import IPv6Address
from typing import Self

from gateway.support.access.accounts import Access
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import HttpSection
from gateway.support.tls import TlsContexts
from gateway.web.http.newcomers import listen


def is_all_of_ipv6(host: str) -> bool:
    """Tell if ``host`` stands for every IPv6 address of this machine, however it is written."""
    with suppress(ValueError):
        return IPv6Address(host).is_unspecified
    return False


def bind_both_families(port: int) -> socket.socket:
    """Bind every address of this machine, IPv6 and IPv4: asyncio would leave IPv4 out, and many a phone has nothing else.

    :raises OSError: the port is taken, or the machine has no IPv6.
    """
    bound = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(("::", port))
    except OSError:
        bound.close()
        raise
    return bound


async def bind(host: str, port: int) -> asyncio.Server:
    """Take the address, OSError if it cannot be used; newcomers are accepted elsewhere, one a turn of the loop."""
    create = asyncio.get_running_loop().create_server
    if is_all_of_ipv6(host):
        return await create(asyncio.Protocol, sock=bind_both_families(port), start_serving=False)
    return await create(asyncio.Protocol, host, port, start_serving=False)


class Entrance:
    """The address of the pages, and what a client needs to be let in. Use as an asynchronous context manager.

    :ivar access: the accounts that clients come in with.
    :ivar tls: the certificate that they are shown, if there is one; a reload puts another in its place.
    :ivar listening: the sockets that clients connect to; the kernel keeps them until they are accepted.
    :raises ConfigurationFault: on entering, the port cannot be used.
    """

    def __init__(self, config: HttpSection, access: Access, tls: TlsContexts) -> None:
        self._http = config
        self.tls = tls
        self.access = access
        self.listening: list[socket.socket] = []

    async def __aenter__(self) -> Self:
        http = self._http
        try:
            server = await bind(http.host, http.port)
            self.listening = [listen(bound.fileno()) for bound in server.sockets]
        except OSError as error:
            raise ConfigurationFault([f"gateway.yaml: http.port: {http.host} port {http.port}: {error.strerror}"]) from error
        server.close()  # those that listen are descriptors of their own
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self.listening:
            one.close()

    async def first_client(self) -> None:
        """Wait until a client is there, and do not accept it."""
        loop, there = asyncio.get_running_loop(), asyncio.Event()
        for one in self.listening:
            loop.add_reader(one, there.set)
        try:
            await there.wait()
        finally:
            for one in self.listening:
                loop.remove_reader(one)
