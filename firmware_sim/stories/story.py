"""Parts of a story: an event, what it does to the truth, to the display of a meter and to its radio."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from firmware_sim.devices.source import Sample, SensorValues
from firmware_sim.signals import DAY_S, EPOCH_S, HOUR_S
from schemas.scenario import FaultKind

NIGHTLY_S: Final = 8 * HOUR_S
"""After midnight: nights end in the morning, and the day before is judged in the first hours."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that happens.

    :ivar story: its name in the table.
    :ivar device: the device that it happens to; of a whole site its name; empty for all devices of the story's kinds.
    :ivar begin_s: simulated seconds since 1970.
    :ivar size: how bad it is, from 0 to 1.
    """

    story: str
    device: str
    begin_s: float
    end_s: float
    size: float = 0.5

    def active(self, instant_s: float) -> bool:
        """Tell if it lasts at ``instant_s``."""
        return self.begin_s <= instant_s < self.end_s


class Before(NamedTuple):
    """The device before an event began, which says how much an event of a given size is.

    :ivar values: the reading it would have made then.
    :ivar mean_h: register → its growth in an hour, over the day before.
    """

    values: SensorValues
    mean_h: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Effect:
    """Changes of what flows and what is measured.

    :ivar factor: what flows into a register, against what would flow without the event.
    :ivar scales: the gauges that are proportional to the flow go with the factor.
    :ivar added_h: what flows into a register besides, in an hour.
    :ivar backwards: it flows into the register of what runs backwards, which the device lacks else.
    :ivar change: the gauges and states while it lasts.
    :ivar unfolds: likewise, as time passes.
    :ivar unfolds_in_s: so long that takes.
    :ivar flag: a state that is true while it lasts; all devices that it can happen to send it.
    :ivar flag_after_s: so long the device needs to notice.
    """

    factor: Callable[[Incident, str, Before], float] | None = None
    scales: bool = True
    added_h: Callable[[Incident, str, Before], float] | None = None
    backwards: bool = False
    change: Callable[[Sample, Incident], None] | None = None
    unfolds: Callable[[Sample, Incident, float], None] | None = None
    unfolds_in_s: float = 0.0
    flag: str = ""
    flag_after_s: float = 0.0


class DisplayStep(Enum):
    """The change of what a meter shows, where what flows is not concerned."""

    EXCHANGED = auto()
    """Another meter, that begins elsewhere."""
    ROLLED_OVER = auto()
    """It goes on at 0 after its last digit."""
    RESET = auto()
    """It starts again at 0."""
    STEPPED_BACK = auto()
    """It lost a little, as after a power failure."""
    HALVED = auto()
    """It went back to somewhere in the middle."""


@dataclass(frozen=True, slots=True)
class RadioFault:
    """The fate of readings on their way.

    :ivar readings: so many readings, from the first one on; 0: as long as the event lasts.
    :ivar kept_of: 1: all leave the device; 2: each second one; 0: none.
    :ivar gasps: with ``kept_of`` 0: the first reading still leaves it.
    :ivar held: they are stored, and come as a log behind the first reading after the end.
    :ivar together: with ``held``: they come in one array, and none before them.
    :ivar garbage: registers in them are nonsense, and all else looks well.
    :ivar kind: a fault of :mod:`firmware_sim.faults`.
    :ivar share: of the readings that it befalls; None: the size of the event.
    :ivar reboots: the device starts anew: its numbers begin at 0.
    :ivar clock_off_s: the device's clock is wrong by so much.
    :ivar clock_lost: its clock has no battery: until the end, when it is set, it counts from 1970.
    :ivar drift_ppm: its clock runs too fast by so many millionths, from the beginning on.
    """

    readings: int = 0
    kept_of: int = 1
    gasps: bool = False
    held: bool = False
    together: bool = False
    garbage: bool = False
    kind: FaultKind | None = None
    share: float | None = None
    reboots: bool = False
    clock_off_s: float = 0.0
    clock_lost: bool = False
    drift_ppm: float = 0.0

    def clock_ms(self, now_ms: int, since_s: float) -> int:
        """Return what the device's clock shows, so long after the event began."""
        if self.clock_lost:
            return round(since_s * 1000)
        return now_ms + round(self.clock_off_s * 1000 + since_s * self.drift_ppm / 1000)


@dataclass(frozen=True, slots=True)
class Storyline:
    """One kind of event.

    :ivar about: a line for people.
    :ivar kinds: the devices it can happen to, as ``water-meter``.
    :ivar lasts_s: the shortest and the longest.
    :ivar alarm: the rule that must raise an alarm; None: nothing may.
    :ivar may: rules whose alarm it explains besides.
    :ivar after: rules whose alarm it explains once it has ended.
    :ivar for_s: how long the condition stands before the alarm is due.
    :ivar intervals: how many intervals of the device besides.
    :ivar days: whole local days after which it is due, where nights or days are judged.
    :ivar usual_s: so long the device must have been well before, for a rule that compares with what is usual.
    :ivar again_s: so long the same does not happen to a device, before and after: it would count as usual.
    :ivar told: for an exchange: when the utility says so.
    :ivar is_site: it happens to a whole site.
    :ivar is_calendar: it happens to all, on days that the calendar names.
    """

    about: str
    kinds: tuple[str, ...]
    lasts_s: tuple[float, float]
    alarm: str | None = None
    may: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    for_s: float = 0.0
    intervals: int = 0
    days: int = 0
    usual_s: float = 0.0
    again_s: float = 0.0
    effect: Effect = field(default_factory=Effect)
    display: DisplayStep | None = None
    radio: RadioFault | None = None
    told: str = ""
    is_site: bool = False
    is_calendar: bool = False

    def due_s(self, event: Incident, interval_s: float) -> float:
        """Return when the alarm stands at the latest: one reading after the condition has stood long enough."""
        if self.days:
            return midnight_after(event.begin_s) + self.days * DAY_S + NIGHTLY_S
        return event.begin_s + self.for_s + (self.intervals + 2) * interval_s


def midnight_after(instant_s: float) -> float:
    """Return the first local midnight at or after ``instant_s``."""
    return EPOCH_S - (EPOCH_S - instant_s) // DAY_S * DAY_S
