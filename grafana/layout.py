"""The places of panels: left to right, in lines that are as wide as the page."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from grafana.model import Panel

PAGE_WIDTH: Final = 24
_PAGE_PIXELS, _BESIDE_PANEL, _BESIDE_TITLE, _OWN_TIME = 1390, 12, 66, 115
"""Of a window of 1440 pixels, what panels have; what lies between two, with their edges; what else stands in the line of a
title; and what is there of a time that is the panel's own."""
_LETTER: Final = 7.2


class Place(NamedTuple):
    """The left edge and the width of a panel, in twenty-fourths of the page."""

    panel: Panel
    x: int
    width: int


def pixels(width: int) -> float:
    """The width inside a panel in a window of 1440 pixels."""
    return width * _PAGE_PIXELS / PAGE_WIDTH - _BESIDE_PANEL


def letters_too_many(title: str, width: int, *, has_own_time: bool = False) -> int:
    """The letters that are cut off a title, beside which the panel's own time may stand."""
    room = width * _PAGE_PIXELS / PAGE_WIDTH - _BESIDE_TITLE - (_OWN_TIME if has_own_time else 0)
    return max(0, len(title) - int(room / _LETTER))


def lines(panels: Iterable[Panel]) -> Iterator[list[Place]]:
    """Yield the lines of a section. A line that its panels do not fill is shared out among them."""
    line: list[Panel] = []
    for panel in panels:
        if sum(one.size.width for one in (*line, panel)) > PAGE_WIDTH:
            yield _shared_out(line)
            line = []
        line.append(panel)
    if line:
        yield _shared_out(line)


def _shared_out(line: list[Panel]) -> list[Place]:
    ends = [0, *accumulate(panel.size.width for panel in line)]
    edges = [round(end * PAGE_WIDTH / ends[-1]) for end in ends]
    return [Place(panel, left, right - left) for panel, (left, right) in zip(line, pairwise(edges), strict=True)]
