"""Each kind of chart, for ``drawn.txt``: python -m tests.support.charts.drawings writes it anew where another look is meant."""

from collections.abc import Callable
from datetime import UTC
from math import inf, nan
from pathlib import Path
from typing import Final

from gateway.support.charts.charts import (
    ChartLine,
    TimeAxis,
    ValueAxis,
    bar_chart,
    line_chart,
    sparkline,
)
from gateway.support.charts.drawing import ChartFrame

DAY_MS = 86_400_000
FRAME = ChartFrame("a", "Title", "Description", 120)
DAY = TimeAxis(0, DAY_MS, UTC, lambda ms: f"{ms // 3_600_000} h")
PLAIN, ZERO = ValueAxis("{:g}".format), ValueAxis("{:g}".format, from_zero=True)
RISING = [(at * DAY_MS / 4, 100.0 + at) for at in range(5)]
GAPS = [(0.0, 5.0), (1000.0, None), (2000.0, -5.0), (3000.0, nan), (4000.0, inf), (5000.0, 2.0), (90_000.0, 3.0)]
BARS = ChartLine("in", [(0, 3.0), (DAY_MS / 4, None), (DAY_MS / 2, -1.5)])
DRAWINGS: Final[dict[str, Callable[[], str]]] = {
    "a line": lambda: line_chart(FRAME, [ChartLine("", RISING)], DAY, PLAIN),
    "two lines from zero": lambda: line_chart(
        FRAME, [ChartLine("one", RISING), ChartLine("other", GAPS)], DAY, ZERO, gap_ms=1000
    ),
    "five lines": lambda: line_chart(FRAME, [ChartLine(str(at), [(at, 1.0)]) for at in range(5)], DAY, PLAIN),
    "nothing": lambda: line_chart(FRAME, [], TimeAxis(5, 5, UTC, str), PLAIN),
    "bars": lambda: bar_chart(FRAME, BARS, DAY_MS / 4, DAY, PLAIN),
    "no bars": lambda: bar_chart(FRAME, ChartLine("", []), DAY_MS / 4, DAY, ZERO),
    "a sparkline": lambda: sparkline([1.0, nan, None, 3.0, 2.0]),
    "a flat sparkline": lambda: sparkline([4.0], 60, 20),
}
FILE: Final = Path(__file__).with_name("drawn.txt")


def in_lines(text: str) -> str:
    """An element a line."""
    return text.replace("><", ">\n<")


if __name__ == "__main__":
    FILE.write_text("".join(f"{name}\n{in_lines(draw())}\n\n" for name, draw in DRAWINGS.items()))
