"""The database as a reader sees it: a few questions that InfluxDB and VictoriaMetrics answer alike."""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol, TypeVar

from gateway.core.readings.line_protocol import escape_tag, tag_text
from schemas.quantities import SUM_OF

T = TypeVar("T")

DAY_MS: Final = 86_400_000
HIDDEN: Final = "answers without them from now on; their bytes stay until it rewrites its files, and in its own backups"
"""What a deletion leaves for a while, behind the name of the database."""
_NAMED_MAX: Final = 500
"""Most devices that a question names. For more it asks about all: thousands of names would cost more than they save."""
_NAMED_AT_ONCE: Final = 100


class StoreFault(Exception):  # noqa: N818 - it says how the database is
    """The database cannot be asked; the text says why, and what to do."""


class StoredSeries(NamedTuple):
    """A series of points: a device, and the tags that distinguish its counters, without site and area, which may change."""

    device: str
    channel: str = ""
    direction: str = ""
    lane: str = ""
    vehicle_class: str = ""


class Counter(NamedTuple):
    """A counter in the database: a measurement as ``water``, and the field of the register as ``volume_m3``."""

    measurement: str
    field: str

    @property
    def sum_field(self) -> str:
        """The field of its sum."""
        return SUM_OF[self.field]


class SumPoint(NamedTuple):
    """A sum in the database, with its register."""

    time_ms: int
    sum: float
    register: float | None


class Side(Enum):
    """A side of an instant: its last point that is not later, or its first that is later."""

    UP_TO = "last"
    AFTER = "first"


class TimeSpan(NamedTuple):
    """A span of time: the first instant in it, and the first instant after it."""

    start_ms: int
    end_ms: int


PointValues = tuple[float | int | None, ...]
TimedValues = tuple[int, PointValues]
"""The time of a point in ms, and its values."""
BySeries = AsyncIterator[tuple[StoredSeries, T]]
SumPoints = BySeries[SumPoint]
TimedRows = BySeries[list[TimedValues]]
HeardTimes = AsyncIterator[tuple[str, int]]
"""Devices, each with the time of a point."""


class PlacedRows(NamedTuple):
    """Points with all their tags, as far as the database tells them: tag → value, and times in ms with their values."""

    tags: Mapping[str, str]
    rows: Sequence[TimedValues]


class SampledField(NamedTuple):
    """A field of a series, sampled: the start in ms of each step of time that has a value, and the last value in it."""

    measurement: str
    field: str
    series: StoredSeries
    points: Sequence[tuple[int, float]]


StoredValue = float | int | bool | str


class WholePoint(NamedTuple):
    """A whole point, with its values in the types that they have in InfluxDB."""

    measurement: str
    tags: Mapping[str, str]
    time_ms: int
    fields: Mapping[str, StoredValue]

    def line(self) -> str:
        """The point as a line."""
        fields = ",".join(f"{escape_tag(name)}={_text(value)}" for name, value in self.fields.items())
        return f"{self.measurement}{tag_text(self.tags.items())} {fields} {self.time_ms}"


class FieldFigures(NamedTuple):
    """The number of values that a field has in a day, and their sum; 0 for states."""

    number: int
    sum: float


DayFigures = Mapping[int, Mapping[str, FieldFigures]]
"""Beginning of a day in UTC → field → its figures; days and fields without values are left out."""
Spread = tuple[float, float, float]
"""The lowest, the mean and the highest value."""
GaugeSpreads = BySeries[dict[str, Spread]]
Devices = Collection[str] | None
"""Devices to ask about; None asks about all."""


def within(side: Side, at_ms: int, reach_ms: int) -> TimeSpan:
    """The span of time on one side of an instant."""
    return TimeSpan(at_ms - reach_ms + 1, at_ms + 1) if side is Side.UP_TO else TimeSpan(at_ms + 1, at_ms + reach_ms + 1)


def batches(devices: Collection[str], most: int = _NAMED_AT_ONCE) -> Iterator[Sequence[str]]:
    """The names of devices, in groups of at most ``most``."""
    names = sorted(devices)
    return (names[at : at + most] for at in range(0, len(names), most))


def named_groups(devices: Devices) -> Iterator[Sequence[str] | None]:
    """The groups of names for which a question is asked one after the other; None asks without names."""
    return iter([None]) if devices is None or len(devices) > _NAMED_MAX else batches(devices)


def figures_of(points: Iterable[WholePoint]) -> DayFigures:
    """Work the figures out from points."""
    found: dict[int, dict[str, FieldFigures]] = {}
    for point in points:
        day = found.setdefault(point.time_ms // DAY_MS * DAY_MS, {})
        for name, value in point.fields.items():
            if not isinstance(value, str):
                before = day.get(name, FieldFigures(0, 0.0))
                day[name] = FieldFigures(before.number + 1, before.sum + (0.0 if isinstance(value, bool) else value))
    return found


def _text(value: StoredValue) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value}i" if isinstance(value, int) and not isinstance(value, bool) else repr(value)


class Store(Protocol):
    """A database that answers questions about readings.

    Each question raises :class:`StoreFault` when the database does not answer or refuses access.
    """

    is_overwritten: bool  # True: a point that is written again replaces the one before

    def nearest(self, counter: Counter, side: Side, at_ms: int, reach_ms: int, devices: Devices = None) -> SumPoints:
        """Yield for each series the point with a sum that is nearest to an instant, at most ``reach_ms`` away."""

    def rows(self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Devices) -> TimedRows:
        """Yield the points of each series in order of time, with their values in the order of ``fields``.

        A series comes in one piece: ask for as many devices and as much time as memory can hold.
        """

    def placed_rows(self, measurement: str, fields: Sequence[str], window: TimeSpan, device: str) -> AsyncIterator[PlacedRows]:
        """Yield the points of a device with all their tags, so that they can be written again; in several pieces."""

    def heard(self, measurement: str, side: Side, at_ms: int, reach_ms: int, devices: Devices) -> HeardTimes:
        """Yield for each series the device and the time of the nearest point with any field; a device may come twice."""

    def newest_reports(self, field: str, window: TimeSpan) -> AsyncIterator[tuple[str, int, float]]:
        """Yield for each gateway the time and the value of its newest point about itself that has a field."""

    def newest(self, measurement: str, fields: Sequence[str], window: TimeSpan) -> BySeries[PointValues]:
        """Yield for each series the newest value of each field in the window; None: it has none there."""

    def flagged(self, measurement: str, bit: int, window: TimeSpan, devices: Devices = None) -> BySeries[int]:
        """Yield for each series the number of its points with a bit of ``quality``; series without one may be left out."""

    def spread(self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Devices = None) -> GaugeSpreads:
        """Yield for each series the spread of each gauge that has a value in the window."""

    def sampled(self, measurements: Sequence[str], window: TimeSpan, step_ms: int, device: str) -> AsyncIterator[SampledField]:
        """Yield each field of a device, sampled; booleans as 0 and 1. One that was moved may come in several pieces."""


class StoreOver:
    """Passes on to another database what a kind of it does not answer itself: all but ``nearest`` and ``rows``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_overwritten = store.is_overwritten
        self.placed_rows, self.heard, self.newest_reports = store.placed_rows, store.heard, store.newest_reports
        self.newest, self.flagged, self.spread, self.sampled = store.newest, store.flagged, store.spread, store.sampled
