"""The places that hold something of a device: files of the gateway, and the backups and exports that left it."""

import sqlite3
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.admin.backup.archive import is_archive
from gateway.admin.backup.contents import to_read
from gateway.commands.terminal import show
from gateway.ingest.storage.forgetting import DeviceNames, StoredRow, found
from gateway.support.audit.forgotten import FORGOTTEN, forgotten_beside
from gateway.support.audit.log import AuditLog, is_about
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.private_files import is_there
from gateway.support.registry.changes import place_in
from gateway.support.registry.registry import load_registry
from schemas.registry import RegisteredDevice, device_key


class NamedDevice(NamedTuple):
    """A device as a command names it: its id as in the registry, if it is there, with its entry."""

    id: str
    entry: RegisteredDevice | None

    @property
    def names(self) -> list[str]:
        """Every name that it can have in a database or a file: its id in both writings, and the name that it sends under."""
        source = self.entry.source if self.entry is not None else None
        return sorted({self.id, device_key(self.id), *([source] if source else [])})


def named_device(config: Config, name: str) -> NamedDevice:
    """Find a device; one that is not registered has the name that was given."""
    registry = load_registry(config.devices.registry)
    place = place_in(registry, name)
    return NamedDevice(name, None) if place is None else NamedDevice(registry.devices[place].id, registry.devices[place])


def stored_rows(config: Config, device: NamedDevice) -> dict[str, list[StoredRow]]:
    """All that the file holds of a device, by place, also while the gateway runs; ConfigurationFault if unreadable."""
    path = config.journal.path
    if not is_there(path):
        return {}
    try:
        with to_read(path) as connection:
            connection.text_factory = lambda raw: raw.decode(errors="replace")
            return found(connection, DeviceNames(device.names))
    except (sqlite3.Error, OSError) as error:
        raise ConfigurationFault([f"{path}: journal.path: cannot be read: {error}"]) from error


def audit_entries(config: Config, device: NamedDevice | None = None, *actions: str) -> list[dict[str, Any]]:
    """Entries of some actions, or of all, about a device or anything, the oldest first; AuditFault if unreadable."""
    names = None if device is None else DeviceNames(device.names)
    entries = AuditLog(config.journal.path).entries()
    wanted = (entry for entry in entries if not actions or entry["action"] in actions)
    return [entry for entry in wanted if names is None or is_about(entry, names.__contains__)][::-1]


BACKUP_MADE: Final = "backup made"
BACKUP_CLOSED: Final = "backup closed"
"""Only in the log that goes on: the archive itself ends before its own SHA-256."""
DEVICE_EXPORTED: Final = "device exported"
_ASIDE: Final = (".damaged-", ".salvaged-", ".newer-", ".before-restore", ".before-install")
"""In the names of files that the gateway, a restore or an installation set aside, and that only people read again."""


class CopyGiven(NamedTuple):
    """A file with data of a device; ``to``: the person or place that got it; empty: nobody said."""

    is_backup: bool
    file: Path
    to: str


def copies_given(config: Config, device: NamedDevice) -> list[CopyGiven]:
    """Every backup that was made, and every export of this device; AuditFault if the log cannot be read."""
    entries = audit_entries(config, None, BACKUP_MADE) + audit_entries(config, device, DEVICE_EXPORTED)
    found = [(entry["action"] == BACKUP_MADE, entry.get("subject")) for entry in entries]
    return [
        CopyGiven(is_backup, Path(about.get("file", "")), about.get("to") or "")
        for is_backup, about in found
        if isinstance(about, dict)
    ]


def archives_at_hand(copies: list[CopyGiven]) -> list[Path]:
    """The backups that are where they were made. The service writes the log, so each is looked into: it may name any file."""
    return [
        path for path in dict.fromkeys(copy.file for copy in copies if copy.is_backup) if path.is_file() and is_archive(path)
    ]


def tell_copies(config: Config, copies: list[CopyGiven]) -> None:
    """Name who has a copy, and the files that nobody reads again but people."""
    if copies:
        print("these are copies; who has one must be told:")
    for copy in copies:
        whom = f", for {copy.to}" if copy.to else ""
        show(f"    {'backup' if copy.is_backup else 'export'} {copy.file}{whom}")
    if any(copy.is_backup for copy in copies):
        listed = forgotten_beside(config.journal.path).path
        show(f"a restore forgets it again if it finds {listed} beside the backup as NAME{FORGOTTEN}, or by --forgotten")
    for path in _set_aside(config):
        show(f"{path}: was set aside earlier and may hold it: remove it when it is not needed")


def _set_aside(config: Config) -> list[Path]:
    registry = config.devices.registry
    folders = dict.fromkeys((config.journal.path.parent, registry.parent, registry.resolve().parent))
    there = [folder for folder in folders if folder.is_dir()]
    return [path for folder in there for path in sorted(folder.iterdir()) if any(mark in path.name for mark in _ASIDE)]
