"""Traffic: roadside counters, junction detectors with lanes, classifying counters.

A device with several lanes or classes reports them in turn, one a reading; each count covers the time since the same lane
or class was last reported, so counts add up to the totals.
"""

import math
import random
from dataclasses import dataclass
from typing import Final

from firmware_sim.devices.source import Battery, DeviceKind, DeviceRegister, Sample, SensorValues
from firmware_sim.signals import HOUR_S, Curve, Signal, around, clamp, noise_at, rippled

RUSH: Final = Curve(
    (
        *(0.15, 0.12, 0.12, 0.15, 0.35, 0.90, 1.80, 2.00, 1.40, 1.05, 1.05, 1.30),
        *(1.10, 1.00, 1.05, 1.20, 1.75, 2.10, 1.55, 1.10, 0.80, 0.55, 0.35, 0.20),
    )
)
"""Vehicles over the day against the mean: schools and offices begin at seven, close at five."""

CLASS_SHARES: Final = {"motorcycle": 0.72, "car": 0.15, "truck_light": 0.06, "bus": 0.03, "truck_heavy": 0.04}
FREE_VEHICLES_H: Final = 1_600.0
"""A lane carries no more."""
LONGEST_COUNT_S: Final = 21_600.0
"""Detectors that report more seldom count the last six hours only, as their memory does."""


@dataclass(frozen=True, slots=True)
class VehicleStream:
    """The vehicles of one lane, or of one class."""

    tags: dict[str, str]
    vehicles_h: Signal
    start: int

    def total(self, instant_s: float) -> int:
        """Vehicles counted until ``instant_s``."""
        return self.start + math.floor(self.vehicles_h.integral(instant_s) / HOUR_S)


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector over one or more streams."""

    key: int
    streams: tuple[VehicleStream, ...]
    count_s: int
    free_km_h: float
    battery: Battery | None = None

    def sample(self, instant_s: float, index: int) -> Sample:
        """The count of the stream whose turn it is, and how the traffic flows."""
        stream = self.streams[index % len(self.streams)]
        noise = noise_at(self.key, instant_s)
        total = stream.total(instant_s)
        count = total - stream.total(instant_s - self.count_s)
        vehicles_h = stream.vehicles_h.at(instant_s)
        crowded = clamp(vehicles_h / FREE_VEHICLES_H, 0.0, 1.0)
        values: SensorValues = {
            "vehicle_count": count,
            "interval_s": self.count_s,
            "vehicle_count_total": total,
            "occupancy_pct": round(clamp(around(noise, 55 * crowded**1.5, 1.0), 0.0, 100.0), 1),
            "mean_headway_s": round(clamp(HOUR_S / vehicles_h, 0.0, HOUR_S), 1),
            "queue_length_m": round(max(around(noise, 160 * (crowded - 0.55), 5.0), 0.0), 1),
            "congested": crowded > 0.8,  # noqa: PLR2004 - where speed has begun to fall
        }
        if count:  # nothing passed: there is no mean of nothing
            mean_km_h = max(around(noise, self.free_km_h * (1 - 0.6 * crowded**2), 2.5), 4.0)
            values["mean_speed_km_h"] = round(mean_km_h, 1)
            values["speed_p85_km_h"] = round(mean_km_h * 1.14, 1)
        return Sample(values, dict(stream.tags), self.battery.health(instant_s, index) if self.battery else {})


def _counter(
    source: random.Random,
    interval_s: float,
    tagged: list[tuple[dict[str, str], float]],
    battery: Battery | None = None,
) -> Detector:
    """A counter over the streams ``tagged``: their tags, and their mean in vehicles an hour."""
    streams = tuple(
        VehicleStream(tags, rippled(source, RUSH, vehicles_h), source.randrange(2_000_000)) for tags, vehicles_h in tagged
    )
    count_s = round(clamp(interval_s * len(streams), 1, LONGEST_COUNT_S))
    return Detector(source.getrandbits(60), streams, count_s, source.uniform(32, 62), battery)


def roadside(source: random.Random, interval_s: float) -> Detector:
    """One stream, a battery."""
    return _counter(source, interval_s, [({}, source.uniform(40, 500))], Battery.fitted(source))


def junction(source: random.Random, interval_s: float) -> Detector:
    """Two to four lanes with their directions."""
    lanes = range(source.randint(2, 4))
    tagged = [({"lane": str(lane + 1), "direction": "out" if lane % 2 else "in"}, source.uniform(80, 640)) for lane in lanes]
    return _counter(source, interval_s, tagged)


def classifier(source: random.Random, interval_s: float) -> Detector:
    """One lane, told apart by class."""
    vehicles_h = source.uniform(150, 700)
    tagged = [
        ({"lane": "1", "direction": "in", "vehicle_class": name}, share * vehicles_h) for name, share in CLASS_SHARES.items()
    ]
    return _counter(source, interval_s, tagged)


TOTAL: Final = DeviceRegister("vehicle_count_total", 1)

KINDS: Final = (
    DeviceKind("road", 0.55, roadside, (TOTAL,)),
    DeviceKind("junction", 0.30, junction, (TOTAL,)),
    DeviceKind("class", 0.15, classifier, (TOTAL,)),
)
