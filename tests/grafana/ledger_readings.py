"""The readings of a simulator's ledger, and what flowed through its registers between them. Nothing of it is the gateway's."""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from schemas.quantities import COUNTERS, TEXT_TAGS

ROUNDING: Final = 1e-6
"""Sums are rounded to six decimals."""
CONFIRMING: Final = 3
"""Readings after a step of which nobody told that may have no sum: the gateway waits for two that confirm it."""

Tags = tuple[tuple[str, str], ...]


class LedgerReading(NamedTuple):
    """A reading that the broker acknowledged.

    :ivar tags: the text tags, as lane and direction.
    :ivar at_ms: the time of its acknowledgement.
    :ivar has_sums: False: the gateway has not asked for the sums of its device yet.
    """

    domain: str
    device: str
    tags: Tags
    time_ms: int
    at_ms: int
    fields: Mapping[str, float | bool]
    health: Mapping[str, float | bool]
    has_sums: bool = True


class MeterStep(NamedTuple):
    """A change of what a meter shows.

    :ivar flowed: register → what flowed between the readings around it, which nobody saw.
    :ivar jump: the new register less the old one at that moment, where somebody read both; None: nobody did.
    :ivar is_in_sums: the sums in the database say what flowed; not so where nobody read the registers, or where it was told too
        late for a database that does not replace points.
    """

    device: str
    at_ms: int
    flowed: Mapping[str, float]
    jump: float | None = None
    is_in_sums: bool = False


class Flow(NamedTuple):
    """The flow since the first reading.

    :ivar doubt: how far off a sound sum may be.
    """

    total: float
    doubt: float


@dataclass
class FlowCurve:
    """The flow through one register: its growth, without its steps.

    :ivar blurred: from when to when it is not known what flowed, and how far off it may be.
    """

    times_ms: list[int] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    blurred: list[tuple[int, int, float]] = field(default_factory=list)

    def at(self, at_ms: int) -> Flow | None:
        """The flow by an instant, on a straight line between its neighbours; None: there is none on one side."""
        after = bisect_right(self.times_ms, at_ms)
        if after == 0 or (after == len(self.times_ms) and self.times_ms[-1] != at_ms):
            return None
        before = after - 1
        total = self.totals[before]
        if self.times_ms[before] != at_ms:
            share = (at_ms - self.times_ms[before]) / (self.times_ms[after] - self.times_ms[before])
            total += share * (self.totals[after] - self.totals[before])
        return Flow(total, ROUNDING + sum(off for first, last, off in self.blurred if first <= at_ms < last))

    def used(self, begin_ms: int, end_ms: int) -> Flow | None:
        """The flow in a period."""
        begin, end = self.at(begin_ms), self.at(end_ms)
        if begin is None or end is None:
            return None
        unseen = sum(off for first, last, off in self.blurred if first < end_ms and last > begin_ms)
        return Flow(end.total - begin.total, begin.doubt + end.doubt + unseen)


@dataclass
class StoryLedger:
    """A ledger.

    :ivar readings: those that become points, by their time.
    :ivar steps: of meters.
    :ivar exchanges: its rows about them.
    :ivar consumed: device, text tags, register, begin and end of a local day → what was consumed, and how far off a sum may be.
    """

    readings: list[LedgerReading] = field(default_factory=list)
    steps: list[MeterStep] = field(default_factory=list)
    exchanges: list[Mapping[str, Any]] = field(default_factory=list)
    consumed: dict[tuple[str, Tags, str, int, int], Flow] = field(default_factory=dict)

    def add(self, rows: Iterable[Mapping[str, Any]], *, has_sums: bool = True) -> "StoryLedger":
        """Take in rows."""
        known = {(step.device, step.at_ms): step for step in self.steps}
        for row in rows:
            if "m" in row and "expect" not in row and "dup" not in row:
                self.readings.append(_reading(row)._replace(has_sums=has_sums))
            elif "exchange" in row:
                self.exchanges.append(row)
            elif "consumed" in row:
                key = (row["device"], tuple(sorted(row.get("tags", {}).items())), row["field"], row["from"], row["to"])
                self.consumed[key] = Flow(row["consumed"], row["within"])
            elif row.get("flowed") and "site" not in row:
                key_of_step = row["device"], row["began"]
                known[key_of_step] = MeterStep(*key_of_step, row["flowed"])
        self.steps = sorted(known.values(), key=lambda step: step.at_ms)
        self.readings.sort(key=lambda reading: reading.time_ms)
        return self

    def told(self, device: str, at_ms: int, jump: float, *, is_in_sums: bool) -> None:
        """Note that somebody has read the registers of both meters of an exchange."""
        self.steps = [
            step._replace(jump=jump, is_in_sums=is_in_sums) if (step.device, step.at_ms) == (device, at_ms) else step
            for step in self.steps
        ]

    @property
    def without_sums(self) -> set[str]:
        """The devices whose sums in the database do not say what flowed."""
        return {step.device for step in self.steps if not step.is_in_sums}

    def flows(self) -> dict[tuple[str, str, Tags, str], FlowCurve]:
        """Work out what flowed: domain, device, text tags, register → its curve."""
        found: dict[tuple[str, str, Tags, str], list[tuple[int, float]]] = defaultdict(list)
        for reading in (reading for reading in self.readings if reading.has_sums):
            for name in reading.fields.keys() & COUNTERS:
                found[reading.domain, reading.device, reading.tags, name].append((reading.time_ms, reading.fields[name]))
        return {key: self._curve(key[1], key[3], shown) for key, shown in found.items()}

    def _curve(self, device: str, name: str, shown: Sequence[tuple[int, float]]) -> FlowCurve:
        steps = [step for step in self.steps if step.device == device]
        curve = FlowCurve([shown[0][0]], [shown[0][1]])
        for number, ((before_ms, before), (time_ms, register)) in enumerate(pairwise(shown), start=1):
            grown = register - before
            for step in steps:
                if before_ms < step.at_ms <= time_ms:
                    unseen = step.flowed.get(name, 0.0)
                    grown = unseen if step.jump is None else grown - step.jump
                    if step.jump is None:
                        last_ms, last = shown[min(number + CONFIRMING, len(shown) - 1)]
                        curve.blurred.append((before_ms, last_ms, unseen + max(0.0, last - register)))
            curve.times_ms.append(time_ms)
            curve.totals.append(curve.totals[-1] + grown)
        return curve


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a ledger."""
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _reading(row: Mapping[str, Any]) -> LedgerReading:
    tags = tuple(sorted((tag, text) for tag, text in row["tags"].items() if tag in TEXT_TAGS))
    time_ms = row["at"] if row["ts"] is None else row["ts"]
    return LedgerReading(row["m"], row["tags"]["device"], tags, time_ms, row["at"], row["f"], row.get("h", {}))
