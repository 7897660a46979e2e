"""The plan of a run and its truth in lines: seeded, spaced, in order, and equal to what was published."""

import json
from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from firmware_sim.firmware import Firmware
from firmware_sim.fleet import build_fleet
from firmware_sim.scenarios.loader import scenario
from firmware_sim.signals import DAY_S
from firmware_sim.stories.calendar import special_day, special_days
from firmware_sim.stories.cast import Role, cast
from firmware_sim.stories.chronicle import Chronicle
from firmware_sim.stories.plan import APART_S, SimulatedSpan, plan
from firmware_sim.stories.story import Incident
from firmware_sim.stories.table import STORIES
from tests.firmware_sim.storied import BEGIN_S, INTERVAL_S, role_of
from tests.rows import each_row

SIXTY_DAYS = SimulatedSpan(BEGIN_S, BEGIN_S + 60 * DAY_S, INTERVAL_S)
FLEET = build_fleet({"water": 84, "power": 56, "traffic": 30, "urban": 30}, INTERVAL_S, 1)
TWENTY_OF_EACH = {name: 20 for name, story in STORIES.items() if not story.is_calendar}
FIVE_DAYS = SimulatedSpan(BEGIN_S, BEGIN_S + 5 * DAY_S, INTERVAL_S)


def _planned(seed: int = 1) -> list[Incident]:
    return plan(FLEET, STORIES, TWENTY_OF_EACH, SIXTY_DAYS, seed)


def test_two_hundred_devices_have_room_for_twenty_of_each_story_in_sixty_days() -> None:
    placed = Counter(incident.story for incident in _planned() if not STORIES[incident.story].is_calendar)
    assert placed == TWENTY_OF_EACH


def test_the_same_seed_plans_the_same_and_another_one_something_else() -> None:
    assert _planned() == _planned() != _planned(2)


def test_a_device_is_well_between_two_events() -> None:
    spans = defaultdict(list)
    for incident in _planned():
        story = STORIES[incident.story]
        if not story.is_calendar:
            for device in FLEET:
                if incident.device == (device.site if story.is_site else device.name):
                    spans[device.name].append((incident.begin_s, incident.end_s))
    for found in spans.values():
        found.sort()
        assert all(later[0] - earlier[1] >= APART_S for earlier, later in pairwise(found))


def test_every_story_happens_to_kinds_that_there_are() -> None:
    kinds = {device.kind for device in build_fleet(dict.fromkeys(("water", "power", "traffic", "urban"), 100), 900, 1)}
    assert {kind for story in STORIES.values() for kind in story.kinds} <= kinds


@pytest.mark.parametrize(
    ("day", "story"),
    [
        pytest.param(date(2026, 2, 17), "holiday", id="tet"),
        pytest.param(date(2026, 2, 16), "holiday", id="its-eve"),
        pytest.param(date(2026, 9, 2), "holiday", id="national-day"),
        pytest.param(date(2026, 3, 1), "market", id="sunday"),
        pytest.param(date(2026, 3, 2), None, id="monday"),
    ],
)
def test_the_calendar_knows_tet_holidays_and_markets(day: date, story: str | None) -> None:
    assert special_day(day) == story


def test_a_special_day_lasts_from_midnight_to_midnight() -> None:
    days = list(special_days(BEGIN_S, BEGIN_S + 14 * DAY_S))
    assert [((day.begin_s - BEGIN_S) / DAY_S, day.end_s - day.begin_s, day.story) for day in days] == [
        (6, DAY_S, "market"),
        (13, DAY_S, "market"),
    ]


def _chronicle(roles: list[Role], incidents: list[Incident], span: SimulatedSpan) -> list[dict[str, Any]]:
    lines = list(Chronicle([role.witness for role in roles], incidents, STORIES, span).lines())
    assert [at_s for at_s, _ in lines] == sorted(at_s for at_s, _ in lines)
    return [json.loads(line) for _, line in lines]


def _published(role: Role, ticks: int) -> list[dict[str, Any]]:
    """The readings as they go out, in the order of their time."""
    firmware = Firmware(role.device, scenario("normal"), 1, radio=role.radio)
    messages = []
    for tick in range(ticks):
        at_s = role.witness.first_s + tick * INTERVAL_S
        messages += firmware.measure(at_s, round(at_s * 1000))
    messages += firmware.flush()
    return sorted((json.loads(row) for message in messages for row in message.rows), key=lambda row: int(row["seq"]))


CALM = ["leak", "network_leak", "burst", "overload", "outage", "phase_lost", "voltage_low", "late", "tamper", "market"]


@each_row("name", CALM)
def test_what_was_consumed_is_the_difference_of_the_registers_published_at_midnight(name: str) -> None:
    role, incident = role_of(name)
    days = [row for row in _chronicle([role], [incident], FIVE_DAYS) if "consumed" in row]
    assert len(days) == 5 * len(role.device.registers)
    shown = {row["ts"]: row["f"] for row in _published(role, 5 * 96 + 1)}
    for row in days:
        grown = shown[row["to"]][row["field"]] - shown[row["from"]][row["field"]]
        assert grown == pytest.approx(row["consumed"], abs=1e-6), row


@pytest.mark.parametrize("name", ["exchange_told", "exchange_told_later", "exchange_never_told"])
@pytest.mark.parametrize("kind", ["water-meter", "water-district", "power-house"])
def test_an_exchange_as_it_is_told_joins_both_meters_to_what_was_consumed(name: str, kind: str) -> None:
    role, incident = role_of(name, kind)
    rows = _chronicle([role], [incident], FIVE_DAYS)
    (told,) = [row for row in rows if "exchange" in row]
    day = next(row for row in rows if "consumed" in row and row["from"] <= told["at"] < row["to"])
    shown = {row["ts"]: row["f"][told["field"]] for row in _published(role, 5 * 96 + 1)}
    grown = told["final"] - shown[day["from"]] + shown[day["to"]] - told["register"]
    assert grown == pytest.approx(day["consumed"], abs=2.1 * role.device.registers[0].resolution)
    assert (told["tell"] is None) is (name == "exchange_never_told")
    before_and_after = [value for ts, value in sorted(shown.items()) if abs(ts - told["at"]) < INTERVAL_S * 1000]
    (step,) = [row for row in rows if row.get("event") == name and row["ended"] is None]
    hidden = before_and_after[1] - before_and_after[0] + told["final"] - told["register"]
    assert hidden == pytest.approx(step["flowed"][told["field"]], abs=2.1 * role.device.registers[0].resolution)


def test_a_device_out_of_step_has_the_error_of_a_straight_line_in_its_truth() -> None:
    fleet = build_fleet({"water": 10}, INTERVAL_S, 3)
    roles = cast(fleet, [], STORIES, FIVE_DAYS)
    for role in roles[:6]:
        field = next((register.field for register in role.device.registers), None)
        days = [row for row in _chronicle([role], [], FIVE_DAYS) if row.get("field") == field]
        shown = [(row["ts"], row["f"][field]) for row in _published(role, 5 * 96 + 2) if field]
        for row in days:
            grown = _between(shown, row["to"]) - _between(shown, row["from"])
            assert grown == pytest.approx(row["consumed"], abs=row["within"] + 1e-6)


def _between(shown: list[tuple[int, float]], at_ms: int) -> float:
    (before_ms, before), (after_ms, after) = next((one, other) for one, other in pairwise(shown) if one[0] <= at_ms < other[0])
    return before + (after - before) * (at_ms - before_ms) / (after_ms - before_ms)


def test_an_event_is_written_when_it_begins_and_again_with_its_end() -> None:
    role, incident = role_of("burst", begin_s=BEGIN_S + 8 * DAY_S)
    begun, ended = [row for row in _chronicle([role], [incident], FIVE_DAYS) if "event" in row]
    assert begun | {"ended": round(incident.end_s * 1000)} == ended
    assert begun["ended"] is None
    assert (begun["alarm"], begun["device"], begun["began"]) == ("burst", role.device.name, round(incident.begin_s * 1000))
    assert begun["due"] == begun["began"] + 600_000 + 2 * 900_000
