"""A gateway without a clock of its own, three hours late after a power cut: the times of devices are kept as they were sent."""

import json
import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish, publish_all, wait_settled
from tests.system.makes import Frame, profile
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

LATE_S = 3 * 3600
LATE_GATEWAY = f"""
import sys, time
seconds, nanoseconds = time.time, time.time_ns
time.time = lambda: seconds() - {LATE_S}
time.time_ns = lambda: nanoseconds() - {LATE_S} * 10**9
from gateway.commands.cli import main
sys.exit(main())
"""
DEVICES = [f"dev-{n}" for n in range(5)]
EUIS = [f"24e124126a14840{n}" for n in range(5)]
READINGS = 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a gateway with a profile of pressure meters."""
    found = tmp_path / "gateway"
    found.mkdir()
    profile(found, "pressure")
    return found


def set_back(gate: Gateway) -> None:
    """From its next start on its clock is three hours late."""
    assert gate.arguments[:2] == ["-m", "gateway"]
    gate.arguments[:2] = ["-c", LATE_GATEWAY]


def publish_readings(broker: Service) -> dict[tuple[str, int], float]:
    """Send readings of ten devices, native ones and frames, with the right time; return the points expected in InfluxDB."""
    now_ms = time.time_ns() // 1_000_000
    messages: list[tuple[str, str | bytes]] = []
    wanted: dict[tuple[str, int], float] = {}
    for n in range(READINGS // 2):
        at_ms = now_ms - READINGS + n
        native, frame = DEVICES[n % 5], Frame(EUIS[n % 5], n, at_ms, n % 1000)
        reading = {"ts": at_ms, "pressure_kpa": n % 900}
        messages += [
            (f"iot/v1/site/water/{native}/readings", json.dumps(reading)),
            (frame.topic, frame.payload(frame.two_bytes)),
        ]
        wanted |= {(native, at_ms): n % 900, (frame.device, at_ms): n % 1000}
    with client_of(broker) as client:
        publish_all(client, messages)
    return wanted


def assert_as_sent(influxdb: Service, wanted: dict[tuple[str, int], float]) -> None:
    rows = query(influxdb.url, "iot", "SELECT pressure_kpa, quality, device FROM water WHERE device != 'stamped'")
    assert {(str(row["device"]), int(str(row["time"]))): row["pressure_kpa"] for row in rows} == wanted
    assert {row["quality"] for row in rows} == {0}, "no time of the gateway's"


def test_influxdb_tells_that_the_clock_is_late(mosquitto: Service, influxdb: Service, folder: Path) -> None:
    gate = gateway(folder, mosquitto.url, influxdb.url)
    set_back(gate)
    with gate:
        gate.wait_subscribed()
        wanted = publish_readings(mosquitto)
        ledger = wait_settled(gate, mosquitto)
        assert (ledger["written"], ledger["rejected"]) == (READINGS, 0)
        assert gate.status()["clock_trusted"] is False
        assert "clock is doubted" in gate.troubles()
        assert abs(gate.status()["now"] / 1000 + LATE_S - time.time()) < 60, "it is really late"
        with client_of(mosquitto) as client:
            publish(client, "iot/v1/site/water/stamped/readings", '{"pressure_kpa": 5}')
        until(lambda: gate.ledger()["written"] == READINGS + 1)
        (row,) = query(influxdb.url, "iot", "SELECT quality FROM water WHERE device = 'stamped'")
        assert row["quality"] == 1 | 32, "what has no time gets the gateway's, marked as doubted"
    assert_as_sent(influxdb, wanted)


def test_the_newest_saved_time_tells_it_where_influxdb_cannot(mosquitto: Service, influxdb: Service, folder: Path) -> None:
    gate = gateway(folder, mosquitto.url, influxdb.url)
    with gate:
        gate.wait_subscribed()
        assert gate.status()["clock_trusted"] is True
        assert gate.terminate() == 0
        influxdb.stop()
        set_back(gate)
        gate.start()
        gate.wait_subscribed()
        wanted = publish_readings(mosquitto)
        until(lambda: gate.pending("journal") == READINGS, 20.0, what="all are in the journal")
        assert gate.status()["clock_trusted"] is False
        influxdb.start()
        ledger = wait_settled(gate, mosquitto)
        assert (ledger["written"], ledger["rejected"]) == (READINGS, 0)
    assert_as_sent(influxdb, wanted)


def test_a_clock_that_is_right_is_trusted_again(mosquitto: Service, influxdb: Service, folder: Path) -> None:
    gate = gateway(folder, mosquitto.url, influxdb.url)
    set_back(gate)
    with gate:
        gate.wait_subscribed()
        until(lambda: gate.status()["clock_trusted"] is False, what="InfluxDB has told")
        assert gate.terminate() == 0
        gate.arguments[:2] = ["-m", "gateway"]
        gate.start()
        gate.wait_subscribed()
        wanted = publish_readings(mosquitto)
        assert wait_settled(gate, mosquitto)["written"] == READINGS
        assert gate.status()["clock_trusted"] is True
        assert gate.troubles() == ""
    assert_as_sent(influxdb, wanted)


STOP_S = 330
EVERY_S = 30
FAST_MS = 7 * 3_600_000


def publish_what_was_held_back(broker: Service) -> dict[tuple[str, int], float]:
    """Send what 30 meters measured in a stop of the gateway, and one that is seven hours fast; return the points of the 30."""
    now_ms = time.time_ns() // 1_000_000
    messages: list[tuple[str, str | bytes]] = []
    wanted: dict[tuple[str, int], float] = {}
    for at_ms in range(now_ms - STOP_S * 1000, now_ms, EVERY_S * 1000):
        for n in range(15):
            native, frame = f"right-{n}", Frame(f"24e124126a1485{n:02}", at_ms // 1000 % 60_000, at_ms + n, n + 1)
            messages += [
                (f"iot/v1/site/water/{native}/readings", json.dumps({"ts": at_ms + n, "pressure_kpa": n})),
                (frame.topic, frame.payload(frame.two_bytes)),
            ]
            wanted |= {(native, at_ms + n): n, (frame.device, at_ms + n): n + 1}
        fast = Frame("24e124126a148600", at_ms // 1000 % 60_000, at_ms + FAST_MS, 5)
        messages += [
            ("iot/v1/site/water/fast/readings", json.dumps({"ts": at_ms + FAST_MS, "pressure_kpa": 5})),
            (fast.topic, fast.payload(fast.two_bytes)),
        ]
    with client_of(broker) as client:
        publish_all(client, messages)
    return wanted


def test_what_the_broker_held_back_casts_no_doubt_and_lets_no_meter_into_the_future(
    mosquitto: Service, influxdb: Service, folder: Path
) -> None:
    gate = gateway(folder, mosquitto.url, influxdb.url)
    with gate:
        gate.wait_subscribed()
        assert gate.terminate() == 0
        wanted = publish_what_was_held_back(mosquitto)
        gate.start()
        gate.wait_subscribed()
        ledger = wait_settled(gate, mosquitto)
        assert ledger["written"] == len(wanted) + 2 * STOP_S // EVERY_S
        assert gate.status()["clock_trusted"] is True
    rows = query(influxdb.url, "iot", "SELECT pressure_kpa, quality, device FROM water")
    right = [row for row in rows if row["quality"] == 0]
    assert {(str(row["device"]), int(str(row["time"]))): row["pressure_kpa"] for row in right} == wanted
    fast = [row for row in rows if row["quality"] != 0]
    assert {row["quality"] for row in fast} == {1}, "filed by arrival"
    assert max(int(str(row["time"])) for row in fast) <= time.time_ns() // 1_000_000
