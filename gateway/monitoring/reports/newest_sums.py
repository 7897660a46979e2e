"""The newest sums of devices that stand in the database, by counter.

Most devices that are asked about are new and have no points at all, or points of one domain. So the first question for each
domain is who has any; a cabinet behind a radio link pays for each.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from gateway.core.readings.sums import FoundSum
from gateway.ingest.database.store import Counter, Store
from gateway.monitoring.reports.nearest import devices_in, newest_points
from gateway.monitoring.reports.replays import series_name
from schemas.quantities import DOMAINS, QUANTITIES, SUM_OF

_COUNTERS: Final = {domain: [Counter(domain, field) for field in QUANTITIES[domain] if field in SUM_OF] for domain in DOMAINS}

FoundSums = dict[str, dict[str, FoundSum]]
"""Device → counter, with its lane or channel → the newest sum."""


async def newest_sums(store: Store, devices: Collection[str], until_ms: int) -> FoundSums:
    """Read the newest sums of devices, not later than an instant.

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
