"""Sums: what a counter has counted, whatever happened to its meter; and all that they stand on or are worked out again from.

That is its register, the exchanges of its meter that were told, and the steps that people must confirm.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from math import isnan
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.core.readings.steps import CounterRule, Doubt


class SumsMode(StrEnum):
    """The source of sums."""

    OFF = "off"
    """No sums are written: who tries a message knows nothing of the meter's past."""
    FROM_ZERO = "from_zero"
    """A counter that is first met is new."""
    ASKED = "asked"
    """InfluxDB is asked for the sums of a device that is first met."""
    MOVING = "moving"
    """Likewise, and again when a device was not heard for a while: another gateway may have heard it."""


class FoundSum(NamedTuple):
    """The newest register and sum of a counter that stand in InfluxDB."""

    register: float
    sum: float
    time_ms: int

    @property
    def offset(self) -> float:
        """The sum less the register."""
        return exact(self.sum - self.register)


class FormerOffset(NamedTuple):
    """An offset that held before, and the sum that it ended with, from which the next one goes on; None: not known."""

    until_ms: float
    offset: float
    total: float | None = None

    def raised(self, by: float) -> "FormerOffset":
        """The same with greater sums."""
        return FormerOffset(self.until_ms, exact(self.offset + by), None if self.total is None else self.total + by)


FormerOffsets = tuple[FormerOffset, ...]
"""The former offsets of a counter, the oldest first."""

FORMERS_MAX: Final = 8
"""Most former offsets of a counter; one more, and the oldest is folded into the next."""

KEPT: Final = "sums "
"""Before the id of a device, where the state of its counters is saved."""

_DECIMALS: Final = 9
"""An offset has more decimals than a sum, so that sums of many steps stay exact."""
_TOLERANCE: Final = 1e-6


def exact(offset: float) -> float:
    """An offset without the last bits of binary fractions."""
    return round(offset, _DECIMALS)


def sum_text(value: float, offset: float) -> str:
    """A sum as text, where the offset is not 0."""
    return repr(round(value + offset, 6))


def offset_at(formers: FormerOffsets, time_ms: float, offset: float) -> float:
    """The offset of a time; ``offset`` holds now."""
    return next((former.offset for former in formers if time_ms < former.until_ms), offset)


def is_beyond(formers: FormerOffsets, time_ms: float, value: float) -> bool:
    """Tell if a late reading shows that the counter had counted on before a step: the sums behind that miss it."""
    former = next((former for former in formers if time_ms < former.until_ms), None)
    return former is not None and former.total is not None and value + former.offset > former.total + _TOLERANCE


def may_lie_behind(behind: float, most: float) -> bool:
    """Tell if the sum of a late reading may lie so far behind the newest one."""
    return -_TOLERANCE <= behind <= most + _TOLERANCE


class Register(NamedTuple):
    """State of one counter, to be stored."""

    name: str
    value: float  # the last believed value; NaN: the meter was exchanged at ``time_ms`` and its successor has not been read yet
    time_ms: float
    doubt: Doubt | None = None
    offset: float = 0.0  # the sum less the register; of an exchanged meter the whole sum
    base: float | None = None  # the sum from which the mean rate is worked out, at ``base_ms``; None: this one
    base_ms: float = 0.0
    formers: FormerOffsets = ()
    size_per_h: float = 0.0  # amount that its meter has shown to pass in an hour; 0: the table or the registry tells it

    @property
    def total(self) -> float:
        """The sum, rounded as it is written."""
        return round(self.offset if isnan(self.value) else self.value + self.offset, 6)


TOLD_MAX: Final = 8
"""Most exchanges remembered of a device: more meters than a measuring place has in fifty years."""


class ToldExchange(NamedTuple):
    """An exchange of a meter."""

    field: str | None  # the counter, with all its lanes and channels, or one of them; None: all counters of the device
    at_ms: int
    final: float | None = None  # the last register of the old meter; None: the last one that was believed
    register: float | None = None  # the first register of the new meter; None: that of its first reading

    def concerns(self, name: str) -> bool:
        """Tell if a counter is meant, with its lane or channel."""
        return self.field is None or name == self.field or name.startswith(f"{self.field},")


class StoredExchange(NamedTuple):
    """An exchange as the database knows it; a late one was told after readings of the new meter, whose sums are still wrong."""

    told: ToldExchange
    is_late: bool


class ExchangeEffect(NamedTuple):
    """The counters whose next reading is the first of the new meter, and those whose sums must be worked out again."""

    at_once: list[str]
    later: list[str]

    @property
    def names(self) -> list[str]:
        """All counters that it concerns."""
        return self.at_once + self.later


class StepState(IntEnum):
    """The meaning of a step, as it stands in the database: something explained it, nobody has said, it was really used."""

    GONE = 0
    OPEN = 1
    USED = 2


class StepToConfirm(NamedTuple):
    """A step of a counter that does not count, or not in full, until a person says what it was."""

    name: str  # the counter, with its lane or channel
    before: float  # the last register before it, at ``from_ms``
    after: float  # the first register behind it, at ``first_ms``
    from_ms: int
    first_ms: int
    state: StepState = StepState.OPEN
    is_told: bool = False  # it stands in the database as it is here

    @property
    def held_out(self) -> float:
        """The amount that would count if it was really used; 0 after a step back."""
        return max(0.0, round(self.after - self.before, 6))

    @property
    def key(self) -> tuple[str, int]:
        """Its name and time, which tell steps of a device apart."""
        return self.name, self.first_ms

    def said(self, state: StepState) -> "StepToConfirm":
        """The same step with another meaning, which is not in the database yet."""
        return self if state is self.state else self._replace(state=state, is_told=False)

    def is_explained_by(self, told: ToldExchange) -> bool:
        """Tell if it was this exchange."""
        return told.concerns(self.name) and self.from_ms <= told.at_ms <= self.first_ms


STEPS_MAX: Final = 8
"""Most steps remembered of a device; of more the oldest are known to the database alone."""


class CounterPast(NamedTuple):
    """The history of a device's counters, to work their sums out again.

    :ivar told: the exchanges that were told, the oldest first.
    :ivar rules: counter → the rule of its profile, as its last step was judged.
    :ivar again_ms: the sums since then must be worked out again; None: none must.
    :ivar amended_ms: the sums since then were worked out, and the database did not take them; None: it has them all.
    :ivar formers: counter → the offsets of its sum that held before.
    :ivar steps: the steps that people must confirm, with what they said of them; the oldest first.
    """

    told: tuple[ToldExchange, ...] = ()
    rules: Mapping[str, CounterRule] = MappingProxyType({})
    again_ms: float | None = None
    amended_ms: float | None = None
    formers: Mapping[str, FormerOffsets] = MappingProxyType({})
    steps: tuple[StepToConfirm, ...] = ()

    @property
    def wrong_since_ms(self) -> float | None:
        """The sums since then are wrong in the database; None: they are right."""
        return min((ms for ms in (self.again_ms, self.amended_ms) if ms is not None), default=None)

    def with_told(self, told: ToldExchange) -> "CounterPast":
        """Remember an exchange; told again it replaces what was said before."""
        others = [one for one in self.told if (one.field, one.at_ms) != (told.field, told.at_ms)]
        steps = tuple(step.said(StepState.GONE) if step.is_explained_by(told) else step for step in self.steps)
        return self._replace(told=tuple(sorted([*others, told], key=lambda one: one.at_ms))[-TOLD_MAX:], steps=steps)

    def with_step(self, step: StepToConfirm) -> "CounterPast":
        """Remember a step; what is said anew of one replaces what was said before."""
        others = [one for one in self.steps if one.key != step.key]
        return self._replace(steps=tuple(sorted([*others, step], key=lambda one: one.first_ms))[-STEPS_MAX:])

    def step(self, name: str, first_ms: float) -> StepToConfirm | None:
        """Return a step that is known, and was not explained."""
        return next((one for one in self.steps if one.key == (name, first_ms) and one.state), None)

    def with_former(self, name: str, former: FormerOffset) -> "CounterPast":
        """Remember an offset of a counter that held before."""
        formers = sorted((*self.formers.get(name, ()), former), key=lambda one: one.until_ms)
        return self.with_formers(name, tuple(formers[-FORMERS_MAX:]))

    def with_formers(self, name: str, formers: FormerOffsets) -> "CounterPast":
        """Remember these offsets of a counter and no others."""
        if formers == self.formers.get(name, ()):
            return self
        return self._replace(formers={**self.formers, name: formers})

    def since(self, time_ms: float) -> "CounterPast":
        """Note that the sums since a time must be worked out again."""
        return self._replace(again_ms=time_ms if self.again_ms is None else min(self.again_ms, time_ms))

    def worked_out(self, since_ms: float, *, is_written: bool) -> "CounterPast":
        """Note that the sums since a time were worked out again. If they are not written, who reads them must work them out."""
        past = self if self.again_ms is None or self.again_ms < since_ms else self._replace(again_ms=None)
        return past if is_written else past._replace(amended_ms=min(since_ms, self.amended_ms or since_ms))


NO_PAST: Final = CounterPast()
