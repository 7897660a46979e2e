"""The judgement of a campaign: what is off without a mark, or by more than the mark allows, is wrong."""

import pytest

from firmware_sim.truth_rows import ConsumedDay
from tests.campaigns.months.judgement import AllowedFlow, DayCounts, ReportedDay, added, agree

DAY_MS, QUARTER_MS = 86_400_000, 900_000
DAY = ConsumedDay("m1", (), "volume_m3", 0, DAY_MS, 10.0, 0.001)
ALLOWED = AllowedFlow(lambda _, begin_ms, end_ms: (end_ms - begin_ms) / QUARTER_MS * 0.1, lambda *_: 0.25)
"""A tenth of a cubic metre flows in each interval; a quarter of one went through unseen in a step."""
GAP = (DAY_MS - QUARTER_MS, DAY_MS + QUARTER_MS)


def judged(reported: ReportedDay | None, lanes: int = 1) -> DayCounts:
    counts = DayCounts()
    counts.judge(DAY, reported, ALLOWED, QUARTER_MS, lanes)
    return counts


def test_a_day_is_exact_within_the_resolution_of_its_register() -> None:
    assert judged(ReportedDay(10_001_000, "", [], 0)).exact == 1
    (fault,) = judged(ReportedDay(10_001_010, "", [], 0)).faults
    assert fault.startswith("m1 volume_m3  day 0: report 10.001010, consumed 10.000000 (within 0.001; 0 boundaries estimated")


@pytest.mark.parametrize(
    ("reported", "off"),
    [
        pytest.param(ReportedDay(10_000_000, "", [GAP], 0), 0, id="right-all-the-same"),
        pytest.param(ReportedDay(10_440_000, "", [GAP], 0), 1, id="off-by-its-gap"),
        pytest.param(ReportedDay(9_750_000, "", [], 3), 1, id="off-by-its-step"),
    ],
)
def test_a_day_that_is_marked_may_be_off_by_what_nobody_saw(reported: ReportedDay, off: int) -> None:
    counts = judged(reported)
    assert (counts.marked, counts.marked_off, counts.faults) == (1, off, [])
    assert counts.marked_devices == {("m1", 0)}


@pytest.mark.parametrize("reported", [ReportedDay(10_460_000, "", [GAP], 0), ReportedDay(9_700_000, "", [], 3)])
def test_a_mark_does_not_excuse_more_than_that(reported: ReportedDay) -> None:
    assert len(judged(reported).faults) == 1


def test_a_day_that_the_report_does_not_cover_is_a_fault() -> None:
    assert judged(None).faults == ["m1 volume_m3  day 0: is not covered: no row"]
    assert judged(ReportedDay(None, "no reading before it", [], 0)).faults[0].endswith("no reading before it")


def test_lanes_that_report_in_turn_have_no_gap() -> None:
    assert judged(ReportedDay(10_000_000, "", [GAP], 0), lanes=2).in_turn == 1


def test_figures_agree_when_each_stands_in_both_accounts() -> None:
    assert agree({("m1", 1): 5}, {("m1", 1): 5}, ("a", "b")).faults == []
    found = agree({("m1", 1): 5, ("m1", 2): 7}, {("m1", 1): 6, ("m1", 3): 8}, ("a", "b"))
    assert found.compared == 1
    assert found.faults == [
        *("m1 1: a 0.000005, b 0.000006", "m1 2: a 0.000007, b nothing"),
        "m1 3: a nothing, b 0.000008",
    ]
    assert added([(("m1",), 5), (("m2",), 1), (("m1",), 6)]) == {("m1",): 11, ("m2",): 1}
