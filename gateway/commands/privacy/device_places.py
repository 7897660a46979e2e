"""The places that can hold something of a device, for the commands that export and forget it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from gateway.ingest.storage.forgetting import DeviceNames, StoredRow, found
from gateway.support.audit.chain import is_about
from gateway.support.audit.log import AuditLog
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.folder_owner import as_owner
from gateway.support.private_files import refuse_pipes
from gateway.support.registry.changes import place_in
from gateway.support.registry.registry import load_registry
from schemas.registry import RegisteredDevice, device_key

_PAGE = 500


class NamedDevice(NamedTuple):
    """A device as a command names it.

    :ivar id: as in the registry, if it is there.
    :ivar entry: its entry there.
    """

    id: str
    entry: RegisteredDevice | None

    @property
    def names(self) -> list[str]:
        """Every name that it can have in a database or a file: its id in both writings, and the name that it sends under."""
        source = self.entry.source if self.entry is not None else None
        return sorted({self.id, device_key(self.id), *([source] if source else [])})


def named_device(config: Config, name: str) -> NamedDevice:
    """Find a device; one that is not registered has the name that was given.

    :raises ConfigurationFault: the registry is faulty.
    """
    registry = load_registry(config.devices.registry)
    place = place_in(registry, name)
    return NamedDevice(name, None) if place is None else NamedDevice(registry.devices[place].id, registry.devices[place])


def stored_rows(config: Config, device: NamedDevice) -> dict[str, list[StoredRow]]:
    """All that the gateway's file holds of a device, by place; also while the gateway runs.

    :raises ConfigurationFault: the file cannot be read.
    """
    path = config.journal.path
    if not path.exists():
        return {}
    try:
        with _reading(path) as connection:
            return found(connection, DeviceNames(device.names))
    except (sqlite3.Error, OSError) as error:
        raise ConfigurationFault([f"{path}: journal.path: cannot be read: {error}"]) from error


def audit_entries(config: Config, device: NamedDevice | None = None, *actions: str) -> list[dict[str, Any]]:
    """Entries of the audit log about a device, or about anything, the oldest first.

    :param actions: only these; none given: all.
    :raises AuditFault: it cannot be read.
    """
    audit, before = AuditLog(config.journal.path), None
    names = None if device is None else DeviceNames(device.names)
    chosen: list[dict[str, Any]] = []
    while page := audit.entries(before, _PAGE):
        wanted = [entry for entry in page if not actions or entry["action"] in actions]
        chosen += [entry for entry in wanted if names is None or is_about(entry, names.__contains__)]
        before = page[-1]["number"]
    return chosen[::-1]


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with as_owner(path):
        refuse_pipes(path)
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30.0)) as connection:
            connection.text_factory = lambda raw: raw.decode(errors="replace")
            yield connection
