"""Days of a simulated story through the core and the jobs: dashboards and reports say what the simulator's ledger says."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import pytest

from firmware_sim.signals import DAY_S, HOUR_S
from gateway.runtime.pipeline import processing
from tests.grafana.answers import Page
from tests.grafana.held import hold
from tests.grafana.held_reports import HeldReports
from tests.grafana.known_points import DAY_MS, HOUR_MS
from tests.grafana.story_days import Happens, StoryDays, StoryPlan
from tests.monitoring.reports.conftest import started

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


def midnight_s(day: str) -> float:
    """The beginning of a day in Vietnam."""
    return datetime.fromisoformat(day).replace(tzinfo=timezone(timedelta(hours=7))).timestamp()


BEGIN_S: Final = midnight_s("2026-10-05")
"""A Monday, past: the gateway was built before, and VictoriaMetrics drops the future."""
HAPPENS: Final = (
    Happens("late", "water-meter", 12.2, 15.7),
    Happens("outage", "power-feeder", 7.3, 10.1),
    Happens("silent", "power-house", 18.1, 20.9),
)
"""A log that comes late after noon, no supply in the morning, a silent meter in the evening."""

MONTHS: Final = StoryPlan(
    {"water-meter": 3, "water-district": 1},
    [midnight_s(day) for day in ("2026-01-01", "2026-02-01", "2026-03-01")],
    6 * HOUR_S,
    (
        Happens("late", "water-meter", 28.2 * 24, 40.4 * 24),
        Happens("silent", "water-meter", 10.3 * 24, 14.9 * 24, number=1),
        Happens("late", "water-meter", 45.3 * 24, 47.6 * 24, number=2),
    ),
    closed_every=28,
)
"""Two months of four readings a day, closed week by week. The log of the first meter comes days after its month was closed."""
SLOW: Final = (pytest.mark.slow, pytest.mark.timeout(600))


@pytest.mark.parametrize(
    ("kinds", "database", "least"),
    [
        pytest.param(WATER, "influxdb", 200, id="water"),
        pytest.param(ALL, "influxdb", 1_000, id="all", marks=SLOW),
        pytest.param(ALL, "victoria-metrics", 1_000, id="all in VictoriaMetrics", marks=SLOW),
    ],
)
def test_dashboards_say_what_the_ledger_of_a_day_says(
    tmp_path: Path, kinds: Mapping[str, int], database: str, least: int
) -> None:
    story = StoryDays(StoryPlan(kinds, [BEGIN_S, BEGIN_S + DAY_S], INTERVAL_S, HAPPENS))
    begin_ms, end_ms = story.plan.days
    with started(database, tmp_path) as filled:
        story.pass_into(filled, tmp_path / "gateway")
        page = Page(begin_ms, end_ms - 1, shows_simulated=True)
        own = replace(page, choice={"device": story.names("water-meter")[:1]})
        boards = {kind.partition("-")[0] for kind in kinds} | {"province", "completeness"}
        found = hold(story.truth(), filled.service, [page], boards, begin_ms)
        found.add(hold(story.truth(), filled.service, [own], {"water", "device"}, begin_ms))
    assert not found.wrong, found.told()
    assert found.figures > least, found
    say(str(found))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("database", ["influxdb", "victoria-metrics"])
def test_dashboards_and_reports_say_what_the_ledger_of_two_months_says(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "BUILT_MS", 0)  # before it was built a gateway doubts its clock
    story = StoryDays(MONTHS)
    begin_ms, end_ms = story.plan.days[0], story.plan.days[-1]
    with started(database, tmp_path) as filled:
        config = story.pass_into(filled, tmp_path / "gateway")
        truth = story.truth()
        whole = Page(begin_ms, end_ms - 1, HOUR_MS, shows_simulated=True)
        month = replace(whole, begin_ms=end_ms - 30 * DAY_MS)
        own = replace(whole, choice={"device": story.names("water-meter")[:1]})
        found = hold(truth, filled.service, [whole, month, own], since_ms=begin_ms)
        found.add(hold(truth, filled.service, [own], {"device"}, begin_ms))
        assert not found.wrong, found.told()
        reports = HeldReports(config, truth, "2026-01", "2026-02", begin_ms, end_ms)
        say(f"{found}; reports: {reports.hold('day', 'month')} figures")


def say(text: str) -> None:
    """Tell those who ask with ``-s``."""
    print(text, flush=True)  # noqa: T201 - as it says
