"""The plan of each cabinet and of all, and of a link with a budget. Pure arithmetic; docs/capacity.md has the formulas."""

import math
from dataclasses import dataclass

from gateway.admin.capacity.figures import CapacityFigures, MachineClass, at_rate
from gateway.core.batching.pacing import BACKLOG_SHARE, LIVE_SHARE, LIVE_WAIT_MAX_S, WRITE_BYTES

RESERVE = 0.5
"""The share of a machine that a plan leaves free: for the worst hour, pages, reports, the catch-up after an outage."""

WRITES_PER_S = 100.0
"""The most writes a second that the gateway makes: one each ten milliseconds (``batch.max_delay``)."""

ROLL_UPS_PER_DAY = 26
"""Points that are kept of a device and day: 24 hours, the day, its completeness. One takes the room of a reading."""

_DAY_S = 86_400.0
_YEAR_S = 365.25 * _DAY_S
_MONTH_S = 30 * _DAY_S


@dataclass(frozen=True)
class Demand:
    """A demand: devices, and how long nothing may be lost.

    :ivar interval_s: between two readings of a device.
    :ivar spread_s: in which all devices send once; the interval itself when they send at times of their own.
    :ivar outage_s: the longest absence of the database that must cost nothing.
    :ivar keep_days: of readings; ``keep_years``: of roll-ups.
    :ivar cabinets: among them the devices are spread, with a machine and a link each.
    :ivar store: the database: a key of the figures' ``stores``.
    """

    devices: int
    interval_s: float
    spread_s: float
    outage_s: float
    keep_days: float
    keep_years: float
    cabinets: int
    store: str
    machine: MachineClass


@dataclass(frozen=True)
class Cabinet:
    """A cabinet, with all that stands in it.

    :ivar rate: readings a second, on the average; ``peak``: while all devices send.
    :ivar gateways: processes, so that each takes the peak with its reserve.
    :ivar gateway_cores: on the average, as ``broker_cores`` and ``store_cores``; ``peak_cores``: all three at the peak.
    :ivar machines: so that neither the cores at the peak nor memory nor room on disk touch the reserve.
    :ivar memory_bytes: of the gateways.
    :ivar journal_bytes: filled by the longest outage.
    :ivar disk_bytes: of readings and roll-ups at the end of their time.
    :ivar written_bytes: to the disk in a day; ``disk_years``: that the disk lasts by it.
    :ivar link_bytes: in a month, when the database stands elsewhere; ``backlog_bytes``: once, after the longest outage.
    """

    devices: int
    rate: float
    peak: float
    gateways: int
    gateway_cores: float
    broker_cores: float
    store_cores: float
    peak_cores: float
    machines: int
    memory_bytes: float
    journal_bytes: float
    disk_bytes: float
    written_bytes: float
    disk_years: float
    link_bytes: float
    backlog_bytes: float


@dataclass(frozen=True)
class CapacityPlan:
    """A cabinet, and all of them together."""

    cabinet: Cabinet
    machines: int
    rate: float
    kwh_year: float
    price_usd: float


def plan(demand: Demand, figures: CapacityFigures) -> CapacityPlan:
    """Work out what a demand takes, with devices spread evenly over the cabinets."""
    cabinet = _cabinet(demand, figures)
    machines = cabinet.machines * demand.cabinets
    kwh_year = machines * demand.machine.watts * _YEAR_S / 3.6e6
    return CapacityPlan(cabinet, machines, cabinet.rate * demand.cabinets, kwh_year, machines * demand.machine.price_usd)


def _cabinet(demand: Demand, figures: CapacityFigures) -> Cabinet:
    machine, store = demand.machine, figures.stores[demand.store]
    devices = math.ceil(demand.devices / demand.cabinets)
    rate, peak = devices / demand.interval_s, devices / demand.spread_s
    most_rate, saturated_us = figures.gateway_cpu_us[-1]
    gateways = max(1, math.ceil(peak / (min(most_rate, 1e6 / saturated_us) * machine.speed * (1 - RESERVE))))
    each_rate = rate / gateways
    gateway_us, broker_us = at_rate(figures.gateway_cpu_us, each_rate), at_rate(figures.mosquitto_cpu_us, each_rate)
    together = max(1.0, each_rate / WRITES_PER_S)
    store_us = _shared(store.cpu_alone_us, store.cpu_together_us, together)
    cores_of_us = rate / 1e6 / machine.speed
    peak_us = saturated_us + figures.mosquitto_cpu_us[-1][1] + store.cpu_together_us
    peak_cores = peak * peak_us / 1e6 / machine.speed if peak > rate else (gateway_us + broker_us + store_us) * cores_of_us
    written_bytes = rate * _DAY_S * _shared(store.written_alone_bytes, store.written_together_bytes, together)
    points = rate * _DAY_S * demand.keep_days + devices * ROLL_UPS_PER_DAY * 365.25 * demand.keep_years
    memory_bytes = gateways * figures.waiting_bytes + devices * figures.device_bytes
    disk_bytes = points * store.disk_bytes
    shares = (
        max(peak_cores, (gateway_us + broker_us + store_us) * cores_of_us) / machine.cores,
        memory_bytes / machine.memory_bytes,
        disk_bytes / machine.disk_bytes,
    )
    machines = max(1, *(math.ceil(share / (1 - RESERVE)) for share in shares))
    return Cabinet(
        devices=devices,
        rate=rate,
        peak=peak,
        gateways=gateways,
        gateway_cores=gateway_us * cores_of_us,
        broker_cores=broker_us * cores_of_us,
        store_cores=store_us * cores_of_us,
        peak_cores=peak_cores,
        machines=machines,
        memory_bytes=memory_bytes,
        journal_bytes=rate * demand.outage_s * figures.journal_bytes,
        disk_bytes=disk_bytes,
        written_bytes=written_bytes,
        disk_years=machines * machine.disk_life_bytes / written_bytes / 365.25,
        link_bytes=rate * _MONTH_S * at_rate(figures.link_bytes, each_rate),
        backlog_bytes=rate * demand.outage_s * figures.backlog_bytes,
    )


def _shared(alone: float, together: float, readings: float) -> float:
    """The cost of a reading when a write carries so many: a part of its own, and its share of the write's."""
    return together + (alone - together) / readings


@dataclass(frozen=True)
class LinkPlan:
    """The budget, divided. In bytes of IP a second, both directions.

    :ivar live: for readings as they come: in larger writes where they would take more than half.
    :ivar backlog: left for readings that waited.
    :ivar catch_up: seconds that the backlog of a second's outage takes.
    """

    max_bytes_per_s: float
    live: float
    backlog: float
    catch_up: float

    @property
    def is_exceeded(self) -> bool:
        """True if live readings alone take more, since none of them is kept back."""
        return self.live > self.max_bytes_per_s


def link_plan(rate: float, max_bytes_per_s: float, figures: CapacityFigures) -> LinkPlan:
    """Divide the budget of a cabinet that gets so many readings a second."""
    unhindered = rate * at_rate(figures.link_bytes, rate)
    together = min(rate, 1 / LIVE_WAIT_MAX_S) * WRITE_BYTES + rate * figures.backlog_bytes
    live = min(unhindered, max(together, LIVE_SHARE * max_bytes_per_s))
    backlog = max(max_bytes_per_s - live, BACKLOG_SHARE * max_bytes_per_s)
    return LinkPlan(max_bytes_per_s, live, backlog, rate * figures.backlog_bytes / backlog)
