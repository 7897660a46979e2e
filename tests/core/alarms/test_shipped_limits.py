"""The limits of the shipped rules are those agreed with the utilities: laws, standards, and where people should act."""

from typing import Final

from gateway.core.alarms import wording
from gateway.core.alarms.alarm import Severity
from gateway.core.alarms.rules import (
    ACKNOWLEDGE_WITHIN_MS,
    ClockWrong,
    Completeness,
    CounterStep,
    Limit,
    Losses,
    Night,
    Param,
    Silent,
    Stuck,
    Usual,
    Values,
)
from gateway.core.alarms.shipped import SHIPPED
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS

LOST, THERE = "< 0.5 x nominal_voltage_v (220) until 0.8", "> 0.8 x nominal_voltage_v (220) until 0.5"
LOW = "< 0.95 x nominal_voltage_v (220) until 0.96 and {0} > 0.5 x nominal_voltage_v (220) until 0.5"
HIGH = "> 1.05 x nominal_voltage_v (220) until 1.04 and {0} < 2.28 x nominal_voltage_v (220) until 3"
L1, L2, L3 = VOLTAGES = ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v")
AGREED: Final[dict[str, list[str]]] = {
    "device_silent": [],
    "site_silent": [],
    "battery_low": ["battery_low > 0 until 0", "battery_pct < 10 until 15"],
    "leak": ["alarm_leak > 0 until 0"],
    "burst": [
        "alarm_burst > 0 until 0",
        "flow_m3_h > 1.5 x usual_peak until 1.25 and flow_m3_h > 2.5 x usual until 2 and pressure_kpa < 0.9 x usual until 0.95",
    ],
    "backflow": ["alarm_backflow > 0 until 0", "flow_m3_h < -0.01 until -0.002"],
    "tamper": ["alarm_tamper > 0 until 0"],
    "pressure_low": ["pressure_kpa < 100 until 120"],
    "pressure_high": ["pressure_kpa > 700 until 650"],
    "tank_low": ["fill_pct < 15 until 20", "level_m < 1 x level_low_m until 1.05"],
    "tank_overflow": ["fill_pct > 97 until 93", "level_m > 1 x level_high_m until 0.97"],
    "water_quality": [
        *("ph < 6 until 6.1", "ph > 8.5 until 8.4"),
        *("chlorine_mg_l < 0.2 until 0.22", "chlorine_mg_l > 1 until 0.95", "turbidity_ntu > 2 until 1.8"),
    ],
    "voltage_low": [f"{voltage} {LOW.format(voltage)}" for voltage in VOLTAGES],
    "voltage_high": [f"{voltage} {HIGH.format(voltage)}" for voltage in VOLTAGES],
    "phase_lost": [
        "alarm_phase > 0 until 0",
        *(f"{L1} {LOST} and {L2} {THERE}", f"{L2} {LOST} and {L3} {THERE}", f"{L3} {LOST} and {L1} {THERE}"),
    ],
    "outage": ["alarm_outage > 0 until 0", f"{L1} {LOST} and {L2} {LOST} and {L3} {LOST}"],
    "overload": [
        *("current_l1_a > 1 x rated_current_a until 0.95", "current_l2_a > 1 x rated_current_a until 0.95"),
        *("current_l3_a > 1 x rated_current_a until 0.95", "apparent_power_va > 1 x rated_power_va until 0.95"),
    ],
    "congestion": [
        "congested > 0 until 0 and mean_speed_km_h < 0.6 x usual until 0.75",
        "congested > 0 until 0 and mean_speed_km_h < 10 until 15",
        "congested > 0 until 0 and occupancy_pct > 65 until 60",
    ],
    "lamp_failed": ["alarm_lamp > 0 until 0"],
    "air_quality": [
        *("pm2_5_ug_m3 > 80 until 70", "pm10_ug_m3 > 250 until 220", "so2_ug_m3 > 350 until 315"),
        *("no2_ug_m3 > 200 until 180", "o3_ug_m3 > 200 until 180", "co_ug_m3 > 30000 until 27000"),
    ],
    "counter_step": [],
    "register_stuck": ["alarm_blocked > 0 until 0"],
    "no_flow": ["alarm_no_flow > 0 until 0"],
    "losses_high": [],
    "clock_wrong": [],
    "completeness_low": [],
}


def words(limit: Limit) -> str:
    """A limit as people write it."""
    times = "" if limit.of is None else f" x {limit.of.value if isinstance(limit.of, Usual) else limit.of.name}"
    if isinstance(limit.of, Param) and limit.of.default is not None:
        times += f" ({limit.of.default:g})"
    return f"{limit.field} {'>' if limit.direction == 'above' else '<'} {limit.value:g}{times} until {limit.clear:g}"


def test_each_limit_begins_and_ends_an_alarm_where_it_was_agreed() -> None:
    conditions = {rule.name: [when for when in rule.when if isinstance(when, Values)] for rule in SHIPPED.rules}
    found = {name: [" and ".join(map(words, when.limits)) for when in values] for name, values in conditions.items()}
    assert found == AGREED, "AGREED says what was agreed with the utilities: a limit changes there too, once they agree"


def test_what_is_no_limit_of_a_value_is_as_agreed_too() -> None:
    others = {rule.name: [when for when in rule.when if not isinstance(when, Values)] for rule in SHIPPED.rules}
    assert {name: when for name, when in others.items() if when} == {
        "device_silent": [Silent("device")],
        "site_silent": [Silent("site")],
        "leak": [Night(1.25, 3, Usual.HOUR, 0.01), Night(1.0, 3, Param("night_flow_m3_h"), 0.0)],
        "counter_step": [CounterStep(3, DAY_MS)],
        "register_stuck": [Stuck("flow", 3), Stuck("behind", 3), Stuck("habit", 8)],
        "losses_high": [Losses(0.1, 3, None, 1.5, 0.5), Losses(0.01, 3, Param("loss_limit_pct"), 0, 0.5)],
        "clock_wrong": [ClockWrong()],
        "completeness_low": [Completeness(0.9)],
    }, "a condition of another kind is written here too, below the name of its rule"
    assert {rule.clear_after_ms for rule in SHIPPED.rules} == {0}, "a shipped alarm ends with the first value that is good"


def test_people_have_half_an_hour_or_a_shift_to_acknowledge_an_alarm() -> None:
    assert ACKNOWLEDGE_WITHIN_MS == {Severity.CRITICAL: 30 * MINUTE_MS, Severity.WARNING: 8 * HOUR_MS, Severity.INFO: 0}
    assert [severity.rank for severity in (Severity.CRITICAL, Severity.WARNING, Severity.INFO)] == [0, 1, 2]


def test_a_rule_says_what_is_the_matter_and_what_to_do_in_both_languages() -> None:
    outage = SHIPPED.by_name["outage"]
    assert outage.text == {"vi": "Mất điện.", "en": "The supply has failed."}
    assert outage.advice == {
        "vi": "Kiểm tra lộ và trạm cấp; đối chiếu với lịch cắt điện.",
        "en": "Check the feeder and its station; compare with the planned outages.",
    }


def test_each_rule_has_its_own_four_texts() -> None:
    assert set(wording.WORDING) == set(SHIPPED.by_name)
    for name, texts in wording.WORDING.items():
        vi, en, advice_vi, advice_en = texts
        shipped = SHIPPED.by_name[name]
        assert (shipped.text, shipped.advice) == ({"vi": vi, "en": en}, {"vi": advice_vi, "en": advice_en})
    assert len({text for texts in wording.WORDING.values() for text in texts}) == 4 * len(wording.WORDING)
