"""``gateway setup copy`` with a copier that is known: from where to where, how far it is, what differs, what comes next."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.admin.copying.copier import CopyResult, Difference
from gateway.commands.cli import main
from gateway.commands.setup import copy as module
from gateway.ingest.database.store import FieldFigures, StoreFault
from tests.commands.stopped import Stopped
from tests.site import Site

Copy = Callable[..., tuple[int, list[str], list[str]]]
DAY_MS = round(datetime(2026, 9, 1, tzinfo=UTC).timestamp() * 1000)


class Known:
    """A copier whose result is known."""

    result: CopyResult | BaseException
    made: list[Any]

    def __init__(self, *made: Any) -> None:  # noqa: ANN401 - as the copier
        Known.made = list(made)

    async def run(self) -> CopyResult:
        """Tell how far it is, and end."""
        self.made[-1]("water", DAY_MS, 1234)
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.fixture
def copy(site: Site, stopped: Stopped, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Copy:
    """Give the command, with this result; the exit status, the lines, and those of standard error."""
    assert stopped

    async def plan(*_: object) -> object:
        named = (SimpleNamespace(name=name) for name in ("InfluxDB 1.8", "VictoriaMetrics"))
        return SimpleNamespace(clients=[], jobs=["water"], source=next(named), target=next(named), left_out=["cpu", "disk"])

    monkeypatch.setattr(module, "plan", plan)
    monkeypatch.setattr(module, "Copier", Known)
    target = {"influxdb": {"url": "http://new:8428", "api": "v1", "rollups": {"url": "http://new:8429"}}}
    (site.folder / "new.yaml").write_text(json.dumps(target))

    def give(result: CopyResult | BaseException, *words: str) -> tuple[int, list[str], list[str]]:
        monkeypatch.setattr(Known, "result", result, raising=False)
        given = ["setup", "copy", "-c", str(site.folder / "gateway.yaml"), "--to", str(site.folder / "new.yaml"), *words]
        status = main(given)
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err.splitlines()

    return give


def difference(day: int, here: FieldFigures, there: FieldFigures) -> Difference:
    return Difference("water", "ph", DAY_MS + day * 86_400_000, here, there)


FEWER = (FieldFigures(1440, 1.0), FieldFigures(7, 1.0))
OTHER = (FieldFigures(3, 1.5), FieldFigures(3, 2.5))


def test_the_last_copy_says_that_both_are_the_same_and_what_comes_next(copy: Copy, site: Site) -> None:
    status, lines, told = copy(CopyResult({"water": 12345}, 2))
    assert (status, told) == (0, [])
    assert lines[:4] == [
        "from http://127.0.0.1:9 iot (InfluxDB 1.8)",
        "to   http://new:8428 iot (VictoriaMetrics)",
        "     http://new:8429 iot (roll-ups too)",
        "left out, since no gateway writes them: cpu, disk",
    ]
    assert lines[4:8] == [
        "no gateway runs here: what is copied and compared now is final",
        "",
        "water: 12,345 values compared",
        "days that were copied again: 2",
    ]
    assert f"Both are the same. Put the section influxdb of {site.folder}/new.yaml into {site.folder}/gateway.yaml" in lines[9]
    assert Known.made[3] > DAY_MS
    assert Known.made[4:6] == [102 * 86_400_000, True]


def test_beside_a_gateway_that_runs_what_differs_is_counted_in_days_and_the_next_steps_are_told(
    copy: Copy, stopped: Stopped
) -> None:
    file = stopped.open()
    status, lines, told = copy(CopyResult({}, 0, [difference(0, *FEWER), difference(0, *OTHER), difference(1, *OTHER)]))
    file.close()
    assert (status, told, Known.made[5]) == (0, [], False)
    assert "the gateway runs" in lines
    assert "still differing, since they are being written: 2 days" in lines
    assert "The gateway goes on writing to the old database. Next:" in lines


def test_what_differs_in_the_end_is_named_the_first_ten_and_the_number_of_the_others(copy: Copy) -> None:
    left = [difference(0, *FEWER), *(difference(day, *OTHER) for day in range(1, 12))]
    status, _, told = copy(CopyResult({}, 0, left))
    assert (status, len(told)) == (1, 11)
    assert told[0] == "water ph, 2026-09-01: 1,440 values here, 7 there"
    assert told[1] == "water ph, 2026-09-02: the values add up to 1.5 here, to 2.5 there"
    assert told[10].startswith("and 2 more: the new database does not have what the old one has. Does it keep long enough?")
    assert copy(CopyResult({}, 0, left[:10]))[2][10].startswith("the new database does not have")


def test_a_copy_that_ends_early_goes_on_with_the_same_command(copy: Copy) -> None:
    again = "give the command again, and it goes on"
    assert copy(StoreFault("it is away"))[::2] == (3, [f"it is away; {again}"])
    assert copy(KeyboardInterrupt())[::2] == (3, [f"interrupted; {again}"])


def test_a_dry_run_copies_nothing_and_a_first_day_is_one_of_the_zone(copy: Copy) -> None:
    Known.made = []
    assert copy(CopyResult(), "--dry-run")[0] == 0
    assert Known.made == []
    copy(CopyResult(), "--since", "2026-09-01")
    assert Known.made[1].since_ms == DAY_MS - 7 * 3_600_000
    copy(CopyResult())
    assert Known.made[1].since_ms == datetime(2019, 12, 31, 17, tzinfo=UTC).timestamp() * 1000


def test_how_far_it_is_stands_on_one_line_of_a_terminal_and_elsewhere_now_and_then(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "water: up to 2026-09-01, 1,234 points copied"
    monkeypatch.setattr(module, "_SAY_EVERY_S", -1.0)
    assert copy(CopyResult())[2] == [text]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "".join(copy(CopyResult())[2]) == f"\x1b[K{text}\x1b[K"


def test_the_same_database_is_no_copy(copy: Copy, site: Site) -> None:
    (site.folder / "new.yaml").write_text(json.dumps({"influxdb": site.sections["influxdb"]}))
    status, _, told = copy(CopyResult())
    assert (status, told) == (2, [f"{site.folder}/new.yaml: influxdb: is the database that the gateway writes to already"])
