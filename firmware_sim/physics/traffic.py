"""Traffic of a lane: the triangular fundamental diagram, its units of mixed traffic, and the queue before a bottleneck."""

from dataclasses import dataclass
from typing import Final, NamedTuple

CAR_UNITS: Final = {
    "motorcycle": 0.25,
    "bicycle": 0.3,
    "car": 1.0,
    "van": 1.0,
    "truck_light": 2.0,
    "bus": 2.5,
    "truck_heavy": 2.5,
    "trailer": 3.0,
}
"""Room that a vehicle takes, in cars, at 30 to 50 km/h (TCXDVN 104:2007, urban roads, table 2)."""

CAR_SHADOW_M: Final = 6.5
"""Length of road on which a car covers a detector: its own, and the detector's."""


class LaneFlow(NamedTuple):
    """Traffic of a lane, in cars.

    :ivar queued: it stands on the congested branch.
    """

    cars_h: float
    cars_km: float
    queued: bool

    @property
    def speed_km_h(self) -> float:
        """Mean speed of the vehicles: v = q / k (Wardrop 1952); 0 where nothing moves or nobody is."""
        return self.cars_h / self.cars_km if self.cars_km else 0.0

    @property
    def occupancy_pct(self) -> float:
        """Share of the time that a car covers the detector: density x length (Athol 1965)."""
        return min(self.cars_km * CAR_SHADOW_M / 10, 100.0)


@dataclass(frozen=True, slots=True)
class RoadLane:
    """A lane with a triangular fundamental diagram (Newell 1993; Daganzo 1994).

    :ivar free_km_h: speed until the capacity is reached.
    :ivar wave_km_h: speed at which a jam grows backwards.
    :ivar jam_cars_km: density where nothing moves.
    """

    free_km_h: float
    wave_km_h: float = 18.0
    jam_cars_km: float = 150.0

    @property
    def capacity_cars_h(self) -> float:
        """Most that passes: where the two branches meet, q = k_jam v w / (v + w)."""
        return self.jam_cars_km * self.free_km_h * self.wave_km_h / (self.free_km_h + self.wave_km_h)

    def flow_at(self, cars_km: float) -> float:
        """Cars an hour at a density: v k, or w (k_jam - k) where that is less."""
        return min(self.free_km_h * cars_km, self.wave_km_h * (self.jam_cars_km - cars_km))

    def free(self, cars_h: float) -> LaneFlow:
        """Traffic on the free branch: k = q / v."""
        return LaneFlow(cars_h, cars_h / self.free_km_h, queued=False)

    def queued(self, cars_h: float) -> LaneFlow:
        """Traffic in a queue, on the congested branch: k = k_jam - q / w."""
        return LaneFlow(cars_h, self.jam_cars_km - cars_h / self.wave_km_h, queued=True)

    def queue_length_km(self, waiting_cars: float, bottleneck_cars_h: float) -> float:
        """Length of a queue in which so many cars are more than on a free road of the same flow.

        Source: kinematic waves of Lighthill and Whitham 1955, with the two densities of the bottleneck's flow.
        """
        more = self.queued(bottleneck_cars_h).cars_km - self.free(bottleneck_cars_h).cars_km
        return waiting_cars / more if more > 0 else 0.0


def waiting_after(waiting: float, arriving_h: float, capacity_h: float, hours: float) -> float:
    """Vehicles that wait before a bottleneck after a time in which so many arrive: never fewer than none.

    A queue of points (Vickrey 1969): what arrives less what the bottleneck lets through.
    """
    return max(waiting + (arriving_h - capacity_h) * hours, 0.0)
