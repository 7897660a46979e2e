"""``gateway report billing`` as people call it: months that are read, sealed, and corrected in the months behind them."""

import csv
import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from gateway.core.readings.sums import StepState, StepToConfirm
from gateway.monitoring.reports.stored_counters import step_line
from gateway.support.audit.log import AuditLog
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.conftest import VICTORIA_METRICS_IS_SLOW
from tests.monitoring.reports.points import DAY, EVERY, HOUR, START, point, steady
from tests.monitoring.reports.stores import Filled
from tests.system.rig import run_gateway

REGISTRY = """
areas: {A1: Phường Một}
devices:
  - {id: one, domain: water, area: A1, site: s, interval: 15min, serial: "0012", params: {contract: HD-0001}}
  - {id: two, domain: water, area: A1, site: s, interval: 15min, params: {contract: "=1+1"}}
  - {id: gone, domain: water, area: A1, site: s, interval: 15min}
  - {id: lamp, domain: urban}
"""
SEPTEMBER, OCTOBER, NOVEMBER = START, START + 30 * DAY, START + 61 * DAY


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A utility's folder whose database is not there."""
    (tmp_path / "devices.yaml").write_text(REGISTRY, encoding="utf-8")
    (tmp_path / "gateway.yaml").write_text("influxdb: {url: 'http://127.0.0.1:9', api: v1}\njournal: {path: data/j.db}\n")
    return tmp_path / "gateway.yaml"


@pytest.fixture
def site(config: Path, filled: Filled) -> Path:
    """A utility's folder with readings of September and October: 96 and 24 m3 a day; one meter fell silent in September."""
    text = config.read_text().replace("http://127.0.0.1:9", filled.service.url)
    config.write_text(f"{text}language: en\n")
    end = NOVEMBER + HOUR
    filled.write(steady("one", SEPTEMBER - HOUR, end, 1.0) + steady("two", SEPTEMBER - HOUR, end, 0.25))
    filled.write(steady("gone", SEPTEMBER - HOUR, SEPTEMBER + 10 * DAY, 0.5))
    return config


def command(config: Path, *arguments: str, status: int = 0) -> str:
    done = run_gateway(*arguments, "-c", config)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


def billing(config: Path, month: str, *more: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command(config, "report", "billing", "--month", month, "--json", *more).splitlines()]


def close(config: Path, month: str, status: int = 0) -> str:
    return command(config, "report", "billing", "--month", month, "--close", "--by", "Lan", status=status)


@pytest.mark.real
def test_a_line_names_contract_registers_amount_and_why_there_is_none(site: Path) -> None:
    found = {row["device"]: row for row in billing(site, "2026-09")}
    one, two, gone = found["one"], found["two"], found["gone"]
    assert len(found) == 3
    assert (one["contract"], one["used"], one["unit"], one["mark"]) == ("HD-0001", 2880, "m3", "measured")
    assert (one["from"], one["to"]) == ("2026-09-01T00:00:00+07:00", "2026-10-01T00:00:00+07:00")
    assert (one["from_register"], one["to_register"], one["to_time"]) == (100, 2980, "2026-10-01T00:00:00+07:00")
    assert (two["used"], two["contract"]) == (720, "=1+1")
    assert (gone["used"], gone["cause"], gone["mark"]) == (None, "no reading after it", None)


@pytest.mark.real
def test_a_month_begins_and_ends_at_the_reading_day(site: Path) -> None:
    plain = site.read_text(encoding="utf-8")
    site.write_text(plain + "time: {reading_day: 15}\n", encoding="utf-8")
    (one,) = [row for row in billing(site, "2026-09") if row["device"] == "one"]
    assert (one["from"][:10], one["to"][:10], one["used"]) == ("2026-09-15", "2026-10-15", 2880)
    site.write_text(plain, encoding="utf-8")
    registry = site.parent / "devices.yaml"
    registry.write_text(registry.read_text(encoding="utf-8").replace("contract: HD-0001", "reading_day: 20"), encoding="utf-8")
    found = {row["device"]: row["from"][:10] for row in billing(site, "2026-09")}
    assert (found["one"], found["two"]) == ("2026-09-20", "2026-09-01")


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
def test_csv_and_workbook_have_the_chosen_columns_and_no_formula(site: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    asked = ("report", "billing", "--month", "2026-09", "--columns", "contract,device,used")
    found = list(csv.DictReader(StringIO(command(site, *asked, "--csv"))))
    assert {tuple(row.values()) for row in found} == {
        ("HD-0001", "one", "2880.000000"),
        ("'=1+1", "two", "720.000000"),
        ("", "gone", ""),
    }
    path = site.parent / "september.xlsx"
    command(site, *asked, "--xlsx", str(path))
    head, *rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    assert head == ("Contract", "Device", "Used")
    assert set(rows) == {("HD-0001", "one", 2880), ("'=1+1", "two", 720), (None, "gone", None)}


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
def test_a_sealed_month_stays_as_it_was_and_is_closed_once(site: Path, filled: Filled) -> None:
    before = billing(site, "2026-09")
    assert "3 lines, 0 of them corrections" in close(site, "2026-09")
    seal = site.parent / "data" / "billing" / "2026-09.jsonl"
    assert stat.S_IMODE(seal.stat().st_mode) == 0o400
    filled.write([point("two", SEPTEMBER + HOUR, 100.9, 100.9), point("gone", OCTOBER + HOUR, 600.0, 600.0)])
    assert billing(site, "2026-09") == before
    assert "was closed by Lan" in close(site, "2026-09", status=2)
    assert "the next one is 2026-10" in close(site, "2026-11", status=2)
    assert list(seal.parent.iterdir()) == [seal]
    text = command(site, "report", "billing", "--month", "2026-09")
    assert "Closed at" in text


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
def test_the_first_month_to_close_is_one_of_which_something_is_known(site: Path) -> None:
    assert "nothing is known of 2016-09" in close(site, "2016-09", status=2)  # 2026 was meant
    assert not list((site.parent / "data" / "billing").iterdir())
    close(site, "2026-09")


@pytest.mark.real
def test_what_becomes_known_afterwards_is_a_correction_of_the_next_open_month(site: Path, filled: Filled) -> None:
    close(site, "2026-09")
    filled.write([point("gone", OCTOBER + HOUR, 600.0, 600.0)])  # it was silent since the 11th, and counted on
    (fix,) = [row for row in billing(site, "2026-10") if row["kind"] == "correction"]
    # The last reading is a quarter before the 11th: 100 + 10 d x 48 - 0.5 = 579.5; from there 20.5 in 20 d 1 h 15 min.
    gap_ms = OCTOBER + HOUR - (SEPTEMBER + 10 * DAY - EVERY)
    at_the_end = 579.5 + 20.5 * (gap_ms - HOUR) / gap_ms
    assert (fix["device"], fix["month"], fix["sealed"], fix["mark"]) == ("gone", "2026-09", 0, "estimated")
    assert fix["used"] == pytest.approx(at_the_end - 100, abs=1e-6)
    close(site, "2026-10")
    filled.write([point("gone", OCTOBER, 599.0, 599.0), point("gone", NOVEMBER + HOUR, 700.0, 700.0)])
    fixes = {row["month"]: row for row in billing(site, "2026-11") if row["kind"] == "correction"}
    assert fixes["2026-09"]["used"] == pytest.approx(499 - round(at_the_end - 100, 6), abs=1e-9)
    assert fixes["2026-10"]["sealed"] == 0
    sealed = [row for row in billing(site, "2026-10") if row["device"] == "gone"]
    assert [row["kind"] for row in sealed] == ["use", "correction"]


@pytest.mark.real
def test_a_step_that_nobody_confirmed_is_listed_with_both_registers_and_left_out(site: Path, filled: Filled) -> None:
    device = RegisteredDevice(id="one", source="one", domain="water", site="s", area="A1")
    step = StepToConfirm("volume_m3", 804.5, 943.0, SEPTEMBER + 9 * DAY, SEPTEMBER + 9 * DAY + 14 * HOUR)
    filled.write([step_line("one", device, step, SEPTEMBER + 10 * DAY)])
    found = {row["kind"]: row for row in billing(site, "2026-09") if row["device"] == "one"}
    assert found["use"]["used"] == 2880
    row = found["step"]
    assert (row["from_register"], row["to_register"], row["used"], row["mark"]) == (804.5, 943.0, None, "suspect")
    assert (row["to_time"], row["cause"], row["contract"]) == ("2026-09-10T14:00:00+07:00", "a step to confirm", "HD-0001")
    assert [row for row in billing(site, "2026-10") if row["kind"] == "step"] == []
    assert "4 lines, 0 of them corrections" in close(site, "2026-09")
    filled.write([step_line("one", device, step.said(StepState.USED), OCTOBER)])
    assert [row["kind"] for row in billing(site, "2026-10")].count("correction") == 0, "its sums are not worked out again yet"


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
def test_the_audit_log_knows_each_seal(site: Path) -> None:
    close(site, "2026-09")
    close(site, "2026-10")
    assert "2 entries, whole" in command(site, "audit", "verify")
    seals = site.parent / "data" / "billing"
    (seals / "2026-09.jsonl").chmod(0o600)
    (seals / "2026-09.jsonl").write_text((seals / "2026-09.jsonl").read_text().replace("2880", "2881"))
    (seals / "2026-10.jsonl").rename(seals / "2026-12.jsonl")
    said = command(site, "audit", "verify", status=1)
    assert "2026-09.jsonl: the seal was changed" in said
    assert "2026-10.jsonl: the seal was removed" in said
    assert "2026-12.jsonl: the audit log does not know this seal" in said


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
def test_a_seal_whose_entry_was_not_written_gets_it_when_the_month_is_closed_again(site: Path) -> None:
    close(site, "2026-09")
    for path in AuditLog(site.parent / "data" / "j.db").files:
        path.unlink()
    close(site, "2026-09")
    assert "1 entries, whole" in command(site, "audit", "verify")


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
def test_a_month_that_is_not_over_is_not_closed(site: Path) -> None:
    assert "goes on until" in close(site, "2099-01", status=2)
    assert not (site.parent / "data" / "billing").exists()


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
def test_the_other_machine_of_a_pair_does_not_close_a_month_again(site: Path, filled: Filled) -> None:
    one = site.read_text() + "mqtt: {client_id: g1, standby: {machine: a}}\n"
    other = site.with_name("other.yaml")
    other.write_text(one.replace("machine: a", "machine: b").replace("data/j.db", "beside/j.db"))
    site.write_text(one)
    close(site, "2026-09")
    filled.write([point("other", SEPTEMBER, 1.0, 1.0)])  # what was written before is shown then
    said = close(other, "2026-09", status=2)
    assert "the other machine has closed 2026-09: copy its folder" in said
    (site.parent / "beside").mkdir(exist_ok=True)
    (site.parent / "data" / "billing").rename(site.parent / "beside" / "billing")
    assert "was missing" not in close(other, "2026-10")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "--month: '' is not a month"),
        (("--month", "2026-13"), "is not a month"),
        (("--month", "2026-10", "--step", "day"), "--step: is not for billing"),
        (("--month", "2026-10", "--by", "area"), "--by: says who closes a month"),
        (("--month", "2026-10", "--columns", "used,colour"), "--columns: 'colour' is none"),
        (("--month", "2026-10", "--close"), "--close: say who closes the month"),
        (("--month", "2099-01", "--close", "--by", "Lan"), "--close: 2099-01 goes on until"),  # also without any meter
    ],
)
def test_a_faulty_option_is_named(config: Path, arguments: tuple[str, ...], why: str) -> None:
    assert why in command(config, "report", "billing", *arguments, status=2)
