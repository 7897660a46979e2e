"""The shipped rules: each is raised by what it is for, within one reading after its time, and ends when that is over."""

from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from gateway.core.alarms.rules import Rule, Values
from gateway.core.alarms.shipped import SHIPPED
from schemas.durations import format_duration
from schemas.quantities import QUANTITIES
from schemas.readings import Value
from tests.core.alarms.alarming import EVERY_MS, Bed, at, registered
from tests.rows import each_row

DOCUMENTATION: Final = Path(__file__).parents[3] / "docs" / "alarms.md"
NAMES: Final = (
    *("device_silent", "site_silent", "battery_low", "leak", "burst", "backflow", "tamper", "pressure_low", "pressure_high"),
    *("tank_low", "tank_overflow", "water_quality", "voltage_low", "voltage_high", "phase_lost", "outage", "overload"),
    *("congestion", "lamp_failed", "air_quality", "counter_step", "register_stuck", "no_flow", "losses_high"),
    *("clock_wrong", "completeness_low"),
)
Reading = dict[str, Value]
PARAMS: Final = {"level_low_m": 1.5, "level_high_m": 4, "rated_current_a": 100, "rated_power_va": 63_000}
USUAL: Final = {"flow_m3_h": [20.0] * 24, "pressure_kpa": [400.0] * 24, "mean_speed_km_h": [40.0] * 24}


class Case(NamedTuple):
    """Readings that begin a condition, stand within its hysteresis, and end it."""

    rule: str
    begins: Reading
    between: Reading | None
    ends: Reading


def phases(one: float, two: float, three: float) -> Reading:
    return {"voltage_l1_v": one, "voltage_l2_v": two, "voltage_l3_v": three}


CASES: Final = [
    Case("battery_low", {"battery_low": True}, None, {"battery_low": False}),
    Case("battery_low", {"battery_pct": 9}, {"battery_pct": 12}, {"battery_pct": 90}),
    Case("leak", {"alarm_leak": True}, None, {"alarm_leak": False}),
    Case("burst", {"alarm_burst": True}, None, {"alarm_burst": False}),
    Case(
        "burst",
        {"flow_m3_h": 51, "pressure_kpa": 350},
        {"flow_m3_h": 45, "pressure_kpa": 370},
        {"flow_m3_h": 45, "pressure_kpa": 390},
    ),
    Case("backflow", {"alarm_backflow": True}, None, {"alarm_backflow": False}),
    Case("backflow", {"flow_m3_h": -0.5}, {"flow_m3_h": -0.005}, {"flow_m3_h": 0}),
    Case("tamper", {"alarm_tamper": True}, None, {"alarm_tamper": False}),
    Case("pressure_low", {"pressure_kpa": 99}, {"pressure_kpa": 110}, {"pressure_kpa": 120}),
    Case("pressure_high", {"pressure_kpa": 701}, {"pressure_kpa": 660}, {"pressure_kpa": 640}),
    Case("tank_low", {"fill_pct": 14}, {"fill_pct": 18}, {"fill_pct": 21}),
    Case("tank_low", {"level_m": 1.4}, {"level_m": 1.55}, {"level_m": 1.6}),
    Case("tank_overflow", {"fill_pct": 98}, {"fill_pct": 95}, {"fill_pct": 92}),
    Case("tank_overflow", {"level_m": 4.1}, {"level_m": 3.9}, {"level_m": 3.8}),
    Case("water_quality", {"ph": 5.9}, {"ph": 6.05}, {"ph": 6.5}),
    Case("water_quality", {"ph": 8.6}, {"ph": 8.45}, {"ph": 8}),
    Case("water_quality", {"chlorine_mg_l": 0.1}, {"chlorine_mg_l": 0.21}, {"chlorine_mg_l": 0.3}),
    Case("water_quality", {"chlorine_mg_l": 1.2}, {"chlorine_mg_l": 0.98}, {"chlorine_mg_l": 0.9}),
    Case("water_quality", {"turbidity_ntu": 3}, {"turbidity_ntu": 1.9}, {"turbidity_ntu": 1}),
    Case("voltage_low", phases(208, 220, 220), phases(210, 220, 220), phases(215, 220, 220)),
    Case("voltage_high", phases(220, 232, 220), phases(220, 230, 220), phases(220, 228, 220)),
    Case("voltage_high", {"voltage_l1_v": 380}, None, {"voltage_l1_v": 220}),
    Case("phase_lost", phases(220, 220, 10), phases(220, 220, 150), phases(220, 220, 219)),
    Case("phase_lost", {"alarm_phase": True}, None, {"alarm_phase": False}),
    Case("outage", phases(0, 0, 0), phases(150, 150, 150), phases(220, 220, 220)),
    Case("outage", {"alarm_outage": True}, None, {"alarm_outage": False}),
    Case("overload", {"current_l2_a": 101}, {"current_l2_a": 97}, {"current_l2_a": 90}),
    Case("overload", {"apparent_power_va": 64_000}, {"apparent_power_va": 61_000}, {"apparent_power_va": 50_000}),
    Case(
        "congestion",
        {"congested": True, "mean_speed_km_h": 20},
        {"congested": True, "mean_speed_km_h": 25},
        {"congested": False, "mean_speed_km_h": 25},
    ),
    Case("register_stuck", {"alarm_blocked": True}, None, {"alarm_blocked": False}),
    Case("no_flow", {"alarm_no_flow": True}, None, {"alarm_no_flow": False}),
    Case("congestion", {"congested": True, "occupancy_pct": 80}, None, {"congested": False, "occupancy_pct": 80}),
    Case("lamp_failed", {"alarm_lamp": True}, None, {"alarm_lamp": False}),
    Case("air_quality", {"pm2_5_ug_m3": 90}, {"pm2_5_ug_m3": 75}, {"pm2_5_ug_m3": 60}),
    Case("air_quality", {"no2_ug_m3": 210}, {"no2_ug_m3": 190}, {"no2_ug_m3": 100}),
    Case("air_quality", {"co_ug_m3": 31_000}, {"co_ug_m3": 28_000}, {"co_ug_m3": 900}),
]


def bed() -> Bed:
    """A bench with all shipped rules and a device that knows what is usual."""
    made = Bed(*SHIPPED.rules)
    made.device(entry=registered(params=PARAMS))
    made.alarms.usual("d1", USUAL)
    return made


def test_every_rule_of_the_contract_is_shipped() -> None:
    assert tuple(SHIPPED.by_name) == NAMES, "a new rule is agreed upon with its name in NAMES of this file"


def test_every_rule_about_values_has_readings_that_raise_it() -> None:
    about_values = {rule.name for rule in SHIPPED.rules if any(isinstance(when, Values) for when in rule.when)}
    missing = about_values - {case.rule for case in CASES}
    assert missing == set(), "write readings that raise and end it into CASES of this file"


@each_row("case", CASES, ids=lambda case: f"{case.rule}-{'-'.join(case.begins)}")
def test_a_shipped_rule_is_raised_within_one_reading_after_its_time_and_ends(case: Case) -> None:
    on = bed()
    turns = -(-SHIPPED.by_name[case.rule].for_ms // EVERY_MS)
    for turn in range(turns):
        assert on.take(at(turn), case.begins) == [], "it has not stood for its time"
    assert on.take(at(turns), case.begins) == [f"raised {case.rule}@d1"]
    if case.between is not None:
        assert on.take(at(turns + 1), case.between) == []
    assert on.take(at(turns + 2), case.ends) == [f"cleared {case.rule}@d1"]
    assert list(on.alarms.states) == []


ORDINARY: Final[list[Reading]] = [
    {"volume_m3": 12, "flow_m3_h": 30, "pressure_kpa": 380, "alarm_leak": False, "battery_pct": 80},
    {"flow_m3_h": 60, "pressure_kpa": 395},
    {"flow_m3_h": 45, "pressure_kpa": 300},
    {"flow_m3_h": 15, "pressure_kpa": 300},
    {"flow_m3_h": 0, "fill_pct": 15, "level_m": 1.5},
    {"ph": 6.0, "chlorine_mg_l": 0.2, "turbidity_ntu": 2},
    {"ph": 8.5, "chlorine_mg_l": 1.0},
    phases(209, 231, 220) | {"current_l1_a": 100},
    {"voltage_l1_v": 12_700, "voltage_l2_v": 12_690, "voltage_l3_v": 12_710},
    {"congested": True, "mean_speed_km_h": 25, "occupancy_pct": 50},
    {"pm2_5_ug_m3": 80, "pm10_ug_m3": 250, "o3_ug_m3": 200},
]


@each_row("values", ORDINARY, ids="-".join)
def test_a_value_at_a_limit_or_an_ordinary_peak_is_no_alarm(values: Reading) -> None:
    on = bed()
    for turn in range(8):
        assert on.take(at(turn), values) == []
    assert list(on.alarms.states) == []


@each_row("rule", SHIPPED.rules, ids=lambda rule: rule.name)
def test_a_shipped_rule_has_its_words_in_both_languages_and_a_source(rule: Rule) -> None:
    assert all(words[language].endswith(".") for words in (rule.text, rule.advice) for language in ("vi", "en"))
    assert rule.source


def test_a_shipped_limit_is_of_a_quantity_and_its_hysteresis_on_the_right_side() -> None:
    known = {field for rows in QUANTITIES.values() for field in rows}
    for limit in SHIPPED.limits():
        assert limit.field in known
        assert limit.clear <= limit.value if limit.direction == "above" else limit.clear >= limit.value


def test_another_nominal_voltage_moves_the_band() -> None:
    on = Bed(*SHIPPED.rules)
    on.device(entry=registered(domain="power", params={"nominal_voltage_v": 12_700, "voltage_max_v": 20_000}))
    for turn in range(3):
        assert on.send(at(turn), voltage_l1_v=12_700, voltage_l2_v=12_800, voltage_l3_v=12_600) == []
    assert on.send(at(3), voltage_l1_v=14_000, voltage_l2_v=12_800, voltage_l3_v=12_600) == []
    assert on.send(at(4), voltage_l1_v=14_000, voltage_l2_v=12_800, voltage_l3_v=12_600) == ["raised voltage_high@d1"]


def test_the_documentation_lists_each_rule_with_severity_time_and_source() -> None:
    table = [line.split(" | ") for line in DOCUMENTATION.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    rows = {cells[0].strip("|` "): cells[1:] for cells in table if len(cells) == 5}
    assert list(rows) == list(SHIPPED.by_name), "docs/alarms.md has a row for each shipped rule, in their order"
    for rule in SHIPPED.rules:
        after = format_duration(timedelta(milliseconds=rule.for_ms)) if rule.for_ms else "at once"
        row = [rule.severity.value, after, rule.text["en"], f"{rule.source} |"]
        assert rows[rule.name] == row, "docs/alarms.md says of each shipped rule what the rule itself says"
