"""Secrets that others could read: on the network without TLS, or in a file that everybody may open."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from gateway.support.config.files import configured_files
from gateway.support.config.model import Config
from gateway.support.config.setting_types import is_loopback, split_url
from gateway.support.registry.shares import ManagementSection

_SECRET_FILES: Final = frozenset(
    {"client_id_file", "password_file", "token_file", "tokens_file", "read_token_file", "webhook_token_file", "key"}
)
_PLAIN: Final = frozenset({"mqtt", "http"})
_IN_PLAIN: Final = (
    "{}: the password or token goes to {} unencrypted, and anyone who listens can read it; "
    "use mqtts:// or https://, or a tunnel to the same machine"
)


def sent_in_plain(config: Config, management: ManagementSection | None = None) -> list[tuple[str, str]]:
    """Addresses on other machines, of ``shares.yaml`` too, that get a password or token unencrypted, each behind its key."""
    mqtt, influxdb, enrolment, alarms = config.mqtt, config.influxdb, config.enrolment, config.alarms
    tokens = influxdb.token, influxdb.token_file, influxdb.read_token_file
    secrets = {
        **dict.fromkeys(mqtt.addresses().items(), (mqtt.password, mqtt.password_file, enrolment.password_file)),
        **dict.fromkeys(influxdb.addresses().items(), (*tokens, influxdb.password, influxdb.password_file)),
    }
    if enrolment.management is not None:
        secrets["enrolment.management", enrolment.management] = (enrolment.password_file,)
    if alarms.webhook is not None:
        secrets["alarms.webhook", alarms.webhook] = (alarms.webhook_token_file,)
    if management is not None:
        secrets["management.url", management.url] = (management.password_file,)
    return [where for where, given in secrets.items() if _is_plain_to_others(where[1]) and any(given)]


def pages_in_plain(config: Config) -> str:
    """The address of pages that are open to other machines over plain HTTP; empty if there is none.

    A trusted proxy is taken to speak HTTPS with people.
    """
    http = config.http
    if is_loopback(http.host) or http.tls.cert is not None or http.trusted_proxies:
        return ""
    return f"http://{f'[{http.host}]' if ':' in http.host else http.host}:{http.port}"


def _is_plain_to_others(url: str) -> bool:
    parts = split_url(url)
    return parts.scheme in _PLAIN and not is_loopback(parts.hostname or "")


def exposed_secrets(config: Config) -> list[str]:
    """A sentence for each secret that others could read."""
    wire = [_IN_PLAIN.format(*where) for where in sent_in_plain(config)]
    if url := pages_in_plain(config):
        wire.append(
            f"http.host: the token and the readings cross the network unencrypted at {url}, where anyone can read them; "
            "set http.tls, or put a proxy with HTTPS before it and name that in http.trusted_proxies"
        )
    return [*wire, *_readable_files(config, "")]


def exposed_of_management(path: Path, management: ManagementSection) -> list[str]:
    """A sentence for each secret of the broker's HTTP API, in the ``shares.yaml`` at ``path``, that others could read."""
    key = f"{path}: management."
    wire = [_IN_PLAIN.format(f"{key}url", management.url)] if _is_plain_to_others(management.url) else []
    return [*wire, *_readable_files(management, key)]


def _readable_files(section: BaseModel, prefix: str) -> Iterator[str]:
    for keys, path in configured_files(section):
        if keys[-1] in _SECRET_FILES and _all_may_read(path):
            yield f"{prefix}{'.'.join(keys)}: everybody on this machine may read {path}; chmod o= {path}"


def _all_may_read(path: Path) -> bool:
    with suppress(OSError):
        return bool(path.stat().st_mode & stat.S_IROTH)
    return False
