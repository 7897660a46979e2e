"""Those whom a broker with certificates must refuse: how each comes, what it is told, and what the broker's log says of it."""

import ssl
import warnings
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection
from typing import NamedTuple

from gateway.admin.broker.certificates import Authority, CertificateUse, Signed, load_authority, new_authority
from gateway.commands.demo.services import MQTT_CONNECT
from tests.deploy.set_up import HOST, SetUpBroker

PATIENCE_S = 30.0


class CertifiedBroker(SetUpBroker):
    """A broker whose devices show certificates, and the certificates of those whom it must refuse."""

    def __init__(self, folder: Path) -> None:
        self.pki = folder / "pki"
        authority, revoked = str(self.pki / "ca.crt"), str(self.pki / "ca.crl")
        super().__init__(folder, 2, "--replace", "--yes", "--client-certificates", authority, "--revoked", revoked)
        for name in (*self.names, "taken-back"):
            self.certificates("client", name)
        self.certificates("revoke", "--yes", "taken-back")
        now = datetime.now(UTC)
        own = load_authority(Signed((self.pki / "ca.crt").read_bytes(), (self.pki / "ca.key").read_bytes()))
        self._put("expired", own, now - timedelta(days=900))
        self._put("foreign", new_authority("Authority of somebody else", now), now)

    def _put(self, name: str, authority: Authority, at: datetime) -> None:
        signed = authority.sign(CertificateUse.CLIENT, [self.names[0]], at)
        (self.pki / f"{name}.crt").write_bytes(signed.certificate)
        (self.pki / f"{name}.key").write_bytes(signed.key)

    def context(self, name: str | None = None, *, trusts: bool = True) -> ssl.SSLContext:
        """The context of a device with a certificate, or without one.

        With TLS 1.2 a refusal comes within the handshake; with 1.3 it comes when a device may be writing already, which then
        finds a closed connection and no word.
        """
        context = ssl.create_default_context(cafile=str(self.pki / "ca.crt") if trusts else None)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if name is not None:
            context.load_cert_chain(self.pki / f"{name}.crt", self.pki / f"{name}.key")
        return context


class Intruder(NamedTuple):
    """One that must be refused.

    :ivar told: a part of what it is told; what comes is "" if the connection ends without a word.
    :ivar logged: what the broker's log says, once for each time it came.
    """

    name: str
    comes: Callable[[CertifiedBroker], str]
    told: str
    logged: str


def shake(broker: CertifiedBroker, context: ssl.SSLContext, name: str = HOST) -> str:
    """Connect to the devices' listener; what one is told."""
    try:
        plain = create_connection((HOST, broker.devices_port), PATIENCE_S)
        with plain, context.wrap_socket(plain, server_hostname=name) as secure:
            secure.sendall(MQTT_CONNECT)
            return repr(secure.recv(64))
    except OSError as error:
        return str(error)


def _old() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _plainly(broker: CertifiedBroker) -> str:
    try:
        with closing(create_connection((HOST, broker.devices_port), PATIENCE_S)) as plain:
            plain.sendall(MQTT_CONNECT)
            return repr(plain.recv(64))
    except OSError as error:
        return str(error)


def _field(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _with_password(username: str, password: str) -> Callable[[CertifiedBroker], str]:
    """Connect to the services' listener, in MQTT 3.1.1."""
    body = _field("MQTT") + b"\x04\xc2\x00\x1e" + _field("intruder") + _field(username) + _field(password)

    def comes(broker: CertifiedBroker) -> str:
        with closing(create_connection((HOST, broker.services_port), PATIENCE_S)) as plain:
            plain.sendall(b"\x10" + bytes([len(body)]) + body)
            return plain.recv(64).hex(" ")

    return comes


_NOT_AUTHORISED, _SAYS_SO = "20 02 00 05", " disconnected, not authorised"  # of whom, Mosquitto 2.0.11 does not know
INTRUDERS = (
    Intruder("wrong user", _with_password("nobody", "any"), _NOT_AUTHORISED, _SAYS_SO),
    Intruder("wrong password", _with_password("gateway", "wrong"), _NOT_AUTHORISED, _SAYS_SO),
    Intruder("no certificate", lambda b: shake(b, b.context()), "HANDSHAKE_FAILURE", "did not return a certificate"),
    Intruder("expired", lambda b: shake(b, b.context("expired")), "CERTIFICATE_EXPIRED", "certificate verify failed"),
    Intruder("taken back", lambda b: shake(b, b.context("taken-back")), "CERTIFICATE_REVOKED", "certificate verify failed"),
    Intruder("another authority", lambda b: shake(b, b.context("foreign")), "UNKNOWN_CA", "certificate verify failed"),
    Intruder(
        "trusts another authority",
        lambda b: shake(b, b.context("wm-0002", trusts=False)),
        "certificate verify failed",
        "alert unknown ca",
    ),
    Intruder(
        "wrong host",
        lambda b: shake(b, b.context("wm-0002"), "other.example.vn"),
        "not valid for 'other.example.vn'",
        "alert bad certificate",
    ),
    Intruder("TLS 1.1", lambda b: shake(b, _old()), "PROTOCOL_VERSION", "unsupported protocol"),
    Intruder("no TLS", _plainly, "", "wrong version number"),
)
