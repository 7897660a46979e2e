"""Points of roll-ups, completeness and balances as line protocol.

Some databases (VictoriaMetrics, InfluxDB 3) keep two points of one time. There each writing of a period has a number, greater
than those before, and stands so many ms behind the beginning of the period: the newest counts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gateway.core.readings.line_protocol import escape_tag, tag_text
from gateway.ingest.database.store import StoredSeries
from gateway.monitoring.reports.balance import ParentBalance
from gateway.monitoring.reports.boundaries import MILLIONTHS, ReportStep
from gateway.monitoring.reports.completeness import PeriodCompleteness
from schemas.registry import RegisteredDevice, device_key

INTERRUPTION_FIELDS = ("interruption_s", "interruptions", "momentary")
"""The time of a day in outages of more than five minutes, the number of those that began, and of the shorter ones."""

MEASUREMENTS = {ReportStep.HOUR: "hourly", ReportStep.DAY: "daily", ReportStep.MONTH: "monthly"}
"""Step → the measurement of its roll-ups. The measurement for areas ends with ``_area``."""


class RollupPoint(NamedTuple):
    """A point about a period; ``tags``: the tags in the form that follows the measurement."""

    measurement: str
    tags: str
    fields: Mapping[str, float]
    start_ms: int

    def line(self, writing: int) -> str:
        """The point as a line; ``writing``: number of that of the period, 0 where a point replaces another."""
        fields = ",".join(f"{escape_tag(name)}={value!r}" for name, value in self.fields.items())
        return f"{self.measurement}{self.tags} {fields} {self.start_ms + writing}"


def written_name(device: RegisteredDevice) -> str:
    """The name of a device on its points."""
    return device.id if device.source is not None else device_key(device.id)


def device_tags(device: RegisteredDevice, series: StoredSeries | None = None, more: Iterable[tuple[str, str]] = ()) -> str:
    """The tags of a device, with those that distinguish its counters."""
    own = {} if series is None else {tag: text for tag, text in series._asdict().items() if tag != "device"}
    tags = {"area": device.area or "", "device": written_name(device), "site": device.site or "", **own, **dict(more)}
    return tag_text(tags.items())


def area_tags(area: str, domain: str, hour: str = "") -> str:
    """The tags for all devices of an area in one domain, in one hour of the day if it is given."""
    return tag_text((("area", area), ("domain", domain), ("hour", hour)))


def completeness_point(device: RegisteredDevice, figures: PeriodCompleteness, start_ms: int) -> RollupPoint:
    """The completeness of a device on a day."""
    fields = {name: float(value) for name, value in figures._asdict().items()}
    return RollupPoint("completeness", device_tags(device, more=[("domain", device.domain or "")]), fields, start_ms)


def interruption_point(device: RegisteredDevice, figures: Iterable[Mapping[str, float]], start_ms: int) -> RollupPoint:
    """The interruptions of a device, by series, on a day, beside its completeness: SAIDI, SAIFI, MAIFI are means of these."""
    sums = Counter[str]()
    for fields in figures:
        sums.update({name: fields[name] for name in INTERRUPTION_FIELDS if name in fields})
    tags = device_tags(device, more=[("domain", device.domain or "")])
    return RollupPoint("completeness", tags, {name: float(value) for name, value in sums.items()}, start_ms)


def balance_point(found: ParentBalance, step: ReportStep) -> RollupPoint | None:
    """A parent's balance in an hour or a day; None: one of its amounts is not known.

    The one that is known does not stand alone: panels add up parents, and would show the whole of it as lost.
    """
    if found.inflow is None or found.outflow is None:
        return None
    fields = {"in": found.inflow / MILLIONTHS, "out": found.outflow / MILLIONTHS}
    shares = {"completeness_in": found.completeness_in, "completeness_out": found.completeness_out}
    fields |= {name: share for name, share in shares.items() if share is not None}
    fields |= found.flows.fields | found.marks._asdict()
    tags = device_tags(found.parent, more=[("domain", found.counter.measurement), ("step", step.value)])
    return RollupPoint("balance", tags, fields, found.flows.period.start_ms)
