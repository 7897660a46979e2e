"""The truth of a campaign: its ledger, and what flows through each register at any instant."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from firmware_sim.stories.table import STORIES
from firmware_sim.truth_rows import TRUTH, ConsumedDay, TruthRows
from gateway.ingest.database.store import StoredSeries
from tests.campaigns.months.plan import MonthsPlan


def series_of(day: ConsumedDay) -> StoredSeries:
    """The series of points in which a day's consumption stands."""
    return StoredSeries(day.device, **dict(day.stream))


@dataclass
class MonthsTruth:
    """All that the fleet wrote down.

    :ivar readings: how many the broker acknowledged.
    :ivar times_ms: device → the times of its readings.
    """

    plan: MonthsPlan
    rows: TruthRows = field(default_factory=TruthRows)
    readings: int = 0
    times_ms: Mapping[str, set[int]] = field(default_factory=dict)

    @classmethod
    def read(cls, plan: MonthsPlan, ledger: Path) -> "MonthsTruth":
        """Read a ledger."""
        times_ms: dict[str, set[int]] = defaultdict(set)
        found = cls(plan, times_ms=times_ms)
        with ledger.open("rb") as file:
            for line in file:
                row = json.loads(line)
                if TRUTH.isdisjoint(row):
                    found.readings += 1
                    times_ms[row["tags"]["device"]].add(row["ts"] or row["at"])
                else:
                    found.rows.take(row)
        return found

    def days(self) -> list[ConsumedDay]:
        """The consumption of each register on each day."""
        return [day for days in self.rows.consumed.values() for day in days]

    def flowed(self, day: ConsumedDay, from_ms: int, to_ms: int) -> float:
        """Return what went through the register of a day between two instants."""
        witness = self.plan.roles[day.device].witness
        register = next(register for register in witness.source.registers if register.field == day.field)
        index = next(place for place, tags in enumerate(witness.streams) if tuple(sorted(tags.items())) == day.stream)
        begin, end = (witness.true(register, at_ms / 1000, index) or 0.0 for at_ms in (from_ms, to_ms))
        return end - begin

    def unseen(self, day: ConsumedDay, from_ms: int, to_ms: int) -> float:
        """Return what went through a register unseen, in the steps between two instants.

        Of an exchange that was told with both registers nothing is, but for their last digits.
        """
        happenings = self.rows.happenings.values()
        steps = [one for one in happenings if one.place == day.device and from_ms <= one.began_ms <= to_ms]
        return sum(day.within if STORIES[step.story].told else step.flowed.get(day.field, 0.0) for step in steps)

    def in_turn(self, day: ConsumedDay) -> int:
        """Return how many streams of the device report one after the other."""
        return len(self.plan.roles[day.device].witness.streams)
