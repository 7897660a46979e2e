"""The watch over certificates, those of the files and those that broker and database show: once a day it looks when they end.

It shakes hands on a connection of its own and says nothing on it. Whether a certificate is trusted is not its question: a
certificate that has ended must still be told by its date.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from gateway.monitoring.status.certificates import certificate_ends, not_after_ms
from gateway.monitoring.status.status import Status
from gateway.support.config.model import Config
from gateway.support.config.setting_types import split_url
from gateway.support.tls import pinned_context

log = logging.getLogger("gateway.jobs")

_LOOK_EVERY_S: Final = 86_400.0
_FIRST_LOOK_S: Final = 30.0
"""Wait at the start: readings come first."""
_PATIENCE_S: Final = 10.0
_PORTS: Final = {"mqtts": 8883, "https": 443}


class TlsServer(NamedTuple):
    """A server that shows a certificate, and the setting that names it."""

    setting: str
    host: str
    port: int


def tls_servers(config: Config) -> Iterator[TlsServer]:
    """Yield the servers that the gateway, or its devices, speak to over TLS."""
    others = config.influxdb.addresses() | {"enrolment.url": config.enrolment.url or ""}
    for setting, url in (config.mqtt.addresses() | others).items():
        parts = split_url(url)
        if parts.scheme in _PORTS:
            yield TlsServer(setting, parts.hostname or "127.0.0.1", parts.port or _PORTS[parts.scheme])


class CertificateWatch:
    """Notes the ends of the certificates in the status."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._again = asyncio.Event()

    async def run(self) -> None:
        """Look until cancelled."""
        servers = list(tls_servers(self._status.config))
        await asyncio.sleep(_FIRST_LOOK_S)
        while True:
            self._again.clear()
            await self.look(servers)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._status.clock.real_s(_LOOK_EVERY_S)):
                    await self._again.wait()

    def look_again(self) -> None:
        """Look soon: certificates were renewed."""
        self._again.set()

    async def look(self, servers: list[TlsServer]) -> None:
        """Look once. A server that does not answer keeps the end that is known."""
        self._status.certificates |= await asyncio.to_thread(certificate_ends, self._status.config)
        for server in servers:
            try:
                self._status.certificates[server.setting] = await shown_end_ms(server)
            except (OSError, ValueError, IndexError, KeyError) as error:
                log.debug("the certificate of %s cannot be read: %s", server.setting, error)


async def shown_end_ms(server: TlsServer) -> int:
    """Return the time in ms at which the certificate that a server shows ends.

    :raises OSError: the server does not answer, or shows none.
    :raises ValueError, IndexError, KeyError: it cannot be read.
    """
    async with asyncio.timeout(_PATIENCE_S):
        _, writer = await asyncio.open_connection(server.host, server.port, ssl=pinned_context(), server_hostname=server.host)
    try:
        shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    if shown is None:
        raise OSError("it shows no certificate")
    return not_after_ms(shown)
