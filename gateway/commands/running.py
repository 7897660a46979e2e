"""The gateway that a command is about: asked over HTTP while it runs; else its file, and the audit of what is changed there."""

import getpass
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote, urlencode

from gateway.commands import OutOfReach
from gateway.ingest.storage.beside import InUse, is_in_use
from gateway.ingest.storage.database import Damaged, Database, DatabaseFault
from gateway.support.access.accounts import USER_HEADER, own_token_file
from gateway.support.audit.log import AuditFault, AuditLog, Deed, Details
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault, secret
from gateway.support.config.model import Config
from gateway.support.plain_http import HttpAnswer, NoAnswer, PlainHttp
from gateway.support.private_files import is_there
from gateway.support.registry.registry import load_registry
from gateway.support.tls import pinned_context
from schemas.nearest import did_you_mean
from schemas.registry import device_key

_ROLE: Final = "command"


def user() -> str:
    """The user of this machine who gives the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "unknown"


def record(config: Config, action: str, *, subject: object, before: object = None, after: object = None) -> None:
    """Write a change into the audit log; ConfigurationFault if it cannot be written, though the change was made."""
    record_all(config, action, [{"subject": subject, "before": before, "after": after}])


def record_all(config: Config, action: str, details: list[Details]) -> None:
    """Write many changes of one kind into the audit log; ConfigurationFault as for one."""
    if not details:
        return
    deed = Deed(WallClock().now_ms(), user(), _ROLE, action)
    try:
        AuditLog(config.journal.path).record(deed, *details)
    except AuditFault as fault:
        raise ConfigurationFault([f"the change was made, but is not in the audit log: {fault}"]) from fault


_SALVAGED_BY: Final = "at its next start the gateway sets the file aside and saves what can be read"


def is_running(config: Config) -> bool:
    """Tell if a gateway with this configuration runs on this machine."""
    return is_in_use(config.journal.path)


def ask(config: Config, method: str, path: str, query: dict[str, Any], body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Ask the running gateway, ``body`` is sent as JSON; ConfigurationFault if it refuses, OutOfReach if it cannot do it."""
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
        raise OutOfReach(f"{config.journal.path}: in use, and {fault}") from fault
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise OutOfReach(f"the gateway at {where}: {answer.status} {_why(answer)}")
    if answer.status != HTTPStatus.OK:
        device = unquote(path.removeprefix(_DEVICES).partition("/")[0]) if path.startswith(_DEVICES) else ""
        raise ConfigurationFault([_why(answer) + (meant(config, device) if device else "")])
    document: dict[str, Any] = json.loads(answer.body)
    return document


_DEVICES: Final = "/api/devices/"


def meant(config: Config, name: str) -> str:
    """The end of a sentence that refuses a device: the one that was most likely meant, if it is not registered itself."""
    known = load_registry(config.devices.registry).by_id()
    return "" if name in known or device_key(name) in known else did_you_mean(name, known)


def _why(answer: HttpAnswer) -> str:
    found = answer.document()
    return str(found["error"]) if isinstance(found, dict) and "error" in found else answer.text()[:300]


def paged(page: Callable[[int | None], list[dict[str, Any]]], key: str = "number") -> Iterator[dict[str, Any]]:
    """All rows, the newest first, asked for in pages: each holds what comes before the last row of the one before."""
    before: int | None = None
    while found := page(before):
        yield from found
        before = found[-1][key]


@contextmanager
def store(config: Config) -> Iterator[Database | None]:
    """The gateway's file, or None if a running gateway uses it."""
    file = Database(config.journal.path)
    if not is_there(config.journal.path):
        raise ConfigurationFault([f"{config.journal.path}: journal.path: no gateway has run here yet"])
    try:
        file.open()
    except InUse:
        yield None
        return
    except DatabaseFault as fault:
        raise ConfigurationFault([f"{config.journal.path}: journal.path: {fault}"]) from fault
    except Damaged as fault:
        raise ConfigurationFault([f"{config.journal.path}: journal.path: {fault}; {_SALVAGED_BY}"]) from fault
    try:
        yield file
    except Damaged as fault:
        raise ConfigurationFault([f"{config.journal.path}: journal.path: {fault}; {_SALVAGED_BY}"]) from fault
    finally:
        file.close()
