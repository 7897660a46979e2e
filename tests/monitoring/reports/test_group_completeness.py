"""Completeness of many devices together: what is counted is added up, a gap is the longest of any."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from gateway.ingest.database.store import StoredSeries, TimeSpan
from gateway.monitoring.reports.boundaries import ReportStep
from gateway.monitoring.reports.completeness import DeviceCompleteness, PeriodCompleteness
from gateway.monitoring.reports.consumption import ReportGroup
from gateway.monitoring.reports.group_completeness import AreaCompleteness, GroupCompleteness, group_completeness
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice

SPANS = (TimeSpan(0, 86_400_000), TimeSpan(86_400_000, 2 * 86_400_000))
ONE, OTHER = PeriodCompleteness(24, 2, 22, 20, 1, 3, 7200, 3600), PeriodCompleteness(96, 1, 95, 94, 2, 4, 1800, 900)
BOTH = PeriodCompleteness(120, 3, 117, 114, 3, 7, 7200, 0)
M1, M2, M3 = (
    RegisteredDevice("m1", domain="water", area="a1"),
    RegisteredDevice("m2", domain="water", area="a1"),
    RegisteredDevice("m3", domain="power", area="a1"),
)


async def _each(rows: Iterable[DeviceCompleteness]) -> AsyncIterator[DeviceCompleteness]:
    for row in rows:
        yield row


def test_devices_are_added_up_by_group_and_domain_in_each_period_in_which_readings_are_expected_of_them() -> None:
    rows = [DeviceCompleteness(M1, [ONE, None]), DeviceCompleteness(M2, [OTHER, OTHER]), DeviceCompleteness(M3, [None, ONE])]
    found = asyncio.run(group_completeness(_each(rows), ReportGroup.AREA, SPANS))
    assert found == [
        (SPANS[0], [GroupCompleteness("a1", "water", 2, BOTH)]),
        (
            SPANS[1],
            [
                GroupCompleteness("a1", "power", 1, ONE._replace(interval_s=0)),
                GroupCompleteness("a1", "water", 1, OTHER._replace(interval_s=0)),
            ],
        ),
    ]


class Stored:
    """A store that has days of some devices: time in ms, and each field."""

    def __init__(self, **days: list[tuple[int, Sequence[float | None]]]) -> None:
        self._days = days

    async def rows(self, _kind: str, fields: Sequence[str], _span: TimeSpan, names: set[str]) -> AsyncIterator[Any]:
        """The days of these devices, and of one that nobody asked for."""
        for name, rows in self._days.items():
            if name in {*names, "strange"}:
                whole = [(time_ms, [*day, *[None] * (len(fields) - len(day))]) for time_ms, day in rows]
                yield StoredSeries(name), whole


def test_stored_days_of_registered_devices_are_added_up_and_of_a_day_written_twice_the_newest_counts() -> None:
    stored = Stored(
        m1=[(0, ONE[:7]), (86_400_000, OTHER[:7]), (86_400_003, ONE[:7])],
        m2=[],
        strange=[(0, ONE[:7])],
    )
    month = AreaCompleteness(ReportStep.MONTH, SPANS[0])
    asyncio.run(month.add_stored(stored, Roster([M1, M2]), ["m1", "m2"]))  # type: ignore[arg-type]
    (point,) = month.points()
    assert point.fields["devices"] == 1
    assert [point.fields[name] for name in ("expected", "missing", "longest_gap_s")] == [48, 4, 7200]


def test_interruptions_are_added_up_beside_and_count_no_device_twice() -> None:
    day = AreaCompleteness(ReportStep.DAY, SPANS[1])
    day.add(M3, [ONE._asdict()])
    for seconds in (60.0, 40.0):
        day.add_interruptions(M3, {"interruption_s": seconds, "interruptions": 1.0, "outage_s": 500.0})
    bare = RegisteredDevice("bare")
    day.add(bare, [])
    nowhere, power = day.points()
    assert (power.measurement, power.start_ms, power.tags) == ("daily_completeness", SPANS[1].start_ms, ",area=a1,domain=power")
    assert (power.fields["interruption_s"], power.fields["interruptions"], power.fields["devices"]) == (100.0, 2.0, 1.0)
    assert "outage_s" not in power.fields
    assert "interval_s" not in power.fields
    assert (nowhere.tags, nowhere.fields["devices"], nowhere.fields["expected"]) == ("", 1.0, 0.0)
    assert "interruptions" not in nowhere.fields


def test_customers_are_those_of_a_day_that_tell_of_interruptions() -> None:
    day = AreaCompleteness(ReportStep.DAY, SPANS[0])
    for device in (M1, M2):
        day.add(device, [{"expected": 96.0}])
    day.add_interruptions(M1, {"interruption_s": 0.0, "interruptions": 0.0, "momentary": 2.0})
    stored = AreaCompleteness(ReportStep.DAY, SPANS[0])
    stored.add(M1, [{"expected": 96.0, "interruption_s": 0.0, "interruptions": 0.0, "momentary": 2.0}])
    stored.add(M2, [{"expected": 96.0}])
    for found in (day, stored):
        (point,) = found.points()
        assert (point.fields["devices"], point.fields["customers"], point.fields["momentary"]) == (2.0, 1.0, 2.0)
