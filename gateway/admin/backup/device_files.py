"""The files of a backup that name devices, before a gateway runs on them: devices found in them, and forgotten."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from gateway.ingest.broker.dynamic_security import names_in, without
from gateway.ingest.storage.forgetting import DeviceNames, devices_in, forget, photographed, photos_of
from gateway.support.config.files import text_of
from gateway.support.folder_owner import as_owner
from gateway.support.registry.changes import MakeChange, edit_device, place_in, retire
from gateway.support.registry.edit import edit
from gateway.support.registry.registry import load_registry
from schemas.registry import Registry, device_key


class DeviceFiles(NamedTuple):
    """Files that name devices; None: it is not restored."""

    store: Path | None
    photos: Path | None
    registry: Path | None
    accounts: Path | None

    def devices(self) -> set[str]:
        """The devices that they name.

        :raises sqlite3.Error, OSError: one cannot be read.
        """
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
        """Forget devices in all of them.

        :raises sqlite3.Error, OSError: one cannot be written.
        """
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
    children = [one.id for one in registry.devices if one.parent is not None and device_key(one.parent) == device_key(name)]
    for child in children:
        _write(path, partial(edit_device, name=child, document={"parent": None}))
    _write(path, partial(retire, name=name))


def _write(path: Path, make: MakeChange) -> None:
    registry: Registry = load_registry(path)
    with as_owner(path):
        path.write_text(edit(text_of(path), make(registry)).text, encoding="utf-8")
