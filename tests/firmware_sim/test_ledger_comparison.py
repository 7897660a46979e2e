"""Faults found by comparing a ledger with InfluxDB."""

import pytest

from firmware_sim.compare import Comparison, LedgerRow, compare
from firmware_sim.query import StoredPoint
from tests.rows import each_row

TAGS = {"device": "sim-1-water-meter-0001", "site": "xa-01"}
TS = 1_790_000_000_000
VALUES = {"volume_m3": 12.345, "flow_m3_h": 2, "alarm_leak": False}
STANDING = {"volume_m3": 12.345, "flow_m3_h": 2.0, "alarm_leak": False, "quality": 128, "seq": 7}
MINUTE_MS = 60_000


def row(**changes: object) -> LedgerRow:
    return {"t": "", "m": "water", "tags": TAGS, "ts": TS, "at": TS + 3, "seq": 7, "f": VALUES, "q": 128, "drop": []} | changes


def point(time_ms: int = TS, tags: dict[str, str] = TAGS, without: str = "", **changes: object) -> StoredPoint:
    return StoredPoint(tags, time_ms, {key: value for key, value in (STANDING | changes).items() if key != without})


def outcome(rows: list[LedgerRow], *points: StoredPoint, health: tuple[StoredPoint, ...] = ()) -> Comparison:
    return compare("water", rows, points, health, MINUTE_MS)


def counted(comparison: Comparison) -> dict[str, int]:
    names = comparison.counts.__slots__
    return {name: number for name in names if (number := getattr(comparison.counts, name))}


def untimed(**changes: object) -> LedgerRow:
    return row(ts=None, q=129, **changes)


@each_row(
    ("rows", "points", "expected"),
    [
        pytest.param([row()], [point()], {"sent": 1, "found": 1}, id="as sent"),
        pytest.param(
            [row()], [point(tags=TAGS | {"area": "05"})], {"sent": 1, "found": 1}, id="an area is the gateway's to add"
        ),
        pytest.param([row()], [point(quality=128 | 4 | 8 | 32 | 64)], {"sent": 1, "found": 1}, id="bits nobody can predict"),
        pytest.param([row()], [point(volume_sum_m3=512.345)], {"sent": 1, "found": 1}, id="a sum is the gateway's to add"),
        pytest.param([row()], [], {"sent": 1, "missing": 1}, id="not there"),
        pytest.param([row()], [point(TS + 1, seq=8)], {"sent": 1, "missing": 1, "unexpected": 1}, id="another's point"),
        pytest.param([row()], [point(flow_m3_h=2.0000001)], {"sent": 1, "different": 1}, id="a number differs"),
        pytest.param([row()], [point(alarm_leak=0)], {"sent": 1, "different": 1}, id="a number for a boolean"),
        pytest.param([row()], [point(flow_m3_h=True)], {"sent": 1, "different": 1}, id="a boolean for a number"),
        pytest.param([row()], [point(without="flow_m3_h")], {"sent": 1, "different": 1}, id="a field is absent"),
        pytest.param([row()], [point(ph=7.0)], {"sent": 1, "different": 1}, id="a field too many"),
        pytest.param([row()], [point(quality=128 | 2)], {"sent": 1, "different": 1}, id="quality differs"),
        pytest.param([row()], [point(without="quality")], {"sent": 1, "different": 1}, id="no quality"),
        pytest.param([row()], [point(seq=8)], {"sent": 1, "different": 1}, id="seq differs"),
        pytest.param([row()], [point(TS + 5, quality=129)], {"sent": 1, "different": 1}, id="stands at another time"),
        pytest.param(
            [row()], [point(), point(tags=TAGS | {"area": "05"})], {"sent": 1, "found": 1, "duplicate": 1}, id="under two areas"
        ),
        pytest.param([row()], [point(), point(TS + 900)], {"sent": 1, "found": 1, "duplicate": 1}, id="stands a second time"),
        pytest.param([row()], [point(), point(TS + 900, quality=192)], {"sent": 1, "found": 1}, id="the copy says it may"),
        pytest.param(
            [row()], [point(), point(TS + 900, flow_m3_h=9.0)], {"sent": 1, "found": 1, "different": 1}, id="one became two"
        ),
        pytest.param(
            [row()], [point(), point(TS + 900_000, flow_m3_h=9.0)], {"sent": 1, "found": 1, "unexpected": 1}, id="another run"
        ),
        pytest.param(
            [row()], [point(), point(TS + 900, seq=8)], {"sent": 1, "found": 1, "unexpected": 1}, id="its PUBACK was lost"
        ),
        pytest.param([row(), row(dup=True)], [point()], {"sent": 1, "found": 1, "repeated": 1}, id="sent twice"),
        pytest.param([row(dup=True)], [point()], {"sent": 1, "found": 1}, id="only the repetition was acknowledged"),
        pytest.param([row(expect="bad_json")], [], {"refused": 1}, id="refused"),
        pytest.param([row(expect="bad_json")], [point()], {"refused": 1, "accepted": 1}, id="was to be refused"),
        pytest.param(
            [row(expect="bad_json", tags=TAGS | {"lane": "1"})], [point()], {"refused": 1, "accepted": 1}, id="without its lane"
        ),
        pytest.param(
            [row(tags=TAGS | {"lane": "1"})], [point()], {"sent": 1, "missing": 1, "unexpected": 1}, id="lane is lost"
        ),
    ],
)
def test_a_reading_with_its_own_time(rows: list[LedgerRow], points: list[StoredPoint], expected: dict[str, int]) -> None:
    assert counted(outcome(rows, *points)) == expected


@each_row(
    ("rows", "points", "expected"),
    [
        pytest.param([untimed()], [point(TS + 900, quality=129)], {"sent": 1, "found": 1}, id="stamped near its PUBACK"),
        pytest.param([untimed()], [point(TS - 59_000, quality=129)], {"sent": 1, "found": 1}, id="just within the minute"),
        pytest.param(
            [untimed()], [point(TS + 61_000, quality=129, seq=9)], {"sent": 1, "missing": 1, "unexpected": 1}, id="away"
        ),
        pytest.param([untimed()], [point(TS, quality=128)], {"sent": 1, "different": 1}, id="bit 1 is missing"),
        pytest.param([untimed()], [point(TS, quality=129, flow_m3_h=9.0)], {"sent": 1, "different": 1}, id="value differs"),
        pytest.param(
            [untimed()],
            [point(TS, quality=129), point(TS + 1, quality=129)],
            {"sent": 1, "found": 1, "duplicate": 1},
            id="stands twice",
        ),
        pytest.param(
            [untimed()],
            [point(TS, quality=129), point(TS + 1, quality=193)],
            {"sent": 1, "found": 1},
            id="the copy says it may",
        ),
        pytest.param(
            [untimed(sent=2)],
            [point(TS, quality=129), point(TS + 1, quality=129)],
            {"sent": 1, "found": 1},
            id="published twice",
        ),
        pytest.param(
            [untimed(sent=2)],
            [point(TS + n, quality=129) for n in range(3)],
            {"sent": 1, "found": 1, "duplicate": 1},
            id="published twice, stands three times",
        ),
        pytest.param(
            [untimed(), untimed(seq=8, at=TS + 1000)],
            [point(TS, quality=129), point(TS + 1000, quality=129, seq=8)],
            {"sent": 2, "found": 2},
            id="equal values, told apart by seq",
        ),
        pytest.param(
            [untimed(), untimed(at=TS + 30_000)],
            [point(TS, quality=129), point(TS + 30_000, quality=129)],
            {"sent": 2, "found": 1, "missing": 1, "duplicate": 1},
            id="a restart within a minute with equal values cannot be told apart",
        ),
    ],
)
def test_a_reading_without_a_time(rows: list[LedgerRow], points: list[StoredPoint], expected: dict[str, int]) -> None:
    assert counted(outcome(rows, *points)) == expected


def without_seq(at: int, volume_m3: float) -> LedgerRow:
    """A row of a make that tells neither time nor number."""
    return untimed(seq=None, at=at, f={"volume_m3": volume_m3})


@pytest.mark.parametrize(
    ("volumes", "expected"),
    [
        pytest.param([1.0, 1.0, 2.0], {"sent": 3, "found": 3}, id="equal ones claim a point each"),
        pytest.param([1.0, 2.0], {"sent": 3, "found": 2, "missing": 1}, id="one of two equal ones is not there"),
        pytest.param([1.0, 1.0, 2.5], {"sent": 3, "found": 2, "missing": 1, "unexpected": 1}, id="a value differs"),
        pytest.param([1.0, 1.0, 2.0, 2.0], {"sent": 3, "found": 3, "unexpected": 1}, id="a copy looks like another reading"),
    ],
)
def test_readings_without_time_and_seq_claim_points_by_their_values(volumes: list[float], expected: dict[str, int]) -> None:
    rows = [without_seq(TS + 10_000 * number, volume_m3) for number, volume_m3 in enumerate([1.0, 1.0, 2.0])]
    points = [
        StoredPoint(TAGS, TS + 10_000 * number - 3, {"volume_m3": volume_m3, "quality": 129})
        for number, volume_m3 in enumerate(volumes)
    ]
    assert counted(outcome(rows, *points)) == expected


def test_the_view_of_the_gateway_is_no_part_of_a_device_s_health() -> None:
    health = row(m="device_health", seq=None, f={"rssi_dbm": -90})
    view = {"up": True, "silence_s": 3.0, "quality": 0}
    together = StoredPoint(TAGS, TS, {"rssi_dbm": -90.0, "quality": 128} | {"up": True})
    assert counted(outcome([health], together, StoredPoint(TAGS, TS + 9, view))) == {"sent": 1, "found": 1}


def test_a_dropped_field_must_not_stand_and_the_rest_must() -> None:
    lossy = row(f={"volume_m3": 12.345, "alarm_leak": False}, drop=["flow_m3_h"], q=130)
    assert counted(outcome([lossy], point(without="flow_m3_h", quality=130))) == {"sent": 1, "found": 1}
    stands = outcome([lossy], point(quality=130))
    assert "flow_m3_h: stands 2.0, was to be dropped" in stands.findings[0].detail


def test_device_health_belongs_to_its_reading() -> None:
    with_health = row(h={"battery_pct": 88})
    health = StoredPoint(TAGS, TS, {"battery_pct": 88.0, "quality": 128, "seq": 7, "up": True, "silence_s": 0.0})
    assert counted(outcome([with_health], point(), health=(health,))) == {"sent": 1, "found": 1}
    on_its_lane = StoredPoint(TAGS | {"lane": "1"}, TS, {"battery_pct": 88.0, "quality": 130, "seq": 7})
    assert counted(outcome([with_health], point(), health=(on_its_lane,))) == {"sent": 1, "found": 1}
    assert outcome([with_health], point()).findings[0].detail == "device_health: no point"
    wrong = StoredPoint(TAGS, TS, {"battery_pct": 87.0, "quality": 128, "seq": 7})
    assert (
        outcome([with_health], point(), health=(wrong,)).findings[0].detail == "device_health battery_pct: sent 88, stands 87.0"
    )


def test_a_device_that_was_started_again_is_not_suspected_of_copies() -> None:
    """Its seq began at 0 again: an unacknowledged reading of the first run looks like a copy of one of the second."""
    rows = [row(seq=0), row(ts=TS + 10_000, seq=0), row(ts=TS + 11_000, seq=1)]
    points = [point(seq=0), point(TS + 1_000, seq=1), point(TS + 10_000, seq=0), point(TS + 11_000, seq=1)]
    assert counted(outcome(rows, *points)) == {"sent": 3, "found": 3, "unexpected": 1}


def test_what_stands_from_before_the_ledger_is_no_copy() -> None:
    before = point(TS - 30_000, quality=129)
    assert counted(outcome([row()], point(), before)) == {"sent": 1, "found": 1, "unexpected": 1}


def test_a_finding_names_the_device_the_time_and_the_difference() -> None:
    (finding,) = outcome([row()], point(volume_m3=99.0)).findings
    assert (finding.kind, finding.device, finding.time_ms, finding.seq) == ("different", TAGS["device"], TS, 7)
    assert finding.detail == "volume_m3: sent 12.345, stands 99.0"
