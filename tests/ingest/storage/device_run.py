"""One run of a gateway on a file, as far as devices go: they speak, and are saved."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from gateway.core.alarms.rules import CounterStep
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Admission, Streams
from gateway.core.readings.counters import CounterState
from gateway.core.readings.line_protocol import series_key
from gateway.ingest.events import Events
from gateway.ingest.storage import device_memory
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.device_memory import DeviceMemory
from gateway.ingest.storage.device_snapshots import DeviceSnapshots
from schemas.quantities import GROWTH
from tests.clocks import SetClock
from tests.core.alarms.alarming import Bed, rule
from tests.core.making import NOW_MS, registered_device

STEPPED = rule(CounterStep(readings=1), name="stepped")


class Run:
    """One run of a gateway on a file, as far as devices go."""

    def __init__(self, path: Path, devices_max: int, registered: Iterable[str] = (), *, is_shared: bool = False) -> None:
        self.database = Database(path)
        self.database.open()
        events = Events()
        self.memory = DeviceMemory(events, SetClock(NOW_MS), is_shared=is_shared)
        admission = Admission(devices_max=devices_max)
        self.streams = Streams({name: registered_device() for name in registered}, admission, memory=self.memory)
        self.devices, self.field_sets = self.streams.devices, self.streams.field_sets
        self.bed = Bed(STEPPED)
        self.states = DeviceSnapshots(
            self.database, events, self.streams, self.memory, self.bed.alarms, devices_max, SetClock(NOW_MS)
        )
        self.states.load()

    def meet(self, name: str) -> Device:
        """A device speaks for the first time."""
        device = Device(name, None)
        self.memory.restore(device, self.field_sets)
        return self.devices.setdefault(name, device)

    def hear(self, name: str, now_ms: int, value: float = 1.0) -> Device:
        """A device sends a reading of its counter."""
        device = self.devices.get(name) or self.meet(name)
        device.last_seen_ms = now_ms
        device.counters = device.counters or CounterState()
        device.counters.judge("volume_m3", GROWTH["volume_m3"], value, now_ms)
        device.see_key(
            series_key("water", name), now_ms, (value,), self.field_sets.of(("volume_m3",)), 0, now_ms, self.field_sets
        )
        return device

    def save(self) -> int:
        """Save; how many devices had changed."""
        return asyncio.run(self.states.save())

    def stop(self, *, windows: bool = True) -> int:
        """Save as at a stop."""
        return asyncio.run(self.states.save_at_stop(windows=windows))

    def rows(self) -> int:
        """Rows in the file."""
        return len(list(self.database.run_here(device_memory.device_rows)))
