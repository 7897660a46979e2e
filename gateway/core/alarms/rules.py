"""The model of a rule: its conditions, how long they must stand, how the alarm ends, and what people are told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, NamedTuple, TypeVar

from gateway.core.alarms.alarm import Severity

NIGHT_COVERAGE: Final = 0.8
"""The least share of its readings with which a night counts."""


class Usual(StrEnum):
    """A mean of the last days, of which a limit may be a multiple."""

    HOUR = "usual"
    """The mean of the same hour of the day."""
    PEAK = "usual_peak"
    """The highest mean of any hour of the day."""


class Param(NamedTuple):
    """A parameter of a device, of which a limit may be a multiple; a device without it and without a default has no limit."""

    name: str
    default: float | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A value above or below a limit. A state counts as 0 or 1, so that "is true" is a value above 0.

    :ivar value: the limit, in the unit of the field, or as a multiple of ``of``.
    :ivar clear: the value at which an active alarm ends; between the two it stays. Often equal to ``value``.
    :ivar of: the quantity of which the limit is a multiple; None: it is the value itself.
    :ivar at: the device with the value: its own, or its parent, the device it hangs behind.
    """

    field: str
    direction: Literal["above", "below"]
    value: float
    clear: float
    of: Param | Usual | None = None
    at: Literal["device", "parent"] = "device"


@dataclass(frozen=True, slots=True)
class Values:
    """A condition: all of these limits, often only one, are passed together.

    The first is checked in each reading, the others only when it is passed. So the one that is passed most rarely comes first.
    """

    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Silent:
    """A condition: nothing came for the ``silent_after`` of the device, or of more than half of the devices of a site."""

    of: Literal["device", "site"] = "device"


@dataclass(frozen=True, slots=True)
class Night:
    """A condition: the lowest flow of the night was above a limit for so many nights in a row.

    :ivar above: the limit in m3/h, or as a multiple of ``of``; of ``Usual`` it is the lowest hour of the usual night.
    :ivar least_m3_h: the lowest value of a limit that is a multiple.
    """

    above: float
    nights: int = 3
    of: Param | Usual | None = None
    least_m3_h: float = 0.0


@dataclass(frozen=True, slots=True)
class Completeness:
    """A condition: fewer readings of a day arrived than this share of those expected."""

    below: float


@dataclass(frozen=True, slots=True)
class CounterStep:
    """A condition: a register took a step that people must explain, and so many messages in a row say so; three are enough.

    It is an event without an end of its own: the alarm ends ``hold_ms`` after the last one, or when the exchange is told.
    """

    readings: int = 3
    hold_ms: int = 86_400_000


@dataclass(frozen=True, slots=True)
class Stuck:
    """A condition: a register stands still, and its own flow, the meters behind it or its habit say that something flows.

    :ivar times: they must say so many times as much as in any standstill before; a habit: so many times its longest pause.
    """

    by: Literal["flow", "behind", "habit"]
    times: float = 3.0


@dataclass(frozen=True, slots=True)
class Losses:
    """A condition: a share of a parent's supply above a limit, or a multiple of ``of``, was counted by no meter behind it.

    :ivar days: over so many days together.
    :ivar usual: and it is above so many times the usual share; 0: that does not matter.
    :ivar least: smaller losses of a day are none, in m3 or kWh.
    """

    above: float
    days: int = 3
    of: Param | None = None
    usual: float = 1.5
    least: float = 0.5


@dataclass(frozen=True, slots=True)
class ClockWrong:
    """A condition: the clock of the device is too far from the gateway's, by the times that the gateway believes."""


ACKNOWLEDGE_WITHIN_MS: Final = {Severity.CRITICAL: 30 * 60_000, Severity.WARNING: 8 * 3_600_000, Severity.INFO: 0}
"""Half an hour; one shift; never."""

Condition = Values | Silent | Night | Completeness | CounterStep | Stuck | Losses | ClockWrong
_OfKind = TypeVar("_OfKind", bound=Condition)
OF_ALL_READINGS: Final = (Silent, Night, Completeness, Stuck, Losses)
"""Kinds that look at all readings of a device, whichever of several gateways received them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    :ivar when: conditions, of which one is enough.
    :ivar for_ms: the time for which a condition must stand before the alarm is raised; nights and days have their own measure.
    :ivar clear_after_ms: the time for which it must be gone before the alarm ends.
    :ivar text: language → the fault, in one sentence.
    :ivar advice: language → the thing to do.
    :ivar source: the origin of the limits: a law, a standard, or experience.
    :ivar acknowledge_within_ms: the time in which a person should acknowledge it; 0: nobody needs to; None: by severity.
    """

    name: str
    severity: Severity
    when: tuple[Condition, ...]
    text: Mapping[str, str]
    advice: Mapping[str, str]
    for_ms: int = 0
    clear_after_ms: int = 0
    source: str = ""
    acknowledge_within_ms: int | None = None

    @property
    def of_all_readings(self) -> frozenset[str]:
        """The names of its conditions that look at all readings of a device, whichever of several gateways received them."""
        return frozenset(str(at) for at, when in enumerate(self.when) if isinstance(when, OF_ALL_READINGS))

    @property
    def acknowledge_ms(self) -> int:
        """The time in which a person should acknowledge it; 0: nobody needs to."""
        within_ms = self.acknowledge_within_ms
        return ACKNOWLEDGE_WITHIN_MS[self.severity] if within_ms is None else within_ms


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that are active."""

    rules: Sequence[Rule] = ()
    by_name: Mapping[str, Rule] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {rule.name: rule for rule in self.rules})

    def of(self, kind: type[_OfKind]) -> Iterator[tuple[Rule, str, _OfKind]]:
        """The conditions of a kind, each with its rule and the name that it has in the states of alarms."""
        for rule in self.rules:
            for number, condition in enumerate(rule.when):
                if isinstance(condition, kind):
                    yield rule, str(number), condition

    def is_stuck(self, name: str) -> bool:
        """Tell if a rule is about registers that stand still."""
        rule = self.by_name.get(name)
        return rule is not None and any(isinstance(condition, Stuck) for condition in rule.when)

    def limits(self) -> Iterator[Limit]:
        """All limits on values."""
        return (limit for _, _, condition in self.of(Values) for limit in condition.limits)
