"""Sources and rows of reports: registry, database with the sums that could not be written again, rows of fixed names.

The names do not change with the language.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from math import ceil, floor
from typing import Final
from zoneinfo import ZoneInfo

from gateway.commands.running import ask, is_running, store
from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import unpack_kept
from gateway.ingest.database.store import Counter, Store, TimeSpan
from gateway.ingest.storage.device_memory import stored_devices
from gateway.monitoring.reports.amendments import LateSums, amended_store, late_exchanges, late_sums_of
from gateway.monitoring.reports.balance import ParentBalance
from gateway.monitoring.reports.boundaries import Marks, SumBoundary
from gateway.monitoring.reports.completeness import DeviceCompleteness, PeriodCompleteness, floored_pct
from gateway.monitoring.reports.consumption import CounterUse, GroupUse, ReportGroup
from gateway.monitoring.reports.flows import GroupFlows
from gateway.monitoring.reports.group_completeness import GroupCompleteness
from gateway.monitoring.reports.roster import MAIN_COUNTER, REACHES_MS, Roster
from gateway.monitoring.reports.told_events import EventsAskedOnce
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.registry import load_registry
from schemas.quantities import COUNTERS, TEXT_TAGS
from schemas.registry import Registry

ReportCell = str | int | float | Decimal | bool | datetime | None
ReportRow = dict[str, ReportCell]

_PLACE: Final = ("area", "site", "domain", "parent")
_COUNTS: Final = ("expected", "received", "missing", "on_time", "received_pct", "on_time_pct")
_MARKS: Final = ("estimated", "suspect", "longest_gap_s")
_LONGEST_DAY_MS: Final = 25 * 3_600_000
_AMOUNT: Final = ("domain", "counter", "unit")

DEVICE_USE: Final = (
    *("from", "to", "device", *TEXT_TAGS, *_PLACE, "counter", "unit", "used", "estimated", "suspect", "measured"),
    *("known_to", "cause", "serial", "from_register", "from_time", "to_register", "to_time"),
)
GROUP_USE: Final = (
    *("from", "to", "by", "group", "name", *_AMOUNT, "used", "supplied", "produced", "lost", "lost_pct", "counted"),
    *("devices", "uncovered", "estimated", "suspect", "measured", "cause"),
    *(f"{figure}_{mark}" for figure in ("used", "supplied") for mark in ("estimated", "suspect", "measured")),
)
BALANCE: Final = (
    *("from", "to", "parent", "area", "site", *_AMOUNT, "in", "out", "lost", "lost_pct"),
    *("completeness_in_pct", "completeness_out_pct", "estimated", "suspect", "measured", "children", "uncovered", "cause"),
)
DEVICE_COMPLETENESS: Final = ("from", "to", "device", *_PLACE, "interval_s", *_COUNTS, *_MARKS)
GROUP_COMPLETENESS: Final = ("from", "to", "by", "group", "name", "domain", "devices", *_COUNTS, *_MARKS)


class RowMaker:
    """Makes rows of figures, with the names of areas by code."""

    def __init__(self, roster: Roster, areas: Mapping[str, str], zone: ZoneInfo) -> None:
        self._roster = roster
        self._areas = areas
        self._zone = zone

    def device_use(self, span: TimeSpan, use: CounterUse) -> ReportRow:
        """A device's counter in a period. One that is longer than a day is shown as far as it is known."""
        device = self._roster.by_id[use.series.device]
        is_long, until_ms = span.end_ms - span.start_ms > _LONGEST_DAY_MS, use.known_until_ms
        return {
            **self._span(span),
            **use.series._asdict(),
            "area": device.area,
            "site": device.site,
            "domain": use.counter.measurement,
            "parent": device.parent,
            **_counter(use.counter.field),
            "used": amount(known := use.known if is_long else use.used, use.counter.field),
            "estimated": use.is_estimated,
            "suspect": use.suspect,
            "measured": share(use.measured if known is not None else 0.0),
            "known_to": None if known is None or until_ms is None else self._time(until_ms),
            "cause": use.uncovered,
            "serial": device.serial,
            **self._reading("from", use.first),
            **self._reading("to", use.last),
        }

    def group_count(self, by: ReportGroup, span: TimeSpan, total: GroupUse) -> ReportRow:
        """A counter of a group in a period of which nothing is used or lost, such as vehicles, or a tariff of customers."""
        marks = {"estimated": len(total.estimated), "suspect": total.suspect, "measured": None}
        return {
            **self._of_group(span, by, total.group, total.counter),
            "counted": amount(total.amount, total.counter.field),
            "devices": len(total.covered) + len(total.uncovered),
            "uncovered": len(total.uncovered),
            **marks,
            "cause": None if total.covered else total.cause,
        }

    def group_flows(self, by: ReportGroup, flows: GroupFlows) -> ReportRow:
        """Used by a group, supplied to it, produced and lost."""
        supplied, lost = flows.supplied.millionths, flows.lost.millionths
        figures = {"used": flows.used, "supplied": flows.supplied, "produced": flows.produced, "lost": flows.lost}
        return {
            **self._of_group(flows.period, by, flows.group, Counter(flows.domain, MAIN_COUNTER[flows.domain])),
            **{name: amount(figure.millionths) for name, figure in figures.items()},
            "lost_pct": round(lost / supplied * 100, 2) if lost is not None and supplied else None,
            "devices": flows.meters,
            "uncovered": flows.left_out,
            **_shares(flows.marks),
            "cause": flows.used.cause or flows.lost.cause,
            **{f"{name}_{mark}": of for name, own in flows.own_marks.items() for mark, of in _shares(own).items()},
        }

    def balance(self, row: ParentBalance) -> ReportRow:
        """A parent, or several that feed a network together, in a period."""
        return {
            **self._span(row.flows.period),
            "parent": row.flows.group,
            "area": row.parent.area,
            "site": row.parent.site,
            "domain": row.counter.measurement,
            **_counter(row.counter.field),
            "in": amount(row.inflow),
            "out": amount(row.outflow),
            "lost": amount(row.lost),
            "lost_pct": None if row.share is None else round(row.share * 100, 2),
            "completeness_in_pct": floored_pct(row.completeness_in),
            "completeness_out_pct": floored_pct(row.completeness_out),
            **_shares(row.marks),
            "children": row.children,
            "uncovered": row.uncovered_children,
            "cause": row.uncovered,
        }

    def device_completeness(self, spans: list[TimeSpan], found: DeviceCompleteness) -> Iterator[ReportRow]:
        """A device in each period in which something was expected of it."""
        device = found.device
        for span, figures in zip(spans, found.periods, strict=True):
            if figures is not None:
                place: ReportRow = {key: getattr(device, key) for key in _PLACE}
                named: ReportRow = {"device": device.id, **place, "interval_s": _whole(figures.interval_s)}
                yield {**self._span(span), **named, **_figures(figures)}

    def group_completeness(self, span: TimeSpan, by: ReportGroup, total: GroupCompleteness) -> ReportRow:
        """A group in a period."""
        named: ReportRow = {"domain": total.domain, "devices": total.devices}
        return {**self._span(span), **self._group(by, total.group), **named, **_figures(total.figures)}

    def _span(self, span: TimeSpan) -> ReportRow:
        return {"from": self._time(span.start_ms), "to": self._time(span.end_ms)}

    def _time(self, time_ms: int) -> datetime:
        return datetime.fromtimestamp(time_ms / 1000, self._zone)

    def _group(self, by: ReportGroup, group: str) -> ReportRow:
        name = self._areas.get(group, "") if by is ReportGroup.AREA else ""
        return {"by": by.value, "group": group, "name": name}

    def _of_group(self, span: TimeSpan, by: ReportGroup, group: str, counter: Counter) -> ReportRow:
        row: ReportRow = dict.fromkeys(GROUP_USE)
        return row | self._span(span) | self._group(by, group) | {"domain": counter.measurement} | _counter(counter.field)

    def _reading(self, edge: str, boundary: SumBoundary) -> ReportRow:
        reading = boundary.reading
        if reading is None:
            return {f"{edge}_register": None, f"{edge}_time": None}
        return {f"{edge}_register": reading.register, f"{edge}_time": self._time(reading.time_ms)}


def amount(millionths: int | None, counter: str = "") -> Decimal | None:
    """An amount in its unit, exactly; things that a counter counts without decimals."""
    found = None if millionths is None else Decimal(millionths).scaleb(-6)
    is_whole = found is not None and counter in COUNTERS and COUNTERS[counter].unit == "1" and found == int(found)
    return Decimal(int(found)) if found is not None and is_whole else found


def share(of: float) -> float:
    """A share with the digits that mean something, never 1 where something is missing."""
    return floor(of * 1e4) / 1e4


def _shares(marks: Marks) -> ReportRow:
    return {"estimated": ceil(marks.estimated * 1e4) / 1e4, "suspect": share(marks.suspect), "measured": share(marks.measured)}


def _counter(field: str) -> ReportRow:
    return {"counter": field, "unit": COUNTERS[field].unit}


def _figures(figures: PeriodCompleteness) -> ReportRow:
    return {
        "expected": _whole(figures.expected),
        "received": _whole(figures.received),
        "missing": _whole(figures.missing),
        "on_time": _whole(figures.on_time),
        "received_pct": floored_pct(figures.received / figures.expected),
        "on_time_pct": floored_pct(figures.on_time / figures.expected),
        "estimated": figures.estimated,
        "suspect": figures.suspect,
        "longest_gap_s": _whole(figures.longest_gap_s),
    }


def _whole(number: float) -> float | int:
    """A number, as an integer where it is one; else with the digits that mean something."""
    rounded = round(number, 3)
    return int(rounded) if rounded == int(rounded) else rounded


_NAMED_EVENTS_OF: Final = 100
"""Most devices whose events are asked for by name."""


def registry_to_report(config: Config) -> Registry:
    """The registry; ConfigurationFault if it is faulty, or names no device."""
    registry = load_registry(config.devices.registry)
    if not registry.devices:
        why = "no device is registered" if config.devices.registry.exists() else "does not exist"
        raise ConfigurationFault([f"{config.devices.registry}: devices: {why}; a report is about the registered devices"])
    return registry


async def with_late_sums(config: Config, store: Store, roster: Roster, end_ms: int, now_ms: int) -> Store:
    """The database as before an instant, with sums that it did not take; ConfigurationFault if the gateway's are unknown."""
    if len(roster.by_id) > _NAMED_EVENTS_OF:
        store = EventsAskedOnce(store)
    if store.is_overwritten:
        return store
    until_ms = min(now_ms, end_ms + REACHES_MS[-1])
    known, names = late_sums(config), roster.names(roster.by_id)
    told = await late_exchanges(store, frozenset(names) - known.keys(), now_ms)
    late = {device: sums for device, sums in (told | known).items() if sums.since_ms < until_ms}
    return await amended_store(store, late, until_ms)


def late_sums(config: Config) -> dict[str, LateSums]:
    """Devices with counters, by name, none where no gateway ran; ConfigurationFault if that cannot be read."""
    if is_running(config):
        return late_sums_of(_unpacked(ask(config, "GET", "/api/late-sums", {})["devices"]))
    if not config.journal.path.exists():
        return {}
    with store(config) as database:
        return {} if database is None else late_sums_of(stored_devices(database))


def _unpacked(documents: dict[str, object]) -> Iterator[Device]:
    for name, document in documents.items():
        device = Device(name, None)
        unpack_kept(json.dumps(document), device)
        yield device
