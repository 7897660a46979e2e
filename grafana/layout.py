"""The places of panels: left to right, in lines that are as wide as the page."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import Final, NamedTuple
from unicodedata import combining, normalize

from grafana.model import Panel

PAGE_WIDTH: Final = 24
_PAGE_PIXELS, _BESIDE_PANEL, _BESIDE_TITLE, _OWN_TIME = 1390, 12, 66, 115
"""Of a window of 1440 pixels, what panels have; what lies between two, with their edges; what else stands in the line of a
title; and what is there of a time that is the panel's own."""
_LETTERS: Final = {**dict.fromkeys("iljI.,:; '|", 3.9), **dict.fromkeys("tfr()-", 5.4), **dict.fromkeys("mwMW%", 12.3)}
_CAPITAL, _LETTER = 9.5, 8.3
"""Pixels of letters in Grafana's type, as its published packages draw it."""


class Place(NamedTuple):
    """The left edge and the width of a panel, in twenty-fourths of the page."""

    panel: Panel
    x: int
    width: int


def pixels(width: int) -> float:
    """The width inside a panel in a window of 1440 pixels."""
    return width * _PAGE_PIXELS / PAGE_WIDTH - _BESIDE_PANEL


def written(text: str) -> float:
    """The width of a title; what stands above or below a letter takes no room."""
    letters = [letter for letter in normalize("NFD", text) if not combining(letter)]
    return sum(_LETTERS.get(letter, _LETTER if letter.islower() else _CAPITAL) for letter in letters)


def cut_off(title: str, width: int, *, has_own_time: bool = False) -> float:
    """The pixels that are cut off a title, beside which the panel's own time may stand."""
    room = width * _PAGE_PIXELS / PAGE_WIDTH - _BESIDE_TITLE - (_OWN_TIME if has_own_time else 0)
    return max(0.0, written(title) - room)


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
