"""The time of the world: local days of a zone without summer time, slots in which flows are even, periods. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

ZONE: Final = timezone(timedelta(hours=7))
ZONE_NAME: Final = "Asia/Ho_Chi_Minh"
FIRST_DAY: Final = datetime(2026, 10, 1, tzinfo=ZONE)
FIRST_MONTH: Final = f"{FIRST_DAY:%Y-%m}"
FIRST_DAY_S: Final = round(FIRST_DAY.timestamp())
BEFORE_S: Final = 104 * 3600
"""The world begins so long before its first day: what is usual of a meter takes days to be known."""
AFTER_S: Final = 9 * 3600
"""It goes on so long after its last one: sums are worked out again in the night, and a clock that is 7 h behind gets there."""
BEGIN_S: Final = FIRST_DAY_S - BEFORE_S
SLOT_S: Final = 900
HOUR_S: Final = 3600
DAY_S: Final = 86_400


class Period(NamedTuple):
    """A period that figures are asked of."""

    step: str
    begin_s: int
    end_s: int

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.begin_s, ZONE)
        return f"{at:%Y-%m}" if self.step == "month" else f"{at:%Y-%m-%d %H:%M}" if self.step == "hour" else f"{at:%Y-%m-%d}"


def day(number: int) -> Period:
    """Return a local day; the first has number 0."""
    begin_s = FIRST_DAY_S + number * DAY_S
    return Period("day", begin_s, begin_s + DAY_S)


def hours(number: int) -> Iterator[Period]:
    """The hours of a day."""
    begin_s = day(number).begin_s
    return (Period("hour", begin_s + place * HOUR_S, begin_s + (place + 1) * HOUR_S) for place in range(24))


def month(days: int) -> Period | None:
    """Return the month of the first day, if the world lives through all of it."""
    end_s = round(datetime(2026, 11, 1, tzinfo=ZONE).timestamp())
    return Period("month", FIRST_DAY_S, end_s) if FIRST_DAY_S + days * DAY_S >= end_s else None


def at_s(number: int, hour: float) -> int:
    """The time of an hour of a day."""
    return FIRST_DAY_S + number * DAY_S + round(hour * HOUR_S)


def date_of(number: int) -> str:
    """A day as people write it to commands."""
    return f"{FIRST_DAY + timedelta(days=number):%Y-%m-%d}"


def period_at(step: str, begin_s: int) -> Period:
    """Return the period of a step that begins then."""
    if step == "month":
        at = datetime.fromtimestamp(begin_s, ZONE)
        end = (at.replace(day=1) + timedelta(days=32)).replace(day=1)
        return Period(step, begin_s, round(end.timestamp()))
    return Period(step, begin_s, begin_s + (HOUR_S if step == "hour" else DAY_S))
