"""The figures of reports for each day, judged by the true consumption. Pure.

A day is *exact* when it is what was consumed, as far as the register shows it. It is *marked* when the report says that a
boundary is estimated or that readings are suspect: then it may be off by what flowed in its boundary gaps and unseen in steps
of the meter, and no more. Anything else is *wrong*.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from firmware_sim.truth_rows import ConsumedDay

ROUNDING: Final = 2e-6
"""Sums are rounded to six decimals."""
GAP: Final = 1.5
"""A boundary between readings farther apart than so many intervals is estimated."""


class ReportedDay(NamedTuple):
    """A day of a register as the report has it.

    :ivar used: millionths of the unit; None where it is not covered.
    :ivar gaps: the readings around each boundary that is estimated.
    :ivar suspect: readings with a step that is suspect.
    """

    used: int | None
    cause: str
    gaps: Sequence[tuple[int, int]]
    suspect: int


class AllowedFlow(NamedTuple):
    """The error that a marked day may have.

    :ivar flowed: what went through its register between two instants.
    :ivar unseen: what went through it unseen, in steps between two instants.
    """

    flowed: Callable[[ConsumedDay, int, int], float]
    unseen: Callable[[ConsumedDay, int, int], float]


@dataclass(slots=True)
class DayCounts:
    """Days of registers by what became of them.

    :ivar in_turn: exact ones, marked only because the lanes of a device report in turn, farther apart than its interval.
    :ivar marked_off: of the marked ones, those that are off at all.
    :ivar marked_devices: devices and days with a mark.
    """

    exact: int = 0
    in_turn: int = 0
    marked: int = 0
    marked_off: int = 0
    marked_devices: set[tuple[str, int]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    @property
    def days(self) -> int:
        """All of them."""
        return self.exact + self.in_turn + self.marked + len(self.faults)

    def judge(self, day: ConsumedDay, reported: ReportedDay | None, allowed: AllowedFlow, interval_ms: int, lanes: int) -> None:
        """Hold a day of the report against the truth."""
        if reported is None or reported.used is None:
            self._fault(day, f"is not covered: {reported.cause if reported else 'no row'}")
            return
        off = abs(reported.used / 1e6 - day.value)
        is_exact = off <= day.within + ROUNDING
        if is_exact and not reported.suspect and all(end - begin <= GAP * interval_ms * lanes for begin, end in reported.gaps):
            self.exact += not reported.gaps
            self.in_turn += bool(reported.gaps)
            return
        crossed = sum(allowed.flowed(day, begin, end) for begin, end in reported.gaps)
        reach = [day.from_ms - 2 * interval_ms * lanes, day.to_ms + 2 * interval_ms * lanes, *sum(reported.gaps, ())]
        unseen = allowed.unseen(day, min(reach), max(reach))
        if (reported.gaps or reported.suspect) and off <= crossed + unseen + day.within + ROUNDING:
            self.marked += 1
            self.marked_off += not is_exact
            self.marked_devices.add((day.device, day.from_ms))
            return
        marks = f"{len(reported.gaps)} boundaries estimated, {reported.suspect} suspect, may be off by {crossed + unseen:.6g}"
        self._fault(day, f"report {reported.used / 1e6:.6f}, consumed {day.value:.6f} (within {day.within:g}; {marks})")

    def _fault(self, day: ConsumedDay, detail: str) -> None:
        stream = " ".join(text for _, text in day.stream)
        self.faults.append(f"{day.device} {day.field} {stream} day {day.from_ms}: {detail}")


Key = TypeVar("Key", bound=tuple[object, ...])
"""What a figure is of."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two accounts of the same figures.

    :ivar compared: figures that stand in both.
    """

    compared: int
    faults: list[str]


def agree(one: Mapping[Key, int], other: Mapping[Key, int], names: tuple[str, str]) -> Agreement:
    """Compare two accounts in millionths, figure by figure: each must be in both, and the same."""
    faults = []
    for key in sorted(one.keys() | other.keys(), key=str):
        here, there = one.get(key), other.get(key)
        if here != there:
            faults.append(f"{' '.join(map(str, key))}: {names[0]} {_shown(here)}, {names[1]} {_shown(there)}")
    return Agreement(len(one.keys() & other.keys()), faults)


def added(figures: Iterable[tuple[Key, int]]) -> dict[Key, int]:
    """Add up the figures of each key."""
    found: dict[Key, int] = {}
    for key, figure in figures:
        found[key] = found.get(key, 0) + figure
    return found


def _shown(figure: int | None) -> str:
    return "nothing" if figure is None else f"{figure / 1e6:.6f}"
