"""Traffic: roadside counters, junction detectors with lanes, classifying counters.

A device with several lanes or classes reports them in turn, one a reading; each count covers the time since the same lane
or class was last reported, so counts add up to the totals. Some lanes end in a bottleneck: in rush hour its queue reaches back
over the detector, and what passes is what the bottleneck lets through, slowly.
"""

import math
import random
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from firmware_sim.devices.source import Battery, DeviceKind, DeviceRegister, ReadingTimes, Sample, SensorValues, shown
from firmware_sim.physics.shapes import HIGHWAY, RUSH, Week
from firmware_sim.physics.traffic import CAR_UNITS, LaneFlow, RoadLane, waiting_after
from firmware_sim.signals import EPOCH_S, HOUR_S, Curve, Signal, clamp, noise_at, rippled

CLASS_SHARES: Final = {"motorcycle": 0.72, "car": 0.15, "truck_light": 0.06, "bus": 0.03, "truck_heavy": 0.04}
MEAN_UNITS: Final = shown(math.fsum(share * CAR_UNITS[name] for name, share in CLASS_SHARES.items()), 1000)
"""Cars that a vehicle of this traffic stands for."""
LONGEST_COUNT_S: Final = 21_600.0
"""Detectors that report more seldom count the last six hours only, as their memory does."""
DETECTOR_KM: Final = 0.05
"""The detector stands so far before the bottleneck."""
BOTTLENECK: Final = 0.9
"""What a bottleneck lets through, of what the lane could carry: a junction, a bridge."""
BUSY: Final = 0.2
"""Share of the lanes at junctions that end in one."""
BUSY_RATIOS: Final = (0.44, 0.45, 0.46)
"""Mean traffic of a busy lane, against what its bottleneck lets through."""
KM_H_OF_M_S: Final = 3.6
VEHICLE_M: Final = 2.6
"""Mean length of a vehicle of this traffic, mostly motorcycles."""
FARTHEST_M: Final = 2_000.0
SEEN_M: Final = 400.0
"""A detector sees a queue so far."""
STEP_S: Final = 300.0


class Passing(NamedTuple):
    """Traffic behind a bottleneck over a week, against the mean of what arrives.

    :ivar waiting: vehicles in its queue, for each that arrives in an hour on the mean.
    """

    rate: Curve
    waiting: Curve | None


@cache
def arriving(shape: Week) -> Curve:
    """The curve of a shape, which all lanes share."""
    return Curve.of_means(shape)


TOWN: Final = arriving(RUSH)


@cache
def passing(shape: Week, ratio: float) -> Passing:
    """Work out what of ``shape`` passes a bottleneck that lets 1 / ``ratio`` of its mean through."""
    curve = arriving(shape)
    capacity = 1 / ratio
    if max(curve.values) <= capacity:
        return Passing(curve, None)
    step_h = STEP_S / HOUR_S
    waiting, rates, queues = 0.0, [], []
    for step in range(round(len(shape) * HOUR_S / STEP_S)):
        arrives = curve.at(EPOCH_S + step * STEP_S)
        queues.append(round(waiting, 5))
        rates.append(capacity if waiting else min(arrives, capacity))
        waiting = waiting_after(waiting, arrives, capacity, step_h)
    return Passing(Curve(tuple(rates), STEP_S), Curve(tuple(queues), STEP_S))


@dataclass(frozen=True, slots=True)
class DetectedLane:
    """A lane with its traffic, in vehicles an hour.

    :ivar vehicles_h: what passes.
    :ivar waiting: the queue behind it, if there ever is one, in vehicles for each of the signal's scale.
    """

    road: RoadLane
    vehicles_h: Signal
    waiting: Curve | None = None

    @classmethod
    def make(cls, source: random.Random, shape: Week, free_km_h: float, vehicles_h: float) -> "DetectedLane":
        """A lane with room for its traffic."""
        return cls(RoadLane(free_km_h), rippled(source, arriving(shape), vehicles_h))

    @classmethod
    def busy(cls, source: random.Random, shape: Week, free_km_h: float, ratio: float) -> "DetectedLane":
        """A lane with a bottleneck, and as much traffic as ``ratio`` of what it lets through."""
        road = RoadLane(free_km_h)
        through = passing(shape, ratio)
        vehicles_h = ratio * BOTTLENECK * road.capacity_cars_h / MEAN_UNITS
        return cls(road, rippled(source, through.rate, vehicles_h, 0.4), through.waiting)

    def flow(self, instant_s: float, vehicles_h: float) -> tuple[LaneFlow, float]:
        """The traffic at the detector, where so much passes, and the length of the queue in kilometres."""
        bottleneck_h = BOTTLENECK * self.road.capacity_cars_h
        cars_h = min(vehicles_h * MEAN_UNITS, self.road.capacity_cars_h)
        if self.waiting is None:
            return self.road.free(cars_h), 0.0
        waiting = self.waiting.at(instant_s) * self.vehicles_h.scale * MEAN_UNITS
        queue_km = self.road.queue_length_km(waiting, bottleneck_h)
        return (self.road.queued(cars_h) if queue_km > DETECTOR_KM else self.road.free(cars_h)), queue_km


@dataclass(frozen=True, slots=True)
class VehicleStream:
    """The vehicles of one lane, or of one class in it.

    :ivar share: of the lane's vehicles.
    """

    tags: dict[str, str]
    lane: DetectedLane
    share: float
    start: int

    def counted(self, passed: float) -> int:
        """The register, where so many vehicles (x seconds / hour) have passed in the lane."""
        return self.start + math.floor(self.share * passed / HOUR_S)


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector over one or more streams."""

    key: int
    streams: tuple[VehicleStream, ...]
    times: ReadingTimes
    battery: Battery | None = None

    def sample(self, instant_s: float, index: int) -> Sample:
        """The count of the stream whose turn it is, and how the traffic flows."""
        stream = self.streams[index % len(self.streams)]
        noise = noise_at(self.key, instant_s)
        lane = stream.lane
        vehicles_h, passed = lane.vehicles_h.read(instant_s)
        total = stream.counted(passed)
        count_s = clamp(instant_s - self.times.before_s(instant_s, len(self.streams)), 1, LONGEST_COUNT_S)
        count = total - stream.counted(lane.vehicles_h.integral(instant_s - count_s))
        flow, queue_km = lane.flow(instant_s, vehicles_h)
        values: SensorValues = {
            "vehicle_count": count,
            "interval_s": round(count_s),
            "vehicle_count_total": total,
            "occupancy_pct": shown(clamp(flow.occupancy_pct * (1 + 0.05 * noise.first), 0.0, 100.0), 10),
            "mean_headway_s": shown(clamp(HOUR_S / vehicles_h, 0.0, HOUR_S), 10),
            "queue_length_m": shown(min(1000 * queue_km, SEEN_M), 10),
            "congested": flow.queued,
        }
        if count:  # nothing passed: there is no mean of nothing
            mean_km_h = flow.speed_km_h * (1 + 0.05 * noise.second)
            values["mean_speed_km_h"] = shown(mean_km_h, 10)
            values["speed_p85_km_h"] = shown(mean_km_h * 1.14, 10)
            if "vehicle_class" in stream.tags:  # a radar sees where a vehicle begins and ends
                apart_m = mean_km_h / KM_H_OF_M_S * HOUR_S / vehicles_h
                values["mean_gap_m"] = shown(clamp(apart_m - VEHICLE_M, 0.0, FARTHEST_M), 10)
        return Sample(values, dict(stream.tags), self.battery.health(instant_s, index) if self.battery else {})


def _detector(
    source: random.Random, interval_s: float, streams: list[tuple[dict[str, str], DetectedLane, float]], battery: Battery | None
) -> Detector:
    """A detector over streams: their tags, lane and share of it."""
    made = tuple(VehicleStream(tags, lane, share, source.randrange(2_000_000)) for tags, lane, share in streams)
    return Detector(source.getrandbits(60), made, ReadingTimes(interval_s), battery)


def roadside(source: random.Random, interval_s: float) -> Detector:
    """One stream, a battery: a street of the town, or the highway into it."""
    battery = Battery.fitted(source)
    shape, free_km_h = source.choice(((RUSH, 45.0), (HIGHWAY, 75.0)))
    lane = DetectedLane.make(source, shape, free_km_h * source.uniform(0.8, 1.2), source.uniform(40, 400))
    return _detector(source, interval_s, [({}, lane, 1.0)], battery)


def junction(source: random.Random, interval_s: float) -> Detector:
    """Two to four lanes with their directions."""
    free_km_h = source.uniform(32, 50)
    streams = []
    for number in range(source.randint(2, 4)):
        lane = (
            DetectedLane.busy(source, RUSH, free_km_h, source.choice(BUSY_RATIOS))
            if source.random() < BUSY
            else DetectedLane.make(source, RUSH, free_km_h, source.uniform(80, 640))
        )
        streams.append(({"lane": str(number + 1), "direction": "out" if number % 2 else "in"}, lane, 1.0))
    return _detector(source, interval_s, streams, None)


def classifier(source: random.Random, interval_s: float) -> Detector:
    """One lane of a main road, told apart by class: a dear device stands where most vehicles pass."""
    lane = DetectedLane.make(source, RUSH, source.uniform(40, 60), source.uniform(400, 1_200))
    streams = [({"lane": "1", "direction": "in", "vehicle_class": name}, lane, share) for name, share in CLASS_SHARES.items()]
    return _detector(source, interval_s, streams, None)


TOTAL: Final = DeviceRegister("vehicle_count_total", 1)

KINDS: Final = (
    DeviceKind("road", 0.55, roadside, (TOTAL,)),
    DeviceKind("junction", 0.30, junction, (TOTAL,)),
    DeviceKind("class", 0.15, classifier, (TOTAL,)),
)
