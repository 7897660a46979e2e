"""Charts of a device: what belongs together shares one, and each says in words what it shows."""

import re
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import StoredSeries
from gateway.support.i18n.formats import Formats
from gateway.web.devices.device_charts import RecentSeries, device_charts, recent_window, sparklines
from gateway.web.http.pages import PageTexts

NOW = 1_790_000_000_000
MINUTE = 60_000


def series(field: str, *values: float, **tags: str) -> RecentSeries:
    points = [(NOW + number * MINUTE, value) for number, value in enumerate(values, start=-len(values))]
    return RecentSeries("power", field, StoredSeries("m", **tags), points)


def charts(*found: RecentSeries, language: str = "en") -> dict[str, str]:
    formats = Formats(language, ZoneInfo("Asia/Ho_Chi_Minh"))
    return dict(device_charts(found, recent_window(NOW, 6), PageTexts(language, formats), formats))


def test_phases_share_a_chart_and_voltages_between_them_have_their_own() -> None:
    found = charts(*(series(f"voltage_{phase}_v", 230, 231) for phase in ("l1", "l2", "l3", "l12")))
    assert list(found) == ["Voltage (V)", "Voltage L1-L2 (V)"]
    assert all(f">{phase}<" in found["Voltage (V)"] for phase in ("L1", "L2", "L3"))


def test_a_chart_says_in_the_readers_language_what_it_shows() -> None:
    assert "last 2.5, lowest 1.25, highest 3,000" in charts(series("flow_m3_h", 1.25, 3000, 2.5))["Flow (m³/h)"]
    ((title, svg),) = charts(series("flow_m3_h", 1.25, 3000, 2.5), language="vi").items()
    assert title == "Lưu lượng (m³/h)"
    assert "cuối 2,5, thấp nhất 1,25, cao nhất 3.000" in svg


def test_lanes_are_lines_of_one_chart_up_to_four() -> None:
    found = charts(*(series("mean_speed_km_h", 40, lane=str(lane)) for lane in range(1, 6)))
    assert len(found) == 1, "their title is the same"
    assert found["Mean speed (km/h)"].count("<path") == 1, "the fifth lane has the second chart"


def test_states_sums_and_figures_of_the_gateway_are_no_charts() -> None:
    assert charts(series("pump_on", 1), series("volume_sum_m3", 1), series("quality", 0), series("silence_s", 3)) == {}


def test_a_device_of_very_many_series_has_a_bounded_page() -> None:
    found = [series("mean_speed_km_h", 40, lane=str(lane)) for lane in range(100)]
    formats = Formats("en", ZoneInfo("UTC"))
    assert len(device_charts(found, recent_window(NOW, 6), PageTexts("en", formats), formats)) == 16


def test_values_have_a_small_line_by_their_series_where_there_are_enough() -> None:
    found = sparklines(
        [
            series("flow_m3_h", *range(360)),
            series("mean_speed_km_h", 40, 41, 42, lane="1"),
            series("mean_speed_km_h", 40, 41, lane="2"),
            series("pump_on", 0, 1, 0),
        ]
    )
    tags = StoredSeries("m")[1:]
    assert set(found) == {
        ("power", "flow_m3_h", tags),
        ("power", "mean_speed_km_h", StoredSeries("m", lane="1")[1:]),
    }
    long = found["power", "flow_m3_h", tags]
    assert (long.count("L"), len(long) < 1000) == (39, True), "forty of 360, or the page would be heavy"


def at_minutes(*minutes: int) -> RecentSeries:
    return RecentSeries("power", "voltage_l1_v", StoredSeries("m"), [(NOW - minute * MINUTE, 230.0) for minute in minutes])


def pieces(found: RecentSeries) -> int:
    """The number of pieces that a line is drawn in, dots among them."""
    ((_, svg),) = charts(found).items()
    drawn: list[str] = re.findall(r'<path d="([^"]*)"', svg)
    return sum(path.count("M") for path in drawn) + svg.count("<circle")


def test_a_device_that_begins_to_send_more_often_leaves_a_line_and_no_dots() -> None:
    assert pieces(at_minutes(*range(300, 60, -15), *range(60, 0, -1))) == 1, (
        "a reading a minute behind one a quarter of an hour"
    )


def test_a_line_is_broken_where_a_device_was_silent() -> None:
    assert pieces(at_minutes(*range(300, 200, -15), *range(100, 0, -15))) == 2
    assert pieces(at_minutes(*range(60, 40, -1), 20, *range(5, 0, -1))) == 3, "a lone reading in between is a dot"
