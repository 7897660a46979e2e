"""Lines and bars over time, and sparklines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import pairwise
from math import isfinite
from typing import Final, NamedTuple

from gateway.support.charts.drawing import (
    DASHES,
    GRID,
    LETTERS_PX,
    WIDTH,
    ChartFrame,
    colour,
    element,
    legend,
    number_ticks,
    stretched,
    text,
    time_ticks,
)

_TOP_PX: Final = 24
"""Room for the legend."""
_BOTTOM_PX: Final = 20
"""Room for the times."""
_LABEL_ABOVE_PX: Final = 4
_BAR_SHARE: Final = 0.8
_NEAR_THE_EDGE: Final = 0.06
"""Share of the width within which the label of a time would be cut off."""

Point = tuple[float, float | None]
"""Milliseconds since 1970, and a value; None where there is none."""


class ChartLine(NamedTuple):
    """A series: its name, and its points in the order of time."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The time of a chart; ``zone``: the zone whose round times are marked; ``label``: writes a time."""

    start_ms: int
    end_ms: int
    zone: tzinfo
    label: Callable[[int], str]

    def share(self, ms: float) -> float:
        """The place of an instant, 0 to 1 between start and end."""
        return (ms - self.start_ms) / max(1, self.end_ms - self.start_ms)

    def marks(self, y: float) -> Iterator[str]:
        """The labels of round times."""
        for at_ms in time_ticks(self.start_ms, self.end_ms, self.zone):
            share = self.share(at_ms)
            anchor = "start" if share < _NEAR_THE_EDGE else "end" if share > 1 - _NEAR_THE_EDGE else "middle"
            yield text(self.label(at_ms), share, y, anchor=anchor)


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The values of a chart; ``label`` writes a number; ``from_zero``: zero is shown, however far the values are from it."""

    label: Callable[[float], str]
    from_zero: bool = False


def line_chart(
    frame: ChartFrame, lines: Sequence[ChartLine], time: TimeAxis, values: ValueAxis, *, gap_ms: float | None = None
) -> str:
    """Draw lines over time; ``gap_ms``: points further apart are not joined."""
    scale = _scale(frame, [value for line in lines for _, value in line.points], values)
    paths = [
        _curve(_path(line.points, time, scale, gap_ms), colour(number), DASHES[number % len(DASHES)], "round")
        for number, line in enumerate(lines)
    ]
    return _over_time(frame, [line.name for line in lines], time, values, scale, "".join(paths))


def bar_chart(frame: ChartFrame, bars: ChartLine, length_ms: float, time: TimeAxis, values: ValueAxis) -> str:
    """Draw a bar of this length for each point, from its time on; it stands on zero, or hangs from it."""
    known = [(start_ms, value) for start_ms, value in bars.points if value is not None and isfinite(value)]
    scale = _scale(frame, [0.0, *(value for _, value in known)], values)
    rects = []
    for start_ms, value in known:
        left, right = WIDTH * time.share(start_ms), WIDTH * time.share(start_ms + length_ms)
        top, width, height = scale.y(max(0.0, value)), (right - left) * _BAR_SHARE, abs(scale.y(value) - scale.y(0.0))
        rects.append(element("rect", x=f"{left:.1f}", y=f"{top:.1f}", width=f"{width:.1f}", height=f"{height:.1f}"))
    return _over_time(frame, [bars.name], time, values, scale, element("g", "".join(rects), fill=colour(0)))


def sparkline(values: Sequence[float | None], width_px: int = 120, height_px: int = 28) -> str:
    """Draw a small line without axes beside a number, which says what matters: it is hidden from screen readers."""
    known = [value for value in values if value is not None and isfinite(value)]
    if not known:
        return ""
    least, most, inside = min(known), max(known), height_px - 4
    scale = _Scale(least, most if most > least else least + 1.0, 2, inside)
    axis = TimeAxis(0, max(1, len(values) - 1), UTC, str)
    return element(
        "svg",
        _curve(_path(list(enumerate(values)), axis, scale, None), colour(0)),
        xmlns="http://www.w3.org/2000/svg",
        aria_hidden="true",
        class_="sparkline",
        width=width_px,
        height=height_px,
        viewBox=f"0 0 {WIDTH} {height_px}",
        preserveAspectRatio="none",
    )


class _Scale(NamedTuple):
    """From values to heights: ``low`` is at the bottom, ``high`` at ``top`` of a height."""

    low: float
    high: float
    top: float
    height: float
    ticks: tuple[float, ...] = ()

    def y(self, value: float) -> float:
        return self.top + self.height * (self.high - value) / (self.high - self.low)


def _scale(frame: ChartFrame, found: Iterable[float | None], values: ValueAxis) -> _Scale:
    known = [value for value in found if value is not None and isfinite(value)] or [0.0]
    if values.from_zero:
        known.append(0.0)
    ticks = number_ticks(min(known), max(known), most=4)
    return _Scale(ticks[0], ticks[-1], 0.0, frame.height_px - _TOP_PX - _BOTTOM_PX, tuple(ticks))


def _over_time(frame: ChartFrame, names: list[str], time: TimeAxis, values: ValueAxis, scale: _Scale, curves: str) -> str:
    """The frame of a chart with both axes."""
    grid, labels = [], []
    for tick in scale.ticks:
        y = _TOP_PX + scale.y(tick)
        grid.append(element("line", x1=0, x2="100%", y1=f"{y:.1f}", y2=f"{y:.1f}", stroke=GRID))
        labels.append(text(values.label(tick), 0, y - _LABEL_ABOVE_PX))
    return frame.drawn(
        *grid,
        stretched(curves, _TOP_PX, scale.height),
        *labels[:-1],
        text(values.label(scale.ticks[-1]), 0, _TOP_PX + LETTERS_PX),
        *time.marks(frame.height_px - _LABEL_ABOVE_PX),
        legend(names, LETTERS_PX),
    )


def _curve(path: str, stroke: str, dashes: str = "", join: str | None = None) -> str:
    """A path as a line, as wide however its place is stretched."""
    return element(
        "path",
        d=path,
        fill="none",
        stroke=stroke,
        stroke_width=2,
        stroke_dasharray=dashes or None,
        stroke_linecap="round",
        stroke_linejoin=join,
        vector_effect="non-scaling-stroke",
    )


def _path(points: Sequence[Point], time: TimeAxis, scale: _Scale, gap_ms: float | None) -> str:
    """The path of a line; a point that is joined to none is a dot."""
    parts = []
    for (before_ms, before), (at_ms, value) in pairwise([(0.0, None), *points]):
        if value is None or not isfinite(value):
            continue
        joins = before is not None and isfinite(before) and (gap_ms is None or at_ms - before_ms <= gap_ms)
        x, y = WIDTH * time.share(at_ms), scale.y(value)
        parts.append(f"L{x:.1f} {y:.1f}" if joins else f"M{x:.1f} {y:.1f}h0")
    return "".join(parts)
