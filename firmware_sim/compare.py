"""Ledger rows against the points of their series. Pure.

What counts as a fault, and what does not:

* A row that must stand and does not is *missing*; one whose point differs in a field, ``seq`` or quality is *different*.
* A reading that occurs twice is a *duplicate*: under two sets of tags at its time, or at another time with the same ``seq``
  and values. Two cases are forgiven, because nobody could have told the copies apart: the copy carries bit 64, or the reading
  has no ts and was published more than once, since the broker went away before its PUBACK.
* A point with the ``seq`` of a row, within a minute of it, and other values is *different*: one reading became two.
* What was to be refused and stands is *accepted*.
* Any other point without a row is *unexpected*, and no fault: the broker may have taken a reading whose PUBACK was lost with
  the connection or with the simulator, and the ledger holds only what was acknowledged. So is every point without a row of a
  device that was started again within the ledger (its ``seq`` started again, so it tells nothing), and what stands from before.

Devices of makes send no ``seq``. A row without ``seq`` and ts claims the nearest point with its values; a second copy of such a
reading looks like the next one, and is *unexpected*. Health without ``seq`` has a row of its own.

Bits 4, 8, 32 and 64 of ``quality`` are not predicted. In ``device_health`` bit 2 is not either: the dropped value belongs to
the other point of the reading.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, KeysView
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from firmware_sim.query import StoredPoint
from schemas.quantities import SUM_OF, Quality

UNPREDICTED: Final = Quality.COUNTER_SUSPECT | Quality.HISTORIC | Quality.CLOCK_DOUBTED | Quality.MAY_STAND_TWICE
GATEWAYS_OWN: Final = frozenset({"up", "silence_s", "clock_offset_s", "seq_missing"})
"""Fields that the gateway itself adds to a device's health."""
_ADDED: Final = frozenset(SUM_OF.values()) | GATEWAYS_OWN
SAME_READING_MS: Final = 60_000
EARLY_MS: Final = 5_000
"""So long before its PUBACK a reading may have been stamped, generously."""
OWN_FIELDS: Final = ("quality", "seq")
SUMS: Final = frozenset(SUM_OF.values())
"""Fields that the gateway adds behind the counters that a device sends."""


class InstantSpan(NamedTuple):
    """Instants from the first to the last, both included."""

    first_ms: int
    last_ms: int

    def holds(self, time_ms: int) -> bool:
        """Tell if an instant is one of them."""
        return self.first_ms <= time_ms <= self.last_ms

    def widened(self, by_ms: int) -> "InstantSpan":
        """Return it with so much more at both ends."""
        return InstantSpan(self.first_ms - by_ms, self.last_ms + by_ms)


ALWAYS: Final = InstantSpan(-(2**62), 2**62)

LedgerRow = dict[str, Any]
"""A row of the ledger, parsed."""
TagPairs = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Counts:
    """Counts of a domain's rows by their fate."""

    sent: int = 0
    found: int = 0
    missing: int = 0
    different: int = 0
    duplicate: int = 0
    repeated: int = 0
    refused: int = 0
    accepted: int = 0
    unexpected: int = 0

    @property
    def faults(self) -> int:
        """The faults found."""
        return self.missing + self.different + self.duplicate + self.accepted

    def add(self, other: "Counts") -> None:
        """Add up."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One fault, for people."""

    kind: str
    domain: str
    device: str
    time_ms: int
    seq: int | None
    detail: str


@dataclass(slots=True)
class Comparison:
    """The outcome for some devices of one domain."""

    counts: Counts = field(default_factory=Counts)
    findings: list[Discrepancy] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _ClaimedPoint:
    """A point, and whether a row has laid claim to it."""

    point: StoredPoint
    claimed: bool = False

    @property
    def may_stand_twice(self) -> bool:
        return bool(int(self.point.fields.get("quality", 0)) & Quality.MAY_STAND_TWICE)


def compare(
    domain: str,
    rows: list[LedgerRow],
    points: Iterable[StoredPoint],
    health: Iterable[StoredPoint],
    window_ms: int,
    judged: InstantSpan = ALWAYS,
) -> Comparison:
    """Hold ``rows`` against the ``points`` of their measurement and of ``device_health``.

    :param window_ms: how far from ``at`` a reading without ts may be stamped.
    :param judged: rows and points outside of it lay claim and are claimed, and nothing is told of them.
    """
    return _Comparer(domain, points, health, window_ms, judged).compare(rows)


class _Comparer:
    def __init__(
        self,
        domain: str,
        points: Iterable[StoredPoint],
        health: Iterable[StoredPoint],
        window_ms: int,
        judged: InstantSpan,
    ) -> None:
        self._domain = domain
        self._window_ms = window_ms
        self._judged = judged
        self._outcome = Comparison()
        self._at_time: dict[tuple[TagPairs, int], list[_ClaimedPoint]] = defaultdict(list)
        self._of_seq: dict[tuple[TagPairs, int | None], list[_ClaimedPoint]] = defaultdict(list)
        for point in map(_without_own, points):
            if not point.fields.keys() - {"quality"}:  # the gateway's alone
                continue
            standing = _ClaimedPoint(point)
            series = series_of(point.tags)
            self._at_time[series, point.time_ms].append(standing)
            self._of_seq[series, point.fields.get("seq")].append(standing)
        self._health = {
            (_device_of(point.tags), point.time_ms): point.fields for point in health if point.fields.keys() - GATEWAYS_OWN
        }

    def compare(self, rows: list[LedgerRow]) -> Comparison:
        timed = {
            (series_of(row["tags"]), row["ts"]): row for row in reversed(rows) if "expect" not in row and row["ts"] is not None
        }
        untimed = [row for row in rows if "expect" not in row and row["ts"] is None]
        refused = [row for row in rows if "expect" in row]
        counts = self._outcome.counts
        counts.sent = sum(map(self._judges, [*timed.values(), *untimed]))
        counts.refused = sum(map(self._judges, refused))
        counts.repeated = sum(map(self._judges, rows)) - counts.sent - counts.refused
        for (series, time_ms), row in timed.items():
            self._timed(row, series, time_ms, timed.keys())
        for row in untimed:
            self._untimed(row)
        for row in refused:
            self._refused(row)
        self._left_over([*timed.values(), *untimed])
        return self._outcome

    def _timed(self, row: LedgerRow, series: TagPairs, time_ms: int, own: KeysView[tuple[TagPairs, int]]) -> None:
        copies = self._at_time.get((series, time_ms), [])
        if copies:
            self._stands(row, copies, spare=0)
            return
        for elsewhere in self._of_seq.get((series, row["seq"]), []):
            point = elsewhere.point
            if (series, point.time_ms) not in own and not elsewhere.claimed and _same_values(row, point):
                elsewhere.claimed = True
                self._fault("different", row, f"stands at {utc(point.time_ms)}, quality {point.fields.get('quality')}")
                return
        self._fault("missing", row, "")

    def _untimed(self, row: LedgerRow) -> None:
        near = [
            standing
            for standing in self._of_seq.get((series_of(row["tags"]), row["seq"]), [])
            if not standing.claimed and abs(standing.point.time_ms - row["at"]) <= self._window_ms
        ]
        if not near:
            self._fault("missing", row, "")
            return
        near.sort(key=lambda standing: abs(standing.point.time_ms - row["at"]))
        equal = [standing for standing in near if _same_values(row, standing.point)]
        if row["seq"] is not None:
            self._stands(row, equal or near[:1], spare=row.get("sent", 1) - 1)
        elif equal:
            self._stands(row, equal[:1], spare=0)
        else:
            self._fault("missing", row, "")

    def _stands(self, row: LedgerRow, copies: list[_ClaimedPoint], spare: int) -> None:
        """Judge the copies of a row; ``spare`` of them may be too many."""
        best, difference = copies[0], ""
        for copy in copies:
            copy.claimed = True
        for best in copies:
            if not (difference := self._difference(row, best.point)):
                break
        if difference:
            self._fault("different", row, difference)
        elif self._judges(row):
            self._outcome.counts.found += 1
        unexcused = sorted((copy for copy in copies if not copy.may_stand_twice), key=lambda copy: copy is not best)
        for other in unexcused[1 + spare :]:
            self._fault("duplicate", row, f"stands also at {utc(other.point.time_ms)} with the tags {other.point.tags}")

    def _difference(self, row: LedgerRow, point: StoredPoint) -> str:
        """Describe what differs from the reading that was sent; empty if nothing does."""
        expected = row["f"] | {"quality": row["q"] & ~UNPREDICTED}
        if row.get("seq") is not None:
            expected["seq"] = row["seq"]
        standing = {key: value for key, value in point.fields.items() if key not in SUMS}
        standing["quality"] = int(point.fields.get("quality", 0)) & ~UNPREDICTED
        found = list(_differences(expected, standing, row.get("drop", ())))
        if row.get("h"):
            found += self._health_difference(row, point.time_ms)
        return "; ".join(found)

    def _health_difference(self, row: LedgerRow, time_ms: int) -> list[str]:
        fields = self._health.get((_device_of(row["tags"]), time_ms))
        if fields is None:
            return ["device_health: no point"]
        unpredicted = UNPREDICTED | Quality.VALUE_DROPPED
        expected = row["h"] | {"quality": row["q"] & ~unpredicted, "seq": row["seq"]}
        standing = {key: value for key, value in fields.items() if key not in GATEWAYS_OWN}
        standing["quality"] = int(fields.get("quality", 0)) & ~unpredicted
        return [f"device_health {text}" for text in _differences(expected, standing, ())]

    def _refused(self, row: LedgerRow) -> None:
        """Nothing may be at its time, with its text tags or without them."""
        for series in {series_of(row["tags"]), _device_of(row["tags"])}:
            for standing in self._at_time.get((series, row["ts"]), []):
                standing.claimed = True
                self._fault("accepted", row, f"was to be refused as {row['expect']}")

    def _left_over(self, rows: list[LedgerRow]) -> None:
        """Points that no row laid claim to."""
        of_seq: dict[tuple[TagPairs, int | None], list[LedgerRow]] = defaultdict(list)
        for row in rows:
            of_seq[series_of(row["tags"]), row["seq"]].append(row)
        restarted = {rows[0]["tags"]["device"] for rows in of_seq.values() if len(rows) > 1}
        first_ms = min(map(_time_of, rows), default=0) - EARLY_MS
        for (series, seq), standings in self._of_seq.items():
            known = [] if seq is None or dict(series).get("device") in restarted else of_seq.get((series, seq), [])
            for standing in standings:
                if not standing.claimed and self._judged.holds(standing.point.time_ms):
                    self._surplus(standing, known if standing.point.time_ms >= first_ms else [])

    def _surplus(self, standing: _ClaimedPoint, known: list[LedgerRow]) -> None:
        """Judge a point without a row; ``known`` is the row with its ``seq``, where that tells something."""
        point = standing.point
        for row in known:
            if _same_values(row, point):
                if not standing.may_stand_twice:
                    self._tell("duplicate", row, f"stands also at {utc(point.time_ms)}")
                return
            if abs(_time_of(row) - point.time_ms) <= SAME_READING_MS:
                self._tell("different", row, f"a second point with its seq, and other values, stands at {utc(point.time_ms)}")
                return
        self._outcome.counts.unexpected += 1

    def _judges(self, row: LedgerRow) -> bool:
        return self._judged.holds(_time_of(row))

    def _fault(self, kind: str, row: LedgerRow, detail: str) -> None:
        if self._judges(row):
            self._tell(kind, row, detail)

    def _tell(self, kind: str, row: LedgerRow, detail: str) -> None:
        counts = self._outcome.counts
        setattr(counts, kind, getattr(counts, kind) + 1)
        self._outcome.findings.append(
            Discrepancy(kind, self._domain, row["tags"]["device"], _time_of(row), row.get("seq"), detail)
        )


def _differences(expected: dict[str, Any], standing: dict[str, Any], dropped: Iterable[str]) -> Iterator[str]:
    for key, value in expected.items():
        if key not in standing:
            yield f"{key}: sent {value}, absent"
        elif not is_same(value, standing[key]):
            yield f"{key}: {'expected' if key == 'quality' else 'sent'} {value}, stands {standing[key]}"
    for key in standing.keys() - expected.keys():
        yield f"{key}: stands {standing[key]}, {'was to be dropped' if key in dropped else 'was not sent'}"


def is_same(sent: object, standing: object) -> bool:
    """Equal as InfluxDB has it: numbers as floats, booleans as booleans and never as numbers."""
    if isinstance(sent, bool) or isinstance(standing, bool):
        return sent is standing
    return sent == standing


def _same_values(row: LedgerRow, point: StoredPoint) -> bool:
    """Tell if the quantities are those of the row, whatever ``quality`` says."""
    quantities = {key: value for key, value in point.fields.items() if key not in OWN_FIELDS and key not in SUMS}
    return quantities.keys() == row["f"].keys() and all(is_same(row["f"][key], value) for key, value in quantities.items())


def _without_own(point: StoredPoint) -> StoredPoint:
    """The point without what the gateway adds: sums of counters, which are checked by themselves, and its view of a device."""
    if _ADDED.isdisjoint(point.fields):
        return point
    return StoredPoint(point.tags, point.time_ms, {key: value for key, value in point.fields.items() if key not in _ADDED})


def series_of(tags: dict[str, str]) -> TagPairs:
    """The series of a point or row; ``area`` is the gateway's to add."""
    return tuple(sorted(pair for pair in tags.items() if pair[0] != "area"))


def _device_of(tags: dict[str, str]) -> TagPairs:
    return (("device", tags.get("device", "")), ("site", tags.get("site", "")))


def _time_of(row: LedgerRow) -> int:
    """The time of the reading, or of its acknowledgement if it has none."""
    return int(row["at"] if row["ts"] is None else row["ts"])


def utc(time_ms: int) -> str:
    """A time as people read it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
