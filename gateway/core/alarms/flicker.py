"""Conditions that have stood for less than a minute: most are a value that flickers over its limit, and never become more.

Theory of operation
-------------------
A reading outside the gate leaves a **mark** if all that it shows must stand for a minute at least: since when each condition is
met. A mark is no state of an alarm: nobody stores it, and the readings of its device go on through the gate. The next one
decides: within the gate it ends the mark, outside the mark stands on. Once it has stood for a minute, it becomes the pending
state that it would have been at once, with its true beginning; so does a mark to which something uncommon happens: other
fields, an older reading, another alarm of the device, other rules, the end of the run. From then on the states decide.

So a value that flickers costs one look at its limits and nothing on disk. After a kill or a power cut a condition begins again
up to a minute later, or with the next reading of a device that sends less often.
"""

from dataclasses import dataclass
from typing import Final

from gateway.core.alarms.rounds import interval_ms, place_of
from gateway.core.alarms.states import Sight, States
from gateway.core.alarms.views import Views
from gateway.core.alarms.watch import Table
from gateway.core.devices.device import Series
from gateway.core.readings.line_protocol import FieldSet
from gateway.core.status.silence import INTERVALS
from schemas.readings import Value

_MARK_MS: Final = 60_000
_GAP_LEAST_MS: Final = 3000
"""A shorter time without a reading is never taken for a gap of a mark: it would cost more to look than it changes."""


@dataclass(slots=True)
class _Mark:
    """The conditions that the newest reading of a device meets, by their place in the table, and since when."""

    series: Series
    field_set: FieldSet
    table: Table
    since_ms: dict[int, int]
    last_ms: int
    numbers: tuple[Value, ...]


class Flickers:
    """The marks of all devices, by their names."""

    def __init__(self, states: States, views: Views) -> None:
        self._states = states
        self._views = views
        self._marks: dict[str, _Mark] = {}

    def __bool__(self) -> bool:
        return bool(self._marks)

    def is_marked(self, series: Series, field_set: FieldSet, time_ms: int, numbers: tuple[Value, ...]) -> bool:
        """Mark what a reading outside the gate shows; False: it needs the close look."""
        name = series.device.name
        table, mark = self._views.tables_of(name).table(field_set), self._marks.get(name)
        met = _met(table, time_ms, numbers)
        if mark is None:
            if met is None or series.pattern.text_tags or self._states.has(name):
                return False
            if met:
                self._marks[name] = _Mark(series, field_set, table, met, time_ms, numbers)
            return True
        if (
            met is None
            or mark.table is not table
            or mark.series is not series
            or time_ms <= mark.last_ms
            or self._states.has(name)
        ):
            return self.settle(name)
        since_ms = mark.since_ms if not _is_gap(series, time_ms - mark.last_ms) else {}
        for at in met:
            met[at] = since_ms.get(at, time_ms)
            if time_ms - met[at] >= _MARK_MS:
                return self.settle(name)
        if met:
            mark.since_ms, mark.last_ms, mark.numbers = met, time_ms, numbers
        else:
            del self._marks[name]
        return True

    def is_calm(self, series: Series, field_set: FieldSet, time_ms: int) -> bool:
        """Take a reading within the gate, which ends the mark of its device; False: it needs the close look."""
        name = series.device.name
        mark = self._marks.get(name)
        if mark is not None and mark.field_set is field_set and mark.series is series:
            if time_ms > mark.last_ms:
                del self._marks[name]
        elif mark is not None and not series.pattern.text_tags and not field_set.fields.isdisjoint(mark.field_set.fields):
            return self.settle(name)
        return True

    def settle(self, *names: str) -> bool:
        """Let the marks of some devices, or of all, become pending states; always False: the close look goes on from there."""
        for name in names or list(self._marks):
            mark = self._marks.pop(name, None)
            if mark is not None:
                self._begin(mark)
        return False

    def forget(self, name: str) -> None:
        """Forget the mark of a device."""
        self._marks.pop(name, None)

    def _begin(self, mark: _Mark) -> None:
        device, place = mark.series.device, place_of(mark.series.device, mark.series)
        for number, since_ms in mark.since_ms.items():
            check, at = mark.table.checks[number], mark.table.checks[number].places[0]
            if at is not None:
                sight = Sight(check.name, mark.last_ms, float(mark.numbers[at]), check.bounds[0].field, since_ms)
                self._states.stand(check.rule, place, sight)
        view = self._views.of(device)
        view.watch(busy=True)
        self._views.put(view)


def _is_gap(series: Series, without_ms: int) -> bool:
    return without_ms > _GAP_LEAST_MS and without_ms > INTERVALS * interval_ms(series.device)


def _met(table: Table, time_ms: int, numbers: tuple[Value, ...]) -> dict[int, int] | None:
    """Tell which conditions a reading meets; None: one of them needs more than a mark."""
    met: dict[int, int] = {}
    for (at, low, high), checks in zip(table.gate, table.by_gate, strict=True):
        value = numbers[at]
        if low <= value <= high:  # type: ignore[operator] # texts are tags by now
            continue
        for number in checks:
            check = table.checks[number]
            bounds, places = check.bounds, check.places
            if not bounds[0].is_met(value):  # type: ignore[arg-type] # the same
                continue
            if check.rule.for_ms < _MARK_MS or None in places:
                return None
            if (
                len(bounds) == 1
                or all(
                    bound.is_met(numbers[place])  # type: ignore[arg-type,index]
                    for bound, place in zip(bounds[1:], places[1:], strict=True)
                )
            ):
                met[number] = time_ms
    return met
