"""Days of a simulated fleet through real parts on one scaled clock: readings, sums and alarms are what its ledger says."""

import json
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from firmware_sim.cli import main as firmware_sim
from firmware_sim.scenarios.loader import scenario, shipped
from firmware_sim.signals import DAY_S
from gateway.commands.demo.services import Service
from gateway.runtime.pipeline.processing import BUILT_MS
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.system.fleet import wait_settled
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

START_MS = 1_798_966_800_000
"""2027-01-03T16:00:00+07:00. Before it was built the gateway would doubt its clock, and believe a device that is a day ahead.
And the sums of all devices must have been asked for before their first midnight."""
SPEED = 1_800.0
LEAD_MS = 3_000
"""Real time for the start of a gateway."""
FLEET = ["--water", "20", "--power", "14", "--traffic", "8", "--urban", "8", "--interval", "900"]
STEPS = ("reset", "steps_back", "halved", "garbage", "rolls_over", "late")
STORIES = (*STEPS, "garbage_array", "silent", "tamper", "backflow", "voltage_low", "clock_wrong")
RAISED = {
    "quiet_day": 0,
    "flood": 0,
    "clock_chaos": 3,
    "meter_exchange": 2,
    "bad_firmware": 2,
    "broker_outage": 2,
    "rush_hour": 4,
    "power_cut": 2,
    "burst_main": 4,
    "province": 12,
}
"""Scenarios of days, and the alarms that each raises at least."""
PAUSE_S = 40.0
"""From one kill to the next: they fall between 4 and 14 o'clock. A start on a busy machine takes hours of this clock, and
without sums around a midnight two days of every register are marked."""
STORE_IS_LOST = 3
"""With this kill."""


def _said(*arguments: str) -> tuple[int, str]:
    with redirect_stdout(StringIO()) as out:
        status = firmware_sim(arguments)
    return status, out.getvalue()


def _gateway(folder: Path, mosquitto: Service, influxdb: Service) -> Gateway:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / PERMIT).touch()
    gate = gateway(folder, mosquitto.url, influxdb.url, journal={"path": "data/journal.db"})
    _, registry = _said("registry", *FLEET)
    gate.config.with_name("devices.yaml").write_text(registry)
    return gate


def _verified(ledger: Path, influxdb: Service) -> Document:
    where = ["--influxdb", influxdb.url, "--api", "v1", "--bucket", "iot", "--within", "7200"]
    _, told = _said("verify", "--ledger", str(ledger), *where, "--json")
    found: Document = json.loads(told)
    return found


class Days:
    """A fleet's days on a scaled clock, with a gateway that is made before they begin."""

    def __init__(self, folder: Path, mosquitto: Service, influxdb: Service) -> None:
        self._mosquitto, self._influxdb = mosquitto, influxdb
        self._ledger = folder / "ledger.jsonl"
        self.gateway = _gateway(folder / "gateway", mosquitto, influxdb)

    def pass_by(self, days: float, stories: Iterable[str]) -> Document:
        """Let days pass; what ``firmware-sim verify`` says of them."""
        wanted = [word for name in stories for word in ("--story", name)]
        return self.tell(*FLEET, "--days", str(days), *wanted)

    def tell(self, *options: str) -> Document:
        """Let a fleet with options run; what ``firmware-sim verify`` says of it."""
        where = ["--broker", self._mosquitto.url, "--ledger", str(self._ledger), "--connections", "shared"]
        status, said = _said("run", *where, *options)
        assert status == 0, said
        wait_settled(self.gateway, self._mosquitto)
        return _verified(self._ledger, self._influxdb)


def _is_accounted_for(verified: Document) -> None:
    readings, sums = verified["total"], verified["sums"]
    faults = [readings[name] for name in ("missing", "different", "duplicate", "accepted")]
    assert not any(faults), verified["first"]
    assert sums["wrong"] == sums["uncovered"] == 0, verified["first"]
    assert sums["exact"] > 50
    assert sums["marked"] < 0.2 * (sums["exact"] + sums["marked"]), sums


@pytest.fixture
def days(mosquitto: Service, influxdb: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Days]:
    monkeypatch.setenv(VARIABLE, str(ScaledTime(time.time_ns() // 1_000_000 + LEAD_MS, START_MS, SPEED)))
    found = Days(tmp_path, mosquitto, influxdb)
    with found.gateway:
        found.gateway.wait_subscribed()
        yield found


def test_the_days_begin_after_the_gateway_was_built() -> None:
    assert START_MS - SPEED * LEAD_MS > BUILT_MS


def test_three_days_of_a_fleet_to_which_things_happen_are_all_accounted_for(days: Days) -> None:
    verified = days.pass_by(3.4, STORIES)
    _is_accounted_for(verified)
    alarms = verified["alarms"]
    assert alarms["missing"] == alarms["late"] == alarms["doubled"] == alarms["false"] == 0, verified["first"]
    assert alarms["raised"] > 5


@pytest.mark.parametrize(("name", "raised"), RAISED.items())
def test_a_scenario_on_real_parts_is_accounted_for_with_its_alarms(days: Days, name: str, raised: int) -> None:
    _, registry = _said("registry", "--scenario", name)
    days.gateway.config.with_name("devices.yaml").write_text(registry)
    days.gateway.send_signal(signal.SIGHUP)
    first = registry.partition("- id: ")[2].split()[0]
    until(lambda: first in days.gateway.ask("/api/devices")[1], what="the registry is that of the scenario")
    lasts_days = (scenario(name).lasts_s or 0.0) / DAY_S
    verified = days.tell("--scenario", name, "--days", str(max(lasts_days, 2) + 0.4))  # a whole local day is in them
    readings, sums, alarms = verified["total"], verified["sums"], verified["alarms"]
    assert not any(readings[fault] for fault in ("missing", "different", "duplicate", "accepted")), verified["first"]
    assert sums["wrong"] == sums["uncovered"] == 0, verified["first"]
    assert alarms["missing"] == alarms["late"] == alarms["doubled"] == alarms["false"] == 0, verified["first"]
    assert alarms["raised"] >= raised


@pytest.mark.parametrize("name", [name for name, behaving in shipped().items() if behaving.lasts_s is None])
def test_a_scenario_in_real_time_is_accounted_for(mosquitto: Service, influxdb: Service, tmp_path: Path, name: str) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        where = ["--broker", mosquitto.url, "--ledger", str(ledger), "--devices", "60"]
        status, said = _said("run", *where, "--scenario", name, "--interval", "0.5", "--duration", "8")
        assert status == 0, said
        wait_settled(gate, mosquitto)
    readings = _verified(ledger, influxdb)["total"]
    assert not any(readings[fault] for fault in ("missing", "different", "duplicate", "accepted")), readings
    assert readings["found"] > 500


def test_kills_and_a_lost_store_cost_no_reading_and_no_litre(days: Days) -> None:
    """Three starts without a clean end, the last one without anything that was kept."""
    ended = threading.Event()

    def kill() -> None:
        for number in range(1, 4):
            if ended.wait(PAUSE_S):
                return
            days.gateway.kill()
            if number == STORE_IS_LOST:
                for file in days.gateway.journal.parent.glob("journal.db*"):
                    if not file.name.endswith(".token"):
                        file.unlink()
            days.gateway.start()
            days.gateway.wait_subscribed()
        ended.wait()  # a gateway dies with the thread that started it

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        verified = days.pass_by(3.4, STEPS)
    finally:
        ended.set()
        killer.join()
    assert days.gateway.said("connected to mqtt") == 4
    _is_accounted_for(verified)
