"""Devices that a profile reads, from the network server's message to the database, and with the gateway killed on the way."""

import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.fleet import client_of, publish_all, wait_settled
from tests.system.makes import ECHO_CODEC, Frame, Sender, assert_each_frame_stands, profile, registry, rows_of
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real

EUIS = [f"24e124126a14840{n}" for n in range(8)]
MODEL = {"model": "EM500-PP", "site": "q1"}


def frames(count: int, first: int = 0) -> list[Frame]:
    """Frames of all devices by turns, each with a time of its own."""
    start_ms = time.time_ns() // 1_000_000 - 10_000
    return [Frame(EUIS[n % len(EUIS)], n, start_ms + n, (n * 7) % 1000) for n in range(first, first + count)]


def test_frames_of_a_shipped_make_stand_in_influxdb(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    registry(folder, [{"id": eui, **MODEL} for eui in EUIS])
    sent = frames(2000)
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish_all(client, [(frame.topic, frame.payload(frame.milesight)) for frame in sent])
        ledger = wait_settled(gate, mosquitto)
        assert (ledger["received"], ledger["written"]) == (4000, 4000), "a reading of water and one of the device each"
        assert gate.troubles() == ""
        assert gate.status()["mqtt"]["unacknowledged"] == 0
    assert_each_frame_stands(influxdb, sent)
    row, *_ = rows_of(influxdb, EUIS[3])
    assert row == {"time": sent[3].time_ms, "device": EUIS[3], "site": "q1", "pressure_kpa": 21, "quality": 0}
    row, *_ = rows_of(influxdb, EUIS[3], "device_health")
    health = {"battery_pct": 92, "rssi_dbm": -97, "snr_db": 6.5, "frame_counter": 3}
    of_frame = {name: value for name, value in row.items() if value is not None}  # others have more after a minute
    assert of_frame == {"time": sent[3].time_ms, "device": EUIS[3], "site": "q1", "quality": 0, **health}


def test_a_frame_that_comes_twice_is_one_reading(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    registry(folder, [{"id": eui, **MODEL} for eui in EUIS])
    sent = frames(80)
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        for _ in range(2):
            publish_all(client, [(frame.topic, frame.payload(frame.milesight)) for frame in sent])
        ledger = wait_settled(gate, mosquitto)
    assert (ledger["received"], ledger["written"], ledger["duplicate"]) == (320, 160, 160)
    assert_each_frame_stands(influxdb, sent)


@pytest.mark.parametrize(
    ("kill", "away"),
    [
        pytest.param(True, True, id="killed-influxdb-away"),
        pytest.param(False, False, id="stopped-influxdb-there"),
        pytest.param(True, False, id="killed-influxdb-there", marks=pytest.mark.slow),
        pytest.param(False, True, id="stopped-influxdb-away", marks=pytest.mark.slow),
    ],
)
def test_a_gateway_that_ends_while_codecs_are_asked_loses_nothing(
    mosquitto: Service, influxdb: Service, tmp_path: Path, *, away: bool, kill: bool
) -> None:
    """The codec takes its time, so that messages are on their way at each kill."""
    folder = tmp_path / "gateway"
    slow = f"function wait() {{ for (const end = Date.now() + 2; Date.now() < end;); }} {ECHO_CODEC}"
    folder.mkdir()
    profile(folder, "slow", slow.replace("{ return", "{ wait(); return"))
    with gateway(folder, mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        with Sender(mosquitto, EUIS, rate=200) as sender:
            for _ in range(2):
                if away:
                    influxdb.stop()
                until(lambda: gate.status()["codecs"]["pending"] > 3, what="codecs are asked")
                if kill:
                    gate.kill()
                else:
                    assert gate.terminate() == 0
                gate.start()
                gate.wait_subscribed()
        influxdb.start()
        ledger = wait_settled(gate, mosquitto, within_s=40.0)
        assert ledger["lost"] == ledger["rejected"] == ledger["expired"] == 0
    assert_each_frame_stands(influxdb, sender.sent)


def test_frames_are_not_acknowledged_before_they_are_durable(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    """InfluxDB is away and the journal full: what its codec has decoded stays with the broker."""
    folder = tmp_path / "gateway"
    registry(folder, [{"id": eui, **MODEL} for eui in EUIS])
    sent = frames(3000)
    full = {"min_free_bytes": 0, "max_bytes": "96KiB", "when_full": "stop_acking"}
    with gateway(folder, mosquitto.url, influxdb.url, journal=full) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        influxdb.stop()
        publish_all(client, [(frame.topic, frame.payload(frame.milesight)) for frame in sent])
        until(lambda: "stop_acking" in gate.troubles() and gate.status()["codecs"]["pending"] == 0, what="the journal is full")
        assert gate.status()["mqtt"]["unacknowledged"] > 0
        gate.kill()
        influxdb.start()
        gate.start()
        gate.wait_ready()
        ledger = wait_settled(gate, mosquitto, within_s=60.0)  # so small a journal takes some hundred frames at a time
        assert (ledger["lost"], ledger["rejected"], ledger["expired"]) == (0, 0, 0)
    assert_each_frame_stands(influxdb, sent)
