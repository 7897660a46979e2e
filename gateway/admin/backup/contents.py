"""The files that make a gateway, found by its configuration; and devices in those of a backup, found and forgotten.

The readings themselves are in the database, which has a backup of its own.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from enum import StrEnum
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from gateway.ingest.broker.rights import names_in, without
from gateway.ingest.storage.forgetting import DeviceNames, devices_in, forget, photographed, photos_of
from gateway.ingest.storage.photos import photos_file
from gateway.ingest.storage.recovery.set_aside import newer_files, to_salvage, with_companions
from gateway.monitoring.reports.seals import Seals
from gateway.support.audit.forgotten import forgotten_beside
from gateway.support.audit.log import AuditLog
from gateway.support.config.files import configured_files, text_of
from gateway.support.config.model import Config
from gateway.support.private_files import as_owner, refuse_pipes
from gateway.support.registry.changes import MakeChange, edit_device, place_in, retire
from gateway.support.registry.edit import edit
from gateway.support.registry.registry import load_registry
from schemas.registry import Registry, device_key


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
    SEALS = "sealed months"
    FORGOTTEN = "list of the forgotten"
    BROKER_ACCOUNTS = "broker accounts"
    ALSO = "named by --also"


SQLITE: Final = frozenset({BackupKind.STORE, BackupKind.PHOTOS})
"""Kinds that a running gateway writes: SQLite copies them as they are at one instant."""


COMPANIONS: Final = ("-wal", "-shm", "-journal", ".tally")
"""Behind the name of a database: files that belong to it; its tally counts what was in it."""
LAID: Final = ".restoring"
"""Behind the name of a file that a restore lays beside its place; one that a power cut left is no file of a gateway."""


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
    """The files that there are, each once: the broker's accounts too, and further files, or folders with all in them."""
    found: dict[Path, BackupKind] = {}
    for kind, path in _named(config, accounts, also):
        for file in _within(path):
            found.setdefault(Path(os.path.abspath(file)), kind)  # noqa: PTH100 - without `..`; links stay links
    beside = beside_databases(BackupFile(kind, path) for path, kind in found.items())
    return [BackupFile(kind, path) for path, kind in found.items() if path not in beside and not path.name.endswith(LAID)]


def beside_databases(files: Iterable[BackupFile]) -> set[Path]:
    """Files that belong to databases among others. A copy of a database is whole without them, and is spoiled by old ones."""
    databases = [file.path for file in files if file.kind in SQLITE]
    return {path.with_name(path.name + end) for path in databases for end in (*COMPANIONS, ".lock")}


def _named(config: Config, accounts: Path, also: Sequence[Path]) -> Iterator[tuple[BackupKind, Path]]:
    """The files and folders that are named; they need not exist."""
    journal, forgotten = config.journal.path, forgotten_beside(config.journal.path)
    if config.file is not None:
        yield BackupKind.CONFIGURATION, config.file
    for setting, path in configured_files(config):
        yield _OF_SETTING.get(setting, BackupKind.SECRETS), path
    others: dict[BackupKind, Iterable[Path]] = {
        BackupKind.WAITING: chain.from_iterable(map(with_companions, (*to_salvage(journal), *newer_files(journal)))),
        BackupKind.PHOTOS: [photos_file(journal)],
        BackupKind.AUDIT: AuditLog(journal).files,
        BackupKind.SEALS: [Seals(journal).folder],
        BackupKind.FORGOTTEN: (forgotten.key_path, forgotten.path),
        BackupKind.BROKER_ACCOUNTS: [accounts],
        BackupKind.ALSO: also,
    }
    yield from ((kind, path) for kind, paths in others.items() for path in paths)


def _within(path: Path) -> Iterator[Path]:
    with as_owner(path):
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        files = [file for file in found if file.is_file()]
    yield from files


@contextmanager
def to_read(database: Path) -> Iterator[sqlite3.Connection]:
    """A database that a gateway may have open, to be read."""
    with as_owner(database):
        refuse_pipes(database)
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, timeout=30.0)) as connection:
            yield connection


class DeviceFiles(NamedTuple):
    """Files that name devices; None: it is not restored."""

    store: Path | None
    photos: Path | None
    registry: Path | None
    accounts: Path | None

    def devices(self) -> set[str]:
        """The devices that they name; sqlite3.Error or OSError if one cannot be read."""
        found: set[str] = set()
        if self.store is not None:
            with as_owner(self.store), closing(sqlite3.connect(self.store)) as connection:
                found |= devices_in(connection)
        if self.photos is not None:
            found.update(photographed(self.photos))
        if self.registry is not None:
            found.update(device.id for device in load_registry(self.registry).devices)
        if self.accounts is not None:
            found |= names_in(text_of(self.accounts))
        return found

    def forget(self, devices: Sequence[str]) -> None:
        """Forget devices in all of them; sqlite3.Error or OSError if one cannot be written."""
        names = list(devices)
        if self.registry is not None:
            known = {device_key(one.id): one for one in load_registry(self.registry).devices}
            sources = [one.source for name in devices if (one := known.get(device_key(name))) is not None and one.source]
            names += sources
            for name in devices:
                _forget_in_registry(self.registry, name)
        if self.store is not None:
            with as_owner(self.store), closing(sqlite3.connect(self.store, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                forget(connection, DeviceNames(names))
                connection.execute("COMMIT")
        if self.photos is not None:
            photos_of(self.photos, DeviceNames(names), remove=True)
        if self.accounts is not None:
            with as_owner(self.accounts):
                self.accounts.write_text(without(text_of(self.accounts), frozenset(devices)), encoding="utf-8")


def _forget_in_registry(path: Path, name: str) -> None:
    """Take a device out of a registry's file, and away from those whose parent it is."""
    registry = load_registry(path)
    if place_in(registry, name) is None:
        return
    key = device_key(name)
    for child in [one for one in registry.devices if key in map(device_key, one.parents)]:
        others = [one for one in child.parents if device_key(one) != key]
        _write(path, partial(edit_device, name=child.id, document={"parent": others or None}))
    _write(path, partial(retire, name=name))


def _write(path: Path, make: MakeChange) -> None:
    registry: Registry = load_registry(path)
    with as_owner(path):
        path.write_text(edit(text_of(path), make(registry)).text, encoding="utf-8")
