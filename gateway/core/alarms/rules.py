"""The model of a rule: what it looks at, how long that must stand, how it ends, and what people are told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from gateway.core.alarms.alarm import Severity

NIGHT_COVERAGE: Final = 0.8
"""The share of its readings with which a night counts."""


class Usual(StrEnum):
    """A mean of the last days that limits are multiples of."""

    HOUR = "usual"
    """Of the same hour of the day."""
    PEAK = "usual_peak"
    """Of the hour of the day that has the highest."""


class Param(NamedTuple):
    """A parameter of a registered device that limits are multiples of.

    :ivar default: its value where the registry gives none; None: such a device is not looked at.
    """

    name: str
    default: float | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A value above or below a limit. A state counts as 0 or 1, so that "is true" is a value above 0.

    :ivar value: the limit, in the unit of the field, or as a multiple of what ``of`` names.
    :ivar clear: the value at which an active alarm ends; between the two it stays. Equal to ``value`` where nothing is said.
    :ivar of: what the limit is a multiple of; None: it is the value itself.
    :ivar at: whose value it is: the device's own, or that of the device it hangs behind.
    """

    field: str
    direction: Literal["above", "below"]
    value: float
    clear: float
    of: Param | Usual | None = None
    at: Literal["device", "parent"] = "device"


@dataclass(frozen=True, slots=True)
class Values:
    """All of these limits are passed together; often it is one.

    The first is looked at in each reading, the others only when it is passed: the rarest comes first.
    """

    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing came for the device's ``silent_after``, or from more than half of the devices of a site."""

    of: Literal["device", "site"] = "device"


@dataclass(frozen=True, slots=True)
class Night:
    """The lowest flow of the night was above a limit for so many nights in a row.

    :ivar above: the limit in m3/h, or as a multiple of ``of``; usual is the lowest hour of the usual night.
    :ivar least_m3_h: a limit that is a multiple is never below this.
    """

    above: float
    nights: int = 3
    of: Param | Usual | None = None
    least_m3_h: float = 0.0


@dataclass(frozen=True, slots=True)
class Completeness:
    """Fewer readings of a day arrived than this share of those expected."""

    below: float


@dataclass(frozen=True, slots=True)
class CounterStep:
    """A register went back or too far, nobody told of an exchange, and so many readings in a row confirm it.

    It is an event and has no end of its own: the alarm ends ``hold_ms`` after it, or when the exchange is told.
    """

    readings: int = 3
    hold_ms: int = 86_400_000


@dataclass(frozen=True, slots=True)
class ClockWrong:
    """The clock of the device is too far from the gateway's, in the times that the gateway believes."""


Condition = Values | Silent | Night | Completeness | CounterStep | ClockWrong


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    :ivar when: conditions, of which one is enough.
    :ivar for_ms: how long a condition must stand before the alarm is raised; rounds, nights and days bring their own time.
    :ivar clear_after_ms: how long it must be gone before the alarm ends.
    :ivar text: language → what is the matter, one sentence.
    :ivar advice: language → what to do.
    :ivar source: where the limits come from.
    """

    name: str
    severity: Severity
    when: tuple[Condition, ...]
    text: Mapping[str, str]
    advice: Mapping[str, str]
    for_ms: int = 0
    clear_after_ms: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that are active."""

    rules: Sequence[Rule] = ()
    by_name: Mapping[str, Rule] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {rule.name: rule for rule in self.rules})

    def conditions(self) -> Iterator[tuple[Rule, str, Condition]]:
        """All conditions, each with its rule and the name that it has in the states of alarms."""
        for rule in self.rules:
            for number, condition in enumerate(rule.when):
                yield rule, str(number), condition

    def limits(self) -> Iterator[Limit]:
        """All limits on values."""
        for _, _, condition in self.conditions():
            if isinstance(condition, Values):
                yield from condition.limits
