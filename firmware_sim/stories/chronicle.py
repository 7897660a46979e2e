"""The truth of a run as lines for its ledger: what happened, and what was consumed.

``{"event": STORY, "device": D, "began": ms, "ended": ms | null, "alarm": RULE | null, "due": ms, "may": [RULE],
"after": [RULE]}``: written when it begins, and again with its end. ``site`` in place of ``device`` where it happens to a whole
site; an empty device: it happens to all. ``may`` names rules whose alarm it explains too, ``after`` those once it has ended.
``flowed`` is what went through each register between the readings before and after a step, which nobody can see, or what it
claims beyond the truth while it counts in a wrong unit.

``{"exchange": D, "field": F, "at": ms, "final": x, "register": y, "told": "at_once" | "later" | "never", "tell": ms | null}``

``{"consumed": x, "device": D, "field": F, "from": ms, "to": ms, "within": y}``: one local day, when it has ended; with ``tags``
where a device has several registers of a name. ``within`` is how far off a sound sum may be: the register's resolution, where
no reading falls on midnight what a straight line between its neighbours misses, and where the device's clock is off at
midnight what flows in so much time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import Any, Final

from firmware_sim.devices.source import DeviceRegister
from firmware_sim.faults import THOUSANDTHS, encode
from firmware_sim.fleet import SimDevice
from firmware_sim.signals import DAY_S
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.radio import RadioPath
from firmware_sim.stories.story import Incident, Storyline, midnight_after
from firmware_sim.stories.truth import StoriedSource
from schemas.scenario import FaultKind

TOLD_LATER_S: Final = 3 * DAY_S
MOST_STREAMS: Final = 16
A_MOMENT_S: Final = 0.001

Due = tuple[float, bytes]
"""A line and the simulated time at which it is true."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A device and its truth.

    :ivar first_s: its first reading.
    :ivar streams: its readings in turn: so many lanes or classes.
    """

    device: SimDevice
    source: StoriedSource
    first_s: float
    interval_s: float
    radio: RadioPath = field(default_factory=RadioPath)
    streams: Sequence[Mapping[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        tags: list[Mapping[str, str]] = []
        for index in range(MOST_STREAMS):
            found = self.source.base.sample(self.first_s, index).tags
            if found in tags:
                break
            tags.append(found)
        object.__setattr__(self, "streams", tags)

    def true(self, register: DeviceRegister, instant_s: float, index: int) -> float | None:
        """Return what had flowed at an instant."""
        value = self.source.true(instant_s, index).values.get(register.field)
        return None if value is None else float(value)

    def neighbours(self, instant_s: float, index: int) -> tuple[float, float]:
        """Return the times of the readings of a stream before and after an instant, or at it."""
        turn_s = self.interval_s * len(self.streams)
        first_s = self.first_s + index * self.interval_s
        before_s = first_s + (instant_s - first_s) // turn_s * turn_s
        return before_s, before_s if before_s == instant_s else before_s + turn_s

    def missed(self, register: DeviceRegister, instant_s: float, index: int) -> float:
        """Return how far a sum at an instant may be from the truth, for the times of the readings around it."""
        return self._off_line(register, instant_s, index) + self._off_clock(register, instant_s, index)

    def _off_clock(self, register: DeviceRegister, instant_s: float, index: int) -> float:
        """Return what flows in the time by which readings around an instant are stamped wrong; a line doubles it."""
        off_s = max(self.radio.clock_off_s(instant_s + near_s) for near_s in (-self.interval_s, 0.0, self.interval_s))
        if not off_s:
            return 0.0
        before, after = (self.true(register, at_s, index) or 0.0 for at_s in (instant_s - off_s, instant_s + off_s))
        return after - before

    def _off_line(self, register: DeviceRegister, instant_s: float, index: int) -> float:
        """Return how far a straight line between the neighbours passes from the truth."""
        before_s, after_s = self.neighbours(instant_s, index)
        if before_s == after_s:
            return 0.0
        before, here, after = (self.true(register, at_s, index) or 0.0 for at_s in (before_s, instant_s, after_s))
        line = before + (after - before) * (instant_s - before_s) / (after_s - before_s)
        return abs(line - here)

    def flowed(self, instant_s: float) -> dict[str, float]:
        """Return what went through the registers between the readings around an instant."""
        found: dict[str, float] = {}
        for index in range(len(self.streams)):
            before_s, after_s = self.neighbours(instant_s - A_MOMENT_S, index)  # a reading at that very instant is after it
            for register in self.source.registers:
                before, after = self.true(register, before_s, index), self.true(register, after_s, index)
                if before is not None and after is not None:
                    found[register.field] = round(max(found.get(register.field, 0.0), after - before), 6)
        return found

    def miscounted(self, incident: Incident) -> dict[str, float]:
        """Return what registers in a wrong unit claim while an event lasts, at most."""
        begin_s, end_s = incident.begin_s - self.interval_s, incident.end_s + self.interval_s
        begin, end = (self.source.true(at_s, 0).values for at_s in (begin_s, end_s))
        return {
            register.field: round(THOUSANDTHS * (end[register.field] - begin[register.field]), 6)
            for register in self.source.registers
        }


@dataclass(frozen=True, slots=True)
class Chronicle:
    """The truth of a run."""

    witnesses: Sequence[Witness]
    incidents: Sequence[Incident]
    stories: Mapping[str, Storyline]
    span: SimulatedSpan

    def lines(self) -> Iterator[Due]:
        """All lines in the order of their time; a day is worked out when it is asked for."""
        return merge(self._begun(), self._ended(), self._days(), key=lambda due: due[0])

    def _begun(self) -> Iterator[Due]:
        by_name = {witness.device.name: witness for witness in self.witnesses}
        for incident in self.incidents:
            witness = by_name.get(incident.device)
            yield incident.begin_s, _line(self._event(incident, witness, None))
            if witness is not None and self.stories[incident.story].told:
                yield incident.begin_s, _line(self._exchange(incident, witness))

    def _ended(self) -> Iterator[Due]:
        by_name = {witness.device.name: witness for witness in self.witnesses}
        for incident in sorted(self.incidents, key=lambda incident: incident.end_s):
            yield incident.end_s, _line(self._event(incident, by_name.get(incident.device), _ms(incident.end_s)))

    def _event(self, incident: Incident, witness: Witness | None, ended_ms: int | None) -> dict[str, Any]:
        story = self.stories[incident.story]
        where = {"site": incident.device} if story.is_site else {"device": incident.device}
        row: dict[str, Any] = {
            "event": incident.story,
            **where,
            "began": _ms(incident.begin_s),
            "ended": ended_ms,
            "alarm": story.alarm,
            "due": _ms(story.due_s(incident, self.span.interval_s)),
            "may": list(story.may),
            "after": list(story.after),
        }
        if witness is not None and story.display is not None:
            row["flowed"] = witness.flowed(incident.begin_s)
        elif witness is not None and story.radio is not None and story.radio.kind is FaultKind.WRONG_UNIT:
            row["flowed"] = witness.miscounted(incident)
        return row

    def _exchange(self, incident: Incident, witness: Witness) -> dict[str, Any]:
        story = self.stories[incident.story]
        register = witness.source.registers[0]
        final, first = witness.source.around(incident, register, 0)
        tell_s = {"at_once": incident.begin_s, "later": incident.begin_s + TOLD_LATER_S}.get(story.told)
        return {
            "exchange": incident.device,
            "field": register.field,
            "at": _ms(incident.begin_s),
            "final": final,
            "register": first,
            "told": story.told,
            "tell": None if tell_s is None else _ms(tell_s),
        }

    def _days(self) -> Iterator[Due]:
        """The consumption of each device on each local day of the run from whose beginning on it was heard."""
        begin_s = midnight_after(self.span.begin_s)
        while begin_s + DAY_S <= self.span.end_s:
            for number, witness in enumerate(self.witnesses):
                # When each lane has been read after midnight; and not all at once: at speed that would hold up the readings.
                turns = len(witness.streams) + number / len(self.witnesses)
                told_s = begin_s + DAY_S + turns * self.span.interval_s
                for row in _consumed(witness, begin_s, begin_s + DAY_S):
                    yield told_s, _line(row)
            begin_s += DAY_S


def _consumed(witness: Witness, from_s: float, to_s: float) -> Iterator[dict[str, Any]]:
    for index, tags in enumerate(witness.streams):
        for register in witness.source.registers:
            begin, end = witness.true(register, from_s, index), witness.true(register, to_s, index)
            if begin is None or end is None or from_s < witness.first_s + index * witness.interval_s:
                continue
            missed = witness.missed(register, from_s, index) + witness.missed(register, to_s, index)
            row = {
                "consumed": round(end - begin, 6),
                "device": witness.device.name,
                "field": register.field,
                "from": _ms(from_s),
                "to": _ms(to_s),
                "within": round(register.resolution + missed, 6),
            }
            yield row | {"tags": tags} if tags else row


def _line(row: Mapping[str, Any]) -> bytes:
    return encode(dict(row))


def _ms(instant_s: float) -> int:
    return round(instant_s * 1000)
