"""Weeks that were measured: hourly means of public data sets, which lie beside the checkout."""

import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from math import fsum
from pathlib import Path
from typing import Final

DATASETS: Final = Path(__file__).parents[4] / "shared" / "corpora" / "datasets"
HOURS: Final = 168
RESIDENTIAL: Final = (3, 4, 5, 7, 8)
"""Districts whose demand has the two peaks of houses; the others have a factory or a harbour in them."""
LABOR_DAY: Final = date(2015, 9, 7)
SATURDAY: Final = 5

Hours = list[float | None]
"""A value for each hour of a week, from Monday on; None: nothing was measured then."""


def water() -> Hours:
    """Inflow of five residential districts, against its mean."""
    shapes = json.loads((DATASETS / "water_dma_hour_of_week.json").read_text(encoding="utf-8"))["hour_of_week_multiplier"]
    chosen = [shapes[f"DMA {number} (L/s)"] for number in RESIDENTIAL]
    return [fsum(values) / len(chosen) for values in zip(*chosen, strict=True)]


def electricity() -> Hours:
    """Houses' load: the mean of all months of the profile, in Wh a quarter of an hour."""
    with (DATASETS / "bdew_h25.csv").open(encoding="utf-8", newline="") as file:
        _, kinds, *rows = csv.reader(file)
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in rows:
        for kind, value in zip(kinds[1:], row[1:], strict=True):
            found[kind, int(row[0][:2])].append(float(value))
    week = ["WT"] * 5 + ["SA", "FT"]
    return [fsum(found[kind, hour]) / len(found[kind, hour]) for kind in week for hour in range(24)]


def occupancy() -> Hours:
    """Occupancy of a lane into a town, in percent."""
    by_hour: dict[int, list[float]] = defaultdict(list)
    for at, value in series("nab_occupancy_6005.csv"):
        by_hour[at.weekday() * 24 + at.hour].append(value)
    return [fsum(by_hour[hour]) / len(by_hour[hour]) if by_hour[hour] else None for hour in range(HOURS)]


def speeds_by_occupancy() -> list[tuple[float, float]]:
    """Occupancy in percent and speed in miles an hour of the same sensor in the same minute."""
    speeds = dict(series("nab_speed_6005.csv"))
    return [(value, speeds[at]) for at, value in series("nab_occupancy_6005.csv") if at in speeds]


def series(name: str) -> list[tuple[datetime, float]]:
    """A series of the Numenta Anomaly Benchmark without its holiday."""
    with (DATASETS / name).open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    found = [(datetime.fromisoformat(at), float(value)) for at, value in rows]
    return [(at, value) for at, value in found if at.date() != LABOR_DAY]


def by_day_type(hours: Sequence[float | None]) -> list[float]:
    """A week of three days: one hour in two weeks of a single sensor is chance, its mean over all working days is not."""
    days = [hours[start : start + 24] for start in range(0, HOURS, 24)]
    groups = (days[:SATURDAY], days[SATURDAY : SATURDAY + 1], days[SATURDAY + 1 :])
    found = []
    for group in groups:
        for values in zip(*group, strict=True):
            there = [value for value in values if value is not None]
            if there:
                found += [fsum(there) / len(there)] * len(group)
    return found
