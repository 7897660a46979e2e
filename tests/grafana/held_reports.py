"""The command's reports held against a ledger: what they say is what the ledger says, within the doubt of each figure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from schemas.quantities import SUM_OF, TEXT_TAGS, USED_OF
from tests.grafana.known_points import KnownPoint
from tests.grafana.ledger_points import LedgerPoints
from tests.system.rig import run_gateway

Told = tuple[float, float]
"""A figure, and how far off it may be."""

ROLLED: Final = {"hour": "hourly", "day": "daily", "month": "monthly"}
"""Step of a report → the measurement of the same figures."""
_SHARES: Final = ("expected", "received", "missing", "on_time", "longest_gap_s")


@dataclass(frozen=True)
class HeldReports:
    """The reports of a gateway about whole local days.

    :ivar config: the gateway's ``gateway.yaml``.
    :ivar first, last: days or months as people write them; ``since_ms``, ``until_ms``: the same as times.
    """

    config: Path
    truth: LedgerPoints
    first: str
    last: str
    since_ms: int
    until_ms: int

    def hold(self, *steps: str) -> int:
        """Hold consumption and balance of each step, and completeness of each day; return the number of figures."""
        number = 0
        for step in steps:
            used = {
                (*(row[tag] for tag in ("device", *TEXT_TAGS)), row["counter"], _row_ms(row)): row["used"]
                for row in self._rows("consumption", step)
                if row["used"] is not None
            }
            number += _same(used, dict(self._uses(ROLLED[step])))
            sides = {
                (row["parent"], side, _row_ms(row)): row[side]
                for row in (self._rows("balance", step) if step != "month" else ())
                for side in ("in", "out")
                if row["lost"] is not None
            }
            number += _same(sides, dict(self._balances(step)))
        shares = {
            (row["device"], name, _row_ms(row)): row[name] for row in self._rows("completeness", "day") for name in _SHARES
        }
        return number + _same(shares, dict(self._completeness()))

    def _rows(self, kind: str, step: str) -> list[dict[str, Any]]:
        span = ("--from", self.first, "--to", self.last, "--step", step)
        done = run_gateway("report", kind, *span, "--json", "-c", self.config)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _pairs(self, measurement: str) -> Iterator[tuple[KnownPoint, KnownPoint]]:
        both = zip(self.truth.points[measurement], self.truth.doubts[measurement], strict=True)
        return (pair for pair in both if self.since_ms <= pair[0].time_ms < self.until_ms)

    def _uses(self, measurement: str) -> Iterator[tuple[Any, Told]]:
        counters = {USED_OF[name]: name for name in SUM_OF}
        for point, doubt in self._pairs(measurement):
            tags = tuple(point.tags.get(tag, "") for tag in ("device", *TEXT_TAGS))
            for name in point.fields.keys() & counters.keys():
                yield (*tags, counters[name], point.time_ms), (point.fields[name], doubt.fields[name])

    def _balances(self, step: str) -> Iterator[tuple[Any, Told]]:
        for point, doubt in self._pairs("balance"):
            if point.tags["step"] == step:
                for side in ("in", "out"):
                    yield (point.tags["device"], side, point.time_ms), (point.fields[side], doubt.fields[side])

    def _completeness(self) -> Iterator[tuple[Any, Told]]:
        for point, doubt in self._pairs("completeness"):
            for name in _SHARES:
                yield (point.tags["device"], name, point.time_ms), (point.fields[name], doubt.fields[name])


def _same(said: Mapping[Any, float], wanted: Mapping[Any, Told]) -> int:
    odd = [
        f"{key}: the report says {said.get(key)}, the ledger {wanted.get(key)}"
        for key in said.keys() | wanted.keys()
        if key not in said or key not in wanted or abs(said[key] - wanted[key][0]) > wanted[key][1] + 1e-6
    ]
    assert odd == [], "\n".join(sorted(odd)[:40])
    return len(said)


def _row_ms(row: Mapping[str, Any]) -> int:
    return round(datetime.fromisoformat(row["from"]).timestamp() * 1000)
