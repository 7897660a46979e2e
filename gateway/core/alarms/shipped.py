"""The rules that are shipped: their conditions, their limits and the origin of these. ``alarms.yaml`` changes them.

A limit that no law gives is set where people should act, not where a value is merely unusual.
"""

from typing import Final

from gateway.core.alarms.alarm import Severity
from gateway.core.alarms.rules import (
    ClockWrong,
    Completeness,
    Condition,
    CounterStep,
    Limit,
    Losses,
    Night,
    Param,
    Rule,
    Rules,
    Silent,
    Stuck,
    Usual,
    Values,
)
from gateway.core.alarms.wording import WORDING

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_CRITICAL, _WARNING, _INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
_PHASES: Final = ("l1", "l2", "l3")
_VOLTAGES: Final = [f"voltage_{phase}_v" for phase in _PHASES]

Of = Param | Usual | None


def is_true(field: str) -> Values:
    """The condition that a state is true."""
    return Values((Limit(field, "above", 0.0, 0.0),))


def above(field: str, value: float, clear: float, of: Of = None) -> Limit:
    """The limit that a value above it passes."""
    return Limit(field, "above", value, clear, of)


def below(field: str, value: float, clear: float, of: Of = None) -> Limit:
    """The limit that a value below it passes."""
    return Limit(field, "below", value, clear, of)


def _any(*limits: Limit) -> tuple[Condition, ...]:
    return tuple(Values((limit,)) for limit in limits)


_NOMINAL: Final = Param("nominal_voltage_v", 220.0)
_GONE: Final = 0.5
"""Share of the nominal voltage. A lower value is a failed phase, not a low voltage."""
_PRESENT: Final = 0.8
_OTHER_NETWORK: Final = 2.28
"""Share of the nominal voltage. A higher value comes from another network, whose voltage the registry does not give."""


_VOLTAGE_LOW: Final = [
    Values((below(voltage, 0.95, 0.96, _NOMINAL), above(voltage, _GONE, _GONE, _NOMINAL))) for voltage in _VOLTAGES
]
_VOLTAGE_HIGH: Final = [
    Values((above(voltage, 1.05, 1.04, _NOMINAL), below(voltage, _OTHER_NETWORK, 3.0, _NOMINAL))) for voltage in _VOLTAGES
]
_PHASE_LOST: Final = [
    Values((below(lost, _GONE, _PRESENT, _NOMINAL), above(there, _PRESENT, _GONE, _NOMINAL)))
    for lost, there in zip(_VOLTAGES, _VOLTAGES[1:] + _VOLTAGES[:1], strict=True)
]
_ALL_LOST: Final = Values(tuple(below(voltage, _GONE, _PRESENT, _NOMINAL) for voltage in _VOLTAGES))


def _rule(name: str, severity: Severity, *when: Condition, source: str, for_ms: int = 0) -> Rule:
    if name not in WORDING:
        raise ValueError(f"{name}: write what is the matter, and what to do, in gateway/core/alarms/wording.py")
    words = WORDING[name]
    text, advice = {"vi": words[0], "en": words[1]}, {"vi": words[2], "en": words[3]}
    return Rule(name, severity, when, text, advice, for_ms, source=source)


_METER: Final = "the meter's own judgement"
_QCVN_01: Final = "QCVN 01-1:2018/BYT, drinking water: pH 6.0 to 8.5, free chlorine 0.2 to 1.0 mg/L, turbidity at most 2 NTU"
_QCVN_05: Final = (
    "QCVN 05:2023/BTNMT, mean of an hour: SO2 350, NO2 200, O3 200, CO 30,000 ug/m3; dust, for which it limits only the day, "
    "from where VN_AQI is 150 (1459/QĐ-TCMT): PM2.5 80, PM10 250 ug/m3"
)
_CLOCKS: Final = (
    "ahead by more than time.max_future, or the freshest readings behind by about the same for an hour, by more than "
    "time.late_after and silent_after"
)
_FIVE_PCT: Final = "5 % of the nominal 220 V (electricity law's rules for distribution); another by params.nominal_voltage_v"

SHIPPED: Final = Rules(
    (
        _rule("device_silent", _WARNING, Silent(), source="silent_after of the device or its domain, else three intervals"),
        _rule("site_silent", _CRITICAL, Silent("site"), source="more than half of a site's devices, at least three"),
        _rule(
            "battery_low",
            _WARNING,
            is_true("battery_low"),
            *_any(below("battery_pct", 10, 15)),
            source="the device's own judgement, or 10 % left: some months for most meters",
        ),
        _rule(
            "leak",
            _WARNING,
            is_true("alarm_leak"),
            Night(1.25, nights=3, of=Usual.HOUR, least_m3_h=0.01),
            Night(1.0, nights=3, of=Param("night_flow_m3_h")),
            source=f"{_METER}; a quarter above the lowest usual hour of the night; params.night_flow_m3_h",
        ),
        _rule(
            "burst",
            _CRITICAL,
            is_true("alarm_burst"),
            Values(
                (
                    above("flow_m3_h", 1.5, 1.25, Usual.PEAK),
                    above("flow_m3_h", 2.5, 2, Usual.HOUR),
                    below("pressure_kpa", 0.9, 0.95, Usual.HOUR),
                )
            ),
            for_ms=10 * _MINUTE_MS,
            source=f"{_METER}; two and a half times the usual flow of the hour and half more than its usual peak, "
            "while the pressure is a tenth below what is usual",
        ),
        _rule(
            "backflow",
            _WARNING,
            is_true("alarm_backflow"),
            *_any(below("flow_m3_h", -0.01, -0.002)),
            source=f"{_METER}; 10 L/h, which is more than a meter's zero wanders",
        ),
        _rule("tamper", _WARNING, is_true("alarm_tamper"), source=_METER),
        _rule(
            "pressure_low",
            _WARNING,
            *_any(below("pressure_kpa", 100, 120)),
            for_ms=10 * _MINUTE_MS,
            source="TCVN 13606:2023, least free head of a network: 10 m",
        ),
        _rule(
            "pressure_high",
            _WARNING,
            *_any(above("pressure_kpa", 700, 650)),
            for_ms=10 * _MINUTE_MS,
            source="fittings in houses are made for 600 to 1,000 kPa",
        ),
        _rule(
            "tank_low",
            _WARNING,
            *_any(below("fill_pct", 15, 20), below("level_m", 1, 1.05, Param("level_low_m"))),
            for_ms=5 * _MINUTE_MS,
            source="15 % left; params.level_low_m",
        ),
        _rule(
            "tank_overflow",
            _CRITICAL,
            *_any(above("fill_pct", 97, 93), above("level_m", 1, 0.97, Param("level_high_m"))),
            source="97 % full; params.level_high_m",
        ),
        _rule(
            "water_quality",
            _CRITICAL,
            *_any(below("ph", 6.0, 6.1), above("ph", 8.5, 8.4)),
            *_any(below("chlorine_mg_l", 0.2, 0.22), above("chlorine_mg_l", 1.0, 0.95)),
            *_any(above("turbidity_ntu", 2, 1.8)),
            for_ms=30 * _MINUTE_MS,
            source=_QCVN_01,
        ),
        _rule("voltage_low", _WARNING, *_VOLTAGE_LOW, for_ms=10 * _MINUTE_MS, source=_FIVE_PCT),
        _rule("voltage_high", _WARNING, *_VOLTAGE_HIGH, for_ms=10 * _MINUTE_MS, source=_FIVE_PCT),
        _rule(
            "phase_lost",
            _CRITICAL,
            is_true("alarm_phase"),
            *_PHASE_LOST,
            source=f"{_METER}; a phase below half its voltage beside one that is there",
        ),
        _rule(
            "outage",
            _CRITICAL,
            is_true("alarm_outage"),
            _ALL_LOST,
            source=f"{_METER}; all three phases below half their voltage",
        ),
        _rule(
            "overload",
            _WARNING,
            *_any(*(above(f"current_{phase}_a", 1, 0.95, Param("rated_current_a")) for phase in _PHASES)),
            *_any(above("apparent_power_va", 1, 0.95, Param("rated_power_va"))),
            for_ms=15 * _MINUTE_MS,
            source="params.rated_current_a and params.rated_power_va of the registry; devices without them are left out",
        ),
        _rule(
            "congestion",
            _INFO,
            Values((above("congested", 0, 0), below("mean_speed_km_h", 0.6, 0.75, Usual.HOUR))),
            Values((above("congested", 0, 0), below("mean_speed_km_h", 10, 15))),
            Values((above("congested", 0, 0), above("occupancy_pct", 65, 60))),
            for_ms=10 * _MINUTE_MS,
            source="the detector's own judgement with less than 60 % of the usual speed of the hour, walking speed, or a "
            "lane taken for two thirds of the time: the daily peak alone is none",
        ),
        _rule("lamp_failed", _INFO, is_true("alarm_lamp"), source="the controller's own judgement"),
        _rule(
            "air_quality",
            _WARNING,
            *_any(above("pm2_5_ug_m3", 80, 70), above("pm10_ug_m3", 250, 220)),
            *_any(above("so2_ug_m3", 350, 315), above("no2_ug_m3", 200, 180)),
            *_any(above("o3_ug_m3", 200, 180), above("co_ug_m3", 30_000, 27_000)),
            for_ms=_HOUR_MS,
            source=_QCVN_05,
        ),
        _rule(
            "counter_step",
            _WARNING,
            CounterStep(),
            source="a step back, one above the hard bound, or one after which the register goes on at less than a third of its"
            " rate; two more messages confirm it, no exchange told",
        ),
        _rule(
            "register_stuck",
            _WARNING,
            is_true("alarm_blocked"),
            Stuck("flow"),
            Stuck("behind"),
            Stuck("habit", 8),
            source=f"{_METER}; its flow, power or counts, or the meters behind it, against the most that they said before the"
            " register moved; its habit, against holidays and pauses",
        ),
        _rule("no_flow", _WARNING, is_true("alarm_no_flow"), source=_METER),
        _rule(
            "losses_high",
            _WARNING,
            Losses(0.1),
            Losses(0.01, of=Param("loss_limit_pct"), usual=0),
            source="a tenth of the supply and half more than the usual share of 28 days, in three days together;"
            " params.loss_limit_pct",
        ),
        _rule("clock_wrong", _WARNING, ClockWrong(), for_ms=_HOUR_MS, source=_CLOCKS),
        _rule("completeness_low", _INFO, Completeness(0.9), source="nine of ten readings of a day"),
    )
)
"""Name → rule, in the order in which people read them."""
