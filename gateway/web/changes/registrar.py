"""Changes of the registry while the gateway runs: written, activated, and put back if they cannot be activated."""

import asyncio
from collections.abc import Iterable
from typing import Final

from gateway.monitoring.status.known_devices import KnownDevices
from gateway.onboarding.registration import EntryPair, WrittenChange, change_registry, differences, put_back
from gateway.runtime.reload import Reload
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.changes import MakeChange
from gateway.support.registry.registry import KnownRegistry, free, load_registry, version_of
from schemas.registry import device_key

_REMEMBERED: Final = 100


class Registrar:
    """Writes the registry for people, one change at a time, and reloads.

    A page shows a version of the registry, and its change comes back with that version. If the file has another one by now, but
    only because other devices were changed here, that does not matter: two technicians do not stop each other.
    """

    def __init__(self, config: Config, reload: Reload, devices: KnownDevices) -> None:
        self._config = config
        self._reload = reload
        self._devices = devices
        self._one_at_a_time = asyncio.Lock()
        self._made_here: dict[str, tuple[str, frozenset[str]]] = {}
        """Version before a change → version after it, and the keys of its devices."""

    async def version(self) -> str:
        """The version of the registry that is in the file.

        :raises ConfigurationFault: it cannot be read.
        """
        return await asyncio.to_thread(version_of, self._config.devices.registry)

    async def check(self, make: MakeChange) -> None:
        """Make a change without writing it.

        :raises ChangeRefused: it has faults.
        :raises ConfigurationFault: the file is faulty.
        """
        await asyncio.to_thread(lambda: make(load_registry(self._config.devices.registry)))

    async def change(self, make: MakeChange, devices: Iterable[str], seen: str | None) -> WrittenChange:
        """Make a change, and activate it.

        :param devices: the ids of the devices that it is about.
        :param seen: version of the registry that it was made for; None: of any.
        :raises ChangeRefused: it has faults.
        :raises FileChanged: the file was changed since.
        :raises ConfigurationFault: it cannot be written, or not be activated; the file is as it was.
        """
        keys = frozenset(map(device_key, devices))
        async with self._one_at_a_time:
            asked = None if seen is None else self._followed(seen, keys)
            written = await asyncio.to_thread(change_registry, self._config, make, asked, self._reload.known)
            if written.registry is None:
                return written
            if faults := await self._reload.run(KnownRegistry(written.version, written.registry)):
                await asyncio.to_thread(put_back, self._config, written)
                await self._reload.run()
                raise ConfigurationFault(faults)
            await asyncio.to_thread(free, written.registry.devices)  # the active ones stay: they are in a list of their own
            self._made_here[written.seen] = written.version, keys
            while len(self._made_here) > _REMEMBERED:
                del self._made_here[next(iter(self._made_here))]
        return written

    async def changed_outside(self) -> dict[str, EntryPair]:
        """The devices in which the file differs from the registry that is active.

        :raises ConfigurationFault: the file is faulty.
        """
        active = {device_key(device.id): device for device in self._devices.registry_entries()}
        path = self._config.devices.registry
        return await asyncio.to_thread(lambda: differences(active, load_registry(path)))

    def _followed(self, seen: str, keys: frozenset[str]) -> str:
        """The version that changes of other devices, made here, have made of one."""
        passed = {seen}
        while seen in self._made_here:
            after, touched = self._made_here[seen]
            if touched & keys or after in passed:
                break
            passed.add(after)
            seen = after
        return seen
