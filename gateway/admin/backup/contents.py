"""The files that make a gateway, found by its configuration.

The readings themselves are in the database, which has a backup of its own.
"""

import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from gateway.ingest.storage.photos import photos_file
from gateway.ingest.storage.recovery.set_aside import newer_files, to_salvage, with_companions
from gateway.support.audit.forgotten import forgotten_beside
from gateway.support.audit.log import AuditLog
from gateway.support.config.files import configured_files
from gateway.support.config.model import Config
from gateway.support.folder_owner import as_owner


class BackupKind(StrEnum):
    """The kinds of files in a backup, in the words of its summary."""

    CONFIGURATION = "configuration"
    REGISTRY = "registry"
    PROFILES = "profiles"
    ALARM_RULES = "rules of alarms"
    SECRETS = "secrets and certificates"
    STORE = "store"
    WAITING = "stores that wait to be read"
    PHOTOS = "photos"
    AUDIT = "audit log"
    FORGOTTEN = "list of the forgotten"
    BROKER_ACCOUNTS = "broker accounts"
    ALSO = "named by --also"


SQLITE: Final = frozenset({BackupKind.STORE, BackupKind.PHOTOS})
"""Kinds that a running gateway writes: SQLite copies them as they are at one instant."""


class BackupFile(NamedTuple):
    """A file of a gateway."""

    kind: BackupKind
    path: Path


_OF_SETTING: Final[dict[tuple[str, ...], BackupKind]] = {
    ("devices", "registry"): BackupKind.REGISTRY,
    ("profiles", "path"): BackupKind.PROFILES,
    ("alarms", "rules"): BackupKind.ALARM_RULES,
    ("journal", "path"): BackupKind.STORE,
}
"""All other settings that name a file name a secret, a certificate or a key."""


def files_of(config: Config, accounts: Path, also: Sequence[Path]) -> list[BackupFile]:
    """The files that there are, each once.

    :param accounts: the broker's accounts.
    :param also: further files, or folders with all that is in them.
    """
    found: dict[Path, BackupKind] = {}
    for kind, path in _named(config, accounts, also):
        for file in _within(path):
            found.setdefault(Path(os.path.abspath(file)), kind)  # noqa: PTH100 - without `..`; links stay links
    return [BackupFile(kind, path) for path, kind in found.items()]


def _named(config: Config, accounts: Path, also: Sequence[Path]) -> Iterator[tuple[BackupKind, Path]]:
    """The files and folders that are named; they need not exist."""
    journal = config.journal.path
    if config.file is not None:
        yield BackupKind.CONFIGURATION, config.file
    for setting, path in configured_files(config):
        yield _OF_SETTING.get(setting, BackupKind.SECRETS), path
    yield from (
        (BackupKind.WAITING, path) for path in (*to_salvage(journal), *newer_files(journal)) for path in with_companions(path)
    )
    yield BackupKind.PHOTOS, photos_file(journal)
    yield from ((BackupKind.AUDIT, path) for path in AuditLog(journal).files)
    forgotten = forgotten_beside(journal)
    yield from ((BackupKind.FORGOTTEN, path) for path in (forgotten.key_path, forgotten.path))
    yield BackupKind.BROKER_ACCOUNTS, accounts
    yield from ((BackupKind.ALSO, path) for path in also)


def _within(path: Path) -> Iterator[Path]:
    if path.is_dir():
        with as_owner(path):
            found = sorted(file for file in path.rglob("*") if file.is_file())
        yield from found
    elif path.is_file():
        yield path
