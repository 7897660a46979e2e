"""A database as a copy sees it: its points as lines, and their numbers and sums by day."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from gateway.core.readings.line_protocol import escape_tag, tag_text
from gateway.ingest.database.store import TimeSpan

DAY_MS: Final = 86_400_000
StoredValue = float | int | bool | str


class CopiedPoint(NamedTuple):
    """A point with its values in the types that they have in InfluxDB."""

    tags: Mapping[str, str]
    time_ms: int
    fields: Mapping[str, StoredValue]

    def line(self, measurement: str) -> str:
        """The point as a line."""
        fields = ",".join(f"{escape_tag(name)}={_text(value)}" for name, value in self.fields.items())
        return f"{measurement}{tag_text(self.tags.items())} {fields} {self.time_ms}"


class FieldFigures(NamedTuple):
    """The values of a field in a day.

    :ivar number: their number.
    :ivar sum: their sum; 0 for states.
    """

    number: int
    sum: float


DayFigures = Mapping[int, Mapping[str, FieldFigures]]
"""Beginning of a day in UTC → field → its figures; days and fields without values are left out."""


class CopySource(Protocol):
    """A database whose points can be read. Each question raises :class:`StoreFault`.

    :ivar name: its kind, for people.
    :ivar longest_ms: the longest window that it answers for.
    :ivar is_overwritten: a point that is written again replaces the one before.
    """

    name: str
    longest_ms: int
    is_overwritten: bool

    async def measurements(self) -> Sequence[str]:
        """Return the names of what it holds."""
        ...

    def points(self, measurement: str, window: TimeSpan) -> AsyncIterator[Sequence[CopiedPoint]]:
        """Yield the points of a window, some at a time, in no order."""
        ...

    async def figures(self, measurement: str, window: TimeSpan) -> DayFigures:
        """Return the figures of each day of a window that begins and ends with days of UTC. Texts have none."""
        ...

    async def settle(self) -> None:
        """Return when what was written can be asked for."""
        ...


def figures_of(points: Iterable[CopiedPoint]) -> dict[int, dict[str, FieldFigures]]:
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
