"""Rows of reports: each figure under its name, whole numbers as such, and what is not known as nothing."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from gateway.commands.reports.report_rows import (
    BALANCE,
    DEVICE_COMPLETENESS,
    DEVICE_USE,
    GROUP_COMPLETENESS,
    GROUP_USE,
    RowMaker,
    amount,
)
from gateway.ingest.database.store import Counter, StoredSeries, SumPoint, TimeSpan
from gateway.monitoring.reports.balance import ParentBalance
from gateway.monitoring.reports.boundaries import Marks, SumBoundary, Uncovered
from gateway.monitoring.reports.completeness import DeviceCompleteness, PeriodCompleteness
from gateway.monitoring.reports.consumption import CounterUse, GroupUse, ReportGroup
from gateway.monitoring.reports.flows import Figure, GroupFlows
from gateway.monitoring.reports.group_completeness import GroupCompleteness
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
BEGIN = datetime(2026, 9, 1, tzinfo=ZONE)
BEGIN_MS = round(BEGIN.timestamp() * 1000)
DAY_MS = 86_400_000
SPAN = TimeSpan(BEGIN_MS, BEGIN_MS + DAY_MS)
METER = RegisteredDevice(id="m1", site="q1", domain="water", area="A1", parent="p1", serial="0012", interval=timedelta(hours=1))
MAKER = RowMaker(Roster([METER]), {"A1": "An Bình"}, ZONE)
VOLUME = Counter("water", "volume_m3")
HALF = PeriodCompleteness(24.0, 12.0, 12.0, 8.5, 2, 1, 3600.25, 3600.0)


def test_a_counter_of_a_device_has_its_place_its_use_and_the_registers_at_both_edges() -> None:
    first = SumBoundary(SPAN.start_ms, 1_000_000, None, is_estimated=False, reading=SumPoint(BEGIN_MS - 60_000, 1.0, 100.5))
    last = SumBoundary(SPAN.end_ms, 3_500_000, None, is_estimated=True, reading=None)
    row = MAKER.device_use(SPAN, CounterUse(StoredSeries("m1", lane="2"), VOLUME, first, last, 3))
    assert set(row) == set(DEVICE_USE)
    known = {
        "from": BEGIN,
        "to": BEGIN + timedelta(1),
        "device": "m1",
        "lane": "2",
        "area": "A1",
        "site": "q1",
        "domain": "water",
        "parent": "p1",
        "counter": "volume_m3",
        "unit": "m3",
        "used": Decimal("2.500000"),
        "estimated": True,
        "suspect": 3,
        "measured": 1.0,
        "known_to": BEGIN + timedelta(1),
        "cause": None,
        "serial": "0012",
        "from_register": 100.5,
        "from_time": BEGIN - timedelta(minutes=1),
    }
    assert {key: value for key, value in row.items() if value not in (None, "")} == {
        key: value for key, value in known.items() if value is not None
    }


def figure(amount: float, cause: Uncovered | None = None) -> Figure:
    return Figure(None if cause else round(amount * 1e6), cause)


FLOWS = GroupFlows(SPAN, "A1", "water", figure(7.5), figure(10), Figure(None, None), figure(2.5), 3, 1)


def test_what_is_counted_leaves_out_who_is_not_covered_and_is_empty_without_any() -> None:
    vehicles = Counter("traffic", "vehicle_count_total")
    row = MAKER.group_count(ReportGroup.AREA, SPAN, GroupUse("A1", vehicles, 12_000_000, {"m1", "m2"}, {"m3"}, {"m2"}, 4))
    assert set(row) == set(GROUP_USE)
    assert [row[key] for key in ("by", "group", "name", "counter", "unit")] == ["area", "A1", "An Bình", vehicles.field, "1"]
    assert [row[key] for key in ("devices", "uncovered", "estimated", "suspect")] == [3, 1, 1, 4]
    assert (row["used"], str(row["counted"])) == (None, "12")
    empty = MAKER.group_count(ReportGroup.SITE, SPAN, GroupUse("q1", VOLUME, 0, set(), {"m3"}))
    assert (empty["counted"], empty["name"]) == (None, "")


def test_a_group_says_what_was_used_supplied_and_lost_with_its_marks_or_why_not() -> None:
    marked = FLOWS._replace(used=FLOWS.used._replace(marks=Marks(0.12345, 0.5, 0.99999)))
    row = MAKER.group_flows(ReportGroup.AREA, marked)
    assert set(row) == set(GROUP_USE)
    shown = ["by", "group", "name", "counter", "used", "supplied", "produced", "lost", "lost_pct", "devices", "uncovered"]
    known = ["area", "A1", "An Bình", "volume_m3", Decimal("7.5"), Decimal(10), None, Decimal("2.5"), 25.0, 3, 1]
    assert [row[key] for key in shown] == known
    assert [row[key] for key in ("estimated", "suspect", "measured", "cause")] == [0.1235, 0.5, 0.9999, None]
    own = [row[f"{name}_{mark}"] for name in ("used", "supplied") for mark in ("estimated", "suspect", "measured")]
    assert own == [0.1235, 0.5, 0.9999, 0.0, 0.0, 1.0], "the meters of what was supplied are sound"
    unknown = MAKER.group_flows(ReportGroup.AREA, FLOWS._replace(lost=figure(0, Uncovered.UNREGISTERED)))
    assert (unknown["lost"], unknown["lost_pct"], unknown["cause"]) == (None, None, Uncovered.UNREGISTERED)


def test_a_month_is_shown_up_to_its_last_reading_with_how_much_of_it_is_measured() -> None:
    month = TimeSpan(BEGIN_MS, BEGIN_MS + 30 * DAY_MS)
    first = SumBoundary(month.start_ms, 1_000_000, None, is_estimated=False, reading=SumPoint(BEGIN_MS, 1.0, 1.0))
    newest = SumPoint(BEGIN_MS + 24 * DAY_MS, 25.0, 25.0)
    last = SumBoundary(month.end_ms, None, Uncovered.NOTHING_AFTER, is_estimated=False, reading=newest)
    row = MAKER.device_use(month, CounterUse(StoredSeries("m1"), VOLUME, first, last, 0))
    assert (row["used"], row["measured"], row["cause"]) == (Decimal(24), 0.8, Uncovered.NOTHING_AFTER)
    assert row["known_to"] == BEGIN + timedelta(24)
    day = MAKER.device_use(SPAN, CounterUse(StoredSeries("m1"), VOLUME, first, last._replace(at_ms=SPAN.end_ms), 0))
    assert (day["used"], day["measured"], day["known_to"]) == (None, 0.0, None)


def test_a_balance_says_what_is_lost_and_how_complete_both_sides_are() -> None:
    known = ParentBalance(FLOWS, METER, VOLUME, 10_000_000, 7_500_000, None, 3, 0, Marks(), 0.99999, None)
    row = MAKER.balance(known)
    assert set(row) == set(BALANCE)
    assert [row[key] for key in ("parent", "area", "site", "domain", "counter")] == ["A1", "A1", "q1", "water", "volume_m3"]
    assert [row[key] for key in ("in", "out", "lost", "lost_pct")] == [Decimal(10), Decimal("7.5"), Decimal("2.5"), 25.0]
    assert [row[key] for key in ("completeness_in_pct", "completeness_out_pct", "children", "uncovered")] == [99.99, None, 3, 0]
    left = MAKER.balance(known._replace(outflow=None, uncovered_children=1, marks=Marks(1.0)))
    assert [left[key] for key in ("out", "lost", "lost_pct", "uncovered", "estimated")] == [None, None, None, 1, 1.0]


def test_completeness_is_of_each_period_in_which_something_was_expected() -> None:
    (row,) = MAKER.device_completeness([SPAN, SPAN], DeviceCompleteness(METER, [None, HALF]))
    assert set(row) == set(DEVICE_COMPLETENESS)
    assert [row[key] for key in ("device", "area", "site", "domain", "parent")] == ["m1", "A1", "q1", "water", "p1"]
    figures = {"expected": 24, "received": 12, "missing": 12, "on_time": 8.5, "received_pct": 50.0, "on_time_pct": 35.41}
    marks = {"estimated": 2, "suspect": 1, "longest_gap_s": 3600.25, "interval_s": 3600}
    assert {key: row[key] for key in {**figures, **marks}} == {**figures, **marks}
    assert isinstance(row["expected"], int)
    group = MAKER.group_completeness(SPAN, ReportGroup.AREA, GroupCompleteness("A1", "water", 7, HALF))
    assert set(group) == set(GROUP_COMPLETENESS)
    assert [group[key] for key in ("by", "group", "name", "domain", "devices")] == ["area", "A1", "An Bình", "water", 7]


def test_an_amount_is_exact() -> None:
    assert (amount(None), amount(1), amount(-2_500_000)) == (None, Decimal("0.000001"), Decimal("-2.5"))
