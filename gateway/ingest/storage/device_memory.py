"""Devices as the file has them from earlier runs: a line for each, until the device is heard again.

:class:`DeviceMemory` is made before the core's streams, which need it; the lines come from the file later
(:mod:`gateway.ingest.storage.device_snapshots`). A line is parsed only when its device is first heard. Devices that are stored
under another id than they have now are known at the start, before the first of them speaks. A command reads the same lines
while no gateway runs.
"""

import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pydantic_core import from_json

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack_kept, unpack, unpack_kept
from gateway.core.devices.streams import Streams
from gateway.core.readings.line_protocol import FieldSets
from gateway.core.readings.sums import KEPT
from gateway.ingest.events import Events
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.support.clock import WallClock

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._:-]")


@dataclass(slots=True)
class DeviceMemory:
    """Lines of devices that were not heard yet.

    :ivar is_shared: another machine may have read the devices since.
    :ivar steps: id → the line of its counters that was saved when one of them took a step.
    :ivar checks: id → checksum of the line in the file, of devices that were met.
    :ivar is_outdated: the run before was killed, and may have read on after it saved them.
    """

    _events: Events
    _clock: WallClock
    is_shared: bool = False
    lines: dict[str, str] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)
    checks: dict[str, int] = field(default_factory=dict)
    is_outdated: bool = False

    def remembers(self, name: str) -> bool:
        """Return True for a device that an earlier run has heard and this one has not."""
        return name in self.lines

    def restore(self, device: Device, field_sets: FieldSets) -> None:
        """Restore the stored state of a new device."""
        line, step = self.lines.pop(device.name, None), self.steps.pop(device.name, None)
        try:
            if line is None:
                former = former_id(device.source)  # as an earlier version had it; there two names could become one id
                if former not in {device.source, device.name} and self.remembers(former):
                    self._events.device_renamed(device.name, device.source, former)
            else:
                self.checks[device.name] = zlib.crc32(line.encode())
                unpack(line, device, field_sets, self._clock.now_ms())
            if step is not None:
                unpack_kept(step, device)
            if self.is_outdated:
                device.last_seq = -1  # numbers from after the save are not missing: that run had them
            if self.is_shared:
                device.went_on_elsewhere()
        except ValueError as error:
            self._events.state_lost(device.name, str(error))


class ChangedId(NamedTuple):
    """A device, by the name under which it sends, with its id in the past and its id from now on."""

    source: str
    former: str
    now: str

    def __str__(self) -> str:
        return f"{self.former} → {self.now}"


def former_id(source: str) -> str:
    """The id that an earlier version made of a name, by which two names could become one."""
    return _NO_NAME.sub("_", source)


def changed_ids(lines: Mapping[str, str], streams: Streams) -> list[ChangedId]:
    """The devices whose id is sure to have changed since the last run; ``lines``: id → what is remembered of it."""
    registered = [(entry.source, entry.id) for entry in streams.registry.values() if entry.source is not None]
    remembered = [(name, _source_in(line)) for name, line in lines.items() if '"source"' in line]
    found = [ChangedId(source, former_id(source), now) for source, now in registered]
    found += [ChangedId(source, name, streams.id_of(source)) for name, source in remembered if source]
    return [one for one in dict.fromkeys(found) if one.former in lines and one.now not in lines and one.former != one.now]


def _source_in(line: str) -> str:
    try:
        record = from_json(line)
    except ValueError:
        return ""
    source = record.get("source") if isinstance(record, dict) else None
    return source if isinstance(source, str) else ""


def device_rows(
    connection: sqlite3.Connection, damaged: Callable[[int, str], None] = lambda _row, _why: None
) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """All rows of devices, the newest first, each with the devices in it and their lines; unpacked as they are asked for.

    ``damaged`` is told each row that is damaged, and why; it holds no devices.
    """
    rows = connection.execute("SELECT id, body FROM device_state ORDER BY id DESC").fetchall()
    return ((row, _unpacked(row, body, damaged)) for row, body in rows)


def _unpacked(row: int, body: bytes, damaged: Callable[[int, str], None]) -> list[tuple[str, str]]:
    try:
        records = zlib.decompress(body).decode().split("\n")
    except (zlib.error, UnicodeDecodeError) as error:
        damaged(row, str(error))
        return []
    found = (record.partition("\t") for record in records)
    return [(name, line) for name, separator, line in found if separator]


def _newest_lines(database: Database) -> dict[str, str]:
    lines: dict[str, str] = {}
    for _, found in database.run_here(device_rows):
        for name, line in found:
            lines.setdefault(name, line)
    return lines


class StoredMemory:
    """The devices as the gateway's last stop left them, for messages that a command replays: their windows of duplicates."""

    def __init__(self, database: Database, now_ms: int) -> None:
        self._now_ms = now_ms
        self._lines = _newest_lines(database)

    def restore(self, device: Device, field_sets: FieldSets) -> None:
        """Restore a device; one whose record is damaged is new."""
        line = self._lines.pop(device.name, None)
        if line is not None:
            with suppress(ValueError):
                unpack(line, device, field_sets, self._now_ms)


def stored_devices(database: Database) -> Iterator[Device]:
    """Devices with their counters; one whose record is damaged is left out."""
    lines = {name: [line] for name, line in _newest_lines(database).items()}
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
