"""Totals of consumption by area, site, domain or parent, with the number of devices that they leave out."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.ingest.database.store import Counter
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse
from gateway.monitoring.reports.roster import Roster, counters_of
from schemas.registry import RegisteredDevice


class ReportGroup(StrEnum):
    """A property by which rows of a report are added up."""

    DEVICE = "device"
    AREA = "area"
    SITE = "site"
    DOMAIN = "domain"
    PARENT = "parent"


@dataclass(slots=True)
class GroupUse:
    """A counter of all devices of a group in one period.

    :ivar used: consumption of the covered devices, in millionths of the unit.
    :ivar uncovered: the devices that it leaves out.
    """

    group: str
    counter: Counter
    used: int = 0
    covered: set[str] = field(default_factory=set)
    uncovered: set[str] = field(default_factory=set)
    estimated: set[str] = field(default_factory=set)
    suspect: int = 0


def group_of(device: RegisteredDevice, group: ReportGroup, domain: str) -> str:
    """The group of a device; empty: the registry names none."""
    names = {
        ReportGroup.DEVICE: device.id,
        ReportGroup.AREA: device.area,
        ReportGroup.SITE: device.site,
        ReportGroup.DOMAIN: domain,
        ReportGroup.PARENT: device.parent,
    }
    return names[group] or ""


def totals(found: PeriodUse, domain: str, group: ReportGroup, roster: Roster) -> Iterator[GroupUse]:
    """Add up the counters of a period, by group and counter."""
    by_counter: dict[tuple[str, str], list[CounterUse]] = defaultdict(list)
    for use in found.uses:
        by_counter[group_of(roster.by_id[use.series.device], group, domain), use.counter.field].append(use)
    order = counters_of(domain)
    for name, counter in sorted(by_counter, key=lambda key: (key[0], order.index(key[1]))):
        yield added(name, Counter(domain, counter), by_counter[name, counter])


def added(name: str, counter: Counter, uses: Sequence[CounterUse]) -> GroupUse:
    """Add up the consumption of devices; leave out a device of which any part is not covered."""
    total = GroupUse(name, counter)
    total.uncovered = {use.series.device for use in uses if use.used is None}
    for use in uses:
        total.suspect += use.suspect
        if use.series.device not in total.uncovered:
            total.used += use.used or 0
            total.covered.add(use.series.device)
            if use.is_estimated:
                total.estimated.add(use.series.device)
    return total
