"""The picture of the figures: CPU of a reading and delay over the rate, the gateway beside its baselines."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.campaigns.bench import latency, saturation
from tests.campaigns.bench.chart import Line, Panel, draw
from tests.campaigns.bench.contest import GATEWAY
from tests.campaigns.bench.figures import Figure
from tests.campaigns.bench.record import Measured

_KINDS: Final[Mapping[str, str]] = {
    GATEWAY: "this gateway",
    latency.PLAIN: "plain gateway (aiomqtt, influxdb-client)",
    latency.POST: "subscriber that posts each message",
}
"""Contender → its name in the picture."""

_BACKLOG: Final[Mapping[str, str]] = {GATEWAY: GATEWAY, saturation.PLAIN: latency.PLAIN}
"""Who also took a backlog as fast as it could, and wrote it."""

_DESCRIBED: Final = (
    "Left: CPU of a reading over readings a second. Right: delay from publishing to InfluxDB over readings a second."
)


def picture(parts: Mapping[str, Measured]) -> str | None:
    """The picture as SVG; None before its two parts were measured."""
    if not {"latency", "saturation"} <= parts.keys():
        return None
    even, backlog = parts["latency"].figures, parts["saturation"].figures
    cpu, p50, p99 = (_over_rate(even, what) for what in (latency.CPU, latency.P50, latency.P99))
    for who, as_whom in _BACKLOG.items():
        cpu[as_whom].append((_values(backlog, saturation.SPEED)[who], _values(backlog, saturation.CPU)[who]))
    panels = [
        Panel("CPU; the last point: as fast as it can", "readings/s", "µs of CPU a reading", _lines(cpu)),
        Panel(
            "Delay: median, and dashed the 99th percentile",
            "readings/s",
            "ms to InfluxDB",
            [*_lines(p50), *_lines(p99, dashed=True)],
        ),
    ]
    return draw(panels, list(_KINDS.values()), _DESCRIBED)


def _lines(points: Mapping[str, Sequence[tuple[float, float]]], *, dashed: bool = False) -> list[Line]:
    return [Line(kind, points[who], dashed) for kind, who in enumerate(_KINDS)]


def _over_rate(figures: Sequence[Figure], what: str) -> dict[str, list[tuple[float, float]]]:
    values = {rate: _values(figures, latency.at(rate, what)) for rate in latency.SECONDS}
    return {who: [(rate, found[who]) for rate, found in values.items()] for who in _KINDS}


def _values(figures: Sequence[Figure], name: str) -> dict[str, float]:
    """Contender → its value."""
    rows = [figure for figure in figures if figure.name == name]
    baselines = {row.baseline.name: row.baseline.value for row in rows if row.baseline is not None}
    return {GATEWAY: rows[0].value, **baselines}
