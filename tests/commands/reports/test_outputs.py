"""``gateway report`` with rows that are known: options, tables in two languages, CSV, JSON, notes and exit codes."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.commands.cli import main
from gateway.commands.reports import report as module
from gateway.commands.reports.report_rows import GROUP_USE, ReportRow, amount
from gateway.ingest.database.store import StoreFault
from tests.rows import each_row
from tests.site import Site

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
SEPTEMBER = datetime(2026, 9, 1, tzinfo=ZONE)
USE: ReportRow = {
    "from": SEPTEMBER,
    "to": datetime(2026, 10, 1, tzinfo=ZONE),
    "device": "m1",
    "lane": "2",
    "counter": "volume_m3",
    "unit": "m3",
    "used": Decimal("1234.5"),
    "estimated": False,
    "suspect": 0,
    "cause": None,
    "serial": "0012",
    "from_register": 100.0,
    "from_time": SEPTEMBER,
    "to_register": None,
    "to_time": None,
}
GROUP: ReportRow = {
    "from": SEPTEMBER,
    "to": SEPTEMBER + timedelta(1),
    "by": "area",
    "group": "A1",
    "name": "=An",
    "domain": "water",
    "counter": "volume_m3",
    "unit": "m3",
    "used": amount(-2_500_000),
    "devices": 3,
    "uncovered": 1,
    "estimated": 2,
    "suspect": 0,
}

Report = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def report(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Report:
    """Print a report of these rows; its exit status, its lines, and those of standard error."""
    site.devices({"id": "m1", "domain": "water", "interval": "1h"}, {"id": "m2", "domain": "water"}, {"id": "p1"})
    asked: list[Any] = []

    @asynccontextmanager
    async def opened(_: object) -> AsyncIterator[object]:
        yield SimpleNamespace(is_overwritten=True)

    async def as_it_is(_: object, store: object, *__: object) -> object:
        return store

    monkeypatch.setattr(module, "open_store", opened)
    monkeypatch.setattr(module, "with_late_sums", as_it_is)

    def give(*words: str, rows: tuple[ReportRow | Exception, ...] = ()) -> tuple[int, list[str], list[str]]:
        async def each(_: object, question: object, progress: Any) -> AsyncIterator[ReportRow]:  # noqa: ANN401
            asked.append(question)
            progress.say("water ...")
            for row in rows:
                if isinstance(row, Exception):
                    raise row
                yield row

        for kind in ("consumption", "balance", "completeness"):
            monkeypatch.setitem(module._ROWS, kind, each)  # noqa: SLF001
        assert site.config
        status = main(["report", *words, "-c", str(site.folder / "gateway.yaml")])
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err.splitlines()

    give.asked = asked  # type: ignore[attr-defined]
    return give


DAYS = ("--from", "2026-09", "--to", "2026-09")
EN = ("--language", "en")


def test_a_table_names_period_device_and_unit_as_people_do(report: Report) -> None:
    uncovered = USE | {"used": None, "cause": "no reading", "estimated": True, "suspect": 2, "serial": None}
    status, lines, told = report("consumption", *DAYS, *EN, rows=(USE, uncovered))
    assert (status, told, lines[:2]) == (0, [], ["Consumption: 2026-09-01 00:00 to 2026-10-01 00:00 (Asia/Ho_Chi_Minh)", ""])
    head, rule, first, second = lines[2:6]
    assert head.split()[:5] == ["Period", "Device", "Quantity", "Used", "Unit"]
    assert set(rule) == {"─"}
    assert len(rule) == max(map(len, (first, second)))
    assert first.split()[:3] == ["2026-09", "m1", "2"]
    assert "  1,234.500  m³ " in first
    assert first.split()[-7:] == ["m³", "100.000", "2026-09-01", "00:00", "-", "-", "0012"]
    assert first.index("1,234.500") + len("1,234.500") == second.index("-  m³") + 1, "numbers to the right"
    assert second.endswith("  not covered: no reading, estimated, 2 suspect")
    assert lines[6:] == [
        "",
        "1 rows are not covered and show no figure.",
        "1 rows are estimated: there was no reading near the beginning or the end of the period.",
    ]


def test_numbers_stand_as_they_are_written_in_vietnamese(report: Report) -> None:
    _, lines, _ = report("consumption", *DAYS, "--language", "vi", "--by", "area", rows=(GROUP,))
    assert "-2,500" in lines[4]
    assert "2026-09-01" in lines[4]
    assert report("consumption", *DAYS, "--by", "area", rows=(GROUP,))[1][4].split()[:2] == ["2026-09-01", "=An"]


@each_row(
    ("begins", "ends", "shown"),
    [
        ((2026, 9, 1), (2026, 10, 1), "2026-09"),
        ((2026, 9, 1), (2026, 9, 2), "2026-09-01"),
        ((2026, 9, 1), (2026, 9, 8), "2026-09-01/2026-09-07"),
        ((2026, 9, 1), (2026, 11, 1), "2026-09-01/2026-10-31"),
        ((2026, 9, 1, 5), (2026, 9, 1, 6), "2026-09-01 05:00"),
        ((2026, 9, 1, 23), (2026, 9, 2), "2026-09-01 23:00"),
    ],
)
def test_a_period_is_named_by_what_it_is(report: Report, begins: tuple[int, ...], ends: tuple[int, ...], shown: str) -> None:
    row = USE | {"from": datetime(*begins, tzinfo=ZONE), "to": datetime(*ends, tzinfo=ZONE)}  # type: ignore[misc, arg-type]
    assert report("consumption", *DAYS, *EN, rows=(row,))[1][4].startswith(f"{shown}  m1 2")


def test_csv_has_a_head_times_of_a_zone_and_no_formula(report: Report) -> None:
    status, lines, told = report("consumption", *DAYS, "--by", "area", "--csv", rows=(GROUP, GROUP | {"used": None}))
    assert status == 0
    assert lines[0] == ",".join(GROUP_USE)
    start, end = "2026-09-01T00:00:00+07:00", "2026-09-02T00:00:00+07:00"
    assert lines[1] == f"{start},{end},area,A1,'=An,water,volume_m3,m3,-2.500000,,,,,,3,1,2,0,,,,,,,,"
    assert lines[2].endswith(",m3,,,,,,,3,1,2,0,,,,,,,,")
    assert told == [
        "2 rows leave out devices that are not covered; the column says how many.",
        "2 rows are estimated: there was no reading near the beginning or the end of the period.",
    ]
    (_, row), _ = report("consumption", *DAYS, "--csv", rows=(USE | {"estimated": True},))[1:]
    assert ",true," in row


def test_json_has_an_object_a_line_with_all_digits(report: Report) -> None:
    _, (line,), _ = report("consumption", *DAYS, "--json", rows=(USE,))
    assert '"used":1234.5' in line
    assert json.loads(line)["from"] == "2026-09-01T00:00:00+07:00"


def test_without_rows_a_table_says_so_and_a_program_gets_none(report: Report) -> None:
    assert report("consumption", *DAYS, *EN)[1][2:] == ["There are no rows."]
    assert report("consumption", *DAYS, "--json")[1:] == ([], [])


def test_of_many_rows_the_first_two_hundred_decide_how_wide_columns_are(report: Report) -> None:
    rows = (*[USE] * 199, USE | {"device": "a-longer-name"}, USE | {"device": "the-longest-of-all-names"})
    lines = report("consumption", *DAYS, *EN, rows=rows)[1][4:]
    assert len(lines) == 201
    assert lines[0].index("Volume") == lines[199].index("Volume") < lines[200].index("Volume")


def test_devices_without_an_interval_are_counted_below_completeness(report: Report) -> None:
    _, lines, _ = report("completeness", *DAYS, *EN)
    assert lines[-1] == "2 devices have no interval in the registry: nothing is expected of them."


def test_the_question_has_the_days_of_the_zone_and_what_is_added_up(report: Report) -> None:
    asked = report.asked  # type: ignore[attr-defined]
    report("consumption", "--from", "2026-02", "--to", "2026-02", "--step", "day", "--zone", "UTC", "--language", "vi")
    assert (len(asked[-1].spans), asked[-1].zone.key, asked[-1].by.value, asked[-1].language) == (28, "UTC", "device", "vi")
    report("balance", "--from", "2026-09-01", "--to", "2026-09-02", "--step", "hour", "--json")
    assert (len(asked[-1].spans), asked[-1].by.value, asked[-1].language) == (48, "parent", "en")
    assert asked[-1].spans[0].start_ms == SEPTEMBER.timestamp() * 1000


@each_row(
    ("words", "said"),
    [
        (("consumption", "--from", "2026-10-02", "--to", "2026-10-01"), "--from: 2026-10-02 is after --to 2026-10-01"),
        (
            ("consumption", "--from", "2026-13", "--to", "2026-10"),
            "--from: '2026-13' is not a day; write 2026-10-31, or 2026-10",
        ),
        (("consumption", "--from", "2026-10", "--to", "2026-02-30"), "--to: '2026-02-30' is not a day; "),
        (("consumption", "--from", "1899-10", "--to", "2026-10"), "--from: '1899-10' is not a day; "),
        (("balance", *DAYS, "--by", "area"), "--by: a balance is that of a parent and its children, not by area"),
        (("consumption", *DAYS, "--zone", "Hue"), "--zone: 'Hue' is not a time zone; write for example Asia/Ho_Chi_Minh"),
        (("consumption", *DAYS, "--zone", "../x"), "--zone: '../x' is not a time zone"),
    ],
)
def test_what_no_report_can_be_made_of_is_refused(report: Report, words: tuple[str, ...], said: str) -> None:
    status, lines, told = report(*words)
    assert (status, lines, len(told)) == (2, [], 1)
    assert said in told[0]


def test_a_database_that_goes_away_ends_it_and_clears_the_line_of_a_terminal(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert report("consumption", *DAYS, "--json", rows=(StoreFault("it is away"),))[::2] == (3, ["it is away"])
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    status, _, told = report("consumption", *DAYS, "--json", rows=(StoreFault("it is away"),))
    assert (status, "".join(told)) == (3, "\x1b[Kwater ...\x1b[Kit is away")
    told = report("consumption", *DAYS, "--json", rows=(USE,))[2]
    assert "".join(told) == "\x1b[Kwater ...\x1b[K"


def test_without_a_device_there_is_nothing_to_report(report: Report, site: Site) -> None:
    site.devices()
    path = f"{site.folder}/devices.yaml"
    assert report("consumption", *DAYS)[2] == [
        f"{path}: devices: no device is registered; a report is about the registered devices"
    ]
    (site.folder / "devices.yaml").unlink()
    assert report("consumption", *DAYS)[2] == [f"{path}: devices: does not exist; a report is about the registered devices"]
