"""The pure core under a fleet to which things happen: its sums are what was consumed, its alarms are what happened."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest

from firmware_sim.alarm_check import AlarmsOutcome, check_alarms
from firmware_sim.fleet import build_fleet
from firmware_sim.signals import DAY_S
from firmware_sim.stories.cast import cast
from firmware_sim.stories.chronicle import Chronicle
from firmware_sim.stories.plan import SimulatedSpan, plan
from firmware_sim.stories.table import STORIES
from firmware_sim.sum_check import SumsOutcome, check_sums
from firmware_sim.truth_rows import TruthRows
from tests.firmware_sim.core_gateway import CoreGateway
from tests.firmware_sim.storied import BEGIN_S, INTERVAL_S

STEPS = ("exchange_never_told", "rolls_over", "reset", "steps_back", "halved", "garbage", "garbage_array", "late", "silent")


class _Held(NamedTuple):
    """A run held against its truth."""

    sums: SumsOutcome
    alarms: AlarmsOutcome


def _run(counts: Mapping[str, int], days: int, wanted: Mapping[str, int], *, keeps_points: bool = True) -> _Held:
    span = SimulatedSpan(BEGIN_S, BEGIN_S + days * DAY_S, INTERVAL_S)
    fleet = build_fleet(counts, INTERVAL_S, 1)
    incidents = plan(fleet, STORIES, wanted, span, 1)
    roles = cast(fleet, incidents, STORIES, span)
    truth = TruthRows()
    for _, line in Chronicle([role.witness for role in roles], incidents, STORIES, span).lines():
        truth.take(json.loads(line))
    gateway = CoreGateway(roles, span, keeps_points=keeps_points)
    gateway.run()
    happenings = list(truth.happenings.values())
    days_of = [day for days in truth.consumed.values() for day in days]
    span_ms = (round(span.begin_s * 1000), round(span.end_s * 1000))
    return _Held(
        check_sums(days_of, happenings, gateway.points) if keeps_points else SumsOutcome(),
        check_alarms(happenings, gateway.standing(), span_ms, len(fleet)),
    )


def _told(outcome: AlarmsOutcome) -> Sequence[str]:
    return [f"{finding.kind} {finding.device} {finding.detail}" for finding in outcome.findings]


def test_consumption_of_every_day_is_true_or_marked_whatever_happens_to_meters() -> None:
    held = _run({"water": 20, "power": 10}, 8, dict.fromkeys(STEPS, 1))
    assert held.sums.findings == []
    assert held.sums.counts.exact > 150
    assert 5 < held.sums.counts.marked < 30


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_event_of_sixty_days_raises_its_alarm_and_hardly_another_is_raised() -> None:
    wanted = {name: 20 for name, story in STORIES.items() if not story.is_calendar}
    held = _run({"water": 80, "power": 60, "traffic": 30, "urban": 30}, 60, wanted, keeps_points=False)
    outcome = held.alarms
    assert outcome.missing == outcome.late == outcome.doubled == 0, _told(outcome)
    assert outcome.false <= outcome.device_days / 2_000, _told(outcome)
