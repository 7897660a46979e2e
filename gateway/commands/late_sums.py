"""Devices whose sums are wrong in the database, as the gateway of this machine knows them."""

import json
from collections.abc import Iterator

from gateway.commands.running import ask, is_running
from gateway.commands.stores import store
from gateway.config.model import Config
from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import unpack_kept
from gateway.reports.amendments import LateSums, late_sums_of
from gateway.storage.stored_devices import stored_devices


def late_sums(config: Config) -> dict[str, LateSums]:
    """Devices with their counters, by name; none where no gateway has run.

    :raises ConfigurationFault: the running gateway does not answer, or its file cannot be read.
    """
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
