"""Unbalance of three phases: how far the mean of one is from that of all three, in per cent (IEEE 141)."""

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Final

from gateway.ingest.database.store import Spread

UNBALANCE_OF: Final = {
    "voltage_unbalance_pct": ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v"),
    "current_unbalance_pct": ("current_l1_a", "current_l2_a", "current_l3_a"),
}
"""Field of roll-ups → the gauges of the three phases."""


def unbalance(spreads: Mapping[str, Spread]) -> Iterator[tuple[str, float]]:
    """Yield the unbalance of a meter in a period; a meter of one phase, or without a load, has none."""
    for name, phases in UNBALANCE_OF.items():
        means = [spreads[phase][1] for phase in phases if phase in spreads]
        if len(means) == len(phases) and (mean := fmean(means)) > 0:
            yield name, 100 * max(abs(one - mean) for one in means) / mean
