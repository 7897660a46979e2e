"""An authority of one's own, and the certificates that it signs: of brokers, of pages, of devices.

Keys are ECDSA P-256, which small devices can check; forms follow RFC 5280. A certificate is known by its name: ``NAME.crt``
with ``NAME.key``, the authority's is ``ca``. ``ca.crl`` lists the certificates that were taken back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_LIFE: Final = timedelta(days=3653)
_LIFE: Final = timedelta(days=825)
_EARLIER: Final = timedelta(days=1)
"""Certificates begin a day ago: devices and cabinets have clocks that stand behind."""
_LIST_LIFE: Final = timedelta(days=3653)
"""A list of what was taken back that ends would lock all devices out."""


class CertificateUse(StrEnum):
    """The one who shows a certificate."""

    SERVER = "server"
    CLIENT = "client"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate and its key, each as PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def sign(self, use: CertificateUse, names: Sequence[str], now: datetime) -> Signed:
        """A certificate for a new key. A server shows the authority's too: devices know its fingerprint from a QR code.

        That of a client says twice whose it is: RabbitMQ ties the client id to an alternative name. A service has none, and may
        use several client ids.

        :param names: names and addresses of a server, the first one its own; of a client or a service its account alone.
        """
        key, is_server = ec.generate_private_key(ec.SECP256R1()), use is CertificateUse.SERVER
        shown_to = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            _builder(names[0], key, now, _LIFE)
            .issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([shown_to]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if use is not CertificateUse.SERVICE:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        shown = [builder.sign(self.key, hashes.SHA256()), *([self.certificate] if is_server else [])]
        return Signed(b"".join(map(_pem, shown)), _key_pem(key))

    def take_back(self, certificates: Iterable[bytes], before: bytes | None, now: datetime) -> bytes:
        """The list of certificates taken back, as PEM: those of the list before, and these."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - _EARLIER).next_update(now + _LIST_LIFE)
        known = {one.serial_number: one for one in (x509.load_pem_x509_crl(before) if before else ())}
        for pem in certificates:
            serial = x509.load_pem_x509_certificate(pem).serial_number
            known.setdefault(serial, x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build())
        for one in known.values():
            builder = builder.add_revoked_certificate(one)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def new_authority(name: str, now: datetime) -> Authority:
    """Make an authority; whoever has its key can make certificates of every name."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"),
        False,
    )
    builder = (
        _builder(name, key, now, _AUTHORITY_LIFE)
        .issuer_name(_name(name))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True)
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def load_authority(signed: Signed) -> Authority:
    """The authority in two files; ValueError if certificate and key are none, or do not belong together."""
    certificate = x509.load_pem_x509_certificate(signed.certificate)
    key = serialization.load_pem_private_key(signed.key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("certificate and key do not belong together")
    return Authority(certificate, key)


def as_files(authority: Authority) -> Signed:
    """Its certificate and its key as PEM."""
    return Signed(_pem(authority.certificate), _key_pem(authority.key))


def names_of(certificate: bytes) -> tuple[CertificateUse, list[str]]:
    """Use and names of a certificate, to make it anew; ValueError if no authority made here signed it."""
    found = x509.load_pem_x509_certificate(certificate)
    try:
        uses = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if ExtendedKeyUsageOID.SERVER_AUTH in uses:
            others = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            return CertificateUse.SERVER, [str(one.value) for one in others]
        has_alternative = any(isinstance(one.value, x509.SubjectAlternativeName) for one in found.extensions)
        use = CertificateUse.CLIENT if has_alternative else CertificateUse.SERVICE
        return use, [str(found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)]
    except (x509.ExtensionNotFound, IndexError) as error:
        raise ValueError("it does not say whose it is") from error


def _builder(name: str, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key as PEM (PKCS 8), without a password: services start without a person."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
