"""Snapshots of devices: read at the start, saved every quarter of an hour and at the stop.

A save writes the devices that changed, some hundred to a compressed row, and nothing else; a device's newest row counts. A row
of whose devices few still count is written again with the next save and removed, so the file stays as small as the fleet. At
the start rows are only unpacked into lines; a line is parsed when its device is first heard.

A gateway that was killed has read on since its last save. A mark in the file, which a stop takes away, tells the next run.

The last messages are saved only at the stop, a mebibyte at most. So is the window of duplicates, when all its readings are
durable: at any other moment it names readings that would come again after a crash and must then be written.
"""

import asyncio
import logging
import sqlite3
import time
import zlib
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from gateway.core.alarms.engine import Alarms
from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack
from gateway.core.devices.streams import Streams
from gateway.core.readings.sums import KEPT
from gateway.core.status.health import registered_devices
from gateway.ingest.events import Events
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.device_memory import DeviceMemory, changed_ids, device_rows
from gateway.support.clock import WallClock, set_within

log = logging.getLogger("gateway.storage")

_SAVE_EVERY_S: Final = 900.0
_SUBSCRIBED_WITHIN_S: Final = 1.0
"""Delay of the restore: the start must subscribe first, as the broker's queue fills. Earlier requests restore at once."""
_LOOK_EVERY_S: Final = 1.0
_AGE_EVERY_S: Final = 60.0
_TOGETHER: Final = 200
"""Devices in a row; also how many are processed before others get their turn."""
_LEVEL: Final = 9
_MESSAGES_MAX_BYTES: Final = 1 << 20
"""Most bytes of last messages in the file; their rows are compressed."""
_RUNNING: Final = "running"
"""In the file while a gateway runs with it."""
_NAMED: Final = "ids by whole names"
"""In the file from when the names of its devices were told that an earlier version may have made."""


@dataclass(slots=True)
class DeviceSnapshots:
    """Keeps the state of devices in the file.

    The state of one is either a line in the memory, as long as it was not met, or in the device itself.

    :raises DatabaseFault: from each that saves; nothing is saved, and the next time is soon enough.
    """

    _database: Database
    _events: Events
    _streams: Streams
    _memory: DeviceMemory
    _alarms: Alarms
    _devices_max: int
    _clock: WallClock
    _rows: dict[str, int] = field(default_factory=dict)
    _useless: set[int] = field(default_factory=set)
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)
    _registry_changed: asyncio.Event = field(default_factory=asyncio.Event)

    def load(self) -> None:
        """Read the snapshots, the newest first: of all registered devices, and of others up to their limit."""
        self._memory.is_outdated = self._database.run_here(keyvalue.get, _RUNNING) is not None
        note_running(self._database)
        others = 0
        for row, lines in self._database.run_here(device_rows, self._lost):
            self._useless.add(row)
            for name, line in lines:
                if name in self._rows:
                    continue
                is_other = not self._streams.is_registered(name)
                if not is_other or others < self._devices_max:
                    others += is_other
                    self._rows[name] = row
                    self._memory.lines[name] = line
                    self._useless.discard(row)
        self._load_steps(self._devices_max - others)
        self._say_changed_ids()

    def _load_steps(self, others_max: int) -> None:
        """Read the counters that took a step; forget those of devices that nothing else is known of, but of so many."""
        gone: dict[str, str | None] = {}
        for key, line in self._database.run_here(keyvalue.get_prefix, KEPT).items():
            name = key.removeprefix(KEPT)
            is_known = name in self._memory.lines or self._streams.is_registered(name)
            if is_known or others_max > 0:
                self._memory.steps[name] = line
                others_max -= not is_known
            else:
                gone[key] = None
        if gone:
            with suppress(DatabaseFault):  # they are only old
                self._database.run_here(keyvalue.put_all, gone)

    def _say_changed_ids(self) -> None:
        """Report devices whose id has changed, and once those for which that shows only when they send."""
        lines, told = self._memory.lines, self._database.run_here(keyvalue.get, _NAMED) is not None
        perhaps = [] if told else [name for name in lines if "_" in name]
        changed = changed_ids(lines, self._streams)
        told_of = {one.former for one in changed}
        self._events.ids_changed([str(one) for one in changed], [name for name in perhaps if name not in told_of])
        if not told:
            with suppress(DatabaseFault):  # it is told once more then
                self._database.run_here(keyvalue.put, _NAMED, "1")

    def _lost(self, row: int, why: str) -> None:
        self._events.state_lost(f"devices in row {row}", why)

    async def run(self) -> None:
        """Save every quarter of an hour, and new registered devices at once, until cancelled."""
        await asyncio.sleep(_SUBSCRIBED_WITHIN_S)
        while True:
            self._registry_changed.clear()
            await self._meet_registered()
            if not await set_within(self._registry_changed, self._clock.real_s(_SAVE_EVERY_S)):
                with suppress(DatabaseFault):
                    await self.save()

    def registry_changed(self) -> None:
        """Another registry is active."""
        self._registry_changed.set()

    async def _meet_registered(self) -> None:
        """Restore every registered device, a few at a time, and save since when those that were never heard are registered."""
        now_ms, new = self._clock.now_ms(), []
        for at, device in enumerate(registered_devices(self._streams)):
            if not device.last_seen_ms and not device.registered_ms:
                device.registered_ms = now_ms
                new.append(device)
            if at % _TOGETHER == _TOGETHER - 1:
                await asyncio.sleep(0)
        with suppress(DatabaseFault):
            await self._save(new, self._pack)

    async def watch_places(self) -> None:
        """Report devices without a place, and free the places of unregistered devices as they age, until cancelled."""
        next_s = time.monotonic() + self._clock.real_s(_AGE_EVERY_S)
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if turned_away := self._streams.places.turned_away.take():
                self._events.turned_away(turned_away, self._devices_max)
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + self._clock.real_s(_AGE_EVERY_S)
                await self.forget(self._streams.age(self._clock.now_ms()))

    async def forget(self, names: list[str]) -> None:
        """Forget devices that made room; one that comes back is a new device."""
        if not names:
            return
        async with self._saving:  # a save under way would remember them again
            for name in names:
                self._memory.checks.pop(name, None)
                self._rows.pop(name, None)
            with suppress(DatabaseFault):
                await self._database.run(keyvalue.put_all, dict.fromkeys(KEPT + name for name in names))
        self._alarms.forget(names, self._clock.now_ms())
        self._events.aged(names)

    async def save(self) -> int:
        """Save changed devices; return their number."""
        return await self._save(list(self._streams.devices.values()), self._pack)

    async def save_at_stop(self, *, windows: bool) -> int:
        """Save all devices with their last messages; the ``windows`` of duplicates only if all that was received is durable."""
        window_at_ms = self._clock.now_ms() if windows else None
        devices, field_sets = list(self._streams.devices.values()), self._streams.field_sets
        with_message = set(_fitting(devices, _MESSAGES_MAX_BYTES))

        def pack_whole(device: Device) -> str:
            return pack(device, field_sets, window_at_ms, message=device.name in with_message)

        saved = await self._save(devices, pack_whole)
        await self._database.run(keyvalue.put_all, {_RUNNING: None})
        return saved

    def _pack(self, device: Device) -> str:
        return pack(device, self._streams.field_sets)

    async def meter_exchanged(self, device: Device) -> None:
        """Save a device whose step people have explained, and end the alarm of it, even if it cannot be saved."""
        self._alarms.exchanged(device.name, self._clock.now_ms())
        await self.save_counters(device)

    async def save_counters(self, device: Device) -> None:
        """Save a device at once: its counters were changed by people, and that takes effect even if it cannot be saved."""
        await self._save([device], self._pack)

    async def _save(self, devices: list[Device], packed: Callable[[Device], str]) -> int:
        async with self._saving:
            changed: dict[str, str] = {}
            checks: dict[str, int] = {}
            for at in range(0, len(devices), _TOGETHER):
                for device in devices[at : at + _TOGETHER]:
                    line = packed(device)
                    check = zlib.crc32(line.encode())
                    if check != self._memory.checks.get(device.name):
                        changed[device.name] = line
                        checks[device.name] = check
                await asyncio.sleep(0)
            if not changed:
                return 0
            thin = self._thin(changed)
            lines = self._unchanged(thin, changed) | changed
            rows = await self._database.run(_replace, lines, thin | self._useless)
            self._useless.clear()
            self._memory.checks.update(checks)
            self._rows |= rows
            return len(changed)

    def _thin(self, changed: Iterable[str]) -> set[int]:
        """Rows that hold little, or will when the changed devices have moved to new ones."""
        live = Counter(self._rows.values())
        live.subtract(self._rows[name] for name in changed if name in self._rows)
        return {row for row, devices in live.items() if 2 * devices < _TOGETHER}

    def _unchanged(self, rows: set[int], changed: Container[str]) -> dict[str, str]:
        """Names and lines of the devices in some rows that were not met yet or did not change."""
        found = {}
        for name in [name for name, row in self._rows.items() if row in rows and name not in changed]:
            if name in self._memory.lines:
                found[name] = self._memory.lines[name]
            elif (device := self._streams.devices.get(name)) is not None:
                found[name] = self._pack(device)
        return found


def note_running(database: Database) -> None:
    """Note that readings come, of which the snapshots in the file tell nothing yet."""
    with suppress(DatabaseFault):
        database.run_here(keyvalue.put, _RUNNING, "1")


def _fitting(devices: Iterable[Device], most_bytes: int) -> Iterator[str]:
    """The names of devices whose last messages take so many bytes together; those with a setback first."""
    for device in sorted(devices, key=lambda device: device.setback is None):
        if device.last_message is not None:
            most_bytes -= len(device.last_message.message.payload)
            if most_bytes >= 0:
                yield device.name


def _replace(connection: sqlite3.Connection, lines: dict[str, str], without: set[int]) -> dict[str, int]:
    """Write devices and their lines into new rows, and remove other rows; which device is in which row now."""
    (highest,) = connection.execute("SELECT coalesce(max(id), 0) FROM device_state").fetchone()
    connection.executemany("DELETE FROM device_state WHERE id = ?", [(row,) for row in without])
    written: dict[str, int] = {}
    names = list(lines)
    for row, at in enumerate(range(0, len(names), _TOGETHER), start=highest + 1):
        together = names[at : at + _TOGETHER]
        text = "\n".join(f"{name}\t{lines[name]}" for name in together)
        connection.execute("INSERT INTO device_state VALUES (?, ?)", (row, zlib.compress(text.encode(), _LEVEL)))
        written.update(dict.fromkeys(together, row))
    return written
