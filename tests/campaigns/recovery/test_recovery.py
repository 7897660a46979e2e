"""A province recovers from an outage of its centre: within what the centre can do, and live readings do not notice."""

from dataclasses import replace

import pytest

from tests.campaigns.recovery.__main__ import PICTURE, main
from tests.campaigns.recovery.link import Radio
from tests.campaigns.recovery.province import Province, recover

SMALL = Province(cabinets=20, speed=0.1, outage_s=600.0, max_bytes_per_s=8000)
"""A tenth of the province, and of its centre."""
BUSY = Province(cabinets=10, speed=0.05, per_s=16.7, outage_s=20.0, max_bytes_per_s=8000)
"""A device a minute: writes of single readings alone are more than the centre can take."""


@pytest.mark.parametrize("province", [SMALL, BUSY], ids=["quarter-hours", "minutes"])
def test_a_centre_that_comes_back_is_never_over_its_limit_and_live_readings_are_in_time(province: Province) -> None:
    found = recover(province)
    assert found.took_s is not None
    assert (found.lost, found.held_up, found.refused) == (0, 0, 0)
    assert found.busiest <= 1.0
    assert found.max_s < 5.0
    assert found.holds
    assert found.readings >= province.cabinets * province.per_s * (province.outage_s + found.took_s) * 0.95


def test_without_a_budget_the_centre_is_over_its_limit() -> None:
    found = recover(replace(BUSY, max_bytes_per_s=None))
    assert found.busiest > 1.1
    assert not found.holds


def test_on_a_slow_link_a_budget_keeps_live_readings_out_of_the_journal() -> None:
    """Behind a large write of the backlog they would be taken for stalled."""
    slow = replace(SMALL, cabinets=10, radio=Radio(bytes_per_s=8000.0, way_s=0.3), max_bytes_per_s=6000)
    assert recover(slow).holds
    assert recover(replace(slow, max_bytes_per_s=None)).held_up


def test_without_jitter_the_cabinets_stand_in_line_together() -> None:
    together = recover(replace(SMALL, jitter=False))
    assert together.waiting >= SMALL.cabinets * 0.9
    assert recover(SMALL).waiting < SMALL.cabinets * 0.6


def test_a_budget_bounds_what_a_centre_gets_however_fast_its_links_are() -> None:
    found = recover(SMALL)
    assert max(found.points.values()) * 25 < 2.5 * SMALL.cabinets * 8000, "a reading takes 25 bytes at the least"


@pytest.mark.parametrize("retry_after_s", [None, 7.0])
def test_a_centre_that_refuses_some_writes_gets_everything_in_the_end(retry_after_s: float | None) -> None:
    province = replace(SMALL, waiting_limit=3, max_bytes_per_s=None, retry_after_s=retry_after_s)
    found = recover(province)
    assert found.refused
    assert found.took_s is not None
    assert found.lost == 0
    assert found.max_s < 5.0, "those that are not refused go before the backlog"


def test_the_same_seed_gives_the_same_recovery() -> None:
    province = replace(SMALL, cabinets=3, outage_s=300.0)
    assert recover(province) == recover(province)


@pytest.mark.parametrize("options", [["--outage", "soon"], ["--cabinets", "0"], ["--interval", "0s"], ["--store", "none"]])
def test_options_that_describe_no_province_are_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_the_command_prints_a_table_of_what_protects_the_centre(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cabinets", "2", "--devices", "200", "--outage", "5min"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 6
    assert rows[2].startswith("| with the budget | ")
    assert rows[2].endswith(" | held |")


def test_the_picture_of_the_page_is_one_that_stands_alone() -> None:
    drawn = PICTURE.read_text(encoding="utf-8")
    assert drawn.startswith("<svg xmlns=")
    assert drawn.count("<path") >= 5


@pytest.mark.slow
def test_the_province_of_the_page_holds_the_bar() -> None:
    assert recover(Province(max_bytes_per_s=8000)).holds
