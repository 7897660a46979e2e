"""The figures that a plan is worked out from: what was measured, and the machines that it may choose.

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
    :ivar watts: of electricity, on the average.
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
