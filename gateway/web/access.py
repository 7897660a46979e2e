"""The access token, and its file for the commands of this machine."""

import hmac
import logging
import os
import secrets
from pathlib import Path

log = logging.getLogger("gateway.web")


class Access:
    """The token: of ``http.token_file``, or made at the start and kept beside the journal for commands."""

    def __init__(self, token: str) -> None:
        self._token = _bytes_of(token)

    def matches(self, shown: str) -> bool:
        """Compare a token in constant time."""
        return hmac.compare_digest(_bytes_of(shown), self._token)


def _bytes_of(token: str) -> bytes:
    """The bytes of a token; header bytes that are not text come as surrogates, and are a wrong token like any other."""
    return token.strip().encode(errors="surrogatepass")


def own_token_file(journal: Path) -> Path:
    """Return the file in which a gateway without ``http.token_file`` keeps the token for the commands of its own machine."""
    return journal.with_name(journal.name + ".token")


def make_token(journal: Path) -> str:
    """A new token for this run, in a file for the owner only; without a file if it cannot be written."""
    token = secrets.token_urlsafe(24)
    path = own_token_file(journal)
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
    except OSError as error:
        log.warning("%s cannot be written, so commands cannot act through this gateway: %s", path, error.strerror)
    return token
