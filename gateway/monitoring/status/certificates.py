"""The ends of the certificates in the files that the configuration names."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.support.config.model import Config
from gateway.support.private_files import read_bytes
from gateway.support.tls import tls_files

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_VERSION: Final = 0xA0
_TIMES: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""DER tag → form of a time: UTCTime and GeneralizedTime, RFC 5280 section 4.1.2.5."""


def certificate_ends(config: Config) -> dict[str, int]:
    """Return setting → the time in ms at which the first certificate in its file ends.

    A file without a certificate that can be read is left out: those who use it say more about that.
    """
    ends = {which: _end_ms(path) for which, path in tls_files(config).items() if not which.endswith(".key")}
    return {which: end_ms for which, end_ms in ends.items() if end_ms is not None}


def _end_ms(path: Path) -> int | None:
    try:
        first = read_bytes(path).decode(errors="replace").partition(_END)[0].rpartition(_BEGIN)[2]
        return not_after_ms(ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{first}{_END}"))
    except (OSError, ValueError, IndexError, KeyError):
        return None


def not_after_ms(der: bytes) -> int:
    """Read ``notAfter`` of a certificate (RFC 5280 section 4.1): Python's ``ssl`` tells it only of one that it verified.

    :raises ValueError, IndexError, KeyError: it is no certificate.
    """
    ((_, certificate),) = _elements(der)
    (_, signed), *_ = _elements(certificate)
    (_, _, _, (_, validity), *_) = [element for element in _elements(signed) if element[0] != _VERSION]
    _, (tag, end) = _elements(validity)
    return round(datetime.strptime(end.decode("ascii"), _TIMES[tag]).replace(tzinfo=UTC).timestamp() * 1000)


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
