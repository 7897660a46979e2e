"""Messages of devices that nobody registered yet: kept on disk, and let in with their own times once somebody does."""

import json
import signal
import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish_all
from tests.system.makes import Frame, assert_each_frame_stands, profile, registry, rows_of
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

EUIS = [f"24e124126a14840{n}" for n in range(5)]
NATIVE = ["pump-1", "pump-2"]
QUARANTINE: Document = {"unknown": "quarantine"}
SHIPPED: Document = {"enable": ["milesight-em500-pp"]}
MINUTES_MS = 240_000
_PRESSURES = "SELECT pressure_kpa FROM water WHERE device = '{}'"


def frames(count: int) -> list[Frame]:
    """Frames of some minutes ago, of all devices by turns."""
    start_ms = time.time_ns() // 1_000_000 - MINUTES_MS
    return [Frame(EUIS[n % len(EUIS)], n // len(EUIS), start_ms + 50 * n, n % 1000) for n in range(count)]


def readings(count: int) -> list[tuple[str, str]]:
    """Native readings without a time, numbered for each device."""
    return [
        (f"iot/v1/site/water/{device}/readings", json.dumps({"seq": n, "flow_m3_h": n / 100}))
        for n in range(count)
        for device in NATIVE
    ]


def register_all(gate: Gateway) -> None:
    registry(gate.folder, [{"id": eui, "model": "EM500-PP"} for eui in EUIS] + [{"id": name} for name in NATIVE])
    gate.send_signal(signal.SIGHUP)


def assert_in_order(influxdb: Service, device: str, count: int) -> None:
    """Readings without a time of their own are in the order in which they came, each once."""
    rows = rows_of(influxdb, device)
    assert [row["seq"] for row in rows] == list(range(count))
    assert {row["quality"] for row in rows} == {1}


def test_what_waited_arrives_with_its_own_time_once_its_device_is_registered(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    sent, untimed = frames(1000), readings(300)
    begun_ms = time.time_ns() // 1_000_000
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, devices=QUARANTINE, profiles=SHIPPED) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        publish_all(client, [(frame.topic, frame.payload(frame.milesight)) for frame in sent])
        publish_all(client, untimed)
        until(lambda: gate.pending("quarantine") == 1600, what="all wait")
        gate.kill_at_rest()
        gate.start()
        gate.wait_subscribed()
        assert gate.pending("quarantine") == 1600, "they outlive the process"
        assert query(influxdb.url, "iot", "SELECT * FROM water") == []
        until(lambda: time.time_ns() // 1_000_000 > begun_ms + 3000, what="300 stamps two apart lie behind")
        came_ms = time.time_ns() // 1_000_000

        register_all(gate)
        until(lambda: gate.ledger()["written"] == 2 * 1000 + 600, what="all came in")
        ledger = gate.ledger()
        assert (ledger["duplicate"], ledger["rejected"], ledger["lost"], ledger["expired"]) == (0, 0, 0, 0)
        assert sum(ledger["pending"].values()) == 0
        assert all(device["registered"] and not device["seq_missing"] for device in gate.document("/api/devices")["devices"])
        rows = query(influxdb.url, "iot", "SELECT pressure_kpa, device FROM water WHERE pressure_kpa >= 0")
        found = {(row["device"], row["time"]): row["pressure_kpa"] for row in rows}
        assert found == {(frame.device, frame.time_ms): frame.pressure_kpa for frame in sent}
        for device in NATIVE:
            assert_in_order(influxdb, device, 300)
        (newest,) = query(influxdb.url, "iot", "SELECT last(flow_m3_h) FROM water")
        assert begun_ms <= int(str(newest["time"])) <= came_ms, "stamped when they came, not when they were let in"


def test_a_gateway_killed_while_it_lets_in_what_waited_loses_nothing(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """The journal is the only way out: InfluxDB is away, and the kill comes between two commits."""
    sent = frames(3000)
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, devices=QUARANTINE, profiles=SHIPPED) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        publish_all(client, [(frame.topic, frame.payload(frame.milesight)) for frame in sent])
        until(lambda: gate.pending("quarantine") == 3000, what="all wait")
        register_all(gate)
        until(lambda: gate.pending("quarantine") < 2800, what="some came in")
        gate.kill()
        waited = 3000
        gate.start()
        gate.wait_ready()
        until(lambda: sum(gate.ledger()["pending"].values()) == 0, 20.0, what="the rest came in by itself")
        ledger = gate.ledger()
        assert ledger["received"] <= 2 * waited
        assert (ledger["rejected"], ledger["lost"], ledger["expired"]) == (0, 0, 0)
    assert_each_frame_stands(influxdb, sent)


def test_the_quarantine_keeps_to_its_size_and_the_newest_of_each_device(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    limited = QUARANTINE | {"quarantine_max_bytes": "128KiB"}
    sent = frames(2000)
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, devices=limited, profiles=SHIPPED) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        for start in range(0, 2000, 200):
            publish_all(client, [(frame.topic, frame.payload(frame.milesight)) for frame in sent[start : start + 200]])
        until(lambda: gate.ledger()["received"] == 2000 and gate.pending("memory") == 0, what="all are stored")
        ledger = gate.ledger()
        waits = ledger["pending"]["quarantine"]
        assert ledger["expired"] == 2000 - waits
        size_bytes = sum(len(frame.payload(frame.milesight)) for frame in sent[-waits:])
        assert 0.4 * 131072 < size_bytes < 131072
        assert "the quarantine is full" in gate.printed()
        assert f"{2000 - waits} messages made room in the last 10 minutes, most of them from " in gate.troubles()
        register_all(gate)
        until(lambda: gate.ledger()["written"] == 2 * waits, what="the newest came in")
    stand = {eui: len({row["time"] for row in query(influxdb.url, "iot", _PRESSURES.format(eui))}) for eui in EUIS}
    assert min(stand.values()) > 0.5 * waits / len(EUIS), "each has its share"
    own = [[frame for frame in sent if frame.device == eui] for eui in EUIS]
    assert_each_frame_stands(influxdb, [frame for frames in own for frame in frames[-stand[frames[0].device] :]])


def test_other_devices_are_not_held_up(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    registry(folder, [{"id": EUIS[0]}])
    profile(folder, "two-bytes")
    sent = frames(500)
    with gateway(folder, mosquitto.url, influxdb.url, devices=QUARANTINE) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish_all(client, [(frame.topic, frame.payload(frame.two_bytes)) for frame in sent])
        until(lambda: gate.pending("quarantine") == 400, what="strangers wait")
        until(lambda: gate.ledger()["written"] == 100, what="the one that is registered is heard")
        registry(folder, [{"id": EUIS[0]}, {"id": EUIS[1]}])
        gate.send_signal(signal.SIGHUP)
        until(lambda: gate.pending("quarantine") == 300, what="another one is let in, the others wait on")
        ledger = wait_settled_but_waiting(gate)
        assert ledger["written"] == 200
    assert_each_frame_stands(influxdb, [frame for frame in sent if frame.device in EUIS[:2]])


def wait_settled_but_waiting(gate: Gateway) -> Document:
    """Wait until nothing is on its way but what waits in quarantine; the ledger then."""
    until(lambda: not any(gate.pending(where) for where in ("memory", "journal")), what="settled")
    return gate.ledger()
