"""The points that panels can ask about: of each measurement its tags, its fields and the time between its points.

Those of devices are the table of quantities with their sums; the others are written by the gateway itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, SPREAD_OF, SUM_OF, TEXT_TAGS, USED_OF

PLACE: Final = ("area", "site", "device")
"""Tags by which a reader chooses devices."""
WHOLE: Final = "${site:raw}${device:raw}"
"""The choices within areas as one text, which is :data:`ALL_OF_BOTH` where whole areas are chosen."""
ALL_OF_BOTH: Final = ".*.*"


@dataclass(frozen=True, slots=True)
class Points:
    """A measurement.

    :ivar choices: tags that the variables of a dashboard choose by.
    :ivar series: tags that tell one series from another.
    :ivar units: field → UCUM code.
    :ivar always: a field that every point has.
    :ivar period: length of the periods that its points are about: ``1h`` or ``1d``; empty for points of any time.
    :ivar is_raw: it has points of every reading of every device, too many to read those of all devices.
    :ivar name: its name in the database, where that is another; its points are those with ``tags``.
    """

    choices: tuple[str, ...]
    series: tuple[str, ...]
    units: Mapping[str, str]
    always: str
    period: str = ""
    is_raw: bool = False
    name: str = ""
    tags: tuple[tuple[str, str], ...] = ()


_OF_COUNTERS: Final = {
    domain: [row for row in QUANTITIES[domain].values() if row.field in SUM_OF] for domain in (*DOMAINS, HEALTH)
}
_USED: Final = {USED_OF[row.field]: row.unit for domain in DOMAINS for row in _OF_COUNTERS[domain]}
_SPREAD: Final = {
    field: QUANTITIES[domain][gauge].unit
    for domain in DOMAINS
    for gauge, fields in SPREAD_OF[domain].items()
    for field in fields
}
_NIGHT_AND_OUTAGES: Final = {
    "flow_night_min_m3_h": "m3/h",
    **dict.fromkeys(("outage_s", "interruption_s"), "s"),
    **dict.fromkeys(("interruptions", "momentary"), "1"),
}
_UNBALANCE: Final = {"voltage_unbalance_pct": "%", "current_unbalance_pct": "%"}
_UPKEEP: Final = {"up": "", "silence_s": "s", "clock_offset_s": "s", "seq_missing": "1"}
_COMPLETENESS: Final = {
    **dict.fromkeys(("expected", "missing", "received", "on_time", "estimated", "suspect", "interruptions", "momentary"), "1"),
    **dict.fromkeys(("longest_gap_s", "interval_s", "interruption_s"), "s"),
}
_MARKS: Final = dict.fromkeys(("estimated", "suspect", "measured"), "1")
"""How much of a figure is estimated, is suspect, stands on readings: 0 to 1. A point without them says nothing of it."""
_ALARM: Final = {
    "active": "",
    "acknowledged": "",
    "silenced": "",
    "simulated": "",
    "since_ms": "ms",
    "value": "",
    "duration_s": "s",
}
_GATEWAY: Final = {
    **dict.fromkeys(("clock", "mqtt"), ""),
    **dict.fromkeys(("received", "written", "lost", "missing", "expired", "rejects", "imbalance", "broker_dropped"), "1"),
    **dict.fromkeys(("pending", "journal", "quarantine", "suspended_codecs", "waits"), "1"),
    **dict.fromkeys(("limit_bytes", "used_bytes", "room_bytes"), "By"),
    **dict.fromkeys(("full_s", "oldest_s", "unbroken_s"), "s"),
    "certificate_days": "d",
}
_FLOWS: Final = {
    **dict.fromkeys(("used_m3", "supplied_m3", "lost_m3"), "m3"),
    **dict.fromkeys(("used_kwh", "supplied_kwh", "produced_kwh", "lost_kwh"), "kW.h"),
}
"""One definition for water and energy: each is counted once on its way. One that is not measured has no field."""
_OWN_MARKS: Final = {f"{word}_{mark}": unit for word in ("used", "supplied") for mark, unit in _MARKS.items()}
"""The marks of what was used, and of what was supplied: each by its own meters. The others are those of both."""
_AREA: Final = {**_FLOWS, **_OWN_MARKS, "devices": "1", "uncovered": "1"}
_BALANCE: Final = {"in": "", "out": "", "completeness_in": "1", "completeness_out": "1", **_FLOWS, **_MARKS}


def _of_devices(measurement: str) -> Points:
    rows = QUANTITIES[measurement]
    units = {row.field: row.unit for row in rows.values()}
    units |= {SUM_OF[row.field]: row.unit for row in _OF_COUNTERS[measurement]}
    return Points(PLACE, ("device", *TEXT_TAGS), units | {"quality": ""}, "quality", is_raw=True)


def _rolled(period: str, more: Mapping[str, str]) -> tuple[Points, Points]:
    """The roll-ups of devices, and those of areas."""
    units = {**_USED, **_SPREAD, **_UNBALANCE, **more, **_MARKS}
    return (
        Points(PLACE, ("device", *TEXT_TAGS), units, "", period),
        Points(("area",), ("area", "domain"), {**_USED, **_SPREAD, **_AREA, **_MARKS}, "devices", period),
    )


_HOURLY, _HOURLY_AREA = _rolled("1h", {})
_DAILY, _DAILY_AREA = _rolled("1d", _NIGHT_AND_OUTAGES)

MEASUREMENTS: Final[Mapping[str, Points]] = {
    **{domain: _of_devices(domain) for domain in DOMAINS},
    HEALTH: Points(
        PLACE, ("device",), {row.field: row.unit for row in QUANTITIES[HEALTH].values()} | _UPKEEP, "up", is_raw=True
    ),
    "hourly": _HOURLY,
    "hourly_area": _HOURLY_AREA,
    "daily": _DAILY,
    "daily_area": _DAILY_AREA,
    "monthly": _DAILY,
    "monthly_area": _DAILY_AREA,
    "hour_of_day": Points(("area",), ("area", "domain", "hour"), {**_USED, **_SPREAD, **_MARKS}, "", "1h"),
    "completeness": Points(PLACE, ("device", "domain"), _COMPLETENESS, "expected", "1d"),
    **dict.fromkeys(
        ("daily_completeness", "monthly_completeness"),
        Points(("area",), ("area", "domain"), _COMPLETENESS | {"customers": "1", "devices": "1"}, "expected", "1d"),
    ),
    "hourly_balance": Points(PLACE, ("device", "domain"), _BALANCE, "", "1h", name="balance", tags=(("step", "hour"),)),
    "daily_balance": Points(PLACE, ("device", "domain"), _BALANCE, "", "1d", name="balance", tags=(("step", "day"),)),
    "registry": Points(PLACE, ("device", "parent"), {"lat": "deg", "lon": "deg", "interval_s": "s", "value": "1"}, "value"),
    "alarm": Points(PLACE, ("alarm", "device", "severity", "site"), _ALARM, "active"),
    "device_event": Points(PLACE, ("device", "kind"), {"value": "1"}, "value", name="event"),
    "alarm_event": Points(
        PLACE, ("alarm", "device", "kind", "site"), {"value": "1"}, "value", name="event", tags=(("kind", "alarm"),)
    ),
    "event": Points((), ("device", "gateway", "kind"), {"value": "1", "duration_s": "s"}, "value"),
    "acknowledgement": Points(
        PLACE, ("alarm", "by", "device"), {"value": "1", "at_ms": "ms"}, "value", name="event", tags=(("kind", "acknowledged"),)
    ),
    "gateway": Points(("gateway",), ("gateway",), _GATEWAY, "pending"),
    "every_gateway": Points((), ("gateway",), _GATEWAY, "pending", name="gateway"),
    "build": Points(("gateway",), ("gateway", "version"), {"value": "1"}, "value"),
}
"""Measurement → its points. A month stands on its first day, so its points are asked for by days."""
