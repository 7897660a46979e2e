"""Reload on SIGHUP: registry, profiles, codecs, rules of alarms and credentials are read again, while readings come in.

A faulty file leaves everything as it was. The journal is asked only afterwards: a disk that does not answer must not
make it impossible to register a device.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.core.alarms.rules import Rules
from gateway.core.message import WaitCause
from gateway.ingest.catalog import Catalog, load_catalog, state_topics, topic_filters
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.storage.database import Damaged, Database, DatabaseFault
from gateway.ingest.storage.device_snapshots import DeviceSnapshots
from gateway.ingest.storage.quarantine import keys_of
from gateway.ingest.storage.quarantine_lanes import ReleasedKeys
from gateway.monitoring.status.status import Status
from gateway.runtime.jobs.certificates import CertificateRenewal
from gateway.runtime.jobs.moves import Moves
from gateway.support.access.accounts import Access, UserAccount, load_accounts
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.alarm_rules import load_alarm_rules
from gateway.support.registry.registry import KnownRegistry, fault_lines, version_of
from gateway.support.registry.shares import leader_of
from schemas.registry import RegisteredDevice, Registry

log = logging.getLogger("gateway.reload")


@dataclass(slots=True)
class Reload:
    """Makes another catalog, other rules of alarms and other credentials active, one reload at a time.

    :ivar known: the registry that is active, with the version of its file; None before the first reload, or if the file changed
        while it was read.
    """

    _database: Database
    _codecs: AsyncCodecs
    _device_snapshots: DeviceSnapshots
    _moves: Moves
    _released: ReleasedKeys
    _status: Status
    _accounts: Access
    _certificates: CertificateRenewal
    known: KnownRegistry | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[list[str]]] = field(default_factory=set)

    def start(self) -> None:
        """Begin a reload."""
        task = asyncio.get_running_loop().create_task(self.run(), name="reload")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self, written: KnownRegistry | None = None) -> list[str]:
        """Reload; return the faults, a line each, that leave all as it was. A registry just ``written`` is not read again."""
        async with self._one_at_a_time:
            try:
                active, config = self._status.devices.streams.registry, self._status.config
                version = await asyncio.to_thread(version_of, config.devices.registry)
                registry = written.registry if written is not None and written.version == version else None
                catalog, changed, rules, accounts = await asyncio.to_thread(_load, config, active, registry)
                renewed = await asyncio.to_thread(self._certificates.load)
                is_same = version == await asyncio.to_thread(version_of, config.devices.registry)
                self._codecs.replace(catalog.codecs)
            except ConfigurationFault as fault:
                self._status.events.reload_failed(fault.lines)
                return fault.lines
            await self._activate(catalog, changed)
            self._status.alarms.replace(rules, catalog.devices)
            self._accounts.replace(accounts)
            if renewed is not None:
                self._certificates.replace(renewed)
            self.known = KnownRegistry(version, catalog.registry) if is_same else None
        await self._release_waiting(catalog)
        return []

    async def _activate(self, catalog: Catalog, changed: list[str]) -> None:
        """Put a catalog into force, in turns with the readings. ``changed`` names those who have another entry than before."""
        devices = self._status.devices
        self._moves.want(catalog.shares)
        self._status.events.leader_named(leader_of(self._status.config.mqtt, catalog.shares), devices.silence.membership.leader)
        for _ in devices.streams.replacing(catalog.devices, catalog.profiles):
            await asyncio.sleep(0)
        self._device_snapshots.registry_changed()
        devices.areas = catalog.registry.areas
        config = self._status.config
        self._moves.subscribe(topic_filters(config, catalog), state_topics(config, catalog))
        self._status.events.reloaded(len(catalog.registry.devices), len(catalog.files))
        self._released.release(*changed)

    async def _release_waiting(self, catalog: Catalog) -> None:
        """Let messages come again that waited for a codec, which may be corrected by now, or for what is registered."""
        try:
            self._released.release(*await self._database.run(keys_of, WaitCause.CODEC))
            waiting = await self._database.run(keys_of, WaitCause.UNKNOWN_DEVICE)
            self._released.release(*(key for key in waiting if key in catalog.devices))
        except (DatabaseFault, Damaged) as fault:
            log.warning("messages that wait for a codec wait until the next reload: %s", fault)


def _load(
    config: Config, active: Mapping[str, RegisteredDevice], registry: Registry | None
) -> tuple[Catalog, list[str], Rules, list[UserAccount]]:
    """Load registry, profiles, codecs, the rules of alarms and accounts with the same checks as ``gateway check``.

    An entry that is equal to the active one is that one: 20,000 others would be freed in one go, and hold up the loop. Names
    under which the ``registry``, read if it is not known, has another entry are returned too.
    """
    catalog = load_catalog(config, registry=registry)
    changed = {name: entry for name, entry in catalog.devices.items() if active.get(name) != entry}
    codec_faults = catalog.codec_faults(unconfined=config.runs_unconfined_codecs)
    if faults := codec_faults + fault_lines(config.devices.registry, catalog.device_faults(config.mqtt)):
        raise ConfigurationFault(faults)
    devices = {name: changed[name] if name in changed else active[name] for name in catalog.devices}
    listed = [devices[device.id] for device in catalog.registry.devices]
    shared = catalog._replace(registry=replace(catalog.registry, devices=listed), devices=devices)
    return shared, list(changed), load_alarm_rules(config.alarms.rules), load_accounts(config.http.tokens_file)
