"""Certificates: when they end, those of the files and those that broker and database show; and their renewal.

Once a day it is looked when they end, on a connection of its own on which nothing is said. Whether a certificate is trusted is
not the question there: a certificate that has ended must still be told by its date.

A reload reads their files again, and connections opened afterwards use the new ones. Connections that are open stay open: a
certificate counts at the handshake only. Those kept to the database are closed, so that a write shows at once if the new
authority is the right one. A renewal takes two steps, since a reload with a faulty file changes nothing.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.ingest.intake.connection import Connection
from gateway.monitoring.status.status import Status
from gateway.support.clock import set_within
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.config.setting_types import split_url
from gateway.support.tls import TlsContexts, first_in, pinned_context, tls_contexts, tls_files

log = logging.getLogger("gateway.jobs")

_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_OTHER_NAMES: Final = b"\x55\x1d\x11"
"""The object identifier 2.5.29.17, ``subjectAltName``."""
_DNS_NAME, _ADDRESS = 0x82, 0x87
_TIMES: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""DER tag → form of a time: UTCTime and GeneralizedTime, RFC 5280 section 4.1.2.5."""
_LOOK_EVERY_S: Final = 86_400.0
_FIRST_LOOK_S: Final = 30.0
"""Wait at the start: readings come first."""
_PATIENCE_S: Final = 10.0
_PORTS: Final = {"mqtts": 8883, "https": 443}


def certificate_ends(config: Config) -> dict[str, int]:
    """Return setting → the time in ms at which the first certificate in its file ends.

    A file without a certificate that can be read is left out: those who use it say more about that.
    """
    ends = {which: _end_ms(path) for which, path in tls_files(config).items() if not which.endswith(".key")}
    return {which: end_ms for which, end_ms in ends.items() if end_ms is not None}


def _end_ms(path: Path) -> int | None:
    try:
        return not_after_ms(first_in(path))
    except (OSError, ValueError, IndexError, KeyError):
        return None


def not_after_ms(der: bytes) -> int:
    """Read ``notAfter`` of a certificate (RFC 5280 section 4.1): Python's ``ssl`` tells it only of one that it verified.

    What is no certificate raises :class:`ValueError`, :class:`IndexError` or :class:`KeyError`.
    """
    ((_, certificate),) = _elements(der)
    (_, signed), *_ = _elements(certificate)
    (_, _, _, (_, validity), *_) = [element for element in _elements(signed) if element[0] != _VERSION]
    _, (tag, end) = _elements(validity)
    return round(datetime.strptime(end.decode("ascii"), _TIMES[tag]).replace(tzinfo=UTC).timestamp() * 1000)


def names_in(der: bytes) -> list[str]:
    """Read the names and addresses that a certificate is for (RFC 5280 section 4.2.1.6); errors as above."""
    ((_, certificate),) = _elements(der)
    (_, signed), *_ = _elements(certificate)
    found: list[str] = []
    for extensions in (content for tag, content in _elements(signed) if tag == _EXTENSIONS):
        ((_, extensions_in_order),) = _elements(extensions)
        for _, extension in _elements(extensions_in_order):
            (_, kind), *_, (_, value) = _elements(extension)
            if kind == _OTHER_NAMES:
                ((_, names),) = _elements(value)
                found += [name.decode("ascii") for tag, name in _elements(names) if tag == _DNS_NAME]
                found += [str(ip_address(name)) for tag, name in _elements(names) if tag == _ADDRESS]
    return found


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of the elements that follow each other."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            begin, at = at, at + (length & 0x7F)
            length = int.from_bytes(der[begin:at], "big")
        yield tag, der[at : at + length]
        at += length


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
            yield TlsServer(setting, str(parts.hostname), parts.port or _PORTS[parts.scheme])


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
            await set_within(self._again, self._status.clock.real_s(_LOOK_EVERY_S))

    def look_again(self) -> None:
        """Look soon: certificates were renewed."""
        self._again.set()

    async def look(self, servers: list[TlsServer]) -> None:
        """Look once. A server that does not answer keeps the end that is known."""
        self._status.certificates |= await asyncio.to_thread(certificate_ends, self._status.config)
        for server in servers:
            try:
                self._status.certificates[server.setting] = not_after_ms(await shown_by(server))
            except (OSError, ValueError, IndexError, KeyError) as error:
                log.debug("the certificate of %s cannot be read: %s", server.setting, error)


async def shown_by(server: TlsServer) -> bytes:
    """Return the certificate that a server shows; :class:`OSError` if it shows none."""
    async with asyncio.timeout(_PATIENCE_S):
        _, writer = await asyncio.open_connection(server.host, server.port, ssl=pinned_context(), server_hostname=server.host)
    try:
        shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    if shown is None:
        raise OSError("it shows no certificate")
    return shown


Renewed = tuple[dict[str, bytes], TlsContexts]
"""Digests of the files when they were read, by setting, and the contexts made of them."""


@dataclass(slots=True)
class CertificateRenewal:
    """Puts renewed certificates into force. The pages take their contexts from ``in_force``."""

    _config: Config
    _in_force: TlsContexts
    _connections: Sequence[Connection]
    _databases: Sequence[InfluxdbClient]
    _watch: CertificateWatch
    _digests: dict[str, bytes] = field(default_factory=dict)

    def load(self) -> Renewed | None:
        """Read the files again; None: they are as they were. One that cannot be used raises :class:`ConfigurationFault`."""
        digests = {setting: _digest(setting, path) for setting, path in tls_files(self._config).items()}
        return None if digests == self._digests else (digests, tls_contexts(self._config))

    def replace(self, renewed: Renewed) -> None:
        """Put what was read into force."""
        self._digests, contexts = renewed
        self._in_force.pages = contexts.pages
        for connection in self._connections:
            connection.renew(contexts.broker)
        for client in self._databases:
            client.renew(contexts.database)
        self._watch.look_again()


def _digest(setting: str, path: Path) -> bytes:
    try:
        return sha256(path.read_bytes()).digest()
    except OSError as error:
        raise ConfigurationFault([f"{path}: {setting}: cannot be read: {error.strerror}"]) from error
