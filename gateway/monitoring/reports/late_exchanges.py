"""Devices whose sums are wrong by an exchange that was told late, as the database itself tells.

A report that does not find them in the file of a gateway, which was lost or is on another machine, knows them from here.
"""

from collections.abc import Collection

from gateway.core.devices.device import Device
from gateway.core.readings.counters import CounterState
from gateway.ingest.database.store import Store
from gateway.monitoring.reports.amendments import LateSums, late_sums_of
from gateway.monitoring.reports.exchange_points import stored_exchanges
from gateway.monitoring.reports.newest_sums import newest_sums


async def late_exchanges(store: Store, devices: Collection[str], now_ms: int) -> dict[str, LateSums]:
    """Find those among some devices, by the name that they have in the database.

    :raises StoreFault: the database does not answer.
    """
    exchanges = await stored_exchanges(store, devices, now_ms)
    late = {device: told for device, told in exchanges.items() if any(exchange.is_late for exchange in told)}
    sums = await newest_sums(store, late, now_ms) if late else {}
    found = []
    for name, told in late.items():
        device = Device(name, None)
        device.counters = CounterState()
        device.counters.take_over(sums.get(name, {}), told)
        found.append(device)
    return late_sums_of(found)
