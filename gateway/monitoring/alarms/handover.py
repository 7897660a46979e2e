"""The handover of alarms, where the devices of a share go from one gateway to another.

The new gateway judges each reading from the first one on: an alarm must not wait until the old one has written what it still
has. The old one knows nothing of that, and ends its own alarms when it has left. All who are told know an alarm by its rule and
device, not by its gateway: so they would take the end for the end of the new one's. It tells of its own once more behind that.
"""

from collections.abc import Callable, Collection, Iterator

from gateway.core.alarms.alarm import AlarmTags
from gateway.core.alarms.engine import Alarms
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Streams
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.support.clock import WallClock


class AlarmHandover:
    """Hands over alarms about values. Those about silence, nights and days are told by one gateway for all: they go on."""

    def __init__(self, alarms: Alarms, keeper: AlarmKeeper, streams: Streams, clock: WallClock) -> None:
        self._alarms = alarms
        self._keeper = keeper
        self._streams = streams
        self._clock = clock

    async def end(self, shares: Collection[str]) -> None:
        """End the alarms of devices whose shares another gateway has; return when that is saved and on its way."""
        await self._each(shares, self._alarms.pass_on)

    async def tell_again(self, shares: Collection[str]) -> None:
        """Tell once more of the alarms of devices whose shares came here; return when that is saved and on its way."""
        await self._each(shares, self._alarms.tell_again)

    async def _each(self, shares: Collection[str], do: Callable[[Device, int], None]) -> None:
        for device in list(self._devices(shares)):
            do(device, self._clock.now_ms())
        await self._keeper.commit()

    def _devices(self, shares: Collection[str]) -> Iterator[Device]:
        """The devices of some shares that have alarms."""
        places = {state.tags.device: state.tags for state in self._alarms.states()}
        for name, tags in places.items():
            device = self._streams.devices.get(name)
            if device is not None and not _shares_of(device, tags).isdisjoint(shares):
                yield device


def _shares_of(device: Device, tags: AlarmTags) -> set[str]:
    """The share of a device; of one that was not heard since a start those that its place could be."""
    return {device.share} if device.share else {tags.site, f"{tags.site}/{tags.domain}"}
