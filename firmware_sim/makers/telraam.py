"""Telraam: an answer of its API for ``/v1/reports/traffic`` by the hour, as a bridge publishes it on ``telraam/NAME/traffic``.

A report tells one class in one direction, scaled up to an hour from the time that the sensor saw, as Telraam does.
"""

from typing import Any, Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.json_makers import single
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import SECOND_MS, MakerReading
from firmware_sim.wire.message import CarriedPoint, WireMessage, json_bytes, utc_text

HOUR_S: Final = 3600
CLASSES: Final = {"car": "car", "truck_heavy": "heavy", "bicycle": "bike", "motorcycle": "bike", "pedestrian": "pedestrian"}
KEPT_AS: Final = {"car": "car", "heavy": "truck_heavy", "bike": "bicycle", "pedestrian": "pedestrian"}
"""Telraam takes motorcycles for bikes; what it has no word for is a car to it."""
DIRECTIONS: Final = {"in": "lft", "out": "rgt"}


def telraam(reading: MakerReading) -> WireMessage:
    """The hour that ends at the reading."""
    word = CLASSES.get(reading.tags.get("vehicle_class", "car"), "car")
    direction = DIRECTIONS.get(reading.tags.get("direction", "in"), "lft")
    seen_s = reading.values["interval_s"]
    count = round(reading.values["vehicle_count"] * HOUR_S / seen_s, 2)
    report: dict[str, Any] = {
        "segment_id": 9_000_000_000 + sum(reading.name.encode()),
        "date": utc_text(reading.second_ms - HOUR_S * SECOND_MS),
        "interval": "hourly",
        "uptime": round(min(seen_s / HOUR_S, 1.0), 4),
        f"{word}_{direction}": count,
        "timezone": "Asia/Ho_Chi_Minh",
    }
    tags = {"vehicle_class": KEPT_AS[word], "direction": direction}
    carried: SensorValues = {"vehicle_count": count, "interval_s": HOUR_S}
    points = [CarriedPoint("traffic", carried, reading.second_ms, tags)]
    if word == "car" and "speed_p85_km_h" in reading.values:
        report["v85"] = round(reading.values["speed_p85_km_h"], 1)
        points.append(CarriedPoint("traffic", {"speed_p85_km_h": report["v85"]}, reading.second_ms, {"vehicle_class": "car"}))
    document = {"status_code": 200, "message": "ok", "report": [report]}
    return WireMessage(f"telraam/{reading.name}/traffic", json_bytes(document), tuple(points))


TELRAAM: Final = (Maker("telraam", "traffic", ("traffic-class",), "Telraam JSON", single(telraam), clock_ms=SECOND_MS),)
