"""Pictures of what was watched: an SVG with the faults marked, and a few rows of blocks for a terminal. Pure."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from tests.campaigns.soak.watch import Sample

SERIES: Final[dict[str, Callable[[Sample], float]]] = {
    "resident memory, MB": lambda sample: sample.rss_bytes / 1e6,
    "descriptors": lambda sample: sample.descriptors,
    "threads": lambda sample: sample.threads,
    "journal, MiB (file and WAL)": lambda sample: (sample.file_bytes + sample.wal_bytes) / 2**20,
    "readings that wait": lambda sample: sample.pending,
    "CPU, % of a core": lambda sample: sample.cpu_share * 100,
}
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT, _LEFT, _GAP = 1400, 110, 20, 34
_COLUMNS, _LINE = 4, 16
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#333} .fault{fill:#d33;fill-opacity:.15} polyline{fill:none;stroke:#06c;stroke-width:1.2}"
    " .frame{fill:none;stroke:#bbb}"
)


def spans(samples: Sequence[Sample]) -> list[tuple[str, float, float]]:
    """Each fault with the seconds at which it was first and last seen."""
    found = []
    for name, group in groupby(samples, key=lambda sample: sample.fault):
        together = list(group)
        if name:
            found.append((name, together[0].at_s, together[-1].at_s))
    return found


def blocks(samples: Sequence[Sample], width: int = 100) -> str:
    """A row of blocks for each series, from its least to its most; a last row with a mark where a fault was on."""
    lines = []
    for name, of in SERIES.items():
        columns = [max(map(of, part)) for part in _parts(samples, width)]
        least, most = min(columns), max(columns)
        scale = (len(_BLOCKS) - 1) / (most - least) if most > least else 0.0
        row = "".join(_BLOCKS[round((value - least) * scale)] for value in columns)
        lines.append(f"{name:>28} {row} {least:,.0f} … {most:,.0f}")
    marks = "".join("x" if any(sample.fault for sample in part) else " " for part in _parts(samples, width))
    return "\n".join([*lines, f"{'a fault is on':>28} {marks}"])


def _parts(samples: Sequence[Sample], width: int) -> list[Sequence[Sample]]:
    width = min(width, len(samples))
    return [samples[at * len(samples) // width : (at + 1) * len(samples) // width] for at in range(width)]


def svg(samples: Sequence[Sample]) -> str:
    """A chart for each series, one above the other; a fault is a red band with a number, which is explained below."""
    last_s = samples[-1].at_s or 1.0
    faults = spans(samples)
    charts = len(SERIES) * (_HEIGHT + _GAP)
    lines = -(-len(faults) // _COLUMNS)
    height = charts + _GAP + (lines + 1) * _LINE
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + 2 * _LEFT} {height}"><style>{_STYLE}</style>']
    for number, (name, of) in enumerate(SERIES.items()):
        parts += _chart(_GAP + number * (_HEIGHT + _GAP), name, [(sample.at_s / last_s, of(sample)) for sample in samples])
    for number, (name, begin_s, end_s) in enumerate(faults):
        x, width = _LEFT + begin_s / last_s * _WIDTH, max(1.0, (end_s - begin_s) / last_s * _WIDTH)
        parts.append(f'<rect class="fault" x="{x:.1f}" y="{_GAP}" width="{width:.1f}" height="{charts - _GAP}"/>')
        parts.append(f'<text x="{x:.1f}" y="{charts + _LINE}">{number + 1}</text>')
        column, line = divmod(number, lines)
        left, down = _LEFT + column * _WIDTH / _COLUMNS, charts + _GAP + (line + 1) * _LINE
        parts.append(f'<text x="{left:.1f}" y="{down}">{number + 1}: {escape(name)}, {begin_s:.0f} s</text>')
    return "\n".join([*parts, "</svg>"])


def _chart(top: int, name: str, places: list[tuple[float, float]]) -> list[str]:
    """One series: a frame, its name with the least and the most, and a line from 0 up."""
    values = [value for _, value in places]
    most = max(values) or 1.0
    line = " ".join(f"{_LEFT + x * _WIDTH:.1f},{top + _HEIGHT * (1 - value / most):.1f}" for x, value in places)
    return [
        f'<text x="{_LEFT}" y="{top - 6}">{escape(name)}: {min(values):,.1f} to {max(values):,.1f}</text>',
        f'<rect class="frame" x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<polyline points="{line}"/>',
    ]
