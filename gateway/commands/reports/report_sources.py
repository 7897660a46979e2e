"""Sources of reports: the registry, and the database with the sums that could not be written again."""

import json
from collections.abc import Iterator
from typing import Final

from gateway.commands.running import ask, is_running, store
from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import unpack_kept
from gateway.ingest.database.store import Store
from gateway.ingest.storage.device_memory import stored_devices
from gateway.monitoring.reports.amendments import LateSums, amended_store, late_exchanges, late_sums_of
from gateway.monitoring.reports.asked_once import EventsAskedOnce
from gateway.monitoring.reports.roster import REACHES_MS, Roster
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.registry import load_registry
from schemas.registry import Registry

_NAMED_EVENTS_OF: Final = 100
"""Most devices whose events are asked for by name."""


def registry_to_report(config: Config) -> Registry:
    """The registry; ConfigurationFault if it is faulty, or names no device."""
    registry = load_registry(config.devices.registry)
    if not registry.devices:
        why = "no device is registered" if config.devices.registry.exists() else "does not exist"
        raise ConfigurationFault([f"{config.devices.registry}: devices: {why}; a report is about the registered devices"])
    return registry


async def with_late_sums(config: Config, store: Store, roster: Roster, end_ms: int, now_ms: int) -> Store:
    """The database as it was before an instant, with the sums of devices that could not be written again.

    :raises StoreFault: the database does not answer.
    :raises ConfigurationFault: the running gateway does not answer, or its file cannot be read.
    """
    if len(roster.by_id) > _NAMED_EVENTS_OF:
        store = EventsAskedOnce(store)
    if store.is_overwritten:
        return store
    until_ms = min(now_ms, end_ms + REACHES_MS[-1])
    known, names = late_sums(config), roster.names(roster.by_id)
    told = await late_exchanges(store, frozenset(names) - known.keys(), now_ms)
    late = {device: sums for device, sums in (told | known).items() if sums.since_ms < until_ms}
    return await amended_store(store, late, until_ms)


def late_sums(config: Config) -> dict[str, LateSums]:
    """Devices with counters, by name, none where no gateway ran; ConfigurationFault if that cannot be read."""
    if is_running(config):
        return late_sums_of(_unpacked(ask(config, "GET", "/api/late-sums", {})["devices"]))
    if not config.journal.path.exists():
        return {}
    with store(config) as database:
        return {} if database is None else late_sums_of(stored_devices(database))


def _unpacked(documents: dict[str, object]) -> Iterator[Device]:
    for name, document in documents.items():
        device = Device(name, None)
        unpack_kept(json.dumps(document), device)
        yield device
