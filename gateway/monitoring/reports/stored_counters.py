"""Counters as they stand in the database: newest sums, points from which sums are worked out again, exchanges and steps.

Exchanges of meters stand in the measurement ``event``: a gateway whose file was lost reads them there.

An exchange has a point of the kind ``exchange`` at its own time, for panels. What is said of it has points of the kind
``exchange_told``, each at the time when it was said, since some databases do not replace points: the last word counts. Their
fields are ``at_ms``, the time of the exchange, ``final`` and ``register``, as they were told (-1: not told), and ``late``
(1: the sums since then are wrong in the database). Where one counter was meant its name stands behind them, as in
``final_volume_m3``, and the tags of its lane or channel beside those of the device.

Steps stand beside them when they were said, of the kind ``step``, or ``step_used`` where a person says so; fields, with the
counter behind: ``before_volume_m3``, ``after_``, ``from_ms_``, ``first_ms_``, ``held_out_``, and ``step_``: 1 to confirm,
2 really used, 0 explained meanwhile, by an exchange or by late readings. Here too the last word counts. The steps of a month
are :func:`steps_to_confirm`; of a running gateway they are ``counters.past.steps``.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from gateway.core.readings.counters import CounterState
from gateway.core.readings.line_protocol import tag_text
from gateway.core.readings.replay import CounterReplay
from gateway.core.readings.sums import FoundSum, Register, StepState, StepToConfirm, StoredExchange, ToldExchange
from gateway.ingest.database.store import Counter, PointValues, Side, Store, StoredSeries, SumPoint, TimeSpan
from gateway.monitoring.alarms.documents import EVENT
from gateway.monitoring.reports.boundaries import MILLIONTHS
from gateway.monitoring.reports.rollup_points import RollupPoint, device_tags
from gateway.monitoring.reports.roster import NEWEST_MS, devices_in, nearest_points, newest_points
from gateway.monitoring.reports.told_events import AMOUNT_FIELDS, ToldAmount
from schemas.quantities import DOMAINS, QUANTITIES, SUM_OF, TEXT_TAGS
from schemas.registry import RegisteredDevice

COUNTED_IN: Final = {field: domain for domain in DOMAINS for field in QUANTITIES[domain] if field in SUM_OF}
"""Counter → its measurement."""
_LOOK_BACK_MS: Final = 40 * 86_400_000
"""How far behind the time that was asked for readings without a sum may begin."""
_COUNTERS: Final = {domain: [Counter(domain, field) for field in QUANTITIES[domain] if field in SUM_OF] for domain in DOMAINS}

FoundSums = dict[str, dict[str, FoundSum]]
"""Device → counter, with its lane or channel → the newest sum."""


class Replays(NamedTuple):
    """The replays of counters, each with its lane or channel, and the time of the first reading that they need."""

    start_ms: int
    replays: dict[str, CounterReplay]


class WorkedSum(NamedTuple):
    """A sum that was worked out again: the stored one and the right one, None where there is none."""

    field: str
    register: float
    stored: float | None
    total: float | None


async def replays_of(store: Store, device: str, counters: CounterState, measurement: str, from_ms: int) -> Replays:
    """Begin the counters of a device, as they are now, behind their last sums in a measurement, not later than a time."""
    past = counters.past
    live = {register.name: register for register in counters.registers() if measured_in(register.name) == measurement}
    seeds: dict[str, Register] = {}
    for field in fields_of(live):
        seeds |= await _seeds(store, Counter(measurement, field), device, live, from_ms)
    start_ms, replays = from_ms, dict[str, CounterReplay]()
    for name in live:
        seed = seeds.get(name)
        replays[name] = CounterReplay(name, past.rules.get(name), past.told, seed, past.steps, counters.rated)
        if seed is not None:
            start_ms = min(start_ms, max(int(seed.time_ms) + 1, from_ms - _LOOK_BACK_MS))
    return Replays(start_ms, replays)


def measured_in(name: str) -> str:
    """The measurement of a counter, which may have its lane or channel behind its name."""
    return COUNTED_IN[name.partition(",")[0]]


def fields_of(names: Iterable[str]) -> list[str]:
    """The fields of counters, without the lanes and channels behind their names."""
    return sorted({name.partition(",")[0] for name in names})


def columns_of(fields: Iterable[str]) -> list[str]:
    """The columns to read for working sums out again; :func:`worked_out` takes their values."""
    return [*(name for field in fields for name in (field, SUM_OF[field])), "quality"]


def worked_out(
    replays: Mapping[str, CounterReplay], fields: Sequence[str], place: str, time_ms: int, values: PointValues
) -> Iterator[WorkedSum]:
    """Yield the sums of the next point, worked out again; ``place`` tells a device's counters apart (:func:`series_name`)."""
    quality = int(values[-1] or 0)
    for field, register, stored in zip(fields, values[::2], values[1::2], strict=False):
        replay = replays.get(field + place)
        if register is not None and replay is not None:
            total = replay.sum_of(time_ms, float(register), stored, quality)
            yield WorkedSum(field, float(register), stored, total)


async def _seeds(
    store: Store, counter: Counter, device: str, live: Mapping[str, Register], from_ms: int
) -> dict[str, Register]:
    """The states of a counter at its last sum, by its lanes and channels."""
    last = await newest_points(store, counter, from_ms, [device])
    base = await nearest_points(store, counter, Side.AFTER, from_ms - _LOOK_BACK_MS, [device])
    found = {}
    for series, point in last.items():
        name = counter.field + series_name(series._asdict())
        if point.register is not None and series.device == device:
            found[name] = _seed(name, point, point.register, live.get(name), base.get(series))
    return found


def _seed(name: str, point: SumPoint, value: float, live: Register | None, base: SumPoint | None) -> Register:
    """The state of a counter at a sum. The mean rate is that of its life, as the gateway knows it, or of the days before."""
    seed = Register(name, value, point.time_ms, None, round(point.sum - value, 9))
    if base is not None and base.time_ms < point.time_ms:
        seed = seed._replace(base=base.sum, base_ms=base.time_ms)
    if live is not None and live.base is not None and live.base_ms < point.time_ms:
        seed = seed._replace(base=live.base, base_ms=live.base_ms)
    if live is not None:
        seed = seed._replace(
            size_per_h=live.size_per_h, formers=tuple(former for former in live.formers if former.until_ms <= point.time_ms)
        )
    return seed


def series_name(tags: Mapping[str, str]) -> str:
    """The tags that tell the counters of a device apart, as the core writes them behind the name."""
    return tag_text((tag, tags.get(tag, "")) for tag in TEXT_TAGS)


async def newest_sums(store: Store, devices: Collection[str], until_ms: int) -> FoundSums:
    """Read the newest sums of devices, not later than an instant.

    Most devices that are asked about are new and have no points at all, or points of one domain. So the first question for
    each domain is who has any; a cabinet behind a radio link pays for each.
    """
    found: FoundSums = defaultdict(dict)
    for domain, counters in _COUNTERS.items():
        known = await devices_in(store, domain, until_ms, devices)
        for counter in counters:
            for series, point in (await newest_points(store, counter, until_ms, known)).items():
                if point.register is not None:
                    newest = FoundSum(point.register, point.sum, point.time_ms)
                    found[series.device][counter.field + series_name(series._asdict())] = newest
    return found


_UNTOLD: Final = -1.0
_EXCHANGE_FIELDS: Final = ("at_ms", "final", "register", "late")
_MEANT: Final = ("", *SUM_OF)
"""The counters that an exchange may mean; empty: all of its device."""


def exchange_lines(device: str, registered: RegisteredDevice | None, exchange: StoredExchange, said_ms: int) -> str:
    """The points of an exchange and of what is said of it; ``device``: the name that the device has in the database."""
    told = exchange.told
    counter, *own = (told.field or "").split(",")
    final, register = (_UNTOLD if value is None else value for value in (told.final, told.register))
    said = dict(zip(_named(counter), (float(told.at_ms), final, register, float(exchange.is_late)), strict=True))
    points = [
        RollupPoint(EVENT, event_tags(device, registered, "exchange", []), {"value": 1.0}, told.at_ms),
        RollupPoint(EVENT, event_tags(device, registered, "exchange_told", own), said, said_ms),
    ]
    return "\n".join(point.line(0) for point in points)


def amount_line(
    device: RegisteredDevice, series: StoredSeries, counter: str, told: ToldAmount, said_ms: int, *, is_undone: bool
) -> str:
    """The point of an amount that a person tells or takes back."""
    values = (-told.kind if is_undone else told.kind, *told.span, told.amount / MILLIONTHS)
    fields = {f"{name}_{counter}": float(value) for name, value in zip(AMOUNT_FIELDS, values, strict=True)}
    tags = device_tags(device, series, more=[("kind", told.kind.name.lower())])
    return RollupPoint(EVENT, tags, fields, said_ms).line(0)


async def stored_exchanges(store: Store, devices: Collection[str], until_ms: int) -> dict[str, list[StoredExchange]]:
    """Read the exchanges of devices that were told before an instant, the oldest first."""
    found: dict[str, dict[tuple[str | None, int], StoredExchange]] = defaultdict(dict)
    fields = [name for counter in _MEANT for name in _named(counter)]
    window = TimeSpan(until_ms - NEWEST_MS[-1], until_ms)
    async for series, rows in store.rows(EVENT, fields, window, devices):
        tags = series_name(series._asdict())
        for _, values in rows:
            columns = (values[place :: len(_EXCHANGE_FIELDS)] for place in range(len(_EXCHANGE_FIELDS)))
            for counter, at_ms, final, register, late in zip(_MEANT, *columns, strict=True):
                if at_ms is not None:
                    told = ToldExchange(counter + tags if counter else None, int(at_ms), _told(final), _told(register))
                    found[series.device][told.field, told.at_ms] = StoredExchange(told, is_late=bool(late))
    return {device: sorted(exchanges.values(), key=lambda one: one.told.at_ms) for device, exchanges in found.items()}


def _named(counter: str) -> list[str]:
    return [f"{field}_{counter}" if counter else field for field in _EXCHANGE_FIELDS]


def event_tags(device: str, registered: RegisteredDevice | None, kind: str, own: list[str]) -> str:
    """The tags of a point; ``own`` are those of the counter, as the core writes them."""
    tags = [("kind", kind), *((key, value) for key, _, value in (tag.partition("=") for tag in own))]
    return tag_text([("device", device), *tags]) if registered is None else device_tags(registered, more=tags)


def _told(value: float | None) -> float | None:
    return None if value is None or value == _UNTOLD else float(value)


_FIELDS: Final = ("step", "before", "after", "from_ms", "first_ms")

StepsOf = dict[str, list[StepToConfirm]]
"""Device, as the database calls it → its steps, the oldest first."""


def step_line(device: str, registered: RegisteredDevice | None, step: StepToConfirm, said_ms: int) -> str:
    """The point of what is said of a step."""
    counter, *own = step.name.split(",")
    values = dict(zip(_FIELDS, (step.state, *step[1:5]), strict=True)) | {"held_out": step.held_out}
    kind = "step_used" if step.state is StepState.USED else "step"
    fields = {f"{name}_{counter}": float(value) for name, value in values.items()}
    return RollupPoint(EVENT, event_tags(device, registered, kind, own), fields, said_ms).line(0)


async def stored_steps(store: Store, devices: Collection[str], now_ms: int, since_ms: int | None = None) -> StepsOf:
    """Read the steps of devices that stand, with what people said of them; ``since_ms``: only what was said since then."""
    said: dict[str, dict[tuple[str, int], tuple[int, StepToConfirm]]] = defaultdict(dict)
    window = TimeSpan(now_ms - NEWEST_MS[-1] if since_ms is None else since_ms, now_ms + 1)
    fields = [f"{name}_{counter}" for counter in SUM_OF for name in _FIELDS]
    async for series, rows in store.rows(EVENT, fields, window, devices):
        tags = series_name(series._asdict())
        for said_ms, values in rows:
            columns = (values[place :: len(_FIELDS)] for place in range(len(_FIELDS)))
            for counter, state, before, after, from_ms, first_ms in zip(SUM_OF, *columns, strict=True):
                if state is not None and None not in (before, after, from_ms, first_ms):
                    numbers = float(before or 0), float(after or 0), int(from_ms or 0), int(first_ms or 0)
                    step = StepToConfirm(counter + tags, *numbers, StepState(int(state)), is_told=True)
                    if said_ms >= said[series.device].get(step.key, (0, step))[0]:
                        said[series.device][step.key] = said_ms, step
    return {device: list(_standing(step for _, step in steps.values())) for device, steps in said.items()}


async def steps_to_confirm(store: Store, devices: Collection[str], span: TimeSpan, now_ms: int) -> StepsOf:
    """Read the steps, of ``roster.names(...)``, that nobody has confirmed and that begin or end within a span of time."""
    found = await stored_steps(store, devices, now_ms, span.start_ms)
    open_ = {
        device: [
            one for one in steps if one.state is StepState.OPEN and one.from_ms < span.end_ms and span.start_ms < one.first_ms
        ]
        for device, steps in found.items()
    }
    return {device: steps for device, steps in open_.items() if steps}


def _standing(steps: Iterable[StepToConfirm]) -> Iterable[StepToConfirm]:
    return sorted((step for step in steps if step.state), key=lambda step: step.first_ms)
