"""Roll-ups, as they stand in a store: the newest writing of each period."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from tests.campaigns.truth.asked_reports import marks_of
from tests.campaigns.truth.calendar import HOUR_S, Period, period_at
from tests.campaigns.truth.judge import Answer
from tests.campaigns.truth.parts import Store, fetched

STEPS: Final = {"hourly": "hour", "daily": "day", "monthly": "month"}
USED: Final = {
    "volume_used_m3": "volume_m3",
    "energy_import_used_kwh": "energy_import_kwh",
    "energy_export_used_kwh": "energy_export_kwh",
    "energy_import_t1_used_kwh": "energy_import_t1_kwh",
    "energy_import_t2_used_kwh": "energy_import_t2_kwh",
    "vehicle_count_used": "vehicle_count_total",
    "people_in_used": "people_in_total",
    "rain_used_mm": "rain_mm",
}
"""The figure of a roll-up → the counter that it is of."""
_OF_GROUPS: Final = tuple(f"{what}_{unit}" for unit in ("m3", "kwh") for what in ("used", "supplied", "produced", "lost"))
Fields = dict[str, float]
Key = tuple[tuple[tuple[str, str], ...], int]


def rollup_answers(store: Store, from_s: int, to_s: int) -> Iterator[Answer]:
    """The roll-ups of devices and areas."""
    for measurement, step in STEPS.items():
        for (tags, at), fields in points(store, measurement, from_s, to_s).items():
            yield from _of_device(measurement, dict(tags), period_at(step, at), fields)
        for (tags, at), fields in points(store, f"{measurement}_area", from_s, to_s).items():
            period = period_at(step, at)
            for figure in _OF_GROUPS:
                if figure in fields and dict(tags).get("area"):
                    subject = f"area:{dict(tags)['area']}"
                    yield Answer(
                        f"{measurement}_area",
                        subject,
                        figure,
                        period,
                        fields[figure],
                        marks_of(fields, figure.partition("_")[0]),
                    )


def _of_device(measurement: str, tags: Mapping[str, str], period: Period, fields: Fields) -> Iterator[Answer]:
    for used, counter in USED.items():
        if used in fields:
            yield Answer(measurement, f"device:{tags['device']}", counter, period, fields[used], marks_of(fields))


def points(store: Store, measurement: str, from_s: int, to_s: int) -> dict[Key, Fields]:
    """Return the points of a measurement that stand at a full hour or are a later writing of one."""
    found = _influxdb(store, measurement, from_s, to_s) if store.is_influxdb else _metrics(store, measurement, from_s, to_s)
    return dict(found)


def _influxdb(store: Store, measurement: str, from_s: int, to_s: int) -> Iterator[tuple[Key, Fields]]:
    ask = f'SELECT * FROM "{measurement}" WHERE time >= {from_s}s AND time < {to_s}s GROUP BY *'  # noqa: S608 - ours
    _, text = fetched(store.url, "/query?" + urlencode({"db": "iot", "epoch": "ms", "q": ask}))
    for series in json.loads(text)["results"][0].get("series", ()):
        tags = tuple(sorted((name, value) for name, value in series.get("tags", {}).items() if value))
        for row in series["values"]:
            fields = {n: float(v) for n, v in zip(series["columns"], row, strict=True) if n != "time" and v is not None}
            yield (tags, row[0] // 1000), fields


def _metrics(store: Store, measurement: str, from_s: int, to_s: int) -> Iterator[tuple[Key, Fields]]:
    """The newest writing of each field: a period that was written again stands some ms farther."""
    names = {"match[]": f'{{__name__=~"{measurement}_[a-z].*"}}', "start": from_s, "end": to_s - 1}
    _, text = fetched(store.url, "/api/v1/export?" + urlencode(names))
    newest: dict[Key, dict[str, tuple[int, float]]] = defaultdict(dict)
    for line in text.splitlines():
        series: dict[str, Any] = json.loads(line)
        tags = series["metric"]
        field = tags.pop("__name__").removeprefix(f"{measurement}_")
        if field.startswith("area_") and not measurement.endswith("_area"):
            continue
        tags.pop("db", None)
        key = tuple(sorted(tags.items()))
        for time_ms, value in zip(series["timestamps"], series["values"], strict=True):
            begin_s = time_ms // 1000 // HOUR_S * HOUR_S
            place = newest[key, begin_s]
            place[field] = max(place.get(field, (-1, 0.0)), (time_ms, value))
    for where, fields in newest.items():
        last_ms = max(time_ms for time_ms, _ in fields.values())
        yield where, {name: value for name, (time_ms, value) in fields.items() if time_ms == last_ms or name not in _OF_GROUPS}
