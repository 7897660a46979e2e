"""TLS with a certificate authority that is known by its fingerprint alone, as an enrolment gives it.

The server presents its chain; the certificate in it that has the fingerprint becomes the only authority of a second connection,
which checks the whole chain and the host's name as usual. Nothing is sent on the first one, so it need not be trusted.
"""

import socket
import ssl
from hashlib import sha256
from typing import Final

ANSWER_S: Final = 10.0
VERY_OLD: Final = "_sslobj"
"""Before Python 3.13 the chain is at hand only one floor deeper."""


class UntrustedBroker(Exception):  # noqa: N818 - it says what the broker is
    """A broker whose chain holds no certificate with the fingerprint; the text says what to do."""


def pinned_context(host: str, port: int, ca_sha256: str) -> ssl.SSLContext:
    """A context that trusts the certificate with this fingerprint and no other.

    :raises UntrustedBroker: the server presents no such certificate.
    :raises OSError: it cannot be reached, or does not speak TLS.
    """
    chain = _presented_chain(host, port)
    trusted = next((certificate for certificate in chain if sha256(certificate).hexdigest() == ca_sha256), None)
    if trusted is None:
        raise UntrustedBroker(
            f"{host}:{port} presents {len(chain)} certificate(s), none with the fingerprint {ca_sha256[:16]}…: this is another "
            "broker, or its certfile lacks the authority (cat broker.crt ca.crt), or the enrolment is old"
        )
    # Not create_default_context: from Python 3.13 on that refuses authorities without key usage, as many utilities have them.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=trusted)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the fingerprint may be of an authority that another one signed
    return context


def _presented_chain(host: str, port: int) -> list[bytes]:
    """The certificates that a server presents (DER), unverified."""
    asking = ssl.create_default_context()
    asking.check_hostname = False
    asking.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), ANSWER_S) as connection,
        asking.wrap_socket(connection, server_hostname=host) as secured,
    ):
        if hasattr(secured, "get_unverified_chain"):
            return list(secured.get_unverified_chain())
        chain = getattr(secured, VERY_OLD).get_unverified_chain() or []
        return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain]
