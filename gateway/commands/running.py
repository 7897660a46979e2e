"""Access of commands to the running gateway: detection, and requests over HTTP."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from gateway.commands.recording import user
from gateway.ingest.storage.beside import is_in_use
from gateway.support.access.accounts import USER_HEADER, own_token_file
from gateway.support.config.files import ConfigurationFault, secret
from gateway.support.config.model import Config
from gateway.support.plain_http import HttpAnswer, NoAnswer, PlainHttp
from gateway.support.tls import pinned_context


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
    given = {key: value for key, value in query.items() if value is not None}
    headers = {"Authorization": f"Bearer {secret(None, token_file) or ''}", USER_HEADER: user()}
    server = PlainHttp(where, headers, pinned_context() if http.tls.cert else None, http.tls.cert)
    try:
        answer = server.send(method, path + (f"?{urlencode(given)}" if given else ""), body)
    except NoAnswer as fault:
        raise ConfigurationFault([f"{config.journal.path}: in use, and {fault}"]) from fault
    if answer.status != 200:  # noqa: PLR2004 - all our answers that are not faults
        raise ConfigurationFault([f"{where}{path}: {answer.status} {_why(answer)}"])
    document: dict[str, Any] = json.loads(answer.body)
    return document


def _why(answer: HttpAnswer) -> str:
    """Return the fault that an answer names."""
    found = answer.document()
    return str(found["error"]) if isinstance(found, dict) and "error" in found else answer.text()[:300]
