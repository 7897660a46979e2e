"""``gateway report`` as people call it, on a database with some days of four meters."""

import csv
import json
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.terminal import ProgressLine
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.monitoring.reports.conftest import VICTORIA_METRICS_IS_SLOW
from tests.monitoring.reports.points import DAY, HOUR, START, point, steady
from tests.monitoring.reports.stores import Filled
from tests.system.rig import run_gateway

REGISTRY = """
areas: {A1: Phường Một, A2: "=2+3"}
devices:
  - {id: main, domain: water, area: A1, site: plant, interval: 15min, serial: "0012"}
  - {id: one, domain: water, area: A1, site: street, parent: main, interval: 15min}
  - {id: two, domain: water, area: A2, site: street, parent: main, interval: 15min}
  - {id: late, domain: water, area: A2, interval: 15min}
  - {id: lamp, domain: urban}
"""
DAYS = ("--from", "2026-09-01", "--to", "2026-09-02")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A utility's folder whose database is not there."""
    (tmp_path / "devices.yaml").write_text(REGISTRY, encoding="utf-8")
    (tmp_path / "gateway.yaml").write_text("influxdb: {url: 'http://127.0.0.1:9', api: v1}\n")
    return tmp_path / "gateway.yaml"


@pytest.fixture
def site(config: Path, filled: Filled) -> Path:
    """A utility's folder, with points of its meters."""
    config.write_text(f"influxdb: {{url: '{filled.service.url}', api: v1}}\nlanguage: en\n")
    filled.write(steady("main", START - 7 * 60_000, START + 4 * DAY, 1.0))
    filled.write(steady("one", START - HOUR, START + 4 * DAY, 0.5) + steady("two", START - HOUR, START + 4 * DAY, 0.25))
    filled.write(steady("late", START + DAY + HOUR, START + 4 * DAY, 0.25))
    filled.write([point("one", START + 1, 5.0, None, quality=4)])
    return config


def report(config: Path, *arguments: str, status: int = 0) -> str:
    done = run_gateway("report", *arguments, "-c", config)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def rows(config: Path, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in report(config, *arguments, "--json").splitlines()]


@pytest.mark.real
def test_consumption_by_device_names_registers_and_causes(site: Path) -> None:
    found = {(row["device"], row["from"][8:10]): row for row in rows(site, "consumption", *DAYS, "--step", "day")}
    assert len(found) == 8
    first = found["main", "01"]
    assert (first["used"], first["unit"], first["serial"], first["estimated"]) == (96, "m3", "0012", False)
    assert (first["from"], first["to"]) == ("2026-09-01T00:00:00+07:00", "2026-09-02T00:00:00+07:00")
    assert first["from_time"] == "2026-08-31T23:53:00+07:00"
    assert first["from_register"] == pytest.approx(100 - 7 / 15)
    assert found["one", "01"]["suspect"] == 1
    late = found["late", "01"]
    assert (late["used"], late["cause"]) == (None, "no reading before it")


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
def test_the_csv_has_the_figures_of_the_json_and_holds_no_formula(site: Path) -> None:
    text = report(site, "consumption", *DAYS, "--by", "area", "--csv")
    found = list(csv.DictReader(StringIO(text)))
    # Of 192 that came in one house used 96, and 48 went on to another area.
    shown = ("group", "name", "used", "supplied", "lost", "lost_pct", "devices", "uncovered", "cause")
    assert [tuple(row[key] for key in shown) for row in found] == [
        ("A1", "Phường Một", "96.000000", "144.000000", "48.000000", "33.33", "1", "0", ""),
        ("A2", "'=2+3", "48.000000", "", "", "", "2", "1", "no meter of what comes in"),
    ]
    plain = rows(site, "consumption", *DAYS, "--by", "area")
    assert [float(row["used"]) for row in found] == [row["used"] for row in plain]
    assert list(found[0]) == list(plain[0])


@pytest.mark.real
@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("site", {"plant": 0, "street": 144, "": 0}),
        ("domain", {"water": 144}),
        ("parent", {"main": 144}),
    ],
)
def test_what_a_group_used_is_that_of_its_customers(site: Path, by: str, groups: dict[str, float]) -> None:
    assert {row["group"]: row["used"] or 0 for row in rows(site, "consumption", *DAYS, "--by", by)} == groups


@pytest.mark.real
def test_a_group_in_the_month_that_goes_on_is_shown_up_to_the_last_midnight(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.parent / "data").mkdir(exist_ok=True)
    (site.parent / "data" / PERMIT).touch()
    now = ScaledTime(round(time.time() * 1000), START + 3 * DAY + 10 * HOUR, 1.0)
    monkeypatch.setenv(VARIABLE, str(now))
    month = ("--from", "2026-09", "--to", "2026-10", "--by", "domain")
    september, october = rows(site, "consumption", *month)
    assert (september["to"][:10], september["used"], september["cause"]) == ("2026-09-04", 3 * 72, None)
    assert (october["used"], october["cause"]) == (None, "it has not ended yet")
    zone, _ = rows(site, "balance", "--from", "2026-09", "--to", "2026-10")
    assert (zone["in"], zone["out"], zone["lost"]) == (3 * 96, 3 * 72, 3 * 24)
    assert "2026-09-01/2026-09-03" in report(site, "consumption", *month)


@pytest.mark.real
def test_the_balance_shows_what_is_lost_between_a_parent_and_its_children(site: Path) -> None:
    (row,) = rows(site, "balance", *DAYS)
    assert (row["parent"], row["in"], row["out"], row["lost"], row["lost_pct"]) == ("main", 192, 144, 48, 25)
    assert (row["completeness_in_pct"], row["completeness_out_pct"], row["cause"]) == (100, 100, None)


@pytest.mark.real
def test_completeness_by_device_and_by_area_agree_and_begin_with_the_first_reading(site: Path) -> None:
    devices = rows(site, "completeness", *DAYS, "--step", "day")
    late = [row for row in devices if row["device"] == "late"]
    assert [(row["expected"], row["received"], row["received_pct"]) for row in late] == [(92, 92, 100)]
    areas = rows(site, "completeness", *DAYS, "--by", "area")
    assert {row["group"]: (row["expected"], row["received"]) for row in areas} == {"A1": (384, 384), "A2": (284, 284)}
    assert {row["device"] for row in devices} == {"main", "one", "two", "late"}


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
@pytest.mark.parametrize(
    ("language", "words"), [("en", ["Used", "m³", "96.000", "not covered"]), ("vi", ["Tiêu thụ", "96,000"])]
)
def test_the_table_speaks_the_language_and_ends_with_what_to_know(site: Path, language: str, words: list[str]) -> None:
    text = report(site, "consumption", *DAYS, "--step", "day", "--language", language)
    assert all(word in text for word in words)
    assert "\x1b" not in text
    lines = text.splitlines()
    assert "2026-09-01 00:00" in lines[0]
    assert lines[-1] != ""


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
@pytest.mark.parametrize(
    ("step", "to", "periods"),
    [
        ("month", "2026-10", ["2026-09", "2026-10"]),
        ("month", "2026-09-03", ["2026-09-01/2026-09-03"]),
        ("day", "2026-09-02", ["2026-09-01", "2026-09-02"]),
        ("hour", "2026-09-01", [f"2026-09-01 {hour:02}:00" for hour in range(24)]),
    ],
)
def test_the_table_names_a_period_as_people_do(site: Path, step: str, to: str, periods: list[str]) -> None:
    text = report(site, "consumption", "--from", "2026-09", "--to", to, "--step", step, "--by", "domain")
    assert [line.split("  ")[0] for line in text.splitlines() if "Water" in line] == periods


@pytest.mark.real
def test_victoria_metrics_says_what_is_not_worked_into_its_sums(site: Path, filled: Filled) -> None:
    said = "does not replace points" in report(site, "consumption", *DAYS, "--language", "en")
    assert said is (filled.service.name == "victoria-metrics")


@VICTORIA_METRICS_IS_SLOW
@pytest.mark.real
def test_another_zone_has_other_days(site: Path) -> None:
    (row,) = [row for row in rows(site, "consumption", *DAYS, "--zone", "Europe/Berlin") if row["device"] == "main"]
    assert (row["from"], row["to"]) == ("2026-09-01T00:00:00+02:00", "2026-09-03T00:00:00+02:00")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            ("--from", "01/09/2026", "--to", "2026-09"), "--from: '01/09/2026' is not a day; write 2026-10-31", id="form"
        ),
        pytest.param(("--from", "2026-09", "--to", "2026-02-30"), "--to: '2026-02-30' is not a day", id="february"),
        pytest.param(("--from", "2026-09-02", "--to", "2026-09-01"), "--from: 2026-09-02 is after --to 2026-09-01", id="order"),
        pytest.param((*DAYS, "--month", "2026-09"), "--month: is not for consumption", id="billing"),
        pytest.param((*DAYS, "--zone", "Hanoi"), "--zone: 'Hanoi' is not a time zone", id="zone"),
    ],
)
def test_an_option_that_cannot_be_meant_is_said(config: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in report(config, "consumption", *arguments, status=2)


def test_a_balance_by_something_else_is_refused(config: Path) -> None:
    assert "not by area" in report(config, "balance", *DAYS, "--by", "area", status=2)


@pytest.mark.parametrize("text", [None, "devices: []\n"], ids=["no-file", "empty"])
def test_a_report_needs_registered_devices(config: Path, text: str | None) -> None:
    registry = config.with_name("devices.yaml")
    registry.unlink()
    if text is not None:
        registry.write_text(text)
    said = report(config, "consumption", *DAYS, status=2)
    assert said.startswith(f"{registry}: devices: ")
    assert "a report is about the registered devices" in said


def test_a_database_that_does_not_answer_ends_the_report_with_three(config: Path) -> None:
    assert report(config, "consumption", *DAYS, status=3).startswith("http://127.0.0.1:9 does not answer: ")


def test_progress_is_for_a_terminal_alone() -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    terminal, pipe = Terminal(), StringIO()
    for out in (terminal, pipe):
        line = ProgressLine(out)
        line.say("water ...")
        for _ in range(3):
            line.clear()
    assert terminal.getvalue() == "\r\x1b[Kwater ...\r\x1b[K"
    assert pipe.getvalue() == ""
