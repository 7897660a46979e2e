"""Devices that go on each second after days of a reading a quarter of an hour: what they count is that of its own interval."""

import asyncio
import json
from collections import defaultdict
from functools import cache
from itertools import pairwise
from typing import Any, cast

import pytest

from firmware_sim.devices.source import ReadingTimes
from firmware_sim.fleet import build_fleet
from firmware_sim.ledger import LedgerFile
from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.publish import FateTally, Link
from firmware_sim.scenarios.loader import scenario
from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.simulated import SimulatedPlan, SimulatedRun
from firmware_sim.stories.plan import SimulatedSpan
from tests.firmware_sim.storied import BEGIN_S

KINDS = {"traffic-road": 2, "traffic-junction": 2, "traffic-class": 1, "urban-people": 2, "urban-rain": 2}
INTERVAL_S = 900.0
HOURS = 6
NOON_S = BEGIN_S + DAY_S / 2 + 17.25
LIVE = 40
"""Readings of each device in real time."""
COUNTS = {
    "vehicle_count": "vehicle_count_total",
    "people_in": "people_in_total",
    "people_out": "people_out_total",
    "rain_interval_mm": "rain_mm",
}


class Enough(Exception):  # noqa: N818 - ends a run that has no end
    """The run was watched long enough."""


class Collected:
    """In place of a connection: keeps the ledger rows of what is sent."""

    def __init__(self, most: int) -> None:
        self.rows: list[dict[str, Any]] = []
        self._most = most

    def put(self, message: OutgoingMessage) -> None:
        """Keep it."""
        if len(self.rows) >= self._most:
            raise Enough
        self.rows += [json.loads(row) for row in message.rows]

    def reach(self, *, is_online: bool) -> None:
        """It is reached always."""


@cache
def streams() -> list[list[dict[str, Any]]]:
    """The readings of each lane or class of each device: those of the last hours of a story, and those behind it."""
    span = SimulatedSpan(NOON_S - HOURS * HOUR_S, NOON_S, INTERVAL_S)
    fleet = build_fleet(KINDS, INTERVAL_S, 1, 1)
    run = SimulatedRun(SimulatedPlan(span, None, {}, 1.0), fleet, scenario("normal"), 1)
    collected = Collected(len(fleet) * (HOURS * 4 + LIVE))
    with pytest.raises(Enough):
        asyncio.run(run.measure([(each, cast("Link", collected)) for each in run.firmwares()], FateTally(), LedgerFile(None)))
    found = defaultdict(list)
    for row in collected.rows:
        found[json.dumps(row["tags"])].append({"at_s": row["ts"] / 1000, **row["f"]})
    return list(found.values())


def test_what_is_counted_is_what_the_register_grew_by_since_the_reading_before() -> None:
    for readings in streams():
        for before, after in pairwise(readings):
            for count, register in COUNTS.items():
                if count in after:
                    assert after[count] == pytest.approx(after[register] - before[register], abs=1e-6)


def test_a_live_reading_stands_for_the_time_since_the_reading_before() -> None:
    for readings in streams():
        assert readings[0]["at_s"] < NOON_S < readings[-2]["at_s"]
        for before, after in pairwise(readings):
            if "interval_s" in after:
                assert after["interval_s"] == pytest.approx(after["at_s"] - before["at_s"], abs=0.51)
        assert readings[-1].get("interval_s", 1) <= 5, "five classes in turn, a second each"


def test_times_before_the_change_are_an_interval_apart_and_those_behind_it_another() -> None:
    times = ReadingTimes(900.0, 100.0, 2_000.0, 1.0)  # 100, 1000, 1900, then 2000, 2001, ... of the first device
    assert [times.before_s(1_900.0, back) for back in (1, 2)] == [1_000.0, 100.0]
    assert [times.before_s(2_000.25, back) for back in (1, 2)] == [1_900.0, 1_000.0]
    assert [times.before_s(2_002.25, back) for back in (1, 2, 3, 4)] == [2_001.25, 2_000.25, 1_900.0, 1_000.0]
