"""The entrance to the pages: the port is taken at the start, and what serves it is loaded when the first client is there.

aiohttp and the pages are a quarter of what a start would import, and messages wait in the broker meanwhile. Many a gateway is
looked at by nobody.
"""

import asyncio
import socket
from typing import Self

from gateway.support.access.accounts import Access
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import HttpSection
from gateway.support.tls import TlsContexts
from gateway.web.http.listener import bind
from gateway.web.http.newcomers import listen


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
