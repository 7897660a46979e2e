"""Billing: the amount of each register of a customer's meter in a month, and corrections of months that are closed.

The amounts come from :func:`gateway.monitoring.reports.consumption.consumption`, as those of every report. A month begins at
the midnight of its reading day and ends at that of the next month's. A month that is closed is sealed: its lines stay as they
are. What consumption says of it now, less what is sealed of it, is a correction line of the month behind the last sealed one.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from gateway.core.readings.sums import StepToConfirm
from gateway.ingest.database.store import Counter, Store, StoredSeries, SumPoint, TimeSpan
from gateway.monitoring.reports.boundaries import SumBoundary, midnight_ms
from gateway.monitoring.reports.consumption import CounterUse, ReportGroup, consumption
from gateway.monitoring.reports.network import MeterNetwork
from gateway.monitoring.reports.roster import METERED, Roster, counters_of
from gateway.monitoring.reports.stored_counters import steps_to_confirm
from schemas.quantities import COUNTERS
from schemas.registry import CONTRACT, READING_DAY, RegisteredDevice

_TO_CONFIRM: Final = "a step to confirm"
READ_AGAIN: Final = "an estimate stands though its register was read again"
"""The cause of an amount that a person should look at."""


class LineKind(StrEnum):
    """The subject of a line of a month."""

    USE = "use"
    CORRECTION = "correction"
    STEP = "step"


class BillingMark(StrEnum):
    """The trust in an amount: does it stand on readings."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    SUSPECT = "suspect"


class BillingLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a month, as it is sealed. Amounts are in millionths of the unit."""

    kind: LineKind
    month: str  # the month whose amount it is; of a correction the sealed one
    device: str
    counter: str
    unit: str
    domain: str
    from_ms: int
    to_ms: int
    used: int | None  # the amount; None: it is not known, for the reason ``cause``. Of a correction what is to be added.
    mark: BillingMark
    cause: str = ""
    channel: str = ""
    direction: str = ""
    lane: str = ""
    vehicle_class: str = ""
    contract: str = ""
    serial: str = ""
    area: str = ""
    site: str = ""
    from_register: float | None = None
    from_time_ms: int | None = None
    to_register: float | None = None
    to_time_ms: int | None = None
    sealed: int | None = None  # of a correction: what is sealed of its month so far

    @property
    def key(self) -> "LineKey":
        """The register that it is about."""
        return StoredSeries(self.device, self.channel, self.direction, self.lane, self.vehicle_class), self.counter


class SealedUse(NamedTuple):
    """The sealed amount of a register in a month: its line and all corrections of it since; 0 where it was not known."""

    span: TimeSpan
    used: int


LineKey = tuple[StoredSeries, str]
"""A register of a device: its series and the name of its counter."""
SealedUses = Mapping[LineKey, Mapping[str, SealedUse]]
"""The registers of sealed months, each with its months, the oldest first."""


def month_span(month: str, day: int, zone: ZoneInfo) -> TimeSpan:
    """The span of a month, written ``2026-10``, from its reading day to the next month's."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return TimeSpan(midnight_ms(first.replace(day=day), zone), midnight_ms(following.replace(day=day), zone))


def next_month(month: str) -> str:
    """The month behind another."""
    return (date.fromisoformat(f"{month}-01") + timedelta(days=31)).isoformat()[:7]


class MonthPlan:
    """The spans of time that a month asks of each device: those of sealed months that may need a correction, and its own.

    :param sealed: the sealed months before it; empty: no correction is worked out.
    :ivar own_spans: the month of each device.
    """

    def __init__(self, month: str, day: int, zone: ZoneInfo, roster: Roster, sealed: SealedUses) -> None:
        self._month = month
        self._day = day
        self._zone = zone
        self._sealed = sealed
        self.roster = roster
        self._devices = {device.id: device for device in roster.by_id.values() if device.domain in (*METERED, None)}
        self._months: dict[tuple[str, TimeSpan], str] = {}
        begins: dict[str, int] = {}
        for (series, _), uses in sealed.items():
            for sealed_month, use in uses.items():
                self._months[series.device, use.span] = sealed_month
                if next_month(sealed_month) == month:
                    begins[series.device] = use.span.end_ms
        self.own_spans = {id_: self._span_of(device, begins.get(id_)) for id_, device in self._devices.items()}
        self._months |= dict.fromkeys(self.own_spans.items(), month)
        for id_ in {id_ for id_, _ in self._months} - self._devices.keys():
            self._devices[id_] = roster.by_id.get(id_) or RegisteredDevice(id=id_)

    @property
    def end_ms(self) -> int:
        """The end of the last span."""
        return max((span.end_ms for _, span in self._months), default=month_span(self._month, self._day, self._zone).end_ms)

    def _span_of(self, device: RegisteredDevice, sealed_until_ms: int | None) -> TimeSpan:
        """The month of a device, by its own reading day where the registry names one. It goes on where its last seal ends."""
        span = month_span(self._month, int(device.params.get(READING_DAY, self._day)), self._zone)
        return span if sealed_until_ms is None else span._replace(start_ms=sealed_until_ms)

    def questions(self) -> Iterator[tuple[Roster, list[TimeSpan]]]:
        """Devices that have the same spans, each of which begins where the one before ends."""
        runs: list[tuple[str, list[TimeSpan]]] = []
        for id_, span in sorted(self._months):
            if runs and runs[-1][0] == id_ and runs[-1][1][-1].end_ms == span.start_ms:
                runs[-1][1].append(span)
            else:
                runs.append((id_, [span]))
        groups: dict[tuple[TimeSpan, ...], list[RegisteredDevice]] = defaultdict(list)
        for id_, spans in runs:
            groups[tuple(spans)].append(self._devices[id_])
        for run, devices in groups.items():
            yield Roster(devices), list(run)

    def line(self, span: TimeSpan, use: CounterUse) -> BillingLine | None:
        """The line of a register; None: there is nothing to correct."""
        device = self._devices[use.series.device]
        month = self._months[device.id, span]
        if month == self._month:
            return _line(LineKind.USE, month, device, span, use)
        sealed = self._sealed.get((use.series, use.counter.field), {}).get(month, SealedUse(span, 0)).used
        if use.used is None or use.used == sealed:
            return None
        line = _line(LineKind.CORRECTION, month, device, span, use)
        return msgspec.structs.replace(line, used=use.used - sealed, sealed=sealed)

    def step_line(self, id_: str, domain: str, step: StepToConfirm) -> BillingLine | None:
        """The line of a step; None: it is not in the month of its device."""
        span, (counter, *own) = self.own_spans[id_], step.name.split(",")
        if counter not in counters_of(domain) or not (step.from_ms < span.end_ms and span.start_ms < step.first_ms):
            return None
        series = StoredSeries(id_, **dict(tag.split("=", 1) for tag in own))
        before, after = (
            SumBoundary(ms, None, None, is_estimated=False, reading=SumPoint(ms, register, register))
            for ms, register in ((step.from_ms, step.before), (step.first_ms, step.after))
        )
        use = CounterUse(series, Counter(domain, counter), before, after, 1)
        line = _line(LineKind.STEP, self._month, self._devices[id_], span, use)
        return msgspec.structs.replace(line, cause=_TO_CONFIRM, mark=BillingMark.SUSPECT)

    def customers(self, domain: str, metering: Collection[str]) -> set[str]:
        """Those of some meters that are customers', as reports have it: no supply, and no meter behind a customer's."""
        network = MeterNetwork(self.roster.of_domain(domain), domain, metering)
        groups = network.groups(ReportGroup.DOMAIN).values()
        return {id_ for group in groups for id_ in group.uses}


async def billing(store: Store, plan: MonthPlan, now_ms: int) -> AsyncGenerator[BillingLine]:
    """Yield the lines of a month, by domain and device, with the corrections of those before it."""
    for domain in sorted(METERED):
        found = []
        for roster, spans in plan.questions():
            if roster.of_domain(domain):
                async for period in consumption(store, roster, domain, spans, now_ms):
                    found += [line for use in period.uses if (line := plan.line(period.period, use)) is not None]
        customers = plan.customers(domain, {line.device for line in found})
        for line in sorted(found, key=lambda line: (line.kind is not LineKind.USE, line.month, line.key)):
            if line.kind is LineKind.CORRECTION or line.device in customers:
                yield line
        for line in await _steps(store, plan, domain, customers, now_ms):
            yield line


async def _steps(store: Store, plan: MonthPlan, domain: str, customers: Collection[str], now_ms: int) -> list[BillingLine]:
    """The steps of registers that nobody has confirmed: the lines of their devices leave them out."""
    if not customers:
        return []
    spans = plan.own_spans.values()
    whole = TimeSpan(min(span.start_ms for span in spans), max(span.end_ms for span in spans))
    found = await steps_to_confirm(store, plan.roster.names(customers), whole, now_ms)
    named = ((plan.roster.id_of(name) or name, step) for name, steps in sorted(found.items()) for step in steps)
    return [line for id_, step in named if (line := plan.step_line(id_, domain, step)) is not None]


def _line(kind: LineKind, month: str, device: RegisteredDevice, span: TimeSpan, use: CounterUse) -> BillingLine:
    tags = {tag: text for tag, text in use.series._asdict().items() if tag != "device"}
    before, after, marks = use.first.reading, use.last.reading, use.marks
    marked = BillingMark.SUSPECT if marks.suspect else BillingMark.ESTIMATED
    return BillingLine(
        kind=kind,
        month=month,
        device=device.id,
        **tags,
        counter=use.counter.field,
        unit=COUNTERS[use.counter.field].unit,
        domain=use.counter.measurement,
        from_ms=span.start_ms,
        to_ms=span.end_ms,
        used=use.used,
        mark=BillingMark.MEASURED if use.used is None or not marks.is_shown else marked,
        cause=READ_AGAIN if use.told is not None and use.told.is_read_again else use.uncovered or "",
        contract=str(device.params.get(CONTRACT, "")),
        serial=device.serial or "",
        area=device.area or "",
        site=device.site or "",
        from_register=before.register if before is not None else None,
        from_time_ms=before.time_ms if before is not None else None,
        to_register=after.register if after is not None else None,
        to_time_ms=after.time_ms if after is not None else None,
    )
