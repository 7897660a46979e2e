"""The last hours of one device, sampled so that the answer is small however often the device sends."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.ingest.database.store import Store, StoredSeries, TimeSpan

SAMPLES: Final = 360
"""Steps of a window: one for each minute of six hours."""
SERIES_MAX: Final = 100
"""Series of a device that are told; the lanes and classes of a crossing can have more."""
_LEAST_STEP_MS: Final = 1000


class RecentSeries(NamedTuple):
    """A field of a series, and its samples: milliseconds since 1970 and value, in the order of time."""

    measurement: str
    field: str
    series: StoredSeries
    points: Sequence[tuple[int, float]]


class SampledWindow(NamedTuple):
    """A window of whole steps that ends with the step of now."""

    span: TimeSpan
    step_ms: int


def recent_window(now_ms: int, hours: int) -> SampledWindow:
    """The window of the last hours."""
    step_ms = max(_LEAST_STEP_MS, hours * 3_600_000 // SAMPLES)
    end_ms = (now_ms // step_ms + 1) * step_ms
    return SampledWindow(TimeSpan(end_ms - SAMPLES * step_ms, end_ms), step_ms)


async def recent_series(store: Store, measurements: Sequence[str], window: SampledWindow, device: str) -> list[RecentSeries]:
    """Everything that a device wrote in a window, by measurement, field and tags; the first hundred series."""
    found: dict[tuple[str, str, StoredSeries], dict[int, float]] = defaultdict(dict)
    async for sampled in store.sampled(measurements, window.span, window.step_ms, device):
        if sampled.points:
            found[sampled.measurement, sampled.field, sampled.series] |= dict(sampled.points)
    return [RecentSeries(*key, sorted(points.items())) for key, points in sorted(found.items())[:SERIES_MAX]]
