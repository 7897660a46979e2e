"""Figures, the bars they must keep, and how they are shown."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Baseline:
    """The same thing done another way, in the same run."""

    name: str
    value: float


@dataclass(frozen=True)
class Bar:
    """A limit to be kept: at most ``limit`` (or at least), by the value or by its ratio to the baseline."""

    limit: float
    at_least: bool = False
    of_ratio: bool = False

    def __str__(self) -> str:
        of = "ratio " if self.of_ratio else ""
        limit = number(self.limit) if self.limit >= 100 else f"{self.limit:.3g}"
        return f"{of}{'≥' if self.at_least else '≤'} {limit}"


@dataclass(frozen=True)
class Figure:
    """One measured number.

    :ivar value: the median of its runs.
    :ivar least: the least of its runs; None: there was only one.
    """

    part: str
    name: str
    unit: str
    value: float
    baseline: Baseline | None = None
    bar: Bar | None = None
    runs: int = 1
    least: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value by baseline."""
        return self.value / self.baseline.value if self.baseline and self.baseline.value else None

    @property
    def verdict(self) -> str:
        """``ok``, ``over``, ``under``; empty where there is no bar."""
        if self.bar is None:
            return ""
        judged = self.ratio if self.bar.of_ratio else self.value
        if judged is None:
            return "unknown"
        if self.bar.at_least:
            return "ok" if judged >= self.bar.limit else "under"
        return "ok" if judged <= self.bar.limit else "over"

    @property
    def missed(self) -> bool:
        """Tell if some limit was not kept."""
        return self.verdict not in {"", "ok"}

    def document(self) -> dict[str, object]:
        """The figure as JSON."""
        return asdict(self) | {"ratio": self.ratio, "verdict": self.verdict or None}

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Self:
        """The figure that :meth:`document` made."""
        baseline, bar = document["baseline"], document["bar"]
        given = {key: document[key] for key in ("part", "name", "unit", "value", "runs", "least")}
        return cls(**given, baseline=Baseline(**baseline) if baseline else None, bar=Bar(**bar) if bar else None)


def number(value: float) -> str:
    """A number with about three digits that mean something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


_HEADER = ("figure", "value", "unit", "runs", "least", "baseline", "", "ratio", "bar", "")
_RIGHT = frozenset({1, 3, 4, 5, 7})


def table(figures: Iterable[Figure]) -> str:
    """The figures for people, a line each, under the name of their part."""
    rows: list[tuple[str, ...]] = [_HEADER]
    parts: list[str] = [""]
    for figure in figures:
        parts.append(figure.part)
        rows.append(
            (
                figure.name,
                number(figure.value),
                figure.unit,
                f"{figure.runs}" if figure.runs > 1 else "",
                number(figure.least) if figure.least is not None else "",
                number(figure.baseline.value) if figure.baseline else "",
                figure.baseline.name if figure.baseline else "",
                f"{figure.ratio:.3g}" if figure.ratio is not None else "",
                str(figure.bar) if figure.bar else "",
                figure.verdict,
            )
        )
    lines: list[str] = []
    for at, (part, line) in enumerate(zip(parts, aligned(rows, _RIGHT), strict=True)):
        if at and part != parts[at - 1]:
            lines += ["", part]
        lines.append("  " + line)
    return "\n".join(lines)


def aligned(rows: Sequence[tuple[str, ...]], right: Container[int]) -> list[str]:
    """A line of text for each row, in columns; those whose number is in ``right`` end at the same place."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
