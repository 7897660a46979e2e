"""Access of commands to the running gateway: detection, and requests over HTTP."""

import json
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from gateway.commands.recording import user
from gateway.ingest.storage.beside import is_in_use
from gateway.support.access.accounts import USER_HEADER, own_token_file
from gateway.support.config.files import ConfigurationFault, secret
from gateway.support.config.model import Config
from gateway.support.tls import pinned_context, shows

_PATIENCE_S: Final = 30.0


def is_running(config: Config) -> bool:
    """Tell if a gateway with this configuration runs on this machine."""
    return is_in_use(config.journal.path)


def ask(config: Config, method: str, path: str, query: dict[str, Any], body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Ask the running gateway; ``body`` is sent as JSON.

    :raises ConfigurationFault: it cannot be reached or refuses.
    """
    http = config.http
    host = {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(http.host, http.host)  # noqa: S104 - what others bind, we only ask
    token_file = http.token_file or own_token_file(config.journal.path)
    where = f"{'https' if http.tls.cert else 'http'}://{f'[{host}]' if ':' in host else host}:{http.port}"
    try:
        given = {key: value for key, value in query.items() if value is not None}
        token = secret(None, token_file) or ""
        target = path + (f"?{urlencode(given)}" if given else "")
        with closing(_connected(host, http.port, http.tls.cert)) as connection:
            sent = None if body is None else json.dumps(body)
            headers = {"Authorization": f"Bearer {token}", USER_HEADER: user()}
            connection.request(method, target, sent, headers | ({} if sent is None else {"Content-Type": "application/json"}))
            response = connection.getresponse()
            answer = response.read()
    except (OSError, HTTPException) as error:
        raise ConfigurationFault([f"{config.journal.path}: in use, and {where} does not answer: {error}"]) from error
    if response.status != 200:  # noqa: PLR2004 - all our answers that are not faults
        raise ConfigurationFault([f"{where}{path}: {response.status} {_why(answer)}"])
    document: dict[str, Any] = json.loads(answer)
    return document


def _connected(host: str, port: int, cert: Path | None) -> HTTPConnection:
    """A connection to the gateway; with HTTPS only to a server with the configured certificate, whatever name is in it.

    :raises OSError: nothing answers there, or a server with another certificate, which must not see the token.
    """
    if cert is None:
        return HTTPConnection(host, port, timeout=_PATIENCE_S)
    connection = HTTPSConnection(host, port, timeout=_PATIENCE_S, context=pinned_context())
    connection.connect()
    if not shows(connection.sock.getpeercert(binary_form=True), cert):
        connection.close()
        raise OSError(f"it does not show the certificate in {cert}; a new one is taken at a reload (systemctl reload gateway)")
    return connection


def _why(body: bytes) -> str:
    """Return the fault that an answer names."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, TypeError, KeyError):
        return body.decode(errors="replace")[:300]
