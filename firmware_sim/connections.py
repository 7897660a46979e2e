"""Connections of a fleet: one for each device that has its own, few for all others, or few for all.

A network server or a bridge speaks for LoRaWAN devices, wireless M-Bus meters and the like: they share its connections.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from firmware_sim.device_link import CONNECTING_AT_ONCE, DeviceLink
from firmware_sim.fleet import SimDevice
from firmware_sim.maker_firmware import AnyFirmware, MakerFirmware
from firmware_sim.publish import Account, BrokerAccess, Link
from firmware_sim.shared_link import CONNECTIONS, SharedLink


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """The way to the broker that is asked for.

    :ivar shared: few connections carry all devices.
    :ivar sleeps: devices with a connection of their own keep it only while they send.
    """

    broker: BrokerAccess
    shared: bool
    sleeps: bool
    seed: int

    def number(self, fleet: Sequence[SimDevice]) -> int:
        """Connections that a fleet takes."""
        alone = sum(self._is_alone(device) for device in fleet)
        return alone + (CONNECTIONS if alone < len(fleet) else 0)

    def links(self, firmwares: Sequence[AnyFirmware], account: Account) -> list[Link]:
        """The link of each device; a device keeps to its link, so that its readings stay in order."""
        connecting = asyncio.Semaphore(CONNECTING_AT_ONCE)
        number = CONNECTIONS if any(not self._is_alone(firmware.device) for firmware in firmwares) else 0
        together = cycle([SharedLink(f"sim-{self.seed}-shared-{n}", self.broker, account) for n in range(number)])
        return [
            self._own(firmware, account, connecting) if self._is_alone(firmware.device) else next(together)
            for firmware in firmwares
        ]

    def _is_alone(self, device: SimDevice) -> bool:
        return not self.shared and device.presence is not None

    def _own(self, firmware: AnyFirmware, account: Account, connecting: asyncio.Semaphore) -> DeviceLink:
        be_born = firmware.be_born if isinstance(firmware, MakerFirmware) else None
        return DeviceLink(firmware.device, self.broker, account, connecting, sleeps=self.sleeps, be_born=be_born)
