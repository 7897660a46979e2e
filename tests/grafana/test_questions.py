from dataclasses import replace

import pytest

from grafana import influxql, metricsql
from grafana.ask import Ask, CannotAsk, Combined, Each, Over, Step, by_time_shown
from grafana.guard import faults
from grafana.model import HALF, Dashboard, Kind, Panel, Section, Target, Variable
from grafana.tables import DASHBOARDS

FLOW = Ask("water", "flow_m3_h", Each.MEAN, Step.INTERVAL, Over.MEAN, ("site",))
NOW = Ask("water", "flow_m3_h", Each.LAST, Step.NOW, Over.SUM)
PER_DEVICE = replace(NOW, by=("device",))


def board(target: Target, kind: Kind = Kind.LINES, *, single: bool = False, days_before: int = 0) -> Dashboard:
    panel = Panel("Nước", "Water", kind, (target,), "m3", HALF, "", "", days_before=days_before)
    device = Variable("device", "Thiết bị", "Device", "water", is_single=single)
    return Dashboard("try", "Thử", "Try", (device,), (Section("Phần", "Part", (panel,)),))


def test_every_question_of_every_dashboard_is_taken() -> None:
    assert [fault for dashboard in DASHBOARDS for fault in faults(dashboard)] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"measurement": "gas"}, "There is no measurement gas"),
        ({"field": "flow_l_s"}, "water has no quantity flow_l_s"),
        ({"each": Each.USED, "step": Step.RANGE}, r"water\.flow_m3_h is not asked for the use of a sum"),
        ({"measurement": "daily", "field": "flow_mean_m3_h", "step": Step.HOUR}, "daily has one point per 1d"),
        ({"measurement": "hourly", "field": "flow_mean_m3_h", "step": Step.NOW}, "hourly has one point per 1h"),
    ],
)
def test_a_question_about_what_no_point_holds_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(FLOW, **given)  # type: ignore[arg-type]


def test_influxql_cannot_limit_lines_and_says_of_which_field() -> None:
    with pytest.raises(CannotAsk, match=r"InfluxQL cannot limit the number of lines over time \(water\.flow_m3_h\)"):
        influxql.query(replace(FLOW, limit=5))
    assert metricsql.query(replace(FLOW, limit=5)).startswith("topk(5, sort_by_label(")


def test_influxql_cannot_combine_the_points_of_two_measurements() -> None:
    outage = Ask("daily", "outage_s", Each.SUM, Step.RANGE, Over.SUM)
    devices = Ask("completeness", "expected", Each.COUNT, Step.RANGE, Over.SUM)
    with pytest.raises(CannotAsk, match=r"InfluxQL cannot combine daily\.outage_s and completeness\.expected"):
        influxql.query(Combined(outage, "/", devices))


def test_a_dashboard_with_a_question_that_a_language_cannot_ask_is_refused_by_panel_and_language() -> None:
    (fault,) = faults(board(replace(FLOW, limit=5, by=("device",)), single=True))
    assert fault.startswith("Dashboard 'try', panel 'Nước · Water': InfluxQL cannot limit")


def test_panels_of_one_title_under_one_heading_are_refused_as_they_would_have_one_id() -> None:
    once = board(NOW, Kind.STAT)
    (section,) = once.sections
    twice = replace(once, sections=(replace(section, panels=section.panels * 2),))
    assert faults(twice) == [
        "Dashboard 'try': 'Part / Water' and 'Part / Water' have one id. Give one of them another title.",
    ]
    assert faults(replace(once, sections=(section, replace(section, en="Other part")))) == []


def test_raw_readings_over_time_are_for_one_device_only() -> None:
    assert [fault.partition(": ")[2] for fault in faults(board(FLOW))] == [
        "water.flow_m3_h: reads all readings of all devices. Ask the roll-ups, or set up_to_days."
    ]
    assert faults(board(FLOW, single=True)) == []
    counted = Ask("traffic", "vehicle_count", Each.SUM, Step.HOUR, Over.SUM, up_to_days=3)
    assert faults(board(counted)) == []
    assert len(faults(board(replace(counted, up_to_days=30)))) == 1


@pytest.mark.parametrize(("limit", "number"), [(0, 1), (50, 0), (-50, 0), (1000, 1)])
def test_a_row_for_each_device_needs_a_limit(limit: int, number: int) -> None:
    assert len(faults(board(replace(PER_DEVICE, limit=limit), Kind.TABLE))) == number


def test_a_single_figure_is_not_drawn_as_a_line() -> None:
    assert len(faults(board(NOW, Kind.LINES))) == 1
    assert faults(board(NOW, Kind.STAT)) == []


def test_a_panel_of_another_time_asks_nothing_about_the_time_of_the_page() -> None:
    hours = Ask("hourly", "volume_used_m3", Each.SUM, Step.HOUR, Over.SUM)
    assert faults(board(hours, days_before=1)) == []
    refused = faults(board(by_time_shown(hours)[0], days_before=1))
    assert [fault.partition(": ")[2].partition(" ")[0] for fault in refused] == ["InfluxQL", "MetricsQL"]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_every_query_has_a_time_filter(dashboard: Dashboard) -> None:
    for section in dashboard.sections:
        for panel in section.panels:
            for target in panel.targets:
                if isinstance(target, Ask | Combined):
                    inner = influxql.query(target).rpartition("SELECT")[2]
                    assert any(limit in inner for limit in ("$timeFilter", "time > ${__to}ms - ", "time >= ${__from}ms - "))
                    assert "[" in metricsql.query(target)
