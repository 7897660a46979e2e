"""Market days and holidays of a Vietnamese province: days that are unlike others, and no fault."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from firmware_sim.signals import DAY_S, EPOCH_S
from firmware_sim.stories.story import Incident, midnight_after

MARKET_WEEKDAY: Final = 6
"""Sunday: people of the mountains come to the fair."""
EPOCH_DAY: Final = date(2024, 1, 1)
TET: Final = (
    *(date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6)),
    *(date(2028, 1, 26), date(2029, 2, 13), date(2030, 2, 3), date(2031, 1, 23)),
)
"""First days of the lunar year."""
TET_DAYS: Final = range(-1, 5)
FIXED: Final = ((1, 1), (4, 30), (5, 1), (9, 2))
"""Month and day of the holidays that the sun brings."""

_HOLIDAYS: Final = frozenset(first + timedelta(days) for first in TET for days in TET_DAYS)


def special_day(day: date) -> str | None:
    """Return the story of a day, if it has one; a holiday on a Sunday is a holiday."""
    if day in _HOLIDAYS or (day.month, day.day) in FIXED:
        return "holiday"
    return "market" if day.weekday() == MARKET_WEEKDAY else None


def special_days(begin_s: float, end_s: float) -> Iterator[Incident]:
    """The special days that begin in a span of simulated time."""
    midnight_s = midnight_after(begin_s)
    while midnight_s < end_s:
        story = special_day(EPOCH_DAY + timedelta(days=round((midnight_s - EPOCH_S) / DAY_S)))
        if story is not None:
            yield Incident(story, "", midnight_s, midnight_s + DAY_S)
        midnight_s += DAY_S
