"""TLS towards the broker and InfluxDB."""

import ssl
from pathlib import Path


def tls_context(ca: Path | None) -> ssl.SSLContext:
    """A context that checks the server, against ``ca`` or the system's authorities.

    From Python 3.13 on the default also demands extensions that an authority made by the usual ``openssl req -x509`` lacks;
    utilities have such authorities, and what is signed by them is no less checked without.

    :raises OSError: ``ca`` cannot be read or holds no certificate.
    """
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
