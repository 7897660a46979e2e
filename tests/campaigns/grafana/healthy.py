"""Points of a world in which nothing is wrong: those of the demo, without what its story does to them."""

import re
from collections.abc import Mapping
from typing import Final

from tests.campaigns.grafana.points import Point, Value

HOUR_MS: Final = 3_600_000
HEALTH_FOR_MS: Final = 3 * HOUR_MS
"""So long the health of devices is kept: it is most of the points, and pages read the last of it."""
_OF_DEVICES: Final = frozenset({"power", "traffic", "urban", "water"})
_LIVE_MS: Final = 900_000
_EVERY_S: Final = 300
LOST_SHARE: Final = 0.06
_RANGES: Final = {
    r"pressure(_\w+)?_kpa": (220.0, 420.0),
    r"fill(_\w+)?_pct": (45.0, 85.0),
    r"level(_\w+)?_m": (1.5, 3.2),
    r"flow_night_min_m3_h": (0.0, 0.02),
    r"chlorine(_\w+)?_mg_l": (0.3, 0.7),
    r"ph(_\w+)?": (6.9, 7.6),
    r"turbidity(_\w+)?_ntu": (0.1, 0.9),
    r"voltage_l\d(_\w+)?_v": (213.0, 227.0),
    r"voltage_l\d\d(_\w+)?_v": (370.0, 392.0),
    r"voltage_unbalance_pct": (0.0, 1.2),
    r"current_unbalance_pct": (0.0, 8.0),
    r"frequency(_\w+)?_hz": (49.9, 50.1),
    r"pm2_5(_\w+)?_ug_m3": (4.0, 22.0),
    r"pm10(_\w+)?_ug_m3": (8.0, 40.0),
    r"pm1(_\w+)?_ug_m3": (2.0, 14.0),
    r"(no2|so2|o3)(_\w+)?_ug_m3": (4.0, 40.0),
    r"noise_laeq(_\w+)?_db": (38.0, 60.0),
    r"mean_speed(_\w+)?_km_h": (30.0, 55.0),
    r"occupancy(_\w+)?_pct": (2.0, 25.0),
    r"queue_length(_\w+)?_m": (0.0, 8.0),
    r"battery_pct": (70.0, 100.0),
    r"battery_v": (3.4, 3.6),
    r"clock_offset_s": (-1.0, 1.0),
    r"silence_s": (0.0, 600.0),
    r"certificate_days": (200.0, 200.0),
    r"full_s": (9e5, 9e5),
    r"volume_reverse_used_m3|estimated|suspect|(used|supplied)_(estimated|suspect)": (0.0, 0.0),
    r"missing|seq_missing|interruptions?|momentary|interruption_s|outage_s|duration_s": (0.0, 0.0),
    r"journal|pending|quarantine|lost|expired|broker_dropped|waits|rejects": (0.0, 0.0),
    r"(measured|(used|supplied)_measured|completeness_(in|out))": (1.0, 1.0),
}
"""Field → the least and the most that it shows while all is well."""
_IS: Final = {r"alarm_\w+|congested|battery_low|active|silenced": False, r"up|mqtt|clock|relay_on|acknowledged": True}


def healthy(point: Point, end_ms: int) -> Point | None:
    """Give the point as it is while all is well; None: then there is none."""
    if point.measurement in {"alarm", "event"} or (
        point.measurement == "device_health" and point.time_ms < end_ms - HEALTH_FOR_MS
    ):
        return None
    if point.measurement in _OF_DEVICES and point.time_ms > end_ms - _LIVE_MS and point.time_ms // 1000 % _EVERY_S:
        return None  # the demo sends every second at its end
    fields = {field: _well(field, value) for field, value in point.fields.items()}
    fields |= {"certificate_days": 200.0} if point.measurement == "gateway" else {}
    if "expected" in fields:
        fields |= {field: fields["expected"] for field in ("received", "on_time") if field in fields}
    return point._replace(fields=with_losses(fields, LOST_SHARE))


def with_losses(fields: Mapping[str, Value], share: float) -> dict[str, Value]:
    """Fields of an area or a balance, with this share of what is supplied lost."""
    found = dict(fields)
    for unit in ("m3", "kwh"):
        supplied = found.get(f"supplied_{unit}")
        if isinstance(supplied, float) and f"used_{unit}" in found:
            found |= {f"lost_{unit}": share * supplied, f"used_{unit}": (1 - share) * supplied}
            found |= {"out": (1 - share) * supplied} if "out" in found else {}
    return found


def _well(field: str, value: Value) -> Value:
    if isinstance(value, bool):
        return next((good for pattern, good in _IS.items() if re.fullmatch(pattern, field)), value)
    for pattern, (least, most) in _RANGES.items():
        if isinstance(value, (int, float)) and re.fullmatch(pattern, field):
            return type(value)(min(max(value, least), most))
    return value
