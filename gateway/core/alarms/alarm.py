"""The words of alarms: key, state, transition. Theory of operation of the engine.

A **rule** says what is looked at, how long it must stand, how it ends, and what people are told of it. It names one or more
*conditions*; one of them is enough. The engine (:mod:`gateway.core.alarms.engine`) keeps a **state** for each rule and place
where a condition stands: *pending* until the condition has stood for the rule's ``for``, *active* from then on, gone when the
condition is gone. A place is a device, or for ``site_silent`` a site, so that each device has one alarm a rule, whatever its
channels and conditions.

What comes in: each new reading (:meth:`Alarms.reading`), a round over the registered devices each minute (:meth:`Alarms.tick`),
and from the roll-ups a device's nights, days and usual hours. What goes out waits in the engine until the shell asks
(:meth:`Alarms.drain`): the transitions in their order, and the states that changed, which the shell stores under their key. A
state that was stored and given back (:meth:`Alarms.restore`) goes on where it stood: what is pending needs only the rest of
its time, what is active is not raised again.

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


class AlarmKey(NamedTuple):
    """The name of an alarm.

    :ivar alarm: the name of its rule.
    :ivar place: the id of a device; of ``site_silent`` the site.
    """

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
    """Somebody knows of an alarm."""

    by: str
    at_ms: int
    note: str = ""


class Standing(Struct, array_like=True):
    """Progress of one condition on one channel, in times of readings.

    :ivar since_ms: when it began to stand.
    :ivar last_ms: the newest reading that was judged.
    :ivar gone_ms: since when it does not stand any more, while the rule waits before it believes that; 0: it stands.
    :ivar count: the readings in a row that showed it.
    """

    since_ms: int
    last_ms: int
    gone_ms: int = 0
    count: int = 1


class AlarmState(Struct):
    """State of one alarm, as the store keeps it.

    :ivar since_ms: when the condition began.
    :ivar raised_ms: when it had stood long enough; 0: the alarm is pending, and nobody is told.
    :ivar value: the newest value that met the condition, or the one that raised the alarm if none did since.
    :ivar field: the quantity that has this value; empty for silence and clocks.
    :ivar standing: progress by condition and channel.
    :ivar nights: local day (as an ordinal) → lowest flow, of the nights that count.
    :ivar registered: of a device that the registry named; the alarm ends when it does no more.
    :ivar simulated: of a simulated device.
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

    @property
    def is_active(self) -> bool:
        """True from the moment it was raised."""
        return self.raised_ms > 0


class Change(StrEnum):
    """The kind of a transition."""

    RAISED = "raised"
    CLEARED = "cleared"
    CHANGED = "changed"
    """It was acknowledged; nothing else changes an active alarm but its end."""


class Transition(Struct, frozen=True):
    """A change of an alarm that others are told of.

    :ivar at_ms: when: the time of the reading that decided it, or of the round.
    :ivar duration_ms: from ``since_ms`` to its end; None: it has not ended.
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

    @classmethod
    def of(cls, state: AlarmState, change: Change, at_ms: int) -> "Transition":
        """Tell of a state what changed."""
        duration_ms = max(0, at_ms - state.since_ms) if change is Change.CLEARED else None
        about = (state.key, state.severity, state.tags, at_ms, state.since_ms, state.value, state.field)
        return cls(change, *about, duration_ms, state.acknowledged, state.simulated)


class Drained(NamedTuple):
    """Everything that changed since the last time, for the shell.

    :ivar transitions: in their order.
    :ivar states: key → the state to store now, pending ones too; None: it has ended, remove it.
    """

    transitions: Sequence[Transition]
    states: dict[AlarmKey, AlarmState | None]
