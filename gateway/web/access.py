"""Who may ask what: reading is free on loopback; elsewhere, and for every change, a token is needed."""

import hmac
import logging
import os
import secrets
from pathlib import Path
from typing import Final

from aiohttp import web

log = logging.getLogger("gateway.web")

COOKIE: Final = "gateway_token"
_FREE: Final = frozenset({"/healthz", "/login"})


class Access:
    """The check before every request.

    :ivar token: what must be shown: of ``http.token_file``, or made at the start and kept beside the journal for commands.
    """

    def __init__(self, token: str, *, open_for_reading: bool) -> None:
        self.token = token
        self._open_for_reading = open_for_reading

    def allows(self, request: web.Request) -> bool:
        """Whether the request may go on."""
        if request.path in _FREE or (self._open_for_reading and request.method in {"GET", "HEAD"}):
            return True
        kind, _, shown = request.headers.get("Authorization", "").partition(" ")
        shown = shown if kind.lower() == "bearer" else request.cookies.get(COOKIE, "")
        return self.matches(shown)

    def matches(self, shown: str) -> bool:
        """Whether this is the token; takes the same time for every wrong one."""
        return hmac.compare_digest(shown.strip().encode(), self.token.encode())


def own_token_file(journal: Path) -> Path:
    """Where a gateway without ``http.token_file`` keeps the token for the commands of its own machine."""
    return journal.with_name(journal.name + ".token")


def make_token(journal: Path) -> str:
    """A new token for this run, readable by the owner only; by nobody where the disk does not take it."""
    token = secrets.token_urlsafe(24)
    path = own_token_file(journal)
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
    except OSError as error:
        log.warning("%s cannot be written, so commands cannot act through this gateway: %s", path, error.strerror)
    return token
