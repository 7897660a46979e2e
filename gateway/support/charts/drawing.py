"""Elements of SVG, the frame of a chart, and round places for the marks of its axes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from math import ceil, floor, log10
from typing import Final

COLOURS: Final = (
    "var(--series-1, #2f81f7)",
    "var(--series-2, #2da44e)",
    "var(--series-3, #a371f7)",
    "var(--series-4, #d47616)",
)
DASHES: Final = ("", "6 3", "2 3", "8 3 2 3")
"""By colour: those who do not see the colours tell lines apart by these."""
GRID: Final = "var(--line, #8886)"
_PAGE: Final = "var(--page, none)"
WIDTH: Final = 1000
"""Of the stretched part, in units of its own."""
LETTERS_PX: Final = 12
_HALO_PX: Final = 3


def colour(number: int) -> str:
    """The colour of a series."""
    return COLOURS[number % len(COLOURS)]


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """An element. ``content`` is markup; attributes are escaped, ``_`` in their names stands for ``-``, None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items() if value is not None
    )
    return f"<{name}{given}>{content}</{name}>"


def text(said: str, share: float, y: float, *, anchor: str = "start") -> str:
    """A label; it stays readable on a curve; ``share``: of the width, 0 to 1."""
    return element(
        "text",
        escape(said),
        x=f"{100 * share:.2f}%",
        y=f"{y:.1f}",
        text_anchor=anchor,
        font_size=LETTERS_PX,
        fill="currentColor",
        stroke=_PAGE,
        stroke_width=_HALO_PX,
        paint_order="stroke",
    )


def legend(names: list[str], y: float) -> str:
    """The names of series behind their colours, one after the other; nothing for one that the title names."""
    if not any(names):
        return ""
    parts = [
        element("tspan", f"{_SIGNS[number % len(_SIGNS)]} ", fill=colour(number), dx=16 if number else 0)
        + element("tspan", escape(name), fill="currentColor")
        for number, name in enumerate(names)
    ]
    return element("text", "".join(parts), x=0, y=y, font_size=LETTERS_PX)


_SIGNS: Final = ("━", "╍", "┅", "┉")


@dataclass(frozen=True, slots=True)
class ChartFrame:
    """The place of a chart; ``name`` is unique on its page, title and description are for those who cannot see it."""

    name: str
    title: str
    description: str
    height_px: int = 180

    def drawn(self, *parts: str) -> str:
        """The chart of these parts."""
        title, description = f"{self.name}-title", f"{self.name}-description"
        told = element("title", escape(self.title), id=title) + element("desc", escape(self.description), id=description)
        return element(
            "svg",
            told + "".join(parts),
            xmlns="http://www.w3.org/2000/svg",
            role="img",
            aria_labelledby=f"{title} {description}",
            class_="chart",
            width="100%",
            height=self.height_px,
            font_family="system-ui, sans-serif",
        )


def stretched(content: str, top_px: float, height_px: float) -> str:
    """The part of a chart that is as wide as its place, whatever that is."""
    return element(
        "svg",
        content,
        y=f"{top_px:g}",
        width="100%",
        height=f"{height_px:g}",
        viewBox=f"0 0 {WIDTH} {height_px:g}",
        preserveAspectRatio="none",
        overflow="visible",
    )


_ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_HAIR: Final = 1e-9
"""Part of a step by which a value may miss a mark and still lie on it."""
_AROUND: Final = 0.05
"""Part of one lonely value that is shown on both sides of it."""
_JUST_ABOVE: Final = 1.01
_SECOND_MS: Final = 1000
_MINUTE_MS: Final = 60 * _SECOND_MS
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_STEPS_MS: Final = (
    *(count * _SECOND_MS for count in (1, 2, 5, 10, 15, 30)),
    *(count * _MINUTE_MS for count in (1, 2, 5, 10, 15, 30)),
    *(count * _HOUR_MS for count in (1, 2, 3, 6, 12)),
    *(count * _DAY_MS for count in (1, 2, 5, 10, 30, 60, 180, 365)),
)


def number_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers at most so many even steps apart, the first at ``low`` or below, the last at ``high`` or above."""
    if high - low <= _HAIR * max(abs(low), abs(high)):  # equal but for the last digits: no step lies between them
        around = _AROUND * abs(low)
        low, high = (low - around, high + around) if around else (0.0, 1.0)
    step = _round_step((high - low) / most)
    first, last = floor(low / step + _HAIR), ceil(high / step - _HAIR)
    while last - first > most:  # the ends did not fall on the step
        step = _round_step(step * _JUST_ABOVE)
        first, last = floor(low / step + _HAIR), ceil(high / step - _HAIR)
    return [round(count * step, 12) for count in range(first, last + 1)]


def _round_step(least: float) -> float:
    scale = 10.0 ** floor(log10(least))
    return next(step for step in _ROUND if step * scale >= least * (1 - _HAIR)) * scale


def time_ticks(start_ms: int, end_ms: int, zone: tzinfo, most: int = 5) -> list[int]:
    """At most so many round local times between two instants: full minutes, hours or days of the zone."""
    length_ms = max(1, end_ms - start_ms)
    step_ms = next((step for step in _STEPS_MS if length_ms <= step * most), _STEPS_MS[-1])
    return [at_ms for at_ms in _round_times(start_ms, end_ms, step_ms, zone) if start_ms <= at_ms <= end_ms][:most]


def _round_times(start_ms: int, end_ms: int, step_ms: int, zone: tzinfo) -> Iterator[int]:
    """Local times that are multiples of a step since the midnight before the start; the clock may be changed between them."""
    local = datetime.fromtimestamp(start_ms / _SECOND_MS, zone)
    at = datetime(local.year, local.month, local.day)  # noqa: DTZ001 - the wall clock's time
    while (at_ms := int(at.replace(tzinfo=zone).astimezone(UTC).timestamp() * _SECOND_MS)) <= end_ms:
        yield at_ms
        at += timedelta(milliseconds=step_ms)
