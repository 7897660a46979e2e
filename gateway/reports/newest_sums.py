"""The newest sums of devices that stand in the database, by counter."""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from gateway.core.readings.sums import FoundSum
from gateway.reports.nearest import newest_points
from gateway.reports.replays import series_name
from gateway.reports.store import Counter, Store
from schemas.quantities import DOMAINS, QUANTITIES, SUM_OF

_COUNTERS: Final = tuple(Counter(domain, field) for domain in DOMAINS for field in QUANTITIES[domain] if field in SUM_OF)

FoundSums = dict[str, dict[str, FoundSum]]
"""Device → counter, with its lane or channel → the newest sum."""


async def newest_sums(store: Store, devices: Collection[str], until_ms: int) -> FoundSums:
    """Read the newest sums of devices, not later than an instant.

    :raises StoreFault: the database does not answer.
    """
    found: FoundSums = defaultdict(dict)
    for counter in _COUNTERS:
        for series, point in (await newest_points(store, counter, until_ms, devices)).items():
            if point.register is not None:
                newest = FoundSum(point.register, point.sum, point.time_ms)
                found[series.device][counter.field + series_name(series._asdict())] = newest
    return found
