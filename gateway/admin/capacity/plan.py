"""The plan of each cabinet and of all, and of a link with a budget, by arithmetic alone; docs/capacity.md has the formulas.

What was measured is in ``figures.json``, a selection of what ``make bench`` has on record. Machines are assumed, but for the
one that the figures come from.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from gateway.core.batching.pacing import BACKLOG_SHARE, LIVE_SHARE, LIVE_WAIT_MAX_S, WRITE_BYTES
from schemas.glossary import Words

FILE: Final = Path(__file__).with_name("figures.json")
RateCurve = Sequence[tuple[float, float]]
"""Pairs of a rate in readings a second and what was measured at it, by rising rate."""


class StoreFigures(msgspec.Struct, frozen=True):
    """A database's cost of a reading of four values and a sum: alone in a write, or a thousand together."""

    disk_bytes: float
    cpu_alone_us: float
    cpu_together_us: float
    written_alone_bytes: float
    written_together_bytes: float


class CapacityFigures(msgspec.Struct, frozen=True):
    """The figures of the gateway, of Mosquitto and of the databases.

    :ivar gateway_cpu_us: of a reading, by rate; the last is the saturation.
    :ivar link_bytes: of IP for a reading on the way to the database, with TLS, by rate.
    :ivar backlog_bytes: the same for a reading that had to wait for the database.
    :ivar journal_bytes: written to disk for a reading while the database is away.
    """

    machine: str
    gateway_cpu_us: RateCurve
    mosquitto_cpu_us: RateCurve
    waiting_bytes: float
    device_bytes: float
    journal_bytes: float
    link_bytes: RateCurve
    backlog_bytes: float
    first_reading_bytes: float
    stores: Mapping[str, StoreFigures]


def read_figures(file: Path = FILE) -> CapacityFigures:
    """The figures that came with this release."""
    return msgspec.json.decode(file.read_bytes(), type=CapacityFigures)


def at_rate(curve: RateCurve, rate: float) -> float:
    """The value of a curve at a rate: straight between its points on logarithmic axes, level beyond its ends."""
    (first_rate, first), *rest = curve
    if rate <= first_rate:
        return first
    for next_rate, value in rest:
        if rate <= next_rate:
            share = math.log(rate / first_rate) / math.log(next_rate / first_rate)
            return first * math.exp(share * math.log(value / first))
        first_rate, first = next_rate, value
    return first


@dataclass(frozen=True)
class MachineClass:
    """A class of machines.

    :ivar speed: of one core, by a core of the machine on which the figures were measured.
    :ivar disk_life_bytes: written to its disk before it is worn out.
    :ivar price_usd: with its case, supply and disk.
    """

    name: Words
    speed: float
    cores: int
    memory_bytes: float
    disk_bytes: float
    disk_life_bytes: float
    watts: float
    price_usd: float


_CARD_BYTES: Final = 64e9
_CARD_WRITES: Final = 500
_SSD_WRITES: Final = 1000

MACHINES: Final[Mapping[str, MachineClass]] = MappingProxyType(
    {
        "pi4": MachineClass(
            Words("Raspberry Pi 4, 4 GB, thẻ 64 GB", "Raspberry Pi 4, 4 GB, card of 64 GB"),
            *(0.2, 4, 4e9, _CARD_BYTES, _CARD_BYTES * _CARD_WRITES, 4.0, 110.0),
        ),
        "pi5": MachineClass(
            Words("Raspberry Pi 5, 8 GB, thẻ 64 GB", "Raspberry Pi 5, 8 GB, card of 64 GB"),
            *(0.5, 4, 8e9, _CARD_BYTES, _CARD_BYTES * _CARD_WRITES, 5.0, 140.0),
        ),
        "measured": MachineClass(
            Words(
                "hai lõi của máy đo số liệu, 24 GB, SSD 480 GB", "two cores of the machine of the figures, 24 GB, SSD of 480 GB"
            ),
            *(1.0, 2, 24e9, 480e9, 480e9 * _SSD_WRITES, 60.0, 600.0),
        ),
        "server": MachineClass(
            Words("máy chủ 16 lõi, 64 GB, SSD 4 TB", "server of 16 cores, 64 GB, SSD of 4 TB"),
            *(1.0, 16, 64e9, 4e12, 4e12 * _SSD_WRITES, 150.0, 3000.0),
        ),
    }
)
"""Speeds: estimates on the cautious side. Disks: 500 (card) and 1,000 (SSD) writes of each byte."""


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
