"""Devices whose sums are wrong in the database, as the gateway of this machine knows them."""

import json
from collections.abc import Iterable, Iterator

from gateway.commands.running import ask, is_running
from gateway.commands.stores import store
from gateway.config.model import Config
from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import unpack_kept
from gateway.reports.amendments import LateSums
from gateway.storage.stored_devices import stored_devices


def late_sums(config: Config) -> dict[str, LateSums]:
    """Devices with their counters, by name; none where no gateway has run.

    :raises ConfigurationFault: the running gateway does not answer, or its file cannot be read.
    """
    if is_running(config):
        return _late(_unpacked(ask(config, "GET", "/api/late-sums", {})["devices"]))
    if not config.journal.path.exists():
        return {}
    with store(config) as database:
        return {} if database is None else _late(stored_devices(database))


def _unpacked(documents: dict[str, object]) -> Iterator[Device]:
    for name, document in documents.items():
        device = Device(name, None)
        unpack_kept(json.dumps(document), device)
        yield device


def _late(devices: Iterable[Device]) -> dict[str, LateSums]:
    found = {}
    for device in devices:
        since_ms = device.counters.past.wrong_since_ms if device.counters is not None else None
        if device.counters is not None and since_ms is not None:
            found[device.name] = LateSums(int(since_ms), device.counters)
    return found
