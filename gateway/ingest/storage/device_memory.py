"""Stored state of devices from earlier runs: a line for each, until the device is heard again.

It is made before the core's streams, which need it; the lines come from the file later
(:mod:`gateway.ingest.storage.device_snapshots`). A line is parsed only when its device is first heard.
"""

import zlib

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import unpack, unpack_kept
from gateway.core.readings.field_sets import FieldSets
from gateway.ingest.events import Events
from gateway.ingest.storage.former_ids import former_id
from gateway.support.clock import WallClock


class DeviceMemory:
    """Lines of devices that were not heard yet.

    :ivar lines: id → line.
    :ivar steps: id → the line of its counters that was saved when one of them took a step.
    :ivar checks: id → checksum of the line in the file, of devices that were met.
    :ivar is_outdated: the run before was killed, and may have read on after it saved them.
    """

    def __init__(self, events: Events, clock: WallClock, *, is_shared: bool = False) -> None:
        """Begin.

        :param is_shared: another machine may have read the devices since.
        """
        self._is_shared = is_shared
        self._events = events
        self._clock = clock
        self.lines: dict[str, str] = {}
        self.steps: dict[str, str] = {}
        self.checks: dict[str, int] = {}
        self.is_outdated = False

    def remembers(self, name: str) -> bool:
        """Return True for a device that an earlier run has heard and this one has not."""
        return name in self.lines

    def restore(self, device: Device, field_sets: FieldSets) -> None:
        """Restore the stored state of a new device."""
        line, step = self.lines.pop(device.name, None), self.steps.pop(device.name, None)
        try:
            if line is None:
                self._say_renamed(device)
            else:
                self.checks[device.name] = zlib.crc32(line.encode())
                unpack(line, device, field_sets, self._clock.now_ms())
            if step is not None:
                unpack_kept(step, device)
            if self.is_outdated:
                device.last_seq = -1  # numbers from after the save are not missing: that run had them
            if self._is_shared:
                device.went_on_elsewhere()
        except ValueError as error:
            self._events.state_lost(device.name, str(error))

    def _say_renamed(self, device: Device) -> None:
        """Report a device that an earlier version stored under another id; there two names could become one id."""
        former = former_id(device.source)
        if former not in {device.source, device.name} and self.remembers(former):
            self._events.device_renamed(device.name, device.source, former)
