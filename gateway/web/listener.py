"""What the HTTP server stands on: the token it asks for and the certificate it shows, each checked before it is used."""

import logging
import ssl
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

from gateway.settings.config import Config
from gateway.settings.config_file import ConfigurationFault, secret
from gateway.tls import server_context

_TOKEN_MIN: Final = 16
"""Characters: fewer can be guessed, and an empty token would let everybody in."""


def configured_token(config: Config) -> str | None:
    """The token of ``http.token_file``; None where no file is named.

    :raises ConfigurationFault: the file cannot be read, or what it holds is too short for a token.
    """
    path = config.http.token_file
    token = secret(None, path)
    if token is None or len(token) >= _TOKEN_MIN:
        return token
    what = f"its first line is a token of {len(token)} characters" if token else "its first line is empty"
    remedy = f"a token has {_TOKEN_MIN} or more; make one with: openssl rand -hex 24 > {path}"
    raise ConfigurationFault([f"{path}: http.token_file: {what}; {remedy}"])


def configured_tls(config: Config) -> ssl.SSLContext | None:
    """The context for HTTPS; None where ``http.tls`` names no certificate.

    :raises ConfigurationFault: certificate or key cannot be used.
    """
    tls = config.http.tls
    if tls.cert is None or tls.key is None:
        return None
    try:
        return server_context(tls.cert, tls.key)
    except (ssl.SSLError, OSError) as error:
        why = error.strerror or str(error)
        raise ConfigurationFault([f"{tls.cert}: http.tls: cannot be used with the key {tls.key}: {why}"]) from error


class _OwnFaults(logging.Filter):
    """Lets no trace through for bytes that are no HTTP: whoever sends them could fill the disk with our log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell if the record is of a fault of ours."""
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


connection_log: Final = logging.getLogger("gateway.web.connections")
connection_log.addFilter(_OwnFaults())
