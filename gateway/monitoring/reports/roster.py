"""The registered devices for reports: by domain, and under each name that the database may have for them."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from gateway.ingest.database.store import PointValues, Store, StoredSeries, TimeSpan
from schemas.quantities import COUNTERS, DOMAINS, QUANTITIES
from schemas.registry import RegisteredDevice, device_key

MAIN_COUNTER: Final = {
    "water": "volume_m3",
    "power": "energy_import_kwh",
    "traffic": "vehicle_count_total",
    "urban": "people_in_total",
}
"""Domain → the counter of its balance."""
RETURNED: Final = {"water": "volume_reverse_m3", "power": "energy_export_kwh"}
"""Domain → the counter of what runs back through a meter, as the energy of a roof does: a balance takes it off."""
METERED: Final = frozenset({"water", "power"})
"""Domains whose devices are meters unless their readings say otherwise: a silent one counts as missing its main counter."""


class Roster:
    """Devices of a registry.

    :ivar by_id: id → device.
    """

    def __init__(self, devices: Iterable[RegisteredDevice]) -> None:
        self.by_id = {device.id: device for device in devices}
        self._ids = {device_key(id_): id_ for id_ in self.by_id} | {id_: id_ for id_ in self.by_id}

    def of_domain(self, domain: str) -> Mapping[str, RegisteredDevice]:
        """The devices of a domain, with those for which the registry names none."""
        return {id_: device for id_, device in self.by_id.items() if device.domain in (None, domain)}

    def domains(self) -> Iterator[str]:
        """The domains of the devices, in the order of the table."""
        domains = {device.domain for device in self.by_id.values()}
        return (domain for domain in DOMAINS if domain in domains or None in domains)

    def names(self, devices: Iterable[str]) -> set[str]:
        """The names that the database may have for devices: an EUI as on the label, or in lower case."""
        return {name for id_ in devices for name in (id_, device_key(id_))}

    def id_of(self, name: str) -> str | None:
        """The id of the device that has this name in the database; None: it is not registered."""
        return self._ids.get(name)

    def series(self, found: StoredSeries) -> StoredSeries | None:
        """The series with the id of its device; None: it is not registered."""
        id_ = self._ids.get(found.device)
        return None if id_ is None else found._replace(device=id_)


async def stored_periods(
    store: Store, roster: Roster, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Iterable[str]
) -> AsyncIterator[tuple[StoredSeries, Mapping[int, PointValues]]]:
    """Yield the hours or days that stand in the database: a series, with the id of the registry, and its values by minute."""
    async for written, rows in store.rows(measurement, fields, window, roster.names(devices)):
        series = roster.series(written)
        if series is not None:
            # A period that was written again stands some ms behind its first point: the newest counts.
            yield series, {time_ms // 60_000: values for time_ms, values in rows}


def counters_of(domain: str) -> list[str]:
    """The counters of a domain, in the order of the table."""
    return [field for field in QUANTITIES[domain] if field in COUNTERS]


def interval_ms(device: RegisteredDevice) -> int | None:
    """The interval of a device; None: the registry has none."""
    return None if device.interval is None else device.interval // timedelta(milliseconds=1)
