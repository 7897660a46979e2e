"""Weeks of simulated devices: the means of many, hour by hour."""

from collections.abc import Callable, Sequence
from math import fsum, sqrt
from typing import Final

from firmware_sim.devices.power import Household
from firmware_sim.devices.source import ReadingTimes, Sensors, SensorValues
from firmware_sim.devices.traffic import BUSY_RATIOS, Detector, junction, roadside
from firmware_sim.devices.water import DistrictMeter
from firmware_sim.signals import EPOCH_S, HOUR_S, WEEK_S, rng
from tests.firmware_sim.weeks.measured import HOURS

BEGIN_S: Final = EPOCH_S + 105 * WEEK_S
WEEKS: Final = 3
QUARTER_S: Final = 900.0
HIGHWAY_KM_H: Final = 60.0


def water() -> list[float]:
    """Inflow of districts, from their registers."""
    return _grown([DistrictMeter.make(rng("week", seed), QUARTER_S) for seed in range(20)], "volume_m3")


def electricity() -> list[float]:
    """Load of houses, from their registers."""
    return _grown([Household.make(rng("week", seed), QUARTER_S) for seed in range(20)], "energy_import_kwh")


def occupancy() -> list[float]:
    """Occupancy of lanes of the highway."""
    roads = [roadside(rng("week", seed), QUARTER_S) for seed in range(24)]
    return _mean([road for road in roads if road.streams[0].lane.road.free_km_h >= HIGHWAY_KM_H], "occupancy_pct")


def busy_junction() -> Detector:
    """A junction with a lane that ends in a bottleneck, and that lane alone."""
    for seed in range(100):
        detector = junction(rng("week", seed), QUARTER_S)
        busy = [stream for stream in detector.streams if stream.lane.waiting is not None]
        if busy:
            return Detector(detector.key, (busy[0],), ReadingTimes(QUARTER_S))
    raise AssertionError(f"no lane is busy at {BUSY_RATIOS}")


def readings(source: Sensors, step_s: float = QUARTER_S) -> list[SensorValues]:
    """All readings of a week."""
    return [source.sample(BEGIN_S + number * step_s, number).values for number in range(round(WEEK_S / step_s))]


def correlation(one: Sequence[float | None], other: Sequence[float | None]) -> float:
    """Correlation of Pearson, over the hours that both have."""
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    mean_a, mean_b = (fsum(values) / len(pairs) for values in zip(*pairs, strict=True))
    both = fsum((a - mean_a) * (b - mean_b) for a, b in pairs)
    return both / sqrt(fsum((a - mean_a) ** 2 for a, _ in pairs) * fsum((b - mean_b) ** 2 for _, b in pairs))


def load_factor(values: Sequence[float]) -> float:
    """Mean by peak."""
    return fsum(values) / len(values) / max(values)


def _grown(sources: Sequence[Sensors], register: str) -> list[float]:
    """Growth of a register in each hour of a week, as the mean of all devices, each against its own mean."""

    def of_hour(source: Sensors, begin_s: float) -> float:
        before, after = (source.sample(at_s, 0).values[register] for at_s in (begin_s, begin_s + HOUR_S))
        return after - before

    return _hours(sources, of_hour)


def _mean(sources: Sequence[Sensors], gauge: str) -> list[float]:
    """The mean of a gauge in each hour, from six readings."""

    def of_hour(source: Sensors, begin_s: float) -> float:
        return fsum(source.sample(begin_s + step * HOUR_S / 6, 0).values[gauge] for step in range(6)) / 6

    return _hours(sources, of_hour)


def _hours(sources: Sequence[Sensors], of_hour: Callable[[Sensors, float], float]) -> list[float]:
    weeks = [
        [of_hour(source, BEGIN_S + week * WEEK_S + hour * HOUR_S) for hour in range(HOURS)]
        for source in sources
        for week in range(WEEKS)
    ]
    shares = [[value * HOURS / fsum(hours) for value in hours] for hours in weeks]
    return [fsum(values) / len(shares) for values in zip(*shares, strict=True)]
