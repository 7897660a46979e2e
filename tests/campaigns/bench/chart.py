"""Line charts with logarithmic axes as SVG: no colour is the only sign, and light and dark pages both show them well."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from typing import Final

_WIDTH: Final = 430
_HEIGHT: Final = 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 26, 62, 46
_SIZE: Final = 4.0
"""Half the width of a marker."""

_STYLE: Final = """
.page { fill: #ffffff } text { fill: #1f2328; font-size: 12px; font-family: system-ui, sans-serif } .title { font-weight: 600 }
.grid { stroke: #d1d9e0 } .line { fill: none; stroke-width: 2 } .dashed { stroke-dasharray: 5 4 }
.c0 { stroke: #0969da } .c1 { stroke: #bc4c00 } .c2 { stroke: #57606a }
.m0 { fill: #0969da } .m1 { fill: #bc4c00 } .m2 { fill: #57606a }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d }
  .c0 { stroke: #58a6ff } .c1 { stroke: #f0883e } .c2 { stroke: #9198a1 }
  .m0 { fill: #58a6ff } .m1 { fill: #f0883e } .m2 { fill: #9198a1 }
}
"""


@dataclass(frozen=True)
class Line:
    """Points that belong together.

    :ivar kind: lines of one kind, in all panels, have one colour and one marker; 0 to 2.
    :ivar points: x and y, above 0.
    """

    kind: int
    points: Sequence[tuple[float, float]]
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """A chart: title, the words at its axes, its lines."""

    title: str
    x_words: str
    y_words: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class _Axis:
    """A logarithmic axis over whole powers of ten.

    :ivar low: the power of ten at ``begin``, which is a place in the picture; ``high`` that at ``end``.
    """

    low: int
    high: int
    begin: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value."""
        return self.begin + (log10(value) - self.low) / (self.high - self.low) * (self.end - self.begin)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Places of the powers of ten, and their words."""
        for power in range(self.low, self.high + 1):
            yield self.at(10.0**power), f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"


def _axis(values: Sequence[float], begin: float, end: float) -> _Axis:
    low = min(int(log10(value) // 1) for value in values)
    high = max(-int(-log10(value) // 1) for value in values)
    return _Axis(low, max(high, low + 1), begin, end)


def draw(panels: Sequence[Panel], kinds: Sequence[str], described: str) -> str:
    """The panels side by side, under one legend.

    :param kinds: the names of the kinds of lines.
    :param described: the picture in words, for those who cannot see it.
    """
    width = _WIDTH * len(panels)
    inside = [f'<rect class="page" width="{width}" height="{_HEIGHT}"/>', *_legend(kinds)]
    for number, panel in enumerate(panels):
        inside += [f'<g transform="translate({number * _WIDTH})">', *_panel(panel), "</g>"]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" role="img">'
    return "\n".join([head, f"<title>{escape(described)}</title>", f"<style>{_STYLE}</style>", *inside, "</svg>", ""])


def _legend(kinds: Sequence[str]) -> Iterator[str]:
    x = float(_LEFT)
    for kind, name in enumerate(kinds):
        yield _marker(kind, x + _SIZE, 16.0)
        yield f'<text x="{x + 14:.0f}" y="20">{escape(name)}</text>'
        x += 40 + 6.4 * len(name)


def _panel(panel: Panel) -> Iterator[str]:
    points = [point for line in panel.lines for point in line.points]
    x_axis = _axis([x for x, _ in points], _LEFT, _WIDTH - _RIGHT)
    y_axis = _axis([y for _, y in points], _HEIGHT - _BOTTOM, _TOP)
    yield f'<text class="title" x="{_LEFT}" y="46">{escape(panel.title)}</text>'
    for x, words in x_axis.ticks():
        yield f'<path class="grid" d="M{x:.1f} {y_axis.begin:.1f}V{y_axis.end:.1f}"/>'
        yield f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{words}</text>'
    for y, words in y_axis.ticks():
        yield f'<path class="grid" d="M{x_axis.begin:.1f} {y:.1f}H{x_axis.end:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{words}</text>'
    yield f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(panel.x_words)}</text>'
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    yield f'<text transform="translate(12 {middle:.0f}) rotate(-90)" text-anchor="middle">{escape(panel.y_words)}</text>'
    for line in panel.lines:
        yield from _line(line, x_axis, y_axis)


def _line(line: Line, x_axis: _Axis, y_axis: _Axis) -> Iterator[str]:
    places = [(x_axis.at(x), y_axis.at(y)) for x, y in line.points]
    way = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    yield f'<path class="line c{line.kind}{" dashed" if line.dashed else ""}" d="M{way}"/>'
    yield from (_marker(line.kind, x, y) for x, y in places)


def _marker(kind: int, x: float, y: float) -> str:
    """A disc, a square or a triangle."""
    if kind == 0:
        return f'<circle class="m0" cx="{x:.1f}" cy="{y:.1f}" r="{_SIZE}"/>'
    if kind == 1:
        return f'<rect class="m1" x="{x - _SIZE:.1f}" y="{y - _SIZE:.1f}" width="{2 * _SIZE}" height="{2 * _SIZE}"/>'
    return f'<path class="m{kind}" d="M{x:.1f} {y - _SIZE:.1f}l{_SIZE} {2 * _SIZE}h{-2 * _SIZE}z"/>'
