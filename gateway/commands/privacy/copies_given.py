"""Copies of a device's data that left the gateway: backups and exports, as the audit log has them."""

from pathlib import Path
from typing import Final, NamedTuple

from gateway.admin.backup.archive import is_archive
from gateway.commands.privacy.device_places import NamedDevice, audit_entries
from gateway.support.audit.forgotten import FORGOTTEN, forgotten_beside
from gateway.support.config.model import Config
from schemas.printable import printable

BACKUP_MADE: Final = "backup made"
DEVICE_EXPORTED: Final = "device exported"
_ASIDE: Final = (".damaged-", ".salvaged-", ".newer-", ".before-restore", ".before-install")
"""In the names of files that the gateway, a restore or an installation set aside, and that only people read again."""


class CopyGiven(NamedTuple):
    """A file with data of a device.

    :ivar to: the person or place that got it, as was said then; empty: nobody said.
    """

    is_backup: bool
    file: Path
    to: str


def copies_given(config: Config, device: NamedDevice) -> list[CopyGiven]:
    """Every backup that was made, and every export of this device.

    :raises AuditFault: the log cannot be read.
    """
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
        print(printable(f"    {'backup' if copy.is_backup else 'export'} {copy.file}{whom}"))
    if any(copy.is_backup for copy in copies):
        listed = forgotten_beside(config.journal.path).path
        print(
            printable(
                f"a restore forgets it again if it finds {listed} beside the backup as NAME{FORGOTTEN}, or by --forgotten"
            )
        )
    for path in _set_aside(config):
        print(printable(f"{path}: was set aside earlier and may hold it: remove it when it is not needed"))


def _set_aside(config: Config) -> list[Path]:
    registry = config.devices.registry
    folders = dict.fromkeys((config.journal.path.parent, registry.parent, registry.resolve().parent))
    there = [folder for folder in folders if folder.is_dir()]
    return [path for folder in there for path in sorted(folder.iterdir()) if any(mark in path.name for mark in _ASIDE)]
