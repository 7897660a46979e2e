"""The newest day that stands in the database: where a gateway goes on whose file was lost."""

from gateway.ingest.database.store import Store, TimeSpan, batches
from gateway.monitoring.reports.roster import Roster


async def newest_closed_day(store: Store, roster: Roster, window: TimeSpan) -> int | None:
    """Return the time of the newest completeness in a span of time; None where there is none.

    It is the beginning of its day, or as many ms behind it as the day was written. Devices are written together, so
    the first ones that were written at all tell it.

    :raises StoreFault: the database does not answer.
    """
    for some in batches(roster.by_id):
        names = roster.names(some)
        times = [rows[-1][0] async for _, rows in store.rows("completeness", ["expected"], window, names) if rows]
        if times:
            return max(times)
    return None
