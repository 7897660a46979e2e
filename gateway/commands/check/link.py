"""Check the budget of the link against the devices that are registered: what it leaves for a backlog."""

from collections.abc import Iterator
from datetime import UTC
from typing import Final

from gateway.admin.capacity.figures import read_figures
from gateway.admin.capacity.plan import LinkPlan, link_plan
from gateway.support.config.model import Config
from gateway.support.i18n.formats import Formats
from schemas.registry import Registry

_DAY_S: Final = 86_400.0
_SLOW: Final = 1.0
"""Catching up takes as long as the outage did."""


def planned_link(config: Config, registry: Registry) -> tuple[LinkPlan, int] | None:
    """The budget as it will be divided, and the number of devices that it is worked out from.

    None: there is no budget, or no device with an interval.
    """
    intervals = [device.interval for device in registry.devices if device.interval is not None]
    limit = config.influxdb.max_bytes_per_s
    if limit is None or not intervals:
        return None
    rate = sum(1 / interval.total_seconds() for interval in intervals)
    return link_plan(rate, limit, read_figures()), len(intervals)


def link_line(link: LinkPlan, devices: int) -> str:
    """The budget in a sentence."""
    day = Formats("en", UTC).span(max(1.0, link.catch_up * _DAY_S))
    return (
        f"link: {link.max_bytes_per_s:,.0f} B/s, of which live readings of the {devices:,} devices with an interval take about "
        f"{link.live:,.0f} B/s; after a day without InfluxDB the journal is empty again in about {day}"
    )


def link_warnings(link: LinkPlan) -> Iterator[str]:
    """Say why the budget is too small."""
    if link.is_exceeded:
        yield (
            f"influxdb.max_bytes_per_s: {link.max_bytes_per_s:,.0f} B/s is less than live readings need, about "
            f"{link.live:,.0f} B/s; they are sent all the same, and what waited in the journal gets a tenth of the budget"
        )
    elif link.catch_up > _SLOW:
        yield (
            f"influxdb.max_bytes_per_s: {link.max_bytes_per_s:,.0f} B/s leaves what waited in the journal so little that "
            "catching up takes longer than the outage did"
        )
