"""Whole days of a simulated story through the core and the jobs of a gateway, on a clock that is set: no broker, no waiting."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from firmware_sim.firmware import Firmware
from firmware_sim.fleet import SimDevice, build_fleet
from firmware_sim.registry import registry_yaml
from firmware_sim.scenarios.loader import scenario
from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories.cast import Role, cast
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.story import Incident
from firmware_sim.stories.table import STORIES
from gateway.core.message import StoredMessage
from tests.grafana.known_points import DAY_MS, HOUR_MS
from tests.grafana.ledger_points import LedgerPoints, StoryPeriods, ledger_points
from tests.grafana.ledger_readings import StoryLedger
from tests.monitoring.reports.stores import Filled
from tests.runtime.jobs.closing_rig import SETTLED, ClosingRig, Running

SUMS_FROM: Final = 3
"""Readings before the first that has a sum: the gateway asks for sums, and what flows through a bulk meter needs confirming."""
_LATE_AFTER_MS: Final = HOUR_MS


class Happens(NamedTuple):
    """A story of one device: the device of its kind with this number, from hour to hour since the beginning."""

    story: str
    kind: str
    begin_h: float
    end_h: float
    number: int = 0


@dataclass(frozen=True)
class StoryPlan:
    """Days that follow each other.

    :ivar kinds: kind → number of its devices.
    :ivar midnights: beginnings of days or months in UTC; the last is the end.
    :ivar closed_every: intervals after which the job looks at its clock.
    """

    kinds: Mapping[str, int]
    midnights: Sequence[float]
    interval_s: float
    happens: Sequence[Happens] = ()
    closed_every: int = 1

    @property
    def days(self) -> list[int]:
        """The beginnings of the days, and the end of the last."""
        return list(range(round(self.midnights[0] * 1000), round(self.midnights[-1] * 1000) + 1, DAY_MS))

    @property
    def span(self) -> SimulatedSpan:
        """The time in which devices send: they are met before the first day, and are heard behind the last one."""
        begin_s = self.midnights[0] - (SUMS_FROM + 1) * self.interval_s
        return SimulatedSpan(begin_s, self.midnights[-1] + max(HOUR_S, 2 * self.interval_s), self.interval_s)

    def incidents(self, fleet: Sequence[SimDevice]) -> Iterator[Incident]:
        """Yield what happens to the devices of a fleet that has them."""
        for story, kind, begin_h, end_h, number in self.happens:
            names = [device.name for device in fleet if device.kind == kind]
            if names:
                begin_s, end_s = (self.midnights[0] + hours * HOUR_S for hours in (begin_h, end_h))
                yield Incident(story, names[number], begin_s, end_s, 0.5)


class StoryDays:
    """The days, as they pass.

    :ivar ledger: what the devices sent.
    """

    def __init__(self, plan: StoryPlan) -> None:
        self.plan = plan
        fleet = build_fleet(plan.kinds, plan.interval_s, 1, 1)
        self._roles: list[Role] = cast(fleet, list(plan.incidents(fleet)), STORIES, plan.span)
        self._firmware = [Firmware(role.device, scenario("normal"), 1, radio=role.radio) for role in self._roles]
        plain = [replace(role.device, source=role.witness.source.base) for role in self._roles]
        self.registry_text = registry_yaml(plain, plan.interval_s)
        self.registry = yaml.safe_load(self.registry_text)["devices"]
        self.ledger = StoryLedger()

    def names(self, kind: str) -> list[str]:
        """The devices of a kind."""
        return [role.device.name for role in self._roles if role.device.kind == kind]

    def pass_into(self, filled: Filled, folder: Path) -> Path:
        """Let the days pass for a gateway in a folder that fills a database; return its ``gateway.yaml``."""
        folder.mkdir()
        rig = ClosingRig(folder, filled)
        config = rig.config([], "Asia/Ho_Chi_Minh")
        config.devices.registry.write_text(self.registry_text)
        rig.run(config, self.plan.days[0], self._pass_by)
        filled.write([])
        return folder / "gateway.yaml"

    def truth(self) -> LedgerPoints:
        """The points that the gateway should have written."""
        midnights = [round(midnight_s * 1000) for midnight_s in self.plan.midnights]
        months = [(begin, end) for begin, end in pairwise(midnights) if end - begin > DAY_S * 1000]
        return ledger_points(self.ledger, self.registry, StoryPeriods(self.plan.days, months), _LATE_AFTER_MS)

    async def _pass_by(self, running: Running) -> None:
        """Send all readings; what has ended is closed every few intervals."""
        processor, plan = running.parts.processing.processor, self.plan
        for tick in range(round((plan.span.end_s - plan.span.begin_s) / plan.interval_s)):
            tick_s = plan.span.begin_s + tick * plan.interval_s
            self._measure(running, tick_s, has_sums=tick >= SUMS_FROM)
            if tick == 0:
                for role in self._roles:
                    processor.restore_sums(role.device.name, {}, ())
            if tick_s < plan.midnights[0]:
                processor.evaluator.late.drain()  # the time before is no part of the story
            elif tick % plan.closed_every == 0:
                await running.close(running.clock.at_ms)
        await running.close(max(running.clock.at_ms, plan.days[-1] + SETTLED))

    def _measure(self, running: Running, tick_s: float, *, has_sums: bool) -> None:
        lines: list[str] = []
        for role, firmware in zip(self._roles, self._firmware, strict=True):
            at_s = tick_s + role.witness.first_s - self.plan.span.first_full_s
            running.clock.at_ms = round(at_s * 1000)
            for message in firmware.measure(at_s, running.clock.at_ms):
                stored = StoredMessage(message.topic, message.payload, retain=False, duplicate=False)
                outcome = running.parts.processing.processor.process(stored, running.clock.at_ms)
                lines += [line for found in outcome.readings for line in found.lines.split("\n")]
                rows = [json.loads(row) | {"at": running.clock.at_ms} for row in message.rows]
                self.ledger.add(rows, has_sums=has_sums)
        running.clock.at_ms = round((tick_s + self.plan.interval_s - 1) * 1000)
        running.filled.write(lines)
