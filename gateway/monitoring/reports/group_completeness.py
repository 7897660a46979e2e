"""Completeness of groups of devices: readings are added up, the longest gap is the longest of any device."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.completeness import DeviceCompleteness, PeriodCompleteness
from gateway.monitoring.reports.totals import ReportGroup, group_of

_NOTHING = PeriodCompleteness(0, 0, 0, 0, 0, 0, 0, 0)


class GroupCompleteness(NamedTuple):
    """All devices of a group and domain in one period."""

    group: str
    domain: str
    devices: int
    figures: PeriodCompleteness


async def group_completeness(
    found: AsyncIterator[DeviceCompleteness], by: ReportGroup, spans: Sequence[TimeSpan]
) -> list[tuple[TimeSpan, list[GroupCompleteness]]]:
    """Add up devices by group and domain.

    :raises StoreFault: the database does not answer.
    """
    sums: dict[tuple[str, str], list[tuple[int, PeriodCompleteness]]] = {}
    async for row in found:
        domain = row.device.domain or ""
        group = sums.setdefault((group_of(row.device, by, domain), domain), [(0, _NOTHING)] * len(spans))
        for place, figures in enumerate(row.periods):
            if figures is not None:
                devices, total = group[place]
                group[place] = devices + 1, _sum(total, figures)
    return [(span, list(_of_period(sums, place))) for place, span in enumerate(spans)]


def _of_period(sums: dict[tuple[str, str], list[tuple[int, PeriodCompleteness]]], place: int) -> Iterator[GroupCompleteness]:
    for (group, domain), periods in sorted(sums.items()):
        devices, figures = periods[place]
        if devices:
            yield GroupCompleteness(group, domain, devices, figures)


def _sum(one: PeriodCompleteness, other: PeriodCompleteness) -> PeriodCompleteness:
    added = [left + right for left, right in zip(one[:6], other[:6], strict=True)]
    expected, missing, received, on_time, estimated, suspect = added
    longest_gap_s = max(one.longest_gap_s, other.longest_gap_s)
    return PeriodCompleteness(expected, missing, received, on_time, int(estimated), int(suspect), longest_gap_s, 0)
