"""Two pictures as SVG: a week as two lines, and speeds over occupancies as two clouds of points."""

from collections.abc import Iterator, Sequence
from html import escape
from math import fsum
from typing import Final

from tests.firmware_sim.weeks.measured import HOURS, Hours

_WIDTH, _HEIGHT = 860, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 16, 44, 30
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_STYLE: Final = """
.page { fill: #ffffff } text { fill: #1f2328; font-size: 12px; font-family: system-ui, sans-serif } .title { font-weight: 600 }
.grid { stroke: #d1d9e0 } .there { fill: none; stroke: #bc4c00; stroke-width: 2; stroke-dasharray: 5 3 }
.here { fill: none; stroke: #0969da; stroke-width: 2 } .mt, .mh { stroke-width: 3; stroke-linecap: round; opacity: 0.6 }
.mt { stroke: #bc4c00 } .mh { stroke: #0969da }
.ct { fill: #bc4c00 } .ch { fill: #0969da }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d } .there { stroke: #f0883e } .here { stroke: #58a6ff }
  .ct { fill: #f0883e } .ch { fill: #58a6ff } .mt { stroke: #f0883e } .mh { stroke: #58a6ff }
}
"""


def week(title: str, there: Hours, here: Sequence[float]) -> str:
    """A week that was measured, dashed, and one that was simulated, each against its own mean."""
    known = [value for value in there if value is not None]
    mean_there, mean_here = fsum(known) / len(known), fsum(here) / len(here)
    lines: dict[str, Sequence[float | None]] = {
        "there": [None if value is None else value / mean_there for value in there],
        "here": [value / mean_here for value in here],
    }
    top = max(value for line in lines.values() for value in line if value is not None) * 1.05
    inside = [*_grid(top), *_legend("- - measured", "— simulated")]
    for name, line in lines.items():
        points = [f"{_x(hour + 0.5, HOURS):.1f},{_y(value, top):.1f}" for hour, value in enumerate(line) if value is not None]
        inside.append(f'<polyline class="{name}" points="{" ".join(points)}"/>')
    for number, day in enumerate(_DAYS):
        inside.append(f'<text x="{_x(24 * number + 12, HOURS):.0f}" y="{_HEIGHT - 10}" text-anchor="middle">{day}</text>')
    return _page(title, inside)


def branches(title: str, there: Sequence[tuple[float, float]], here: Sequence[tuple[float, float]], most_pct: float) -> str:
    """Speeds over occupancies, each against the mean speed of a free lane."""
    inside = [*_grid(1.4), *_legend("● measured", "● simulated")]
    for kind, points in (("mt", there), ("mh", here)):
        near = [(occupancy, speed) for occupancy, speed in points if occupancy <= most_pct]
        dots = "".join(f"M{_x(occupancy, most_pct):.0f} {_y(speed, 1.4):.0f}h0" for occupancy, speed in near)
        inside.append(f'<path class="{kind}" d="{dots}"/>')
    inside += [
        f'<text x="{_x(occupancy, most_pct):.0f}" y="{_HEIGHT - 10}" text-anchor="middle">{occupancy} %</text>'
        for occupancy in range(0, int(most_pct) + 1, 5)
    ]
    return _page(title, inside)


def _x(value: float, most: float) -> float:
    return _LEFT + value / most * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)


def _grid(top: float) -> Iterator[str]:
    step = 0.5 if top < 3 else 1.0
    for number in range(int(top / step) + 1):
        y = _y(number * step, top)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number * step:g}</text>'


def _legend(there: str, here: str) -> Iterator[str]:
    for x, kind, word in ((_WIDTH - 220, "ct", there), (_WIDTH - 110, "ch", here)):
        yield f'<text class="{kind}" x="{x}" y="24">{word}</text>'


def _page(title: str, inside: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
    page = (
        f'<rect class="page" width="{_WIDTH}" height="{_HEIGHT}"/><text class="title" x="{_LEFT}" y="24">{escape(title)}</text>'
    )
    return "\n".join([head, f"<title>{escape(title)}</title><style>{_STYLE}</style>", page, *inside, "</svg>", ""])
