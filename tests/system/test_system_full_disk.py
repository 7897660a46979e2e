"""A disk that is full: never a reason to stop, nor to lose what the policy does not give up."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, post, publish, wait_settled
from tests.system.makes import registry
from tests.system.rig import Gateway, configure, gateway, until_more
from tests.system.small_disk import SmallDisk, small_disk
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/{}/readings"
DISK_BYTES = 8 * 2**20


@pytest.fixture
def gate(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Gateway:
    """Not started yet."""
    return gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)


@pytest.fixture
def disk(gate: Gateway) -> Iterator[SmallDisk]:
    """For the gateway alone."""
    with small_disk(gate.journal.parent, DISK_BYTES) as disk:
        disk.put_in(gate)
        yield disk


def test_a_disk_that_is_full_and_then_is_not_costs_nothing(
    gate: Gateway, disk: SmallDisk, mosquitto: Service, influxdb: Service
) -> None:
    """InfluxDB is away first, and what the journal took by then comes in although nothing can be written; it is removed too."""
    with gate:
        gate.wait_subscribed()
        influxdb.stop()
        with Fleet(mosquitto, rate=500) as fleet:
            until(lambda: gate.pending("journal") > 1000)
            disk.fill()
            until(lambda: gate.ask("/readyz")[0] == 503)
            assert "disk is full" in gate.ask("/readyz")[1]
            influxdb.start()
            until(lambda: gate.ask("/readyz")[0] == 200)
            until(lambda: gate.pending("journal") == 0 and not gate.status()["journal"]["batches"])
            assert disk.free_bytes < 2**20 * 2, "no more than the reserve"
            disk.free()
            until(lambda: not gate.troubles())
        ledger = wait_settled(gate, mosquitto)
        assert (ledger["written"], ledger["expired"], ledger["lost"]) == (len(fleet.acknowledged), 0, 0)
        until((disk.seen / "journal.db.reserve").exists, what="there is a reserve again")
    assert_each_stands_once(influxdb, fleet)


def test_poison_on_a_full_disk_holds_no_good_reading_up(
    gate: Gateway, disk: SmallDisk, mosquitto: Service, influxdb: Service
) -> None:
    """InfluxDB is up and refuses one reading in a hundred, which cannot be kept: it is counted."""
    assert post(influxdb, "/write?db=iot", 'water,device=x temperature_c="warm"') == 204
    with gate:
        gate.wait_subscribed()
        disk.fill()
        with Fleet(mosquitto, rate=1000) as fleet, _poison(mosquitto) as sent:
            while len(sent) < 30:
                assert gate.status()["mqtt"]["unacknowledged"] < 1500, "no reading waits for long"
                assert gate.ask("/readyz")[0] == 200
        ledger = wait_settled(gate, mosquitto)
        assert (ledger["written"], ledger["rejected"]) == (len(fleet.acknowledged), len(sent))
        assert ledger["expired"] == ledger["lost"] == 0
        kept = len(gate.document("/api/rejects")["rejects"])
        assert kept < len(sent), "there was no room for all"
        assert gate.said("rejects not kept")
        disk.free()
        until(lambda: not gate.troubles())
        with client_of(mosquitto) as client:
            publish(client, TOPIC.format("poison-2"), '{"seq": 1, "temperature_c": 20}')
        until(lambda: len(gate.document("/api/rejects")["rejects"]) == kept + 1)


@pytest.mark.slow
def test_a_gateway_starts_on_a_full_disk(gate: Gateway, disk: SmallDisk, mosquitto: Service, influxdb: Service) -> None:
    disk.fill()
    with gate:
        gate.wait_subscribed()
        assert gate.said("runs without its journal")
        with Fleet(mosquitto, rate=200) as fleet:
            until(lambda: gate.ledger()["written"] > 100, what="straight through")
            disk.free()
            until(lambda: gate.said("subscribed to") == 2, what="it started again with its journal")
            gate.wait_ready()
        wait_settled(gate, mosquitto)
        assert not gate.troubles()
        assert gate.journal.name in [path.name for path in disk.seen.iterdir()]
    assert_each_stands_once(influxdb, fleet)


@pytest.mark.slow
def test_a_disk_that_becomes_read_only_is_outlived(
    gate: Gateway, disk: SmallDisk, mosquitto: Service, influxdb: Service
) -> None:
    """As Linux makes it after a fault of the disk. A start on it runs without the journal; both recover by themselves."""
    influxdb.stop()
    with gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=200) as fleet:
            until(lambda: gate.pending("journal") > 100)
            gate.kill()
            disk.remount("ro")
            gate.start()
            gate.wait_subscribed()
            until(lambda: gate.ask("/readyz")[0] == 503)
            disk.remount("rw")
            until(lambda: gate.said("readings of an earlier run"))
            gate.wait_ready()
            until(lambda: gate.ask("/readyz")[0] == 200 and gate.pending("journal") > 100)
            influxdb.start()
        wait_settled(gate, mosquitto)
        assert not gate.troubles()
    assert_each_stands_once(influxdb, fleet)


@pytest.mark.slow
def test_a_stranger_on_a_full_disk_stops_nobody(mosquitto: Service, influxdb: Service, gate: Gateway, disk: SmallDisk) -> None:
    """A message that waits for a registration cannot be stored. Once the broker presses it is given up for those behind."""
    document = json.loads(gate.config.read_text()) | {"devices": {"unknown": "quarantine"}}
    configure(gate, document | {"mqtt": {"url": mosquitto.url, "receive_maximum": 200}})
    registry(gate.folder, [{"id": f"m{number}"} for number in range(20)])
    with gate:
        gate.wait_subscribed()
        disk.fill()
        with Fleet(mosquitto, rate=500) as fleet, client_of(mosquitto) as client:
            for seq in range(3):
                publish(client, TOPIC.format("stranger"), json.dumps({"seq": seq, "flow_m3_h": 1}))
                until_more(lambda: gate.ledger()["written"], 500)
        until(lambda: gate.ledger()["written"] == len(fleet.acknowledged))
        assert gate.ledger()["expired"] == 3
        disk.free()
        until(lambda: not gate.troubles())
    assert_each_stands_once(influxdb, fleet)


@contextmanager
def _poison(broker: Service) -> Iterator[list[int]]:
    """Ten readings a second that InfluxDB refuses; their numbers."""
    sent: list[int] = []
    stopping = threading.Event()

    def work() -> None:
        with client_of(broker) as client:
            while not stopping.wait(0.1):
                publish(client, TOPIC.format("poison"), json.dumps({"seq": len(sent), "temperature_c": 20 + len(sent) % 9}))
                sent.append(len(sent))

    thread = threading.Thread(target=work, name="poison")
    thread.start()
    yield sent
    stopping.set()
    thread.join()
