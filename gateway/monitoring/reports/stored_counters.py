"""Counters as they stand in the database: their newest sums, and the points from which sums are worked out again."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from gateway.core.readings.counters import CounterState
from gateway.core.readings.line_protocol import tag_text
from gateway.core.readings.replay import CounterReplay
from gateway.core.readings.sums import FoundSum, Register
from gateway.ingest.database.store import Counter, Side, Store, SumPoint
from gateway.monitoring.reports.nearest import devices_in, nearest_points, newest_points
from schemas.quantities import DOMAINS, QUANTITIES, SUM_OF, TEXT_TAGS

COUNTED_IN: Final = {field: domain for domain in DOMAINS for field in QUANTITIES[domain] if field in SUM_OF}
"""Counter → its measurement."""
_LOOK_BACK_MS: Final = 40 * 86_400_000
"""How far behind the time that was asked for readings without a sum may begin."""
_COUNTERS: Final = {domain: [Counter(domain, field) for field in QUANTITIES[domain] if field in SUM_OF] for domain in DOMAINS}

FoundSums = dict[str, dict[str, FoundSum]]
"""Device → counter, with its lane or channel → the newest sum."""


class Replays(NamedTuple):
    """Counters to work out.

    :ivar start_ms: the time of the first reading that they need.
    :ivar replays: counter, with its lane or channel → its replay.
    """

    start_ms: int
    replays: dict[str, CounterReplay]


async def replays_of(store: Store, device: str, counters: CounterState, measurement: str, from_ms: int) -> Replays:
    """Begin the counters of a device in a measurement behind their last sums that are not later than a time.

    :param device: its name in the database.
    :param counters: as they are now: what was told, and what is usual for them.
    :raises StoreFault: the database does not answer.
    """
    past, live = counters.past, {register.name: register for register in counters.registers()}
    seeds: dict[str, Register] = {}
    for field in sorted({name.partition(",")[0] for name in live}):
        if COUNTED_IN[field] == measurement:
            seeds |= await _seeds(store, Counter(measurement, field), device, live, from_ms)
    start_ms, replays = from_ms, dict[str, CounterReplay]()
    for name in live:
        if COUNTED_IN[name.partition(",")[0]] == measurement:
            seed = seeds.get(name)
            replays[name] = CounterReplay(name, past.rules.get(name), past.told, seed)
            if seed is not None:
                start_ms = min(start_ms, max(int(seed.time_ms) + 1, from_ms - _LOOK_BACK_MS))
    return Replays(start_ms, replays)


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
        seed = seed._replace(formers=tuple(former for former in live.formers if former.until_ms <= point.time_ms))
    return seed


def series_name(tags: Mapping[str, str]) -> str:
    """The tags that tell the counters of a device apart, as the core writes them behind the name."""
    return tag_text((tag, tags.get(tag, "")) for tag in TEXT_TAGS)


async def newest_sums(store: Store, devices: Collection[str], until_ms: int) -> FoundSums:
    """Read the newest sums of devices, not later than an instant.

    Most devices that are asked about are new and have no points at all, or points of one domain. So the first question for
    each domain is who has any; a cabinet behind a radio link pays for each.

    :raises StoreFault: the database does not answer.
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
