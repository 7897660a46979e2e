"""Sealed months as files: whole or not at all, never replaced, and added up for the corrections of the next one."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.admin.backup.contents import BackupKind, files_of
from gateway.ingest.database.store import StoredSeries, TimeSpan
from gateway.monitoring.reports.billing import (
    BillingLine,
    BillingMark,
    LineKind,
    MonthPlan,
    SealedUse,
    month_span,
    next_month,
)
from gateway.monitoring.reports.roster import Roster
from gateway.monitoring.reports.seals import MonthSealed, SealHead, Seals
from gateway.support.config.model import Config
from schemas.registry import RegisteredDevice

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAY = 86_400_000


def line(device: str, month: str, used: int | None, kind: LineKind = LineKind.USE) -> BillingLine:
    span = month_span(month, 1, ZONE)
    where = {"from_ms": span.start_ms, "to_ms": span.end_ms}
    about = {"device": device, "counter": "volume_m3", "unit": "m3", "domain": "water", "mark": BillingMark.MEASURED}
    return BillingLine(kind=kind, month=month, used=used, **where, **about)  # type: ignore[arg-type]


def seal(seals: Seals, month: str, *lines: BillingLine) -> None:
    head = SealHead(month=month, day=1, zone=ZONE.key, closed_ms=0, by="Lan", before="", version="0")
    with seals.writer(head) as add:
        for one in lines:
            add(one)


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    return Seals(tmp_path / "journal.db")


def test_a_seal_that_was_not_finished_leaves_nothing(seals: Seals) -> None:
    with pytest.raises(TypeError):
        seal(seals, "2026-10", line("m1", "2026-10", 1), object())  # type: ignore[arg-type]
    assert (seals.months(), list(seals.folder.iterdir())) == ([], [])


def test_a_seal_never_takes_the_place_of_another(seals: Seals) -> None:
    seal(seals, "2026-10", line("m1", "2026-10", 1))
    digest = seals.digest("2026-10")
    with pytest.raises(MonthSealed):
        seal(seals, "2026-10", line("m1", "2026-10", 2))
    assert seals.digest("2026-10") == digest
    assert [one.used for one in seals.lines("2026-10")] == [1]
    assert [path.name for path in seals.folder.iterdir()] == ["2026-10.jsonl"]


def test_corrections_are_added_to_the_month_that_they_correct(seals: Seals) -> None:
    seal(seals, "2026-10", line("m1", "2026-10", 100), line("m2", "2026-10", None))
    seal(seals, "2026-11", line("m1", "2026-11", 7), line("m1", "2026-10", -30, LineKind.CORRECTION))
    found = seals.uses_before("2026-12")
    october, november = month_span("2026-10", 1, ZONE), month_span("2026-11", 1, ZONE)
    assert found[StoredSeries("m1"), "volume_m3"] == {"2026-10": SealedUse(october, 70), "2026-11": SealedUse(november, 7)}
    assert found[StoredSeries("m2"), "volume_m3"] == {"2026-10": SealedUse(october, 0)}
    assert seals.uses_before("2026-11") == {}, "a sealed month gets no corrections"
    assert [month for month, _ in seals.lines_of({"m2"})] == ["2026-10"]
    assert [(month, one.used) for month, one in seals.lines_of({"m1", "M1"})] == [
        ("2026-10", 100),
        ("2026-11", 7),
        ("2026-11", -30),
    ]


def test_months_of_one_device_leave_no_day_out_when_the_reading_day_moves() -> None:
    device = RegisteredDevice(id="m1", domain="water", params={"reading_day": 15})
    october = month_span("2026-10", 1, ZONE)
    sealed = {(StoredSeries("m1"), "volume_m3"): {"2026-10": SealedUse(october, 5)}}
    ((roster, spans),) = MonthPlan("2026-11", 1, ZONE, Roster([device]), sealed).questions()
    assert spans == [october, TimeSpan(october.end_ms, month_span("2026-11", 15, ZONE).end_ms)]
    assert list(roster.by_id) == ["m1"]


def test_a_month_of_december_ends_in_the_next_year() -> None:
    assert next_month("2026-12") == "2027-01"
    span = month_span("2026-12", 5, ZONE)
    assert span.end_ms - span.start_ms == 31 * DAY


def test_a_backup_has_the_seals(tmp_path: Path) -> None:
    config = Config.model_validate({"journal": {"path": tmp_path / "j.db"}, "influxdb": {"url": "http://127.0.0.1:9"}})
    seal(Seals(config.journal.path), "2026-10", line("m1", "2026-10", 1))
    found = [file.path.name for file in files_of(config, tmp_path / "none", []) if file.kind is BackupKind.SEALS]
    assert found == ["2026-10.jsonl"]


def test_lines_are_of_customers_and_not_of_bulk_meters_nor_of_what_stands_behind_a_customer() -> None:
    devices = [
        RegisteredDevice(id="bulk", domain="water"),
        RegisteredDevice(id="house", domain="water", parent="bulk"),
        RegisteredDevice(id="block", domain="water", parent="bulk", role="use"),
        RegisteredDevice(id="flat", domain="water", parent="block"),
        RegisteredDevice(id="alone", domain="water"),
        RegisteredDevice(id="gauge", domain="water", parent="house"),
    ]
    plan = MonthPlan("2026-11", 1, ZONE, Roster(devices), {})
    assert plan.customers("water", {"bulk", "house", "block", "flat", "alone"}) == {"house", "block", "alone"}
