"""Devices as the file has them, for a command while no gateway runs."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import suppress

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack_kept, unpack, unpack_kept
from gateway.core.readings.field_sets import FieldSets
from gateway.core.readings.sums import KEPT
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database


def device_rows(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
    """All rows of devices, the newest first."""
    return connection.execute("SELECT id, body FROM device_state ORDER BY id DESC").fetchall()


def lines_of(body: bytes) -> Iterator[tuple[str, str]]:
    """The devices of a row, each with its line.

    :raises ValueError: the row is damaged.
    """
    try:
        text = zlib.decompress(body).decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    for record in text.split("\n"):
        name, separator, line = record.partition("\t")
        if separator:
            yield name, line


class StoredMemory:
    """The devices as the gateway's last stop left them, for messages that a command replays: their windows of duplicates."""

    def __init__(self, database: Database, now_ms: int) -> None:
        self._now_ms = now_ms
        self._lines: dict[str, str] = {}
        for _, body in database.run_here(device_rows):
            with suppress(ValueError):
                for name, line in lines_of(body):
                    self._lines.setdefault(name, line)

    def restore(self, device: Device, field_sets: FieldSets) -> None:
        """Restore a device; one whose record is damaged is new."""
        line = self._lines.pop(device.name, None)
        if line is not None:
            with suppress(ValueError):
                unpack(line, device, field_sets, self._now_ms)


def stored_devices(database: Database) -> Iterator[Device]:
    """Devices with their counters; one whose record is damaged is left out."""
    lines: dict[str, list[str]] = {}
    for _, body in database.run_here(device_rows):
        with suppress(ValueError):
            for name, line in lines_of(body):
                lines.setdefault(name, [line])
    for key, line in database.run_here(keyvalue.get_prefix, KEPT).items():
        lines.setdefault(key.removeprefix(KEPT), []).append(line)
    for name, found in lines.items():
        device = Device(name, None)
        for line in found:
            with suppress(ValueError):
                unpack_kept(line, device)
        yield device


def stored_device(database: Database, names: frozenset[str]) -> Device | None:
    """The device with one of these names; None if the file has none."""
    return next((device for device in stored_devices(database) if device.name in names), None)


def keep_counters(database: Database, device: Device) -> None:
    """Save the counters of a device, that were changed; at its start the gateway finds them newer than its own."""
    database.run_here(keyvalue.put, KEPT + device.name, pack_kept(device))
