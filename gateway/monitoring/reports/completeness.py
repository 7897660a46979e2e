"""Completeness: the share of the expected readings that are in the database.

A gap of about n intervals between two neighbouring instants lacks n - 1 readings, one interval apart from its beginning. Each
counts on the day on which it should have come, so the days of an outage add up to the outage. Instants off this grid add
nothing: a device that sends twice as often does not make up for a missing reading.

Readings are expected of a device from the day on which it was ``installed``; where the registry names none, from its first
reading. One that was never heard is expected to send all the time. A gap may reach out of a period, but not out of its month,
so the longest gap of a month is the longest of its days.
"""

from bisect import bisect_left
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import floor
from operator import itemgetter
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import Side, Store, TimeSpan, batches
from gateway.monitoring.reports.boundaries import day_of, midnight_ms, month_of
from gateway.monitoring.reports.roster import NEWEST_MS, REACHES_MS, Roster, interval_ms
from schemas.quantities import Quality
from schemas.registry import RegisteredDevice

AROUND_MS: Final = 24 * 3_600_000
"""All points this far around a period are read; beyond that only the nearest one on each side."""
_AT_ONCE: Final = 20
_INSTANTS_AT_ONCE: Final = 60_000
"""Devices whose instants are held in memory at a time, and the number of instants that they should have at most."""
_ENDLESS: Final = 2**62

Instants = Sequence[tuple[int, int]]
"""The instants of a device in order of time, each with its ``quality``."""


class PeriodCompleteness(NamedTuple):
    """A device in a period."""

    expected: float  # number of readings: the length of the period by the interval
    missing: float
    received: float
    on_time: float  # number of those that arrived, without late ones (bit 8)
    estimated: int  # number of instants with a reading that its device estimated
    suspect: int  # number of instants with a suspect step of a counter
    longest_gap_s: float
    interval_s: float


def completeness_of(
    instants: Instants, span: TimeSpan, every_ms: int, gaps_within: TimeSpan | None = None
) -> PeriodCompleteness:
    """Count the readings of a period that arrived and that are missing.

    :param instants: the instants in the period, and the nearest one on each side.
    :param gaps_within: the time to which the longest gap is cut, and back to whose start it reaches where nothing is known.
    """
    expected = (span.end_ms - span.start_ms) / every_ms
    missing = _missing([time_ms for time_ms, _ in instants], span, every_ms, expected)
    timely = [time_ms for time_ms, quality in instants if not quality & Quality.HISTORIC]
    inside = [quality for time_ms, quality in instants if span.start_ms <= time_ms < span.end_ms]
    return PeriodCompleteness(
        expected,
        missing,
        expected - missing,
        expected - max(missing, _missing(timely, span, every_ms, expected)),
        sum(1 for quality in inside if quality & Quality.ESTIMATED),
        sum(1 for quality in inside if quality & Quality.COUNTER_SUSPECT),
        _longest_gap_ms([time_ms for time_ms, _ in instants], span, gaps_within) / 1000,
        every_ms / 1000,
    )


def floored_pct(ratio: float | None) -> float | None:
    """A percentage, cut off: 100 means all of them."""
    return None if ratio is None else floor(round(ratio * 10_000, 6)) / 100


def _missing(times: Sequence[int], span: TimeSpan, every_ms: int, expected: float) -> float:
    """Count the missing readings of a period; never more than were expected."""
    if not times:
        return expected
    gaps = ((one, (2 * (other - one) + every_ms) // (2 * every_ms)) for one, other in pairwise(times))  # rounded to intervals
    missing = sum(_on_grid(one, intervals - 1, span, every_ms) for one, intervals in gaps)
    if times[0] >= span.start_ms:  # nothing before: it should have begun with the period
        missing += (min(times[0], span.end_ms) - span.start_ms) // every_ms
    if times[-1] < span.end_ms:  # nothing after: it should have gone on to its end
        missing += _on_grid(times[-1], _ENDLESS, span, every_ms)
    is_silent = not any(span.start_ms <= time_ms < span.end_ms for time_ms in times)
    return expected if missing > expected or (is_silent and missing > max(expected - 1, 0)) else missing


def _on_grid(begin_ms: int, most: int, span: TimeSpan, every_ms: int) -> int:
    """Count the instants in a period that lie one interval apart on the grid behind an instant, up to a greatest number."""
    first = max(1, _ceil(span.start_ms - begin_ms, every_ms))
    last = min(most, _ceil(span.end_ms - begin_ms, every_ms) - 1)
    return max(0, last - first + 1)


def _ceil(length_ms: int, every_ms: int) -> int:
    return -(-length_ms // every_ms)


def _longest_gap_ms(times: Sequence[int], span: TimeSpan, within: TimeSpan | None) -> int:
    """The longest time without a reading that reaches into the period. It ends at the edge if there is no neighbour."""
    edges = [min([span.start_ms, *times[:1]]), *times, max([span.end_ms, *times[-1:]])]
    if within is not None:
        first_ms = within.start_ms if edges[0] == span.start_ms else edges[0]
        edges = [min(max(edge, within.start_ms), within.end_ms) for edge in (first_ms, *edges[1:])]
    gaps = [later - sooner for sooner, later in pairwise(edges) if sooner < span.end_ms and later > span.start_ms]
    return max(gaps, default=0)


class DeviceCompleteness(NamedTuple):
    """A device in all periods of a report; None where no reading is expected: no interval, not installed, not begun yet."""

    device: RegisteredDevice
    periods: Sequence[PeriodCompleteness | None]


async def completeness(
    store: Store, roster: Roster, spans: Sequence[TimeSpan], zone: ZoneInfo, now_ms: int
) -> AsyncIterator[DeviceCompleteness]:
    """Yield the completeness of each registered device that has a domain; ``spans``: periods that follow each other."""
    whole = TimeSpan(spans[0].start_ms, min(spans[-1].end_ms, now_ms))
    months = [TimeSpan(month_of(span.start_ms, zone).start_ms, month_of(span.end_ms - 1, zone).end_ms) for span in spans]
    for domain in roster.domains():
        expecting = [id_ for id_, device in roster.of_domain(domain).items() if device.domain and device.interval]
        for some in batches(expecting, _at_once(roster, expecting, whole)):
            found = await _instants(store, roster, domain, whole, some) if whole.start_ms < whole.end_ms else {}
            for id_ in some:
                device = roster.by_id[id_]
                instants = found.get(id_, [])
                begin_ms = _begin_ms(device, instants, whole, zone)
                figures = _of_periods(interval_ms(device), instants, zip(spans, months, strict=True), begin_ms, now_ms)
                yield DeviceCompleteness(device, list(figures))


def _at_once(roster: Roster, devices: Iterable[str], whole: TimeSpan) -> int:
    """The number of devices whose instants of a period may be held in memory: few, if one of them sends each second."""
    every_ms = min((interval_ms(roster.by_id[id_]) or _ENDLESS for id_ in devices), default=_ENDLESS)
    return max(1, min(_AT_ONCE, _INSTANTS_AT_ONCE * every_ms // max(1, whole.end_ms - whole.start_ms)))


def _begin_ms(device: RegisteredDevice, instants: Instants, whole: TimeSpan, zone: ZoneInfo) -> int:
    """The time from which readings are expected, of a first reading the beginning of its interval; 0: always."""
    if device.installed is not None:
        return midnight_ms(device.installed, zone)
    if not instants or instants[0][0] < whole.start_ms - AROUND_MS:
        return 0
    day_ms = day_of(instants[0][0], zone).start_ms
    return instants[0][0] - (instants[0][0] - day_ms) % (interval_ms(device) or 1)


def _of_periods(
    every_ms: int | None, instants: Instants, spans: Iterable[tuple[TimeSpan, TimeSpan]], begin_ms: int, now_ms: int
) -> Iterator[PeriodCompleteness | None]:
    """The figures of each period; ``spans``: periods, each with its months."""
    for span, months in spans:
        counted = TimeSpan(max(span.start_ms, begin_ms), min(span.end_ms, now_ms))
        if every_ms is None or counted.start_ms >= counted.end_ms:
            yield None
            continue
        first = bisect_left(instants, counted.start_ms - AROUND_MS, key=itemgetter(0))
        last = bisect_left(instants, counted.end_ms + AROUND_MS, key=itemgetter(0))
        near = instants[max(0, first - 1) : last + 1]  # with a neighbour on each side
        within = TimeSpan(max(months.start_ms, begin_ms), months.end_ms)
        yield completeness_of(near, counted, every_ms, within)


async def _instants(
    store: Store, roster: Roster, domain: str, whole: TimeSpan, devices: Collection[str]
) -> Mapping[str, Instants]:
    """The instants of some devices in a period and a day around it; on a side without any, the nearest one beyond.

    One that may be new is looked for as far back as there may be readings: what comes first is its beginning.
    """
    around = TimeSpan(whole.start_ms - AROUND_MS, whole.end_ms + AROUND_MS)
    found: dict[str, dict[int, int]] = {id_: {} for id_ in devices}
    async for series, rows in store.rows(domain, ["quality"], around, roster.names(devices)):
        times = found.get(roster.id_of(series.device) or "")
        if times is not None:
            for time_ms, (quality,) in rows:
                times[time_ms] = _joined(times.get(time_ms), int(quality or 0))
    lonely = {
        Side.UP_TO: [id_ for id_, times in found.items() if min(times, default=whole.start_ms) >= whole.start_ms],
        Side.AFTER: [id_ for id_, times in found.items() if max(times, default=0) < whole.end_ms],
    }
    before_ms, after_ms = around.start_ms - 1, around.end_ms - 1

    async def look(side: Side, at_ms: int, reach_ms: int, ids: Collection[str]) -> None:
        nearest: dict[str, int] = {}
        async for name, time_ms in store.heard(domain, side, at_ms, reach_ms, roster.names(ids)):
            if (id_ := roster.id_of(name)) is not None:
                nearest[id_] = (max if side is Side.UP_TO else min)(time_ms, nearest.get(id_, time_ms))
        for id_, time_ms in nearest.items():
            found[id_].setdefault(time_ms, 0)

    await look(Side.UP_TO, before_ms, REACHES_MS[-1], lonely[Side.UP_TO])
    await look(Side.AFTER, after_ms, REACHES_MS[-1], lonely[Side.AFTER])
    undated = [id_ for id_ in lonely[Side.UP_TO] if roster.by_id[id_].installed is None]
    new = [id_ for id_ in undated if min(found[id_], default=whole.start_ms) >= around.start_ms]
    await look(Side.UP_TO, before_ms, NEWEST_MS[-1], new)
    await look(Side.AFTER, after_ms, NEWEST_MS[-1], [id_ for id_ in new if not found[id_]])
    return {id_: sorted(times.items()) for id_, times in found.items()}


def _joined(one: int | None, other: int) -> int:
    """The quality of two series at one instant: it was late only if both were."""
    if one is None:
        return other
    return (one | other) & ~Quality.HISTORIC | (one & other & Quality.HISTORIC)
