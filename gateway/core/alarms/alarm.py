"""The types of alarms: key, state, transition; and the theory of operation of the engine.

A **rule** names one or more *conditions*, of which one is enough, how long it must stand, how the alarm ends, and what people
are told of it. The engine (:mod:`gateway.core.alarms.engine`) keeps a **state** for each rule and place
where a condition stands: *pending* until it has stood for the rule's ``for``, *active* from then on, removed when it stands no
more. A place is a device, or for ``site_silent`` a site. So a device has at most one alarm for each rule, whatever its channels
and conditions.

What comes in: each new reading (:meth:`Alarms.reading`), a round over the registered devices each minute (:meth:`Alarms.tick`),
and from the roll-ups a device's nights, days and usual hours. What goes out waits in the engine until the shell asks
(:meth:`States.drain`): the transitions in their order, and the states that changed, which the shell stores under their key. A
state that was stored and restored (:meth:`Alarms.restore`) goes on where it stood: a pending one needs only the rest of its
time, an active one is not raised again.

The engine knows no clock, asks no database and never waits, so alarms hold while InfluxDB is away. Progress runs on the times
of readings, never on those of their arrival, and a reading that tells of the past (bit 8, or overtaken by a newer one) neither
raises nor clears.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec import field as member


class Severity(StrEnum):
    """Weight of an alarm."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Its place in lists that begin with the worst."""
        return tuple(Severity).index(self)


class AlarmKey(NamedTuple):
    """The name of an alarm: its rule, and its place, which is the id of a device, or of ``site_silent`` the site."""

    alarm: str
    place: str

    @property
    def id(self) -> str:
        """One word for people and addresses: ``burst@wm-0001``. No rule has an ``@`` in its name."""
        return f"{self.alarm}@{self.place}"


class AlarmTags(NamedTuple):
    """The place of an alarm as the tags of its points; empty where it has none."""

    area: str = ""
    device: str = ""
    domain: str = ""
    site: str = ""


class Acknowledged(Struct, frozen=True):
    """The acknowledgement of an alarm by a person."""

    by: str
    at_ms: int
    note: str = ""


class Standing(Struct, array_like=True):
    """Progress of one condition on one channel, in times of readings.

    :ivar last_ms: the newest reading that was judged.
    :ivar gone_ms: its end, not yet believed while ``clear_after_ms`` of the rule runs; 0: it stands.
    """

    since_ms: int
    last_ms: int
    gone_ms: int = 0


class AlarmState(Struct):
    """State of one alarm, as the store keeps it.

    :ivar raised_ms: the time at which it was raised, or told of again; 0: it is pending, and nobody is told.
    :ivar value: the newest value that met the condition, or the one that raised the alarm if none did since.
    :ivar field: the quantity that has this value; empty for silence and clocks.
    :ivar nights: local day (as an ordinal) → lowest flow, of the nights that count; of losses the limit;
        of steps the time of the day at which a counter restarted.
    :ivar registered: True for a device that the registry named; the alarm ends when it leaves the registry.
    :ivar overdue: number of times that people were told of it again because nobody acknowledged it.
    """

    key: AlarmKey
    severity: Severity
    tags: AlarmTags
    since_ms: int
    value: float
    field: str = ""
    raised_ms: int = 0
    standing: dict[str, Standing] = member(default_factory=dict)
    nights: dict[int, float] = member(default_factory=dict)
    acknowledged: Acknowledged | None = None
    registered: bool = False
    simulated: bool = False
    overdue: int = 0

    @property
    def is_active(self) -> bool:
        """True from the moment it was raised."""
        return self.raised_ms > 0

    @property
    def is_overdue(self) -> bool:
        """True while nobody acknowledged it, although its time for that has passed."""
        return self.overdue > 0 and self.acknowledged is None

    @property
    def is_urgent(self) -> bool:
        """True while nobody acknowledged it, and it is critical or overdue."""
        return self.acknowledged is None and (self.overdue > 0 or self.severity is Severity.CRITICAL)


class Change(StrEnum):
    """The kind of a transition."""

    RAISED = "raised"
    CLEARED = "cleared"
    CHANGED = "changed"
    """It was acknowledged."""
    OVERDUE = "overdue"
    """Nobody acknowledged it in its time."""


class Transition(Struct, frozen=True):
    """A change of an alarm that others are told of, as a reading or a round decided it; without a duration it has not ended.

    :ivar changes: the number of changes that it stands for (:mod:`gateway.core.alarms.flapping`).
    """

    change: Change
    key: AlarmKey
    severity: Severity
    tags: AlarmTags
    at_ms: int
    since_ms: int
    value: float
    field: str = ""
    duration_ms: int | None = None
    acknowledged: Acknowledged | None = None
    simulated: bool = False
    overdue: int = 0
    changes: int = 1

    @property
    def is_overdue(self) -> bool:
        """True while nobody acknowledged it, although its time for that has passed."""
        return self.overdue > 0 and self.acknowledged is None

    @classmethod
    def of(cls, state: AlarmState, change: Change, at_ms: int) -> "Transition":
        """Make the transition of a state."""
        duration_ms = max(0, at_ms - state.since_ms) if change is Change.CLEARED else None
        about = (state.key, state.severity, state.tags, at_ms, state.since_ms, state.value, state.field)
        return cls(change, *about, duration_ms, state.acknowledged, state.simulated, state.overdue)


class Drained(NamedTuple):
    """The transitions since the last :meth:`States.drain`, and each state to store now; None: it has ended, remove it."""

    transitions: Sequence[Transition]
    states: dict[AlarmKey, AlarmState | None]
