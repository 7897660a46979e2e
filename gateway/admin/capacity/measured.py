"""The figures that a plan is worked out from: ``figures.json``, a selection of what ``make bench`` has on record."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

FILE: Final = Path(__file__).with_name("figures.json")
RateCurve = Sequence[tuple[float, float]]
"""Pairs of a rate in readings a second and what was measured at it, by rising rate."""


class StoreFigures(msgspec.Struct, frozen=True):
    """A database's cost of a reading of four values and a sum.

    :ivar alone: one reading a write; ``together``: a thousand.
    """

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
