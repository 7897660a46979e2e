"""Events that reports read: amounts that people tell, and times at which readings stand wrongly.

Amounts are an estimate of days that no register covers, and a correction of what one counted. They stand beside exchanges, with
the kinds ``estimate`` and ``correct``, at the time when they were said. Behind the names of their fields stands that of the
counter: ``first_ms_volume_m3``, ``end_ms_``, ``amount_``, and ``told_``, 1 for an estimate and 2 for a correction, negative
where it is taken back. The last word about the same days counts. Readings and sums stay as they are; consumption takes the
amounts in, so every figure that comes from there has them.

A point of the kind ``clock`` stands at the last of the wrong times, as the device tells them, with ``clock_from_ms``, the
first of them, and ``clock_over``: 1 once the clock is right, or was corrected. While it is wrong there is one an hour.

Events are few. VictoriaMetrics takes as long to find none for twenty meters as for all, and a closed hour asks three times
about each meter: if its register was stuck, its clock wrong, and what people told. So they can be asked once for all.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Final, NamedTuple

from gateway.ingest.database.store import Store, StoredSeries, StoreOver, TimedRows, TimedValues, TimeSpan
from gateway.monitoring.alarms.documents import EVENT
from gateway.monitoring.reports.boundaries import MILLIONTHS, SumBoundary, Uncovered, millionths
from gateway.monitoring.reports.roster import NEWEST_MS, Roster, counters_of

AMOUNT_FIELDS: Final = ("told", "first_ms", "end_ms", "amount")
AMOUNT_MAX: Final = 1e9
"""Beyond it a sum has no millionths any more."""
_DAY_MS: Final = 86_400_000
_SPAN_MAX_MS: Final = 400 * _DAY_MS


class AmountKind(IntEnum):
    """The meaning of an amount: it stands in place of the register, or is added to what that counted."""

    ESTIMATE = 1
    CORRECT = 2


class ToldAmount(NamedTuple):
    """An amount, in millionths of the unit, spread evenly over a span of whole days."""

    kind: AmountKind
    span: TimeSpan
    amount: int

    def within(self, span: TimeSpan) -> int:
        """The share of a span: shares of spans that follow each other add up exactly."""
        return self._until(span.end_ms) - self._until(span.start_ms)

    def _until(self, at_ms: int) -> int:
        length_ms = self.span.end_ms - self.span.start_ms
        past_ms = min(max(at_ms - self.span.start_ms, 0), length_ms)
        return (2 * self.amount * past_ms + length_ms) // (2 * length_ms)

    def meets(self, span: TimeSpan) -> bool:
        """Tell if it concerns a span."""
        return self.span.start_ms < span.end_ms and span.start_ms < self.span.end_ms


class UseWithTold(NamedTuple):
    """A consumption with amounts that were told."""

    used: int | None
    uncovered: Uncovered | None
    measured: float  # the share of it that stands on registers
    is_read_again: bool = False  # an estimate stands though its register was read again: that tells by itself what was used


ToldAmounts = Mapping[tuple[StoredSeries, str], Sequence[ToldAmount]]
"""The amounts of each register: its series, with the id of the registry, and its field."""


async def told_amounts(store: Store, roster: Roster, domain: str, now_ms: int) -> ToldAmounts:
    """Read the amounts that stand. Of two estimates that overlap the one that was said later stands."""
    counters = counters_of(domain)
    said: dict[tuple[StoredSeries, str], dict[tuple[AmountKind, TimeSpan], int | None]] = defaultdict(dict)
    fields = [f"{name}_{counter}" for counter in counters for name in AMOUNT_FIELDS]
    window = TimeSpan(now_ms - NEWEST_MS[-1], now_ms + 1)
    async for found, rows in store.rows(EVENT, fields, window, roster.names(roster.of_domain(domain))):
        series = roster.series(found)
        for _, values in rows if series is not None else ():
            columns = (values[place :: len(AMOUNT_FIELDS)] for place in range(len(AMOUNT_FIELDS)))
            for counter, told, first_ms, end_ms, amount in zip(counters, *columns, strict=True):
                if series is not None and None not in (told, first_ms, end_ms, amount):
                    key = AmountKind(abs(int(told or 0))), TimeSpan(int(first_ms or 0), int(end_ms or 0))
                    if not (_can_be(key[1]) and abs(amount or 0) <= AMOUNT_MAX):
                        continue
                    of_counter = said[series, counter]
                    of_counter.pop(key, None)  # the last one said stands last
                    of_counter[key] = round(float(amount or 0) * MILLIONTHS) if (told or 0) > 0 else None
    return {key: _standing(amounts) for key, amounts in said.items() if any(one is not None for one in amounts.values())}


def _can_be(span: TimeSpan) -> bool:
    """Tell if a span is no slip of the pen: no figure asks for sums of the year 1."""
    return 0 < span.start_ms < span.end_ms <= span.start_ms + _SPAN_MAX_MS


def _standing(said: Mapping[tuple[AmountKind, TimeSpan], int | None]) -> Sequence[ToldAmount]:
    standing: list[ToldAmount] = []
    for (kind, span), amount in reversed(list(said.items())):
        is_hidden = kind is AmountKind.ESTIMATE and any(one.kind is kind and one.meets(span) for one in standing)
        if amount is not None and not is_hidden:
            standing.append(ToldAmount(kind, span, amount))
    return sorted(standing, key=lambda one: one.span)


def edges_of(told: ToldAmounts, span: TimeSpan) -> set[int]:
    """The instants within a span at which estimates begin or end: the sums there are needed too."""
    edges = {ms for some in told.values() for one in some if one.kind is AmountKind.ESTIMATE for ms in one.span}
    return {at_ms for at_ms in edges if span.start_ms < at_ms < span.end_ms}


def anchored(boundary: SumBoundary, told: Sequence[ToldAmount]) -> SumBoundary:
    """The sum where an estimate begins or ends: what has no reading on the estimate's side is the last one on the other."""
    begins, ends = ({one.span[side] for one in told if one.kind is AmountKind.ESTIMATE} for side in (0, 1))
    is_open = (boundary.uncovered is Uncovered.NOTHING_AFTER and boundary.at_ms in begins) or (
        boundary.uncovered is Uncovered.NOTHING_BEFORE and boundary.at_ms in ends
    )
    if not is_open or boundary.reading is None:
        return boundary
    return boundary._replace(millionths=millionths(boundary.reading), uncovered=None, is_estimated=True)


def taken_in(
    first: SumBoundary, last: SumBoundary, told: Sequence[ToldAmount], sum_at_edge: Callable[[int], SumBoundary]
) -> UseWithTold | None:
    """The consumption between two boundaries with what was told; None: nothing was.

    The register counts outside of estimates, each of these its own share.
    """
    span = TimeSpan(first.at_ms, last.at_ms)
    met = [one for one in told if one.meets(span)]
    if not met:
        return None
    said = [one.span for one in met if one.kind is AmountKind.ESTIMATE]
    estimates = [TimeSpan(max(one.start_ms, span.start_ms), min(one.end_ms, span.end_ms)) for one in said]
    cuts = [span.start_ms, *(ms for one in estimates for ms in one), span.end_ms]
    edges = {ms: sum_at_edge(ms) for ms in cuts[1:-1] if span.start_ms < ms < span.end_ms}
    edges |= {span.start_ms: first, span.end_ms: last}
    counted = 0
    for begins, ends in ((edges[start_ms], edges[end_ms]) for start_ms, end_ms in zip(cuts[::2], cuts[1::2], strict=True)):
        if begins.at_ms == ends.at_ms:
            continue
        if begins.millionths is None or ends.millionths is None or ends.millionths < begins.millionths:
            return UseWithTold(None, begins.uncovered or ends.uncovered or Uncovered.WENT_BACK, 0.0)
        counted += ends.millionths - begins.millionths
    used = counted + sum(one.within(span) for one in met)
    is_read_again = any(_went_on(edges[one.start_ms], edges[one.end_ms]) for one in estimates)
    return UseWithTold(used, None, min(1.0, max(0.0, counted / used)) if used else 0.0, is_read_again)


def _went_on(begins: SumBoundary, ends: SumBoundary) -> bool:
    """Tell if the register that was read before an estimate was read again more than a day later, and was not exchanged."""
    before, after = begins.reading, ends.after or ends.reading
    if before is None or after is None or None in (before.register, after.register):
        return False
    is_behind = before.time_ms <= begins.at_ms and after.time_ms >= begins.at_ms + _DAY_MS
    offsets = [point.sum - (point.register or 0.0) for point in (before, after)]
    return is_behind and abs(offsets[1] - offsets[0]) * MILLIONTHS < 2  # noqa: PLR2004 - what floats leave


EVENT_EVERY_MS: Final = 3_600_000
CLOCK_FIELDS: Final = ("clock_from_ms", "clock_over")
_UNTIL_NEXT_MS: Final = 2 * EVENT_EVERY_MS
"""How long behind the last event a clock that is not right yet counts as wrong."""
_AWAY_MS: Final = 26 * EVENT_EVERY_MS
"""The next event after a day without the database still tells of it."""

WrongClocks = Mapping[str, list[TimeSpan]]
"""Device, by its name in the database → the times at which its readings stand wrongly."""


async def wrong_clocks(store: Store, window: TimeSpan, devices: Collection[str]) -> WrongClocks:
    """Read at which times readings of devices stand wrongly, for devices of which any in a window may."""
    spans: dict[tuple[str, int], TimeSpan] = {}
    async for series, rows in store.rows(EVENT, CLOCK_FIELDS, TimeSpan(window.start_ms, window.end_ms + _AWAY_MS), devices):
        for time_ms, (from_ms, over) in rows:
            if from_ms is not None:  # the newest of them counts
                spans[series.device, int(from_ms)] = TimeSpan(int(from_ms), time_ms + (1 if over else _UNTIL_NEXT_MS))
    found = defaultdict(list)
    for (device, _), span in spans.items():
        if span.start_ms < window.end_ms:
            found[device].append(span)
    return found


def stands_wrongly(spans: Iterable[TimeSpan], *times_ms: int) -> bool:
    """Tell if a sum at one of these times is worked out from readings that stand at a wrong time."""
    return any(span.start_ms <= time_ms < span.end_ms for span in spans for time_ms in times_ms)


_AROUND_MS: Final = 40 * 86_400_000
"""So much more than was asked about is read: the days that are asked about next."""

_EventsOfDevice = dict[str, list[tuple[StoredSeries, list[TimedValues]]]]
"""Device → its series with their rows."""


class EventsAskedOnce(StoreOver):
    """A database that asks for the events of all devices at once, and answers from what it found."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.nearest = store.nearest
        self._found: dict[tuple[str, ...], tuple[TimeSpan, _EventsOfDevice]] = {}

    async def rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Collection[str] | None
    ) -> TimedRows:
        """Yield the points of each series in order of time."""
        if measurement != EVENT or devices is None:
            async for one in self._store.rows(measurement, fields, window, devices):
                yield one
            return
        key = tuple(fields)
        known, found = self._found.get(key, (window, None))
        if found is None or window.start_ms < known.start_ms or known.end_ms < window.end_ms:
            known, found = TimeSpan(window.start_ms - _AROUND_MS, window.end_ms + _AROUND_MS), defaultdict(list)
            async for series, rows in self._store.rows(EVENT, fields, known, None):
                found[series.device].append((series, rows))
            self._found[key] = known, found
        for name in sorted(found.keys() & devices):
            for series, rows in found[name]:
                first, end = (bisect_left(rows, at_ms, key=itemgetter(0)) for at_ms in window)
                if first < end:
                    yield series, rows[first:end]
