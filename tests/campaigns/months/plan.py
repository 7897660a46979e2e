"""The plan of a campaign: which fleet, which time, and all that happens in it. Pure: the same options plan the same."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Final, NamedTuple

from firmware_sim.fleet import SimDevice, build_fleet, parents_of
from firmware_sim.registry import registry_yaml
from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories.cast import Role, cast
from firmware_sim.stories.chronicle import TOLD_LATER_S
from firmware_sim.stories.plan import SimulatedSpan, plan
from firmware_sim.stories.story import Incident
from firmware_sim.stories.table import STORIES

BEGIN_S: Final = 1_790_758_800.0
"""2026-09-30T16:00+07:00: all of October follows. (A gateway doubts a clock that stands before it was built.)"""
INTERVAL_S: Final = 900.0
AFTER_S: Final = 0.4 * DAY_S
"""Readings behind the last midnight, so that its day is closed."""
MORNING_S: Final = 18 * HOUR_S
"""From the begin to ten in the morning."""
EVENING_S: Final = 4 * HOUR_S
"""From the begin to eight in the evening."""
OUTAGE_S: Final = 8 * HOUR_S
"""The database is away over a midnight and the hours in which the work of the night is done."""
EVENTS: Final = ("reset", "steps_back", "halved", "rolls_over", "garbage", "garbage_array", "late", "silent")
DAYS_PER_EVENT: Final = 775
"""Days of devices in which each kind of event happens once: twenty times to 500 devices in a month."""
SHARES: Final = {"water": 0.5, "power": 0.34, "urban": 0.1, "traffic": 0.06}
"""Most devices of a province are meters."""


class Fault(Enum):
    """A fault of a part."""

    KILLED = "the gateway is killed"
    FILE_LOST = "the gateway is killed, and its file is lost"
    DATABASE_AWAY = "the database stops"
    DATABASE_BACK = "the database starts"


class ToldExchange(NamedTuple):
    """An exchange that somebody tells the gateway.

    :ivar tell_s: simulated time at which it is told.
    """

    device: str
    field: str
    at_s: float
    final: float
    register: float
    tell_s: float


@dataclass(frozen=True)
class MonthsPlan:
    """The size of a campaign.

    :ivar days: whole local days that are accounted for.
    :ivar speed: simulated seconds per real second.
    :ivar exchanges: half of them are told at once, half days later.
    """

    devices: int
    days: int
    speed: float
    exchanges: int
    kills: int
    outages: int
    seed: int

    @classmethod
    def from_json(cls, text: str) -> "MonthsPlan":
        """Read what :meth:`as_json` wrote."""
        document: dict[str, Any] = json.loads(text)
        return cls(**document)

    def as_json(self) -> str:
        """One JSON object."""
        return json.dumps(asdict(self))

    @property
    def span(self) -> SimulatedSpan:
        """The simulated time in which devices measure."""
        return SimulatedSpan(BEGIN_S, BEGIN_S + self.days * DAY_S + AFTER_S, INTERVAL_S)

    @property
    def counts(self) -> Mapping[str, int]:
        """Domain → number of devices."""
        counts = {domain: round(self.devices * share) for domain, share in SHARES.items()}
        return counts | {"water": self.devices - sum(counts.values()) + counts["water"]}

    @property
    def wanted(self) -> Mapping[str, int]:
        """Story → number of its events."""
        each = max(1, self.devices * self.days // DAYS_PER_EVENT)
        told = {"exchange_told": self.exchanges - self.exchanges // 2, "exchange_told_later": self.exchanges // 2}
        return dict.fromkeys(EVENTS, each) | told

    @cached_property
    def fleet(self) -> list[SimDevice]:
        """The devices in the order in which they report."""
        return build_fleet(self.counts, INTERVAL_S, self.seed)

    @cached_property
    def incidents(self) -> list[Incident]:
        """All that happens, as far as the devices have room for it."""
        return plan(self.fleet, STORIES, self.wanted, self.span, self.seed)

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """Device → its part."""
        return {role.device.name: role for role in cast(self.fleet, self.incidents, STORIES, self.span)}

    def faults(self) -> list[tuple[float, Fault]]:
        """The simulated times at which parts fail, spread over the run.

        The file of the gateway is lost in the middle kill, in a morning: until the database was asked for sums there are none,
        and what is a second of real time is an hour on this clock. In the night before no database is away, since what waits
        for it would be lost too.
        """
        span = self.span
        kills = [(span.begin_s + span_s, Fault.KILLED) for span_s in _spread(span.end_s - span.begin_s, self.kills)]
        nights = list(range(self.days))
        if kills:
            losing = self.kills // 2
            day = int((kills[losing][0] - span.begin_s) // DAY_S)
            kills[losing] = (span.begin_s + day * DAY_S + MORNING_S, Fault.FILE_LOST)
            nights = [night for night in nights if night != day]
        outages = [span.begin_s + nights[int(at)] * DAY_S + EVENING_S for at in _spread(len(nights), self.outages)]
        away = [(at_s, Fault.DATABASE_AWAY) for at_s in outages]
        back = [(at_s + OUTAGE_S, Fault.DATABASE_BACK) for at_s in outages]
        return sorted([*kills, *away, *back], key=lambda fault: fault[0])

    def exchanges_told(self) -> Iterator[ToldExchange]:
        """The exchanges in the order in which they are told."""
        found = []
        for incident in self.incidents:
            told = STORIES[incident.story].told
            if told in {"at_once", "later"}:
                source = self.roles[incident.device].witness.source
                register = source.registers[0]
                final, first = source.around(incident, register, 0)
                tell_s = incident.begin_s + (TOLD_LATER_S if told == "later" else 0.0)
                found.append(ToldExchange(incident.device, register.field, incident.begin_s, final, first, tell_s))
        return iter(sorted(found, key=lambda exchange: exchange.tell_s))

    @cached_property
    def families(self) -> Mapping[str, list[str]]:
        """District meter or feeder → the meters behind it, as the registry names them."""
        found: dict[str, list[str]] = {}
        for name, parent in parents_of(self.fleet).items():
            found.setdefault(parent, []).append(name)
        return found

    def registry(self) -> str:
        """``devices.yaml``, in which meters name their district meter or feeder."""
        return registry_yaml(self.fleet, INTERVAL_S)


def _spread(length: float, number: int) -> Iterator[float]:
    """Divide a length evenly."""
    return ((place + 1) * length / (number + 1) for place in range(number))
