"""Meters: the register of a counter over exchanges, resets, roll-overs and standing still. Pure."""

from collections.abc import Iterable, Iterator
from math import floor
from typing import Final, NamedTuple

from tests.campaigns.truth.calendar import DAY_S, at_s
from tests.campaigns.truth.courses import Course
from tests.campaigns.truth.faults import Fault
from tests.campaigns.truth.town import Meter

DECIMALS: Final = {"water": 3, "power": 2, "traffic": 0, "urban": 0}
WIDTHS: Final = {"w10": 100_000.0}
"""Meters of which the register begins anew behind so much."""
_NEW_METER: Final = frozenset({"exchange", "small step", "reset"})


class Counter(NamedTuple):
    """A counter of a meter.

    :ivar share: which part of the course it counts, by tariff.
    """

    field: str
    course: Course
    start: float
    decimals: int


class Exchanged(NamedTuple):
    """Registers as they were read when a meter was exchanged."""

    device: str
    field: str
    at_s: float
    final: float
    register: float
    told_s: float | None


class Register:
    """The register of a counter over the time of the world."""

    def __init__(self, meter: Meter, counter: Counter, faults: Iterable[Fault], days: int) -> None:
        self.counter = counter
        self.exchanges: list[Exchanged] = []
        self._width = WIDTHS.get(meter.id)
        own = [fault for fault in faults if fault.device == meter.id]
        self._stuck = [(at_s(f.day, f.hour), at_s(f.day, f.hour + f.hours)) for f in own if f.kind == "stuck"]
        self._since = [(counter.course.first_s - DAY_S, counter.start)]
        for fault in own:
            if fault.kind in _NEW_METER:
                self._begin_anew(meter.id, fault)
            if fault.kind == "nightly":
                self._since += [(at_s(number, 0.05), 0.0) for number in range(days + 1)]

    def _begin_anew(self, device: str, fault: Fault) -> None:
        when_s = at_s(fault.day, fault.hour) + round(fault.hours * 1800)
        final = self.shown(when_s)
        register = round(final + fault.register if fault.kind == "small step" else fault.register, self.counter.decimals)
        self._since.append((when_s, register))
        if fault.kind != "reset":
            told_s = None if fault.told_h is None else when_s + fault.told_h * 3600
            self.exchanges.append(Exchanged(device, self.counter.field, when_s, final, register, told_s))

    def shown(self, now_s: float) -> float:
        """Return what it shows at a time."""
        since_s, first = max(one for one in self._since if one[0] <= now_s)
        total = first + self._counted(since_s, now_s)
        if self._width is not None:
            total %= self._width
        scale = 10**self.counter.decimals
        return float(floor(total * scale + 1e-6) / scale)

    def _counted(self, begin_s: float, end_s: float) -> float:
        """Return what it counts between two times: nothing while it stands still."""
        stood = sum(
            self.counter.course.between(max(begin_s, low), min(end_s, high))
            for low, high in self._stuck
            if max(begin_s, low) < min(end_s, high)
        )
        return self.counter.course.between(begin_s, end_s) - stood


class Quiet(NamedTuple):
    """A time in which nothing is sent: what is measured is lost, or held back until its end."""

    begin_s: float
    end_s: float
    is_held: bool


def quiet_times(device: str, faults: Iterable[Fault]) -> Iterator[Quiet]:
    """The times in which a device sends nothing."""
    for fault in faults:
        begin_s = at_s(fault.day, fault.hour)
        if fault.device == device and fault.hours and fault.kind in {"exchange", "small step", "silent", "late"}:
            yield Quiet(begin_s, begin_s + fault.hours * 3600, fault.kind == "late")
