"""Verdict on growth: the last third of the samples is compared with the middle third; the first one warms up. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.soak.watch import Sample

MEMORY_MB: Final = 2.0
"""The memory may grow by so much from the middle third to the last."""
CONNECTIONS: Final = 8
"""Connections to InfluxDB are kept, as many as were needed at a time since it was last away: lanes, drain and probe."""
REST_S: Final = 8.0
"""A gateway is at rest when so long nothing was wrong and nothing waited: what was freed has been given back by then."""
_MIB: Final = 2.0**20

Measure = Callable[[Sample], float]


def verdict(samples: Sequence[Sample], rejects_bytes: int) -> list[Figure]:
    """Growth from the middle third to the last, each with its bar.

    :param rejects_bytes: what rejects may take in the journal's file.
    """
    at_rest = resting(samples)
    return [
        _growth("resident memory", "MB", samples, lambda sample: sample.rss_bytes / 1e6, MEMORY_MB),
        _growth("descriptors at rest, least", "", at_rest, lambda sample: sample.descriptors, 0, min),
        _growth("descriptors at rest, most", "", at_rest, lambda sample: sample.descriptors, CONNECTIONS),
        _growth("threads at rest", "", at_rest, lambda sample: sample.threads, 0),
        _growth("journal's file at rest", "MiB", at_rest, lambda sample: sample.file_bytes / _MIB, rejects_bytes / _MIB),
        _growth("its WAL at rest", "MiB", at_rest, lambda sample: sample.wal_bytes / _MIB, rejects_bytes / _MIB),
        _growth("pages in use at rest", "MiB", at_rest, lambda sample: sample.used_bytes / _MIB, rejects_bytes / _MIB),
        _growth("CPU at rest", "%", at_rest, lambda sample: sample.cpu_share * 100, None, _mean),
        Figure("soak", "readings lost or given up", "", samples[-1].missing, None, Bar(0)),
    ]


def resting(samples: Sequence[Sample]) -> list[Sample]:
    """The samples at which the gateway had been at rest for a while."""
    found, since_s = list[Sample](), 0.0
    for sample in samples:
        if not sample.at_rest:
            since_s = sample.at_s
        elif sample.at_s - since_s > REST_S:
            found.append(sample)
    return found


def third(samples: Sequence[Sample], number: int, seconds: float) -> list[Sample]:
    """The samples of the first (0), middle (1) or last third of so many seconds."""
    return [sample for sample in samples if min(2, int(sample.at_s * 3 / seconds)) == number]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _growth(
    name: str,
    unit: str,
    samples: Sequence[Sample],
    of: Measure,
    most: float | None,
    together: Callable[[list[float]], float] = max,
) -> Figure:
    seconds = samples[-1].at_s if samples else 1.0
    middle, last = ([of(sample) for sample in third(samples, number, seconds)] for number in (1, 2))
    if not middle or not last:
        return Figure("soak", f"{name}: too seldom seen to tell", unit, 0.0)
    before, after = together(middle), together(last)
    bar = None if most is None else Bar(before + most)
    return Figure("soak", name, unit, after, Baseline("middle third", before), bar)
