"""Charts are well-formed, say what they show to those who do not see them, and draw every value where it belongs."""

import re
from datetime import UTC
from xml.etree import ElementTree as ET

import pytest

from gateway.support.charts import charts
from gateway.support.charts.charts import (
    ChartLine,
    TimeAxis,
    ValueAxis,
    bar_chart,
    line_chart,
    sparkline,
)
from gateway.support.charts.drawing import ChartFrame

SVG = "{http://www.w3.org/2000/svg}"
FRAME = ChartFrame("rates", "Received & written", "at most 40 <a second>")
HOUR = TimeAxis(0, 3_600_000, UTC, lambda ms: f"{ms // 60_000} min")
VALUES = ValueAxis(lambda value: f"{value:g}")


def drawn(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def paths(chart: ET.Element) -> list[str]:
    return [path.attrib["d"] for path in chart.iter(f"{SVG}path")]


def labels(chart: ET.Element) -> list[str]:
    return ["".join(label.itertext()) for label in chart.iter(f"{SVG}text")]


def lines(*points: tuple[float, float | None], gap_ms: float | None = None, name: str = "flow") -> ET.Element:
    return drawn(line_chart(FRAME, [ChartLine(name, points)], HOUR, VALUES, gap_ms=gap_ms))


def test_a_line_goes_from_the_lowest_to_the_highest_mark() -> None:
    chart = lines((0, 0.0), (1_800_000, 20.0), (3_600_000, 40.0))
    height = 180 - 24 - 20
    assert paths(chart) == [f"M0.0 {height}.0h0L500.0 {height / 2}L1000.0 0.0"]
    assert [label for label in labels(chart) if "min" not in label] == ["0", "10", "20", "30", "40", "━ flow"]
    assert "15 min" in labels(chart)


def test_a_gap_is_no_line_and_a_lone_value_is_a_dot() -> None:
    chart = lines((0, 1.0), (60_000, None), (120_000, 2.0), (3_000_000, 3.0), (3_060_000, float("nan")), gap_ms=900_000)
    assert re.sub(r"[\d.]+", "", paths(chart)[0]) == "M hM hM h"


def test_a_chart_tells_what_it_shows_and_nothing_in_it_is_markup() -> None:
    chart = lines((0, 1.0), name="</text><script>")
    named = [chart.find(f"{SVG}*[@id='{name}']") for name in chart.attrib["aria-labelledby"].split()]
    assert [found.text for found in named if found is not None] == ["Received & written", "at most 40 <a second>"]
    assert chart.attrib["role"] == "img"
    assert chart.find(f".//{SVG}script") is None


def test_each_line_differs_from_the_others_in_more_than_colour() -> None:
    chart = drawn(line_chart(FRAME, [ChartLine(str(number), [(0, 1.0), (9, 2.0)]) for number in range(4)], HOUR, VALUES))
    shown = [(path.attrib["stroke"], path.attrib.get("stroke-dasharray")) for path in chart.iter(f"{SVG}path")]
    assert len({stroke for stroke, _ in shown}) == len({dashes for _, dashes in shown}) == 4


@pytest.mark.parametrize("points", [[], [(0, None)], [(0, 5.0)], [(0, -5.0), (1, -5.0)]])
def test_little_or_nothing_makes_a_chart_too(points: list[charts.Point]) -> None:
    assert labels(drawn(line_chart(FRAME, [ChartLine("a", points)], HOUR, VALUES)))
    assert labels(drawn(bar_chart(FRAME, ChartLine("a", points), 60_000, HOUR, VALUES)))


def test_bars_stand_on_zero_and_hang_from_it() -> None:
    chart = drawn(
        bar_chart(FRAME, ChartLine("used", [(0, 10.0), (1_800_000, -10.0), (2_000_000, None)]), 1_800_000, HOUR, VALUES)
    )
    up, down = [bar.attrib for bar in chart.iter(f"{SVG}rect")]
    assert float(up["y"]) + float(up["height"]) == float(down["y"])
    assert (up["x"], up["width"]) == ("0.0", "400.0")
    assert up["height"] == down["height"]


def test_a_sparkline_is_hidden_from_who_is_told_the_number_and_empty_without_values() -> None:
    chart = drawn(sparkline([1.0, None, 3.0, 2.0]))
    assert chart.attrib["aria-hidden"] == "true"
    assert paths(chart) == ["M0.0 26.0h0M666.7 2.0h0L1000.0 14.0"]
    assert sparkline([]) == sparkline([None]) == ""
