"""A day of a simulated story through the core and the jobs: dashboards say what the simulator's ledger says."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
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
from grafana.answers import Page
from tests.grafana.held import Holding, hold
from tests.grafana.known_points import DAY_MS, HOUR_MS
from tests.grafana.ledger_points import StoryPeriods, ledger_points
from tests.grafana.ledger_readings import StoryLedger
from tests.jobs.closing_rig import SETTLED, ClosingRig, Running
from tests.reports.conftest import started

pytestmark = pytest.mark.real

WATER: Final = {"water-meter": 3, "water-district": 1, "water-quality": 1}
ALL: Final = {
    **WATER,
    "power-house": 2,
    "power-feeder": 1,
    "power-solar": 1,
    "traffic-road": 2,
    "urban-people": 1,
    "urban-rain": 1,
}
INTERVAL_S: Final = 1_800.0
BEGIN_S: Final = 1_791_133_200.0
"""Midnight of Monday, 2026-10-05, in Vietnam: the gateway was built before, and VictoriaMetrics drops the future."""
BEFORE_S: Final = 2 * HOUR_S
"""The devices are met so long before the midnight at which the job begins."""
SUMS_FROM: Final = 3
"""Readings before the first that has a sum: the gateway asks for sums, and what flows through a bulk meter needs confirming."""
BEGIN_MS: Final = round(BEGIN_S * 1000)
SPAN: Final = SimulatedSpan(BEGIN_S - BEFORE_S, BEGIN_S + DAY_S + HOUR_S, INTERVAL_S)


HAPPENS: Final = (
    ("late", "water-meter", 12.2, 15.7),
    ("outage", "power-feeder", 7.3, 10.1),
    ("silent", "power-house", 18.1, 20.9),
)
"""A log that comes late after noon, no supply in the morning, a silent meter in the evening: story, kind, hours of the day."""


def happens(fleet: Sequence[SimDevice]) -> Iterator[Incident]:
    """Yield what happens to the devices of a fleet."""
    first = {device.kind: device.name for device in reversed(fleet)}
    for story, kind, begin_h, end_h in HAPPENS:
        if kind in first:
            yield Incident(story, first[kind], BEGIN_S + begin_h * HOUR_S, BEGIN_S + end_h * HOUR_S, 0.5)


class StoryDay:
    """The day, as it passes.

    :ivar ledger: what the devices sent.
    """

    def __init__(self, kinds: Mapping[str, int]) -> None:
        fleet = build_fleet(kinds, INTERVAL_S, 1, 1)
        self._roles: list[Role] = cast(fleet, list(happens(fleet)), STORIES, SPAN)
        self._firmware = [Firmware(role.device, scenario("normal"), 1, radio=role.radio) for role in self._roles]
        plain = [replace(role.device, source=role.witness.source.base) for role in self._roles]
        self.registry_text = registry_yaml(plain, INTERVAL_S)
        self.registry = yaml.safe_load(self.registry_text)["devices"]
        self.ledger = StoryLedger()

    async def pass_by(self, running: Running) -> None:
        """Send all readings; each hour is closed when it has ended."""
        processor = running.parts.processing.processor
        ticks = round((SPAN.end_s - SPAN.begin_s) / INTERVAL_S)
        for tick in range(ticks):
            self._measure(running, SPAN.begin_s + tick * INTERVAL_S, has_sums=tick >= SUMS_FROM)
            if tick == 0:
                for role in self._roles:
                    processor.restore_sums(role.device.name, {}, ())
            if SPAN.begin_s + tick * INTERVAL_S < BEGIN_S:
                processor.evaluator.late.drain()  # the day before is no part of the story
            else:
                await running.close(running.clock.at_ms)
        await running.close(BEGIN_MS + DAY_MS + SETTLED)

    def _measure(self, running: Running, tick_s: float, *, has_sums: bool) -> None:
        lines: list[str] = []
        for role, firmware in zip(self._roles, self._firmware, strict=True):
            at_s = tick_s + role.witness.first_s - SPAN.first_full_s
            running.clock.at_ms = round(at_s * 1000)
            for message in firmware.measure(at_s, running.clock.at_ms):
                stored = StoredMessage(message.topic, message.payload, retain=False, duplicate=False)
                outcome = running.parts.processing.processor.process(stored, running.clock.at_ms)
                lines += [line for found in outcome.readings for line in found.lines.split("\n")]
                rows = [json.loads(row) | {"at": running.clock.at_ms} for row in message.rows]
                self.ledger.add(rows, has_sums=has_sums)
        running.clock.at_ms = round((tick_s + INTERVAL_S - 1) * 1000)
        running.filled.write(lines)


SLOW: Final = (pytest.mark.slow, pytest.mark.timeout(600))


@pytest.mark.parametrize(
    ("kinds", "database", "least"),
    [
        pytest.param(WATER, "influxdb", 300, id="water"),
        pytest.param(ALL, "influxdb", 1_000, id="all", marks=SLOW),
        pytest.param(ALL, "victoria-metrics", 1_000, id="all in VictoriaMetrics", marks=SLOW),
    ],
)
def test_dashboards_say_what_the_ledger_of_a_day_says(
    tmp_path: Path, kinds: Mapping[str, int], database: str, least: int
) -> None:
    story, found = StoryDay(kinds), Holding()
    (tmp_path / "gateway").mkdir()
    with started(database, tmp_path) as filled:
        rig = ClosingRig(tmp_path / "gateway", filled)
        config = rig.config([], "Asia/Ho_Chi_Minh")
        config.devices.registry.write_text(story.registry_text)
        rig.run(config, BEGIN_MS, story.pass_by)
        filled.write([])
        truth = ledger_points(story.ledger, story.registry, StoryPeriods([BEGIN_MS, BEGIN_MS + DAY_MS]), HOUR_MS)
        meter = next(device["id"] for device in story.registry if "water-meter" in device["id"])
        page = Page(BEGIN_MS, BEGIN_MS + DAY_MS - 1, shows_simulated=True)
        boards = {kind.partition("-")[0] for kind in kinds} | {"province", "completeness"}
        found.add(hold(truth, filled.service, [page], boards, BEGIN_MS))
        found.add(hold(truth, filled.service, [replace(page, choice={"device": [meter]})], {"water", "device"}, BEGIN_MS))
    assert not found.wrong, found.told()
    assert found.figures > least, found
    print(found)  # noqa: T201 - for those who ask with -s
