"""The service manager is told the truth: ready without a broker, alive while it waits for others, dead when it stands still."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service, free_port
from tests.system.door import Door, Forward, Hang
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, publish, wait_settled
from tests.system.rig import Gateway, gateway
from tests.system.service_manager import PlayedSystemd, wait_until_ready
from tests.waiting import until

pytestmark = pytest.mark.real

NO_INFLUXDB = "http://127.0.0.1:9"
FAULTY = """
import asyncio, signal, sys, time
from gateway.commands.cli import main
from gateway.ingest.storage.reject_account import RejectWriter

async def stands_still(self):
    await asyncio.Event().wait()

if {rejects_stand_still}:
    RejectWriter.run = stands_still
signal.signal(signal.SIGUSR1, lambda *_: time.sleep(1e6))  # in the loop's own thread
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[PlayedSystemd]:
    with PlayedSystemd(tmp_path) as found:
        yield found


def faulty(gate: Gateway, *, rejects_stand_still: bool = False) -> Gateway:
    """Make it one that hangs when it is told to, or whose worker for rejects does."""
    gate.arguments = ["-c", FAULTY.format(rejects_stand_still=rejects_stand_still), *gate.arguments[2:]]
    return gate


def test_without_a_broker_it_is_ready_and_alive_and_says_what_is_missing(
    tmp_path: Path, manager: PlayedSystemd, mosquitto: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.watchdog_s = 20.0
    manager.set_environment(monkeypatch)
    with gateway(tmp_path / "gateway", f"mqtt://127.0.0.1:{free_port()}", NO_INFLUXDB) as gate:
        wait_until_ready(manager)
        until(lambda: manager.heard("STATUS=MQTT broker: not connected") and manager.signs > 0)
        assert not manager.is_subscribed
        document = json.loads(gate.config.read_text())
        document["mqtt"]["url"] = mosquitto.url
        gate.config.write_text(json.dumps(document))
        assert gate.terminate() == 0
        assert manager.heard("STOPPING=1")
        gate.start()
        until(lambda: manager.is_subscribed, what="the mark that an upgrade waits for")


@pytest.mark.slow
def test_a_broker_that_is_away_for_four_watchdog_times_gets_nobody_restarted(
    tmp_path: Path, manager: PlayedSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.watchdog_s = 20.0
    manager.set_environment(monkeypatch)
    with gateway(tmp_path / "gateway", f"mqtt://127.0.0.1:{free_port()}", NO_INFLUXDB) as gate:
        wait_until_ready(manager)
        manager.keeps_quiet_about(gate, 4 * manager.watchdog_s)


@pytest.mark.slow
def test_one_whose_loop_hangs_is_restarted_and_loses_nothing(
    tmp_path: Path, manager: PlayedSystemd, mosquitto: Service, influxdb: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.watchdog_s = 10.0
    manager.set_environment(monkeypatch)
    with faulty(gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)) as gate, Fleet(mosquitto, rate=200) as fleet:
        until(lambda: gate.ledger()["written"] > 100)
        gate.send_signal(signal.SIGUSR1)
        until(lambda: manager.watch(gate), 60, what="a restart")
        gate.wait_subscribed()
        until(lambda: gate.ledger()["written"] > 100)
        fleet.stop()
        wait_settled(gate, mosquitto)
        assert gate.terminate() == 0
    assert_each_stands_once(influxdb, fleet)


@pytest.mark.slow
def test_one_that_waits_for_a_dead_influxdb_is_not_restarted_and_loses_nothing(
    tmp_path: Path, manager: PlayedSystemd, mosquitto: Service, influxdb: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.watchdog_s = 10.0
    manager.set_environment(monkeypatch)
    with (
        Door(influxdb) as door,
        gateway(tmp_path / "gateway", mosquitto.url, door.url) as gate,
        Fleet(mosquitto, rate=200) as fleet,
    ):
        until(lambda: gate.ledger()["written"] > 100)
        door.always(Hang())
        manager.keeps_quiet_about(gate, 40)
        assert gate.pending("journal") > 100
        influxdb.kill()
        manager.keeps_quiet_about(gate, 20)
        fleet.stop()
        influxdb.start()
        influxdb.wait_ready()
        door.always(Forward())
        wait_settled(gate, mosquitto, 120.0)
    assert_each_stands_once(influxdb, fleet)


@pytest.mark.slow
def test_a_worker_that_stands_still_with_work_gets_it_restarted(
    tmp_path: Path, manager: PlayedSystemd, mosquitto: Service, influxdb: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.watchdog_s = 10.0
    manager.set_environment(monkeypatch)
    whole = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    with faulty(whole, rejects_stand_still=True) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        manager.keeps_quiet_about(gate, 15)
        publish(client, "iot/v1/s/water/wm-1/readings", "no JSON")
        until(lambda: manager.watch(gate), 60, what="a restart")
        assert gate.said("rejects has work and stands still: stands_still > Event.wait")
