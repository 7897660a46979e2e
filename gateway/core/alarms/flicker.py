"""Conditions that have stood for less than a minute: most are a value that flickers over its limit, and never become more.

A reading outside the gate leaves a **mark** if all that it shows must stand for a minute at least: since when each condition is
met. A mark is no state of an alarm, and nobody stores it. The next reading decides: within the gate it ends the mark, outside
the mark stands on, and once it has stood for a minute it becomes the pending state that it would have been at once. So does a
mark to which something uncommon happens: other fields, an older reading, another alarm of the device, other rules, the end.

So a value that flickers costs one look at its limits and nothing on disk. After a kill or a power cut a condition begins again
up to a minute later, or with the next reading of a device that sends less often.
"""

from typing import Final, NamedTuple

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


class _Mark(NamedTuple):
    """The conditions that the newest reading of a device meets, by their place in the table, and since when."""

    series: Series
    field_set: FieldSet
    table: Table
    last_ms: int
    since_ms: dict[int, int]
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
        since_ms: dict[int, int] = {}
        table, mark = self._views.tables_of(name).table(field_set), self._marks.get(name)
        met = _met(table, time_ms, numbers)
        if mark is not None:
            gap_ms = time_ms - mark.last_ms
            if mark.table is not table or mark.series is not series or gap_ms <= 0:
                met = None
            elif gap_ms <= _GAP_LEAST_MS or gap_ms <= INTERVALS * interval_ms(series.device):
                since_ms = mark.since_ms
        if met is None or series.pattern.text_tags or self._states.has(name):
            return self.settle(name)
        for at in met:
            met[at] = since_ms.get(at, time_ms)
            if time_ms - met[at] >= _MARK_MS:
                return self.settle(name)
        if met:
            self._marks[name] = _Mark(series, field_set, table, time_ms, met, numbers)
        else:
            self.forget(name)
        return True

    def is_calm(self, series: Series, field_set: FieldSet, time_ms: int) -> bool:
        """Take a reading within the gate, which ends the mark of its device; False: it needs the close look."""
        name = series.device.name
        mark = self._marks.get(name)
        if mark is not None and mark.field_set is field_set and mark.series is series:
            if time_ms > mark.last_ms:
                self.forget(name)
        elif mark is not None and not series.pattern.text_tags and not field_set.fields.isdisjoint(mark.field_set.fields):
            return self.settle(name)
        return True

    def forget(self, name: str) -> None:
        """Forget the mark of a device."""
        self._marks.pop(name, None)

    def settle(self, *names: str) -> bool:
        """Let the marks of some devices, or of all, become pending states; always False: the close look goes on from there."""
        for mark in [self._marks.pop(name) for name in names or list(self._marks) if name in self._marks]:
            device, place = mark.series.device, place_of(mark.series.device, mark.series)
            for number, since_ms in mark.since_ms.items():
                check = mark.table.checks[number]
                value = float(mark.numbers[check.places[0] or 0])
                self._states.stand(check.rule, place, Sight(check.name, mark.last_ms, value, check.bounds[0].field, since_ms))
            view = self._views.of(device)
            view.watch(busy=True)
            self._views.put(view)
        return False


def _met(table: Table, time_ms: int, numbers: tuple[Value, ...]) -> dict[int, int] | None:
    """Tell which conditions a reading meets; None: one of them needs more than a mark."""
    met: dict[int, int] = {}
    for (at, low, high), checks in zip(table.gate, table.by_gate, strict=True):
        value = numbers[at]
        if low <= value <= high:  # type: ignore[operator] # texts are tags by now
            continue
        for number in checks:
            check = table.checks[number]
            if not check.bounds[0].is_met(value):  # type: ignore[arg-type] # the same
                continue
            if check.rule.for_ms < _MARK_MS or None in check.places:
                return None
            for bound, place in zip(check.bounds, check.places, strict=True):
                if not bound.is_met(numbers[place]):  # type: ignore[arg-type,index]
                    break
            else:
                met[number] = time_ms
    return met
