"""Elements of SVG and the frame of a chart.

A chart is as wide as its place and keeps its height and the size of its letters: texts stand at shares of the width, and the
curves are in an SVG of their own, which is stretched. Colours are CSS variables of the page, with fallbacks for light and dark.
"""

from dataclasses import dataclass
from html import escape
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
    """A label; it stays readable on a curve.

    :param share: of the width, 0 to 1.
    """
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
    """The place of a chart.

    :ivar name: unique on its page.
    :ivar title: the name of the chart for those who cannot see it.
    :ivar description: its contents in a sentence, for the same.
    """

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
