"""A run in simulated time: every reading at its instant, in order, as far as the broker keeps up.

Nothing is measured while too many readings wait for their PUBACK. On a paced clock the fleet is then behind, which the clock
notes; as fast as possible, the clock waits with it.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, cycle, takewhile
from typing import Final

from firmware_sim.clock import DrivenClock, PacedClock, RunClock
from firmware_sim.firmware import Firmware
from firmware_sim.fleet import SimDevice, measured_at
from firmware_sim.ledger import LedgerFile
from firmware_sim.maker_firmware import AnyFirmware, firmware_of
from firmware_sim.publish import FateTally, Link
from firmware_sim.scenarios.events import incidents_of
from firmware_sim.stories.cast import Role, cast, times_of
from firmware_sim.stories.chronicle import Chronicle, Due
from firmware_sim.stories.plan import SimulatedSpan, plan
from firmware_sim.stories.radio import LATE
from firmware_sim.stories.table import STORIES
from schemas.scaled_clock import ScaledTime
from schemas.scenario import Scenario

MOST_WAITING: Final = 4_000
"""Readings that wait for their PUBACK, at most; never more than two of each device, so that the clock does not run ahead."""
PAUSE_S: Final = 0.001
SETTLE_S: Final = 9.0
"""Real seconds in which a busy gateway has asked for the sums of all devices."""
YIELD_EVERY: Final = 32
MOST_BEHIND_S: Final = 1_800.0
"""A fleet that is further behind its clock sends the past: no alarm could be raised from that."""


@dataclass(frozen=True, slots=True)
class SimulatedPlan:
    """The simulation that is asked for.

    :ivar scale: the clock; None: as fast as the broker takes the readings.
    :ivar wanted: story → so many of its events.
    :ivar live_interval_s: after the span it goes on in real time, with so long between two readings of a device; None: it ends.
    """

    span: SimulatedSpan
    scale: ScaledTime | None
    wanted: Mapping[str, int]
    live_interval_s: float | None = None

    @property
    def accounted(self) -> SimulatedSpan:
        """The span whose days are accounted for.

        A run that catches up with real time begins when it can, and a gateway has no sums before it has asked its database.
        """
        if self.live_interval_s is None or self.scale is None:
            return self.span
        return replace(self.span, begin_s=self.span.begin_s + SETTLE_S * self.scale.speed)

    def clock(self) -> RunClock:
        """Make the clock of the run."""
        return PacedClock(self.scale) if self.scale is not None else DrivenClock(self.span.begin_s)


@dataclass(frozen=True, slots=True)
class _SendingSlot:
    """A device's way to the broker.

    :ivar wait_s: from its measuring to its sending.
    """

    firmware: AnyFirmware
    link: Link
    first_s: float
    wait_s: float


class SimulatedRun:
    """Devices with their events, their truth, and the clock they go by."""

    def __init__(self, what: SimulatedPlan, fleet: Sequence[SimDevice], scenario: Scenario, seed: int) -> None:
        self.clock = what.clock()
        self._span = what.span
        native = [device for device in fleet if device.identity is None]
        times = times_of(what.span, 0.0, what.live_interval_s)
        makes = [device for device in fleet if device.identity is not None]
        self._makes = [replace(device, source=measured_at(device.source, times)) for device in makes]
        planned = plan(native, STORIES, what.wanted, what.span, seed)
        incidents = [*planned, *incidents_of(scenario, native, what.span, seed)]
        incidents.sort(key=lambda incident: (incident.begin_s, incident.story, incident.device))
        self._roles: list[Role] = cast(native, incidents, STORIES, what.span, what.live_interval_s)
        self._lines: Iterator[Due] = Chronicle(
            [role.witness for role in self._roles], incidents, STORIES, what.accounted
        ).lines()
        self._following = next(self._lines, None)
        self._live_interval_s = what.live_interval_s
        self._scenario, self._seed = scenario, seed

    def firmwares(self) -> list[AnyFirmware]:
        """Make the firmware of each device: of those to which things happen, then of those of makes, which only measure."""
        cast_ones = [Firmware(role.device, self._scenario, self._seed, radio=role.radio) for role in self._roles]
        return [*cast_ones, *(firmware_of(device, self._scenario, self._seed) for device in self._makes)]

    @property
    def _last_s(self) -> float:
        """A reading of each lane behind the end: the last midnight lies between two. None falls silent before the others."""
        return self._span.end_s + max((len(role.witness.streams) for role in self._roles), default=1) * self._span.interval_s

    def share(self) -> float:
        """Return how much of the span is over."""
        return (self.clock.now_ms() / 1000 - self._span.begin_s) / (self._span.end_s - self._span.begin_s)

    @property
    def is_live(self) -> bool:
        """True where it goes on in real time after its span."""
        return self._live_interval_s is not None

    async def measure(self, ways: Sequence[tuple[AnyFirmware, Link]], tally: FateTally, ledger: LedgerFile) -> None:
        """Let the devices measure until the end of the run, and write down what happens to them."""
        most_waiting = min(MOST_WAITING, 2 * len(ways))
        for number, (slot, instant_s, sent_s) in enumerate(self._turns(self._parts(ways))):
            await self.clock.reach(sent_s)
            self._note(sent_s, ledger)
            while tally.waiting > most_waiting:  # noqa: ASYNC110 - several connections count it down, message by message
                await asyncio.sleep(PAUSE_S)
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            for message in slot.firmware.measure(instant_s, round(instant_s * 1000)):
                slot.link.put(message)
            slot.link.reach(is_online=slot.firmware.is_online)
        self._note(self._last_s + self._span.interval_s, ledger)

    def _note(self, until_s: float, ledger: LedgerFile) -> None:
        """Write down what has happened by then."""
        while self._following is not None and self._following[0] <= until_s:
            ledger.note(self._following[1])
            self._following = next(self._lines, None)

    def _turns(self, parts: Sequence[_SendingSlot]) -> Iterator[tuple[_SendingSlot, float, float]]:
        """Yield the device whose turn it is, the instant at which it measures, and that at which it sends."""
        until_s = self._span.end_s if self.is_live else self._last_s
        for tick in takewhile(lambda tick: parts[0].first_s + tick * self._span.interval_s < until_s, count()):
            for part in parts:
                instant_s = part.first_s + tick * self._span.interval_s
                if instant_s < until_s:
                    yield part, instant_s, instant_s + part.wait_s
        if self._live_interval_s is not None:
            gap_s = self._live_interval_s / len(parts)
            for number, part in enumerate(cycle(parts)):
                yield part, until_s + number * gap_s, until_s + number * gap_s

    def _parts(self, ways: Sequence[tuple[AnyFirmware, Link]]) -> list[_SendingSlot]:
        """The devices in the order in which they send; those that measure together send one after the other."""
        firsts_s = [*(role.witness.first_s for role in self._roles), *[self._span.first_full_s] * len(self._makes)]
        together_s = min(firsts_s)
        parts = []
        for number, (first_s, (firmware, link)) in enumerate(zip(firsts_s, ways, strict=True)):
            wait_s = number / len(ways) * LATE * self._span.interval_s if first_s == together_s else 0.0
            parts.append(_SendingSlot(firmware, link, first_s, wait_s))
        return sorted(parts, key=lambda part: part.first_s + part.wait_s)
