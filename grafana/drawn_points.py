"""Points by two figures drawn as SVG: maps without a base layer, and scatters."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from gateway.support.charts.drawing import GRID, colour, element, number_ticks

_LETTERS_PX: Final = 12
_LEFT_PX: Final = 70
_BOTTOM_PX: Final = 34
_MARGIN_PX: Final = 24
_TICKS: Final = 5

Place = tuple[float, float]


class PointAxis(NamedTuple):
    """An axis: its name, and the text of a figure on it."""

    name: str
    label: Callable[[float], str]


class PointSize(NamedTuple):
    """The size of a chart; it is drawn as wide as its place."""

    width_px: int
    height_px: int


class _Scale(NamedTuple):
    """From figures to pixels; ``begin_px`` may lie behind ``end_px``."""

    ticks: Sequence[float]
    begin_px: float
    end_px: float

    def px(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.begin_px + (value - low) / (high - low) * (self.end_px - self.begin_px)


def point_chart(title: str, places: Sequence[Place], across: PointAxis, up: PointAxis, size: PointSize) -> str:
    """Draw points with both axes."""
    inside_px = size.height_px - _BOTTOM_PX
    x = _Scale(_ticks([place[0] for place in places]), _LEFT_PX, size.width_px - _MARGIN_PX)
    y = _Scale(_ticks([place[1] for place in places]), inside_px, _MARGIN_PX)
    dots = "".join(
        element("circle", cx=f"{x.px(one):.1f}", cy=f"{y.px(other):.1f}", r=3, fill=colour(0), fill_opacity=0.6)
        for one, other in places
    )
    drawn = "".join([*_grid(x, y, across, up), dots, _names(across, up, size)])
    return element("svg", drawn, viewBox=f"0 0 {size.width_px} {size.height_px}", width="100%", role="img", aria_label=title)


def _ticks(values: Sequence[float]) -> Sequence[float]:
    return number_ticks(min(values), max(values), most=_TICKS)


def _grid(x: _Scale, y: _Scale, across: PointAxis, up: PointAxis) -> Iterator[str]:
    for tick in x.ticks:
        px = f"{x.px(tick):.1f}"
        yield element("line", x1=px, x2=px, y1=y.begin_px, y2=y.end_px, stroke=GRID)
        yield _text(across.label(tick), px, y.begin_px + _LETTERS_PX + 2, "middle")
    for tick in y.ticks:
        px = f"{y.px(tick):.1f}"
        yield element("line", x1=x.begin_px, x2=x.end_px, y1=px, y2=px, stroke=GRID)
        yield _text(up.label(tick), x.begin_px - 4, y.px(tick) + 4, "end")


def _names(across: PointAxis, up: PointAxis, size: PointSize) -> str:
    return _text(f"↑ {up.name}    → {across.name}", size.width_px / 2, size.height_px - 4, "middle")


def _text(said: str, x: object, y: float, anchor: str) -> str:
    return element("text", escape(said), x=x, y=f"{y:.1f}", text_anchor=anchor, font_size=_LETTERS_PX, fill="currentColor")
