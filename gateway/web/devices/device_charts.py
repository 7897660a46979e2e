"""A device's last hours as charts: one for quantities that belong together, as the voltages of three phases.

They are sampled, so that the answer is small however often the device sends.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from gateway.ingest.database.store import Store, StoredSeries, TimeSpan
from gateway.support.charts.charts import ChartLine, TimeAxis, ValueAxis, line_chart, sparkline
from gateway.support.charts.drawing import ChartFrame
from gateway.support.i18n.formats import Formats
from gateway.web.http.pages import PageTexts
from schemas.glossary import QuantityWords, quantities
from schemas.quantities import QUANTITIES, Kind

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


CHARTS_MAX: Final = 16
_SPARKS_MIN: Final = 3
_SPARKS_MAX: Final = 40
_LINES_MAX: Final = 4
_PHASE_OR_TARIFF: Final = re.compile(r"_(?:l\d|n|t\d)(?=_)")
_GAP_STEPS: Final = 3
"""Distances after which a line is interrupted, of the longest that is kept three times in a row."""
_SHOWN: Final = {field: row for rows in QUANTITIES.values() for field, row in rows.items() if row.kind is not Kind.STATE}
_ORDER: Final = {field: place for place, field in enumerate(_SHOWN)}


SparklineKey = tuple[str, str, tuple[str, ...]]
"""Measurement, field, and the tags of a series behind the device."""


DeviceChart = tuple[str, str]
"""The heading of a chart, and its SVG."""


def device_charts(
    found: Sequence[RecentSeries], window: SampledWindow, texts: PageTexts, formats: Formats
) -> list[DeviceChart]:
    """The charts of what a device wrote, in the order of the table of quantities; the first sixteen."""
    names = quantities(texts.language)
    time = TimeAxis(window.span.start_ms, window.span.end_ms, formats.zone, formats.time_of_day)
    return [
        _chart(number, group, names, time, texts, formats) for number, group in enumerate(_groups(found)) if number < CHARTS_MAX
    ]


def sparklines(found: Sequence[RecentSeries]) -> dict[SparklineKey, str]:
    """A small line for each quantity of the last hours that has enough points to show how it went."""
    return {
        (one.measurement, one.field, one.series[1:]): sparkline(_thinned([value for _, value in one.points]))
        for one in found
        if one.field in _SHOWN and len(one.points) >= _SPARKS_MIN
    }


def _thinned(values: Sequence[float]) -> Sequence[float]:
    """At most so many of the values, evenly chosen, the last one among them."""
    step = -(-len(values) // _SPARKS_MAX)
    return values[(len(values) - 1) % step :: step]


def _groups(found: Sequence[RecentSeries]) -> Iterator[list[RecentSeries]]:
    """Series that share a chart: of one quantity, in all phases, tariffs, channels and lanes; at most four."""
    groups: dict[str, list[RecentSeries]] = defaultdict(list)
    for series in sorted((one for one in found if one.field in _SHOWN), key=lambda one: (_ORDER[one.field], one.series)):
        groups[_PHASE_OR_TARIFF.sub("", series.field)].append(series)
    for group in groups.values():
        yield from (group[at : at + _LINES_MAX] for at in range(0, len(group), _LINES_MAX))


def _chart(
    number: int,
    group: list[RecentSeries],
    names: Mapping[str, QuantityWords],
    time: TimeAxis,
    texts: PageTexts,
    formats: Formats,
) -> DeviceChart:
    title, labels = _labels(
        [names[one.field].name for one in group], [" · ".join(filter(None, one.series[1:])) for one in group]
    )
    unit = names[group[0].field].unit
    title = f"{title} ({unit})" if unit else title
    lines = [ChartLine(label, one.points) for label, one in zip(labels, group, strict=True)]
    told = "; ".join(f"{line.name} {_spread(one, texts)}".strip() for line, one in zip(lines, group, strict=True))
    frame = ChartFrame(f"chart-{number}", title, told)
    return title, line_chart(frame, lines, time, ValueAxis(formats.number), gap_ms=_gap_ms(group))


def _labels(names: list[str], tags: list[str]) -> tuple[str, list[str]]:
    """The words that all names begin with, as the title, and what is left for each line; the first name if there are none."""
    words = [name.split() for name in names]
    shared = next((at for at, column in enumerate(zip(*words, strict=False)) if len(set(column)) > 1), min(map(len, words)))
    title = " ".join(words[0][:shared] or words[0])
    own = [" ".join(one[shared:]) or (name if len(set(names)) > 1 else "") for one, name in zip(words, names, strict=True)]
    return title, [" · ".join(filter(None, parts)) for parts in zip(own, tags, strict=True)]


def _spread(one: RecentSeries, texts: PageTexts) -> str:
    values = [value for _, value in one.points]
    return texts.text("chart_says", values[-1], min(values), max(values))


def _gap_ms(group: list[RecentSeries]) -> float | None:
    """The distance after which points are not joined. What a device sent before it began to send more often is no gap."""
    usual: list[float] = []
    for one in group:
        distances = [after - before for (before, _), (after, _) in pairwise(one.points)]
        kept = [min(some) for some in zip(distances, distances[1:], distances[2:], strict=False)]
        usual += kept or ([median(distances)] if distances else [])
    return _GAP_STEPS * max(usual) if usual else None
