"""Amounts that devices, and the meters behind each parent, counted over the last days, as the alarms about them want them.

All of it comes from roll-ups that stand in the database, so a night costs what the usual hours cost.
"""

from array import array
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import isnan, nan
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.core.alarms.counted import DAYS, HOURS_BACK, CountedDays, CountedHours, begun
from gateway.ingest.database.store import Store, TimeSpan, batches
from gateway.monitoring.reports.boundaries import MARKED, midnight_ms
from gateway.monitoring.reports.consumption import ReportGroup
from gateway.monitoring.reports.network import MeterNetwork
from gateway.monitoring.reports.roster import MAIN_COUNTER, METERED, RETURNED, Roster, interval_ms, stored_periods
from schemas.quantities import SPREAD_OF, USED_OF

_HOUR_MS: Final = 3_600_000
_AT_ONCE: Final = 20  # devices whose hours are held in memory; parents wait for those behind them
_MEASURED_LEAST: Final = 0.9
_GUESSED_MOST: Final = 0.2  # of what a family used, by usual days of meters that are not sure
_SILENT_DAYS: Final = 35
_FLOW: Final = {"water": "flow_m3_h", "power": "active_power_w", "traffic": "vehicle_count", "urban": "people_in"}
_AN_HOUR: Final = {"water": 1.0, "power": 0.001}
"""Domain → what one of its flow is in an hour of the counter; without one it is a count of an interval."""
Columns = Sequence["array[float]"]
"""Amounts by hour or day: forwards, backwards, and two or three columns more. NaN: not known."""


class _Asked(NamedTuple):
    """Roll-ups, and the place that a point of a minute has in a column."""

    measurement: str
    window: TimeSpan
    length: int
    place: Callable[[int], int]

    async def read(
        self, store: Store, roster: Roster, domain: str, more: Sequence[str], devices: Collection[str]
    ) -> dict[str, Columns]:
        """Read the columns of devices; series of one are added up, what has no counter is left out."""
        back = RETURNED.get(domain)
        names = [USED_OF[MAIN_COUNTER[domain]], USED_OF[back] if back is not None else "none", *more]
        found: dict[str, Columns] = {}
        async for series, stored in stored_periods(store, roster, self.measurement, names, self.window, devices):
            columns = found.setdefault(series.device, [array("f", [nan]) * self.length for _ in names])
            for minute, values in stored.items():
                at = self.place(minute)
                for column, value in zip(columns, values, strict=True):
                    if value is not None:
                        column[at] = value if isnan(column[at]) else column[at] + value
        return {id_: columns for id_, columns in found.items() if not all(map(isnan, columns[0]))}


def _net(columns: Columns) -> list[float]:
    """Amounts less what ran back; a meter without a register for it has none."""
    return [used - (0.0 if isnan(back) else back) for used, back in zip(columns[0], columns[1], strict=True)]


async def counted_days(store: Store, roster: Roster, domain: str, end_ms: int, zone: ZoneInfo) -> dict[str, Columns]:
    """Read what the devices of a domain counted on each of the last days, with the marks, by the id of the registry."""
    first = datetime.fromtimestamp(end_ms // 1000, zone).date() - timedelta(days=DAYS)
    window, before = TimeSpan(midnight_ms(first, zone), end_ms), first.toordinal()
    asked = _Asked("daily", window, DAYS, lambda minute: datetime.fromtimestamp(minute * 60, zone).toordinal() - before)
    found: dict[str, Columns] = {}
    for some in batches(roster.of_domain(domain)):
        found |= await asked.read(store, roster, domain, ("estimated", "suspect", "measured"), some)
    return found


async def counted_hours(
    store: Store, roster: Roster, domain: str, days: Mapping[str, Columns], end_ms: int
) -> AsyncIterator[tuple[str, CountedHours]]:
    """Yield for each device of a domain what its main counter and its witnesses counted in each of the last hours."""
    families = MeterNetwork(roster.of_domain(domain), domain, days).families().values() if domain in METERED else ()
    parents = {parent for before, _ in families for parent in before}
    above = {child: before[0] for before, behind in families if len(before) == 1 for child in behind}  # of two one may rest
    behind: dict[str, list[float]] = {}
    waiting: dict[str, Columns] = {}
    start_ms = end_ms - HOURS_BACK * _HOUR_MS
    asked = _Asked("hourly", TimeSpan(start_ms, end_ms), HOURS_BACK, lambda minute: (minute * 60_000 - start_ms) // _HOUR_MS)

    def made(id_: str, hours: Columns) -> tuple[str, CountedHours]:
        device = roster.by_id[id_]
        role = device.role or ("between" if id_ in parents else "use")
        is_customers = domain in METERED and role == "use" and (device.customers or 1) == 1
        an_hour = _AN_HOUR.get(domain) or _HOUR_MS / (interval_ms(device) or _HOUR_MS)
        # An hour in which something ran back tells nothing of what ran forwards.
        flow = [0.0 if low < 0 else mean * an_hour for low, mean in zip(hours[2], hours[3], strict=True)]
        said = None if all(map(isnan, flow)) else flow
        by_day = days[id_][0] if id_ in days else []
        return id_, CountedHours(
            MAIN_COUNTER[domain], end_ms, hours[0], by_day, said, behind.get(id_), is_customers=is_customers
        )

    for some in batches(roster.of_domain(domain), _AT_ONCE):
        for id_, hours in (await asked.read(store, roster, domain, SPREAD_OF[domain][_FLOW[domain]][:2], some)).items():
            if id_ in above:
                total, own = behind.get(above[id_], [nan] * HOURS_BACK), begun(_net(hours))
                behind[above[id_]] = [
                    one if isnan(net) else max(net, 0.0) + (0.0 if isnan(one) else one)
                    for one, net in zip(total, own, strict=True)
                ]
            if id_ in parents:
                waiting[id_] = hours
            else:
                yield made(id_, hours)
    for id_, hours in waiting.items():
        yield made(id_, hours)


def families_days(roster: Roster, domain: str, days: Mapping[str, Columns], newest: int) -> Iterator[tuple[str, CountedDays]]:
    """Yield for each parent what it measured by day, and what those behind it did; of several that feed the same the first.

    A family of which not all customers are registered is left out. Of what was used at most a fifth stands on usual days.

    :param newest: the newest day, as an ordinal.
    """
    sure = {id_: _sure(columns) for id_, columns in days.items()} if domain in METERED else {}
    for zone in MeterNetwork(roster.of_domain(domain), domain, sure).groups(ReportGroup.PARENT).values() if sure else ():
        children = [_with_usual_days(sure[id_]) for id_ in (*zone.uses, *zone.outlets)]
        if zone.unmeasured is None and zone.inlets:
            into = [sum(amounts) for amounts in zip(*(_net(sure[id_]) for id_ in zone.inlets), strict=True)]
            used = [sum(amounts) for amounts in zip(*(columns[0] for columns in children), strict=True)]
            guessed = [sum(amounts) for amounts in zip(*(columns[2] for columns in children), strict=True)]
            out = [sum(amounts) for amounts in zip(*map(_net, children), strict=True)]
            supplied = [came + all_ - net for came, all_, net in zip(into, used, out, strict=True)]  # with what they fed in
            used = [all_ if part <= _GUESSED_MOST * all_ > 0 else nan for all_, part in zip(used, guessed, strict=True)]
            yield zone.inlets[0], CountedDays(newest, supplied, used)


def _with_usual_days(sure: Columns) -> Columns:
    """The columns of a meter, in which days that are not sure stand with its usual one, and how much of each does.

    Before its first sure day nothing is known of it, and nothing counts: so it is on all days before those that are judged.
    """
    known = [at for at, value in enumerate(sure[0]) if not isnan(value)]
    if not known:
        return (array("f", [0.0]) * DAYS,) * 3
    usual = sum(sure[0][at] for at in known) / len(known)
    used, guessed, last = array("f", [0.0]) * DAYS, array("f", [0.0]) * DAYS, known[0]
    for at in range(known[0], DAYS):
        is_known = not isnan(sure[0][at])
        last = at if is_known else last
        stands = usual if at - last <= _SILENT_DAYS else nan
        used[at], guessed[at] = (sure[0][at], 0.0) if is_known else (stands, stands)
    return used, sure[1], guessed


def _sure(columns: Columns) -> Columns:
    """The columns of what was counted, without days of which something is guessed."""
    marks = zip(*columns[2:], strict=True)
    guessed = [estimated >= MARKED or suspect >= MARKED or measured < _MEASURED_LEAST for estimated, suspect, measured in marks]
    used = array("f", (nan if is_guessed else one for is_guessed, one in zip(guessed, columns[0], strict=True)))
    return used, columns[1]
