"""The wall clock: real unless a scaled one is asked for and permitted."""

import asyncio
import time
from pathlib import Path

import pytest

from gateway.commands import CONFIGURATION
from gateway.commands.cli import main
from gateway.support.clock import WallClock, every, wall_clock
from gateway.support.config.files import ConfigurationFault
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.clocks import SetClock
from tests.site import Site
from tests.waiting import PATIENCE_S

SIMULATED_MS = 1_800_000_000_000


def scaled(speed: float) -> dict[str, str]:
    """The environment of a clock that begins now."""
    return {VARIABLE: str(ScaledTime(time.time_ns() // 1_000_000, SIMULATED_MS, speed))}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A gateway on this machine that may run on a scaled clock."""
    site = Site(tmp_path)
    site.sections["mqtt"]["url"] = "mqtt://127.0.0.1"
    site.sections["influxdb"] = {"url": "http://localhost:8086"}
    site.sections["journal"] = {"path": "data/journal.db"}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / PERMIT).touch()
    return site


def test_without_the_variable_the_clock_is_the_systems(site: Site) -> None:
    clock = wall_clock(site.config, {})
    assert clock.is_real
    assert abs(clock.now_ms() - time.time() * 1000) < 1000
    assert clock.real_s(5.0) == 5.0


def test_a_scaled_clock_runs_from_its_origin_and_is_steady(site: Site) -> None:
    clock = wall_clock(site.config, scaled(1000.0))
    assert not clock.is_real
    assert SIMULATED_MS <= clock.now_ms() < SIMULATED_MS + 60_000 * 1000
    now_ms, steady_ms = clock.now_and_steady_ms()
    assert now_ms == steady_ms


def test_a_sleep_ends_when_the_scaled_clock_shows_the_time(site: Site) -> None:
    clock = wall_clock(site.config, scaled(100_000.0))
    day_ms = clock.now_ms() + 86_400_000  # 0.9 s
    asyncio.run(clock.sleep_until(day_ms))
    assert clock.now_ms() >= day_ms
    began_ms = clock.now_ms()
    asyncio.run(clock.sleep(3600.0))
    assert clock.now_ms() >= began_ms + 3_500_000


def test_a_sleep_until_a_past_time_ends_at_once() -> None:
    asyncio.run(asyncio.wait_for(WallClock().sleep_until(0), PATIENCE_S))


@pytest.mark.parametrize(
    ("section", "url"),
    [("mqtt", "mqtt://broker.example"), ("influxdb", "http://10.0.0.5:8086")],
)
def test_partners_on_other_machines_refuse_a_scaled_clock(site: Site, section: str, url: str) -> None:
    site.sections[section]["url"] = url
    with pytest.raises(ConfigurationFault, match=rf"{section}\.url must be on this machine") as refused:
        wall_clock(site.config, scaled(10.0))
    assert len(refused.value.lines) == 1


def test_a_journal_without_the_permit_refuses_a_scaled_clock(site: Site) -> None:
    (site.folder / "data" / PERMIT).unlink()
    with pytest.raises(ConfigurationFault, match=PERMIT):
        wall_clock(site.config, scaled(10.0))


def test_gateway_run_says_why_and_ends(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(VARIABLE, "tomorrow")
    assert site.config
    assert main(["run", "-c", str(site.folder / "gateway.yaml")]) == CONFIGURATION
    assert capsys.readouterr().err == f"{VARIABLE}: 'tomorrow' is not REAL_MS,SIMULATED_MS,SPEED\n"


class PassingClock(SetClock):
    """Passes at once by what is slept; ends the story after a minute."""

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.at_ms += round(seconds * 1000)
        if self.at_ms > 60_000:
            raise asyncio.CancelledError


@pytest.mark.parametrize(("first_s", "looks_s"), [(0.0, [0, 25, 50]), (10.0, [10, 35, 60])])
def test_looks_are_as_far_apart_as_their_clock_says(first_s: float, looks_s: list[int]) -> None:
    clock, seen_s = PassingClock(0), list[int]()

    async def look() -> None:
        seen_s.append(clock.at_ms // 1000)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(every(25.0, clock, look, first_s))
    assert seen_s == looks_s
