"""Sums as they stand beside registers in a store: whoever asks the database itself takes differences of them."""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from tests.campaigns.truth.calendar import SLOT_S, Period
from tests.campaigns.truth.judge import Answer, Marks
from tests.campaigns.truth.parts import Store, fetched

SUMS: Final = {
    "water": {"volume_sum_m3": "volume_m3"},
    "power": {
        "energy_import_sum_kwh": "energy_import_kwh",
        "energy_export_sum_kwh": "energy_export_kwh",
        "energy_import_t1_sum_kwh": "energy_import_t1_kwh",
        "energy_import_t2_sum_kwh": "energy_import_t2_kwh",
    },
    "traffic": {"vehicle_count_sum": "vehicle_count_total"},
    "urban": {"people_in_sum": "people_in_total", "rain_sum_mm": "rain_mm"},
}
GAP_S: Final = 1.5 * SLOT_S
CLOCK_OFF_S: Final = 1800.0
DOUBTED: Final = 1 | 4 | 16 | 32
"""Bits of ``quality`` that say that a point's time or step is not sure."""


class Point(NamedTuple):
    """A sum; None: its reading has none."""

    at_s: float
    total: float | None
    quality: int


def point_answers(store: Store, periods: list[Period], excepted: frozenset[str]) -> Iterator[Answer]:
    """Differences of sums over periods.

    :param excepted: devices whose sums a store does not write anew, after something was told late.
    """
    reach = periods[0].begin_s - 86_400, periods[-1].end_s + 86_400
    misled = _misled(store, *reach)
    for domain, sums in SUMS.items():
        for total, counter in sums.items():
            for device, points in _points(store, domain, total, *reach).items():
                if device not in excepted:
                    for period in periods:
                        answer = _difference(device, counter, sorted(points), period)
                        yield answer._replace(marks=Marks(answer.marks.estimated, 1.0)) if device in misled else answer


def _difference(device: str, counter: str, points: list[Point], period: Period) -> Answer:
    edges = [_edge(points, at_s) for at_s in (period.begin_s, period.end_s)]
    first, last = edges
    if first is None or last is None:
        return Answer("points", f"device:{device}", counter, period, None, cause="no point on one side")
    inside = [point for point in points if first.before.at_s <= point.at_s <= last.after.at_s]
    is_doubted = any(point.quality & DOUBTED for point in inside)
    has_gap = any(edge.after.at_s - edge.before.at_s > GAP_S for edge in (first, last))
    marks = Marks(float(has_gap), float(is_doubted))
    return Answer("points", f"device:{device}", counter, period, last.total - first.total, marks)


def _misled(store: Store, from_s: int, to_s: int) -> set[str]:
    """The devices whose clock is off, as the gateway writes beside their points each minute."""
    if store.is_influxdb:
        ask = f'SELECT mean("clock_offset_s") FROM "device_health" WHERE time >= {from_s}s AND time < {to_s}s GROUP BY "device"'  # noqa: S608 - ours
        _, text = fetched(store.url, "/query?" + urlencode({"db": "iot", "q": ask}))
        found = {one["tags"]["device"]: one["values"][0][1] for one in json.loads(text)["results"][0].get("series", ())}
    else:
        offsets = _metrics(store, "device_health_clock_offset_s", from_s, to_s)
        found = {device: sum(values.values()) / len(values) for device, values in offsets.items() if values}
    return {device for device, offset_s in found.items() if abs(offset_s) > CLOCK_OFF_S}


class Edge(NamedTuple):
    """A boundary with the readings around it."""

    total: float
    before: Point
    after: Point


def _edge(points: list[Point], at_s: float) -> Edge | None:
    known = [point for point in points if point.total is not None]
    place = bisect_left(known, at_s, key=lambda point: point.at_s)
    if not 0 < place < len(known):
        return None
    before, after = known[place - 1], known[place]
    low, high = before.total or 0.0, after.total or 0.0
    return Edge(low + (high - low) * (at_s - before.at_s) / (after.at_s - before.at_s), before, after)


def _points(store: Store, domain: str, total: str, from_s: int, to_s: int) -> dict[str, list[Point]]:
    if store.is_influxdb:
        return dict(_influxdb(store, domain, total, from_s, to_s))
    sums, qualities = (_metrics(store, f"{domain}_{field}", from_s, to_s) for field in (total, "quality"))
    return {
        device: [Point(at_ms / 1000, values.get(at_ms), int(quality)) for at_ms, quality in qualities[device].items()]
        for device, values in sums.items()
    }


def _influxdb(store: Store, domain: str, total: str, from_s: int, to_s: int) -> Iterator[tuple[str, list[Point]]]:
    when = f"time >= {from_s}s AND time < {to_s}s"
    ask = f'SELECT "{total}", "quality" FROM "{domain}" WHERE {when} GROUP BY "device"'  # noqa: S608 - ours
    _, text = fetched(store.url, "/query?" + urlencode({"db": "iot", "epoch": "ms", "q": ask}))
    for series in json.loads(text)["results"][0].get("series", ()):
        rows = [Point(at_ms / 1000, value, int(quality or 0)) for at_ms, value, quality in series["values"]]
        if any(point.total is not None for point in rows):
            yield series["tags"]["device"], rows


def _metrics(store: Store, name: str, from_s: int, to_s: int) -> dict[str, dict[int, float]]:
    _, text = fetched(store.url, "/api/v1/export?" + urlencode({"match[]": name, "start": from_s, "end": to_s}))
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for line in text.splitlines():
        series: dict[str, Any] = json.loads(line)
        found[series["metric"]["device"]] |= dict(zip(series["timestamps"], series["values"], strict=True))
    return found
