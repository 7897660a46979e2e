"""The picture of a recovery: work at the centre beside its limit, delay of live readings, readings that still wait."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final

from gateway.support.charts.charts import ChartLine, Point, TimeAxis, ValueAxis, line_chart
from gateway.support.charts.drawing import ChartFrame, element, text
from tests.campaigns.recovery.province import DELAY_MAX_S, Recovery

_WIDTH_PX: Final = 860
_CHART_PX: Final = 170
_TITLE_PX: Final = 22
_MARGIN_PX: Final = 16
_STYLE: Final = """
svg { color: #1f2328; --page: #ffffff; --line: #d1d9e0; --series-1: #0969da; --series-2: #bc4c00; --series-3: #57606a }
@media (prefers-color-scheme: dark) {
  svg { color: #e6edf3; --page: #0d1117; --line: #30363d; --series-1: #58a6ff; --series-2: #f0883e; --series-3: #9198a1 }
}
.page { fill: var(--page) } .title { font: 600 12px system-ui, sans-serif; fill: currentColor }
"""


def picture(recoveries: Mapping[str, Recovery]) -> str:
    """Draw recoveries of one province, by their name, as one SVG that stands alone."""
    end_s = max(max(recovery.points) for recovery in recoveries.values())
    limit = [(0.0, 100.0), (end_s * 1000.0, 100.0)]
    work = [ChartLine(name, _points(found.work, 100.0)) for name, found in recoveries.items()]
    charts = [
        ("Work that comes to the centre, in % of what its cores can do", [*work, ChartLine("its limit", limit)], "work"),
        (
            f"Longest delay of a live reading, in s; the bar is {DELAY_MAX_S:g} s",
            [*_lines(recoveries, "delays"), ChartLine("bar", [(at_ms, DELAY_MAX_S) for at_ms, _ in limit])],
            "delay",
        ),
        ("Readings that wait in the journals", _lines(recoveries, "left"), "left"),
    ]
    each_px = _CHART_PX + _TITLE_PX + _MARGIN_PX
    parts = [
        element("svg", _chart(title, lines, name, end_s), x=_MARGIN_PX, y=number * each_px, width=_WIDTH_PX - 2 * _MARGIN_PX)
        for number, (title, lines, name) in enumerate(charts)
    ]
    height_px = each_px * len(charts)
    page = element("rect", class_="page", width=_WIDTH_PX, height=height_px)
    described = "Recovery of a province after an outage of its centre, over the seconds since it came back"
    return element(
        "svg",
        element("title", described) + element("style", _STYLE) + page + "".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH_PX} {height_px}",
        role="img",
    )


def _chart(title: str, lines: Sequence[ChartLine], name: str, end_s: int) -> str:
    time = TimeAxis(0, end_s * 1000, UTC, lambda ms: f"{ms // 1000} s")
    values = ValueAxis(lambda value: f"{value:,.0f}", from_zero=True)
    drawn = line_chart(ChartFrame(name, title, title, _CHART_PX), lines, time, values)
    return text(title, 0, _TITLE_PX - 6) + element("svg", drawn, y=_TITLE_PX)


def _lines(recoveries: Mapping[str, Recovery], what: str) -> list[ChartLine]:
    return [ChartLine(name, _points(getattr(recovery, what))) for name, recovery in recoveries.items()]


def _points(values: Mapping[int, float], unit: float = 1.0) -> list[Point]:
    return [(at_s * 1000.0, unit * values[at_s]) for at_s in sorted(values) if at_s >= 0]
