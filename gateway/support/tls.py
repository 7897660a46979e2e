"""TLS towards the broker and InfluxDB, and of the gateway's own pages; with the certificates and keys that settings name."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.support.config.files import blaming
from gateway.support.config.model import Config, HttpSection, Influxdb, Mqtt
from gateway.support.config.setting_types import split_url
from gateway.support.private_files import as_owner, read_bytes

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!PSK"
"""Cipher suites for TLS 1.2; those of 1.3 are all good. The system's choice has some without forward secrecy."""
_SPEAKS_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "PACKET_LENGTH_TOO_LONG"})
_ENDS_WITHIN_S: Final = 2.0
PLAIN_PORT_ASKED: Final = "is this a port without TLS? One with TLS is written mqtts://"


def tls_context(ca: Path | None, cert: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """A context that checks the server, against ``ca`` or the system's authorities, and shows ``cert`` if given.

    From Python 3.13 on the default also demands extensions that an authority made by the usual ``openssl req -x509`` lacks;
    utilities have such authorities, and their certificates are checked no less without these extensions. OSError if a file
    cannot be read, holds no certificate or no key, or they do not belong together.
    """
    with as_owner(ca or "/"):
        context = ssl.create_default_context(cafile=ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    _keep_to_good_ciphers(context)
    if cert is not None and key is not None:
        _show(context, cert, key)
    return context


class ResumingContext(ssl.SSLContext):
    """A context of a client that goes on with its last session with a server: the certificate is not sent, nor checked, again.

    A session is offered only under the name that its certificate was checked for, and forgotten with the context. So a
    certificate that has ended is noticed when the server's sessions have, after two hours as a rule.

    asyncio and uvloop know no sessions; what both call to begin a handshake is overridden.
    """

    def __init__(self, *_: object) -> None:
        self._sessions: dict[str, ssl.SSLSession] = {}

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - as the library has it
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a handshake."""
        known = self._sessions.get(server_hostname) if isinstance(server_hostname, str) else None
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session or known)

    def remember(self, connection: ssl.SSLObject) -> None:
        """Keep the session of a connection. In TLS 1.3 it comes behind the handshake: with the first answer, it is there."""
        if connection.session is not None and isinstance(connection.server_hostname, str):
            self._sessions[connection.server_hostname] = connection.session


def resuming_context(ca: Path | None) -> ResumingContext:
    """A context like :func:`tls_context`, for connections that are opened again and again; OSError as there."""
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags = tls_context(ca).verify_flags
    if ca is None:
        context.load_default_certs()
    else:
        with as_owner(ca):
            context.load_verify_locations(ca)
    _keep_to_good_ciphers(context)
    return context


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """A context that shows ``cert``; OSError if it or its key cannot be read, is none, or they do not belong together."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _keep_to_good_ciphers(context)
    _show(context, cert, key)
    return context


def _show(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Show ``cert``. An encrypted key is a fault: OpenSSL would otherwise ask for its password at the terminal, and wait."""
    with as_owner(key):
        context.load_cert_chain(cert, key, password="")


def pinned_context() -> ssl.SSLContext:
    """A context for a caller that compares the certificate shown with the expected one; see :func:`shows`."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _keep_to_good_ciphers(context)
    return context


def _keep_to_good_ciphers(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)


def shows(shown: bytes | None, cert: Path) -> bool:
    """Tell if the certificate that was shown (DER) is the first one in ``cert``; OSError if ``cert`` cannot be read."""
    return shown is not None and shown == first_in(cert)


def first_in(path: Path) -> bytes:
    """Read the first certificate of a file; OSError or ValueError if there is none."""
    first = read_bytes(path).decode(errors="replace").partition(_END)[0].rpartition(_BEGIN)[2]
    return ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{first}{_END}")


_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def plain_fault(error: OSError) -> str:
    """A refused connection in the system's words, where asyncio has others."""
    why = error.strerror or str(error)
    return os.strerror(error.errno) if error.errno and why.startswith("Connect call failed") else why


def handshake_fault(error: OSError, *, tls: bool) -> str:
    """Say why a connection failed; if a server broke off the handshake, name the most likely cause."""
    why = plain_fault(error)
    broke_off = isinstance(error, ConnectionResetError) or getattr(error, "reason", None) in _SPEAKS_NO_TLS
    return f"{why}; is this a TLS port? One without TLS is written mqtt://" if tls and broke_off else why


@asynccontextmanager
async def ended(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """A connection that is ended on leaving. With TLS each side says so; a broker that does not is waited for two seconds."""
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_ENDS_WITHIN_S):
                await writer.wait_closed()
        writer.transport.abort()


@dataclass(slots=True)
class TlsContexts:
    """The contexts for new connections; None: without TLS."""

    broker: ssl.SSLContext | None
    database: ssl.SSLContext | None
    pages: ssl.SSLContext | None


def tls_contexts(config: Config) -> TlsContexts:
    """Read the files and make the contexts; ConfigurationFault if a file cannot be used."""
    return TlsContexts(broker_tls(config.mqtt), database_tls(config.influxdb), pages_tls(config.http))


def tls_files(config: Config) -> dict[str, Path]:
    """Setting → the file that it names, of those that name one."""
    mqtt, http, influxdb = config.mqtt.tls, config.http.tls, config.influxdb.tls
    files = {
        "http.tls.cert": http.cert,
        "http.tls.key": http.key,
        "mqtt.tls.cert": mqtt.cert,
        "mqtt.tls.key": mqtt.key,
        "mqtt.tls.ca": mqtt.ca,
        "influxdb.tls.ca": influxdb.ca,
        "enrolment.ca": config.enrolment.ca,
    }
    return {setting: path for setting, path in files.items() if path is not None}


def broker_tls(config: Mqtt) -> ssl.SSLContext | None:
    """The context for the broker; ConfigurationFault if a file of ``mqtt.tls`` cannot be used."""
    if split_url(config.url).scheme != "mqtts":
        return None
    tls = config.tls
    with blaming(f"{tls.ca or tls.cert}: mqtt.tls: cannot be used"):
        return tls_context(tls.ca, tls.cert, tls.key)


def database_tls(config: Influxdb) -> ssl.SSLContext | None:
    """The context for InfluxDB; ConfigurationFault if ``influxdb.tls.ca`` cannot be used."""
    if split_url(config.url).scheme != "https":
        return None
    with blaming(f"{config.tls.ca}: influxdb.tls: cannot be used"):
        return resuming_context(config.tls.ca)


def pages_tls(config: HttpSection) -> ssl.SSLContext | None:
    """The context for the pages, None where ``http.tls`` names no certificate; ConfigurationFault if it cannot be used."""
    cert, key = config.tls.cert, config.tls.key
    if cert is None or key is None:
        return None
    with blaming(f"{cert}: http.tls: cannot be used with the key {key}"):
        return server_context(cert, key)
