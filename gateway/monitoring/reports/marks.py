"""Marks: how far a figure is to be trusted. They stand beside it wherever it is shown."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from gateway.monitoring.reports.boundaries import SumBoundary, millionths

MARKED: Final = 0.01
"""A figure is shown as marked from this share on."""


class Marks(NamedTuple):
    """Marks of a figure: how far it is to be trusted.

    :ivar estimated: the share of it that is estimated; of a device 1 if a boundary lies in a gap of the readings.
    :ivar suspect: the share of it that comes from counters with a suspect step; of a device 1 if there was one.
    :ivar measured: the share of it that stands on readings.
    """

    estimated: float = 0.0
    suspect: float = 0.0
    measured: float = 1.0

    @property
    def is_shown(self) -> bool:
        """True when people must be told: panels, pages and reports show the figure as marked."""
        return self.estimated >= MARKED or self.suspect >= MARKED or self.measured < 1 - MARKED

    @classmethod
    def worst(cls, several: Iterable["Marks"]) -> "Marks":
        """The marks of figures that stand together."""
        marks = list(several) or [cls()]
        return cls(max(one.estimated for one in marks), max(one.suspect for one in marks), min(one.measured for one in marks))


def measured_share(first: SumBoundary, last: SumBoundary, known: int | None, until_ms: int | None) -> float:
    """The share of a consumption that stands on readings, without what is interpolated in gaps; of the period what is known.

    A gap may hide as much as flowed beside it: behind a step that is held out its line tells of nothing.

    :param known: the consumption until the time ``until_ms``.
    """
    if known is None or until_ms is None:
        return 0.0
    length_ms, whole_ms = until_ms - first.at_ms, last.at_ms - first.at_ms
    sure, sure_ms = known - sum(amount for amount, _ in _gaps(first, last)), length_ms - gaps_ms(first, last)
    share = min(sure / known * length_ms if known else sure_ms, sure_ms) / whole_ms
    return min(1.0, max(0.0, share))


def gaps_ms(first: SumBoundary, last: SumBoundary) -> int:
    """The length of what is interpolated in gaps at the edges of a period."""
    return sum(length_ms for _, length_ms in _gaps(first, last))


def _gaps(first: SumBoundary, last: SumBoundary) -> Iterator[tuple[int, int]]:
    yield from _gap_behind(first, last)
    yield from _gap_before(first, last)


def _gap_behind(first: SumBoundary, last: SumBoundary) -> Iterator[tuple[int, int]]:
    """Yield what is interpolated behind the beginning of a period: an amount, and a length of time."""
    after = first.after
    if first.is_estimated and after is not None and first.millionths is not None:
        if after.time_ms < last.at_ms:
            yield millionths(after) - first.millionths, after.time_ms - first.at_ms
        else:
            yield (last.millionths or first.millionths) - first.millionths, last.at_ms - first.at_ms


def _gap_before(first: SumBoundary, last: SumBoundary) -> Iterator[tuple[int, int]]:
    """Yield what is interpolated before its end, unless the gap is longer than the period."""
    reading = last.reading
    if last.is_estimated and reading is not None and last.millionths is not None and reading.time_ms >= first.at_ms:
        yield last.millionths - millionths(reading), last.at_ms - reading.time_ms
