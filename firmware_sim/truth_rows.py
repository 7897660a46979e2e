"""The rows of a ledger beside its readings: events and consumption. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

TRUTH: Final = frozenset({"event", "exchange", "consumed"})
"""A row with one of these keys is not a reading."""


class ConsumedDay(NamedTuple):
    """The consumption that went through one register on one local day.

    :ivar stream: the text tags of its readings.
    :ivar within: how far off a sound sum may be.
    """

    device: str
    stream: tuple[tuple[str, str], ...]
    field: str
    from_ms: int
    to_ms: int
    value: float
    within: float


class Happening(NamedTuple):
    """An event.

    :ivar place: the device; with ``is_site`` a site; empty: all devices.
    :ivar ended_ms: None: it lasted until the end of the run.
    :ivar flowed: register → what nobody can see of it, where the meter stepped.
    """

    story: str
    place: str
    is_site: bool
    began_ms: int
    ended_ms: int | None
    alarm: str | None
    due_ms: int
    may: frozenset[str]
    after: frozenset[str]
    flowed: Mapping[str, float]


def consumed_day(row: Mapping[str, Any]) -> ConsumedDay:
    """Return what a row with ``consumed`` says.

    :raises KeyError: it lacks something.
    """
    stream = tuple(sorted(row.get("tags", {}).items()))
    return ConsumedDay(row["device"], stream, row["field"], row["from"], row["to"], row["consumed"], row["within"])


@dataclass(slots=True)
class TruthRows:
    """All such rows of a ledger."""

    consumed: dict[str, list[ConsumedDay]] = field(default_factory=lambda: defaultdict(list))
    happenings: dict[tuple[str, str, int], Happening] = field(default_factory=dict)

    def take(self, row: Mapping[str, Any]) -> None:
        """Take one in. The line with which an event ends takes the place of that with which it began.

        :raises KeyError: it lacks something.
        """
        if "consumed" in row:
            day = consumed_day(row)
            self.consumed[day.device].append(day)
        elif "event" in row:
            happening = Happening(
                story=row["event"],
                place=row.get("site") or row["device"],
                is_site="site" in row,
                began_ms=row["began"],
                ended_ms=row["ended"],
                alarm=row["alarm"],
                due_ms=row["due"],
                may=frozenset(row["may"]),
                after=frozenset(row["after"]),
                flowed=row.get("flowed", {}),
            )
            self.happenings[happening.story, happening.place, happening.began_ms] = happening
