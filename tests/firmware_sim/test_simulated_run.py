"""``firmware-sim run`` in simulated time: in order, as fast as a real broker takes it or by a clock that others share."""

import asyncio
import json
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.cli import main
from firmware_sim.clock import PacedClock
from gateway.commands.demo.services import Service
from schemas.scaled_clock import VARIABLE, ScaledTime

FLEET = ["--water", "4", "--power", "3", "--traffic", "3", "--urban", "2", "--interval", "900", "--connections", "shared"]
START = "2026-01-05T00:00:00+07:00"
START_MS = 1_767_546_000_000
DAY_MS = 86_400_000


def _run(broker: Service, ledger: Path, *options: str) -> list[dict[str, Any]]:
    assert main(["run", "--broker", broker.url, "--ledger", str(ledger), *FLEET, *options]) == 0
    return [json.loads(line) for line in ledger.read_text().splitlines()]


@pytest.mark.real
def test_two_days_pass_as_fast_as_the_broker_takes_them_in_order(mosquitto: Service, tmp_path: Path) -> None:
    rows = _run(mosquitto, tmp_path / "ledger", "--start", START, "--days", "2", "--speed", "0")
    readings = [row for row in rows if "f" in row]
    by_device = defaultdict(list)
    for row in readings:
        by_device[row["tags"]["device"]].append((row["ts"], row["seq"]))
    assert len(by_device) == 12
    for sent in by_device.values():
        assert all(one < other for one, other in pairwise(sent))
        assert sent[0][0] >= START_MS
        assert START_MS + 2 * DAY_MS <= sent[-1][0] < START_MS + 2 * DAY_MS + 5 * 900_000, "a reading behind the last midnight"
    days = {(row["from"], row["to"]) for row in rows if "consumed" in row}
    assert days == {(START_MS + day * DAY_MS, START_MS + (day + 1) * DAY_MS) for day in (0, 1)}
    assert all(abs(row["at"] - row["ts"]) <= 10 * 900_000 for row in readings), "the clock does not run ahead of the broker"


@pytest.mark.real
def test_a_fleet_goes_by_the_clock_that_it_shares_with_a_gateway(
    mosquitto: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale = ScaledTime(time.time_ns() // 1_000_000, START_MS, 3_600)
    monkeypatch.setenv(VARIABLE, str(scale))
    rows = _run(mosquitto, tmp_path / "ledger", "--days", "0.1")
    took_ms = scale.at_ms(time.time_ns()) - START_MS
    assert took_ms >= 0.1 * DAY_MS
    readings = [row for row in rows if "f" in row]
    assert len(readings) >= 12 * 9
    assert all(-60_000 < row["at"] - row["ts"] < 3_600_000 for row in readings), "each is sent when it was measured"


def test_a_paced_clock_notes_how_far_the_run_is_behind_it() -> None:
    clock = PacedClock(ScaledTime(time.time_ns() // 1_000_000 - 1_000, START_MS, 3_600))
    behind_s = clock.now_ms() / 1000 - START_MS / 1000
    asyncio.run(clock.reach(START_MS / 1000))
    assert clock.behind_s == pytest.approx(behind_s, rel=0.1)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(["--days", "2"], "set --start", id="days-of-real-time"),
        pytest.param(["--speed", "0"], "set --start", id="no-speed"),
        pytest.param(["--start", START], "set --days or --until", id="no-end"),
        pytest.param(["--start", START, "--days", "1", "--until", START], "set --days or --until", id="two-ends"),
        pytest.param(["--start", "2026-01-05", "--days", "1"], "with its zone", id="no-zone"),
        pytest.param(["--start", START, "--until", START], "not after", id="no-time"),
        pytest.param(["--start", START, "--days", "1", "--story", "flood"], "firmware-sim stories lists", id="no-story"),
        pytest.param(["--start", START, "--days", "1", "--story", "leak=many"], "NAME=N", id="no-number"),
    ],
)
def test_impossible_spans_are_refused_with_what_to_do(
    options: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *options]) == 2
    assert complaint in capsys.readouterr().err


def test_a_start_beside_a_shared_clock_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(VARIABLE, "1,2,3600")
    assert main(["run", "--start", START, "--days", "1"]) == 2
    assert "leave out --start" in capsys.readouterr().err


def test_stories_lists_each_with_the_alarm_that_must_follow(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stories"]) == 0
    said = capsys.readouterr().out
    assert "burst                burst             water-district" in said
    assert "rolls_over           -  " in said
