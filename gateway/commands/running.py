"""The running gateway, as commands see it: whether there is one, and what it answers over HTTP."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode

from gateway.disk.file_lock import is_in_use
from gateway.settings.config import Config
from gateway.settings.config_file import ConfigurationFault, secret
from gateway.web.access import own_token_file


def is_running(config: Config) -> bool:
    """Whether a gateway of this configuration runs on this machine."""
    return is_in_use(config.journal.path)


def ask(config: Config, method: str, path: str, query: dict[str, Any]) -> dict[str, Any]:
    """Ask the running gateway.

    :raises ConfigurationFault: it cannot be reached or does not want to.
    """
    http = config.http
    host = {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(http.host, http.host)  # noqa: S104 - what others bind, we only ask
    token_file = http.token_file or own_token_file(config.journal.path)
    try:
        given = {key: value for key, value in query.items() if value is not None}
        token = secret(None, token_file) or ""
        target = path + (f"?{urlencode(given)}" if given else "")
        with closing(HTTPConnection(host, http.port, timeout=30)) as connection:
            connection.request(method, target, headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            body = response.read()
    except (OSError, HTTPException) as error:
        raise ConfigurationFault(
            [f"{config.journal.path}: in use, and http://{host}:{http.port} does not answer: {error}"]
        ) from error
    if response.status != 200:  # noqa: PLR2004 - all our answers that are not faults
        raise ConfigurationFault([f"http://{host}:{http.port}{path}: {response.status} {_why(body)}"])
    document: dict[str, Any] = json.loads(body)
    return document


def _why(body: bytes) -> str:
    """What an answer says is wrong."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, TypeError, KeyError):
        return body.decode(errors="replace")[:300]
