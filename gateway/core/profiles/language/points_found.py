"""The points found in one message: values of the same measurement, tags, time and device become one point."""

from collections.abc import Iterable
from typing import Final

from gateway.core.decoders import bad_payload
from gateway.core.profiles.language.fields import ORDER
from gateway.core.profiles.language.times import Stamp
from gateway.core.profiles.mapped import DeviceParams, MappedReading, MappingContext
from gateway.core.readings.native import Drop, clean
from schemas.quantities import COUNTING, QUANTITIES, REQUIRES, Quality
from schemas.readings import ARRAY_MAX, Value
from schemas.rejects import DropCause

LOST_MAX: Final = 1000
"""Most dropped values remembered that belong to no point."""


class Found:
    """Points so far; ``asked``: measurement of the first without a value; ``stamp``: the time of the message, once known."""

    __slots__ = ("_by_key", "_lost", "_merged", "_without", "asked", "points", "stamp")

    def __init__(self) -> None:
        self.points: list[MappedReading] = []
        self.asked = ""
        self.stamp: Stamp | None = None
        self._by_key: dict[object, MappedReading] = {}
        self._merged = False
        self._lost: list[Drop] = []
        self._without: list[MappedReading] = []

    def miss(self, measurement: str, dropped: list[Drop]) -> None:
        """Remember that a point was expected but holds no value."""
        self.asked = self.asked or measurement
        self.lose(dropped)

    def lose(self, dropped: list[Drop]) -> None:
        """Remember dropped values that belong to no point."""
        if dropped and len(self._lost) < LOST_MAX:
            self._lost += dropped

    def add(self, point: MappedReading) -> None:
        """Add a point, or its values to the point they belong to. With another value for the same field it stays apart.

        If all values were dropped, the drops wait for a point of other values. Too many points are a bad payload.
        """
        if not point.values:
            self.asked = self.asked or point.measurement
            if len(self._without) < LOST_MAX:
                self._without.append(point)
            return
        if point.dropped:
            point.quality |= quality_of(point.dropped)
        if not self.points:  # the only one, most of the time
            self.points.append(point)
            return
        if not self._by_key:
            self._by_key[_key(self.points[0])] = self.points[0]
        known = self._by_key.setdefault(_key(point), point)
        if known is not point and all(known.values.get(field, value) == value for field, value in point.values.items()):
            known.values |= point.values
            known.quality |= point.quality
            known.dropped += point.dropped
            if point.counters is not known.counters:
                known.counters = {**known.counters, **point.counters}
            self._merged = True
            return
        self.points.append(point)
        if len(self.points) > ARRAY_MAX:
            raise bad_payload(f"more than {ARRAY_MAX} readings in one message")

    def all(self, context: MappingContext) -> list[MappedReading]:
        """The points in the order they were found; one without values if the message gave only drops.

        None: the profile wants nothing of this message.
        """
        self._tell_drops()
        for point in self.points:
            if point.measurement in COUNTING:
                _complete(point, context.params if point.device is None else context.params_of(point.device))
            if self._merged:
                point.values = _in_order(point)
        if self._lost and self.points:
            self.points[0].dropped += self._lost
        elif not self.points and self.asked:
            self.points.append(MappedReading(self.asked, {}, dropped=self._lost))
        return self.points

    def _tell_drops(self) -> None:
        """Mark points from which a value was dropped outside of them, as that of an item."""
        known: dict[object, MappedReading] = {_key(point): point for point in reversed(self.points)} if self._without else {}
        for without in self._without:
            point = known.get(_key(without))
            if point is None:
                self.lose(without.dropped)
                continue
            point.dropped += without.dropped
            point.quality |= quality_of(without.dropped)


def quality_of(dropped: Iterable[Drop]) -> int:
    """The quality bit of a point from which these were dropped; a key that nobody knows is no value."""
    return Quality.VALUE_DROPPED if any(cause is not DropCause.UNKNOWN_KEY for _, cause in dropped) else 0


def _key(point: MappedReading) -> object:
    return point.measurement, point.tags, point.time_ms, point.device


def _in_order(point: MappedReading) -> dict[str, Value]:
    return {field: point.values[field] for field in ORDER[point.measurement] if field in point.values}


def _complete(point: MappedReading, params: DeviceParams) -> None:
    """Complete fields that need another one from the registry, or drop them."""
    for field, needed in REQUIRES.items():
        if field not in point.values or needed in point.values:
            continue
        default = clean(QUANTITIES[point.measurement][needed], params.get(needed))
        if isinstance(default, DropCause):
            del point.values[field]
            point.dropped.append((field, DropCause.NO_INTERVAL))
            point.quality |= Quality.VALUE_DROPPED
        else:
            point.values[needed] = default
            point.values = _in_order(point)
