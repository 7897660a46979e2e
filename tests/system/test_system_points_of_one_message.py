"""Several readings of one message without times, and their replay: what the ledger calls written stands in the database."""

import json
import signal
from base64 import b64encode
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish_all, wait_settled
from tests.system.makes import registry
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

EUI = "24e124126a148401"
TWICE = """
profile: twice
match: {topic: 'twice/{device}'}
points:
  - {measurement: water, fields: {ph: /a}}
  - {measurement: water, fields: {ph: /b}}
tests: [{topic: twice/m1, payload: {a: 7, b: 6}, expect: time_conflict}]
"""
LISTED = f"""
profile: listed
match: {{envelope: lorawan}}
codec: listed.js
points: [{{measurement: power, fields: {{voltage_l1_v: /codec}}}}]
tests:
  - topic: application/1/device/{EUI}/event/up
    payload: {{deviceInfo: {{devEui: {EUI}}}, fPort: 1, data: AgM=}}
    expect:
      - {{measurement: power, time: arrival, fields: {{voltage_l1_v: 200}}}}
      - {{measurement: power, time: arrival, fields: {{voltage_l1_v: 300}}}}
"""
CODEC = "function decodeUplink(input) { return {data: input.bytes.map(each => each * 100)}; }"
DEVICES = ("m1", "m2", EUI)


def frame(number: int, *volts: int) -> tuple[str, str]:
    """A radio frame whose codec gives a list, by a network server that tells no time."""
    data = b64encode(bytes(volt // 100 for volt in volts)).decode()
    payload = {"deviceInfo": {"devEui": EUI}, "fCnt": number, "fPort": 1, "data": data}
    return f"application/1/device/{EUI}/event/up", json.dumps(payload)


def array(*volts: int) -> tuple[str, str]:
    """A native backlog of a device without a clock."""
    return "iot/v1/site/power/m2/readings", json.dumps([{"voltage_l1_v": volt} for volt in volts])


MESSAGES = [
    *[("twice/m1", json.dumps({"a": 7, "b": other})) for other in (7, 7, 6, 7, 5)],
    *[array(230 + number, 22_000, 330 + number) for number in range(6)],
    array(22_000),
    *[frame(number, 200, 22_000, 200, 300) for number in range(6)],
]


def stored(influxdb: Service) -> dict[str, list[float]]:
    """The values of each device, in the order of their times."""
    found: dict[str, list[float]] = {}
    for measurement, field in (("water", "ph"), ("power", "voltage_l1_v")):
        for row in query(influxdb.url, "iot", f"SELECT device, {field} FROM {measurement} ORDER BY time"):  # noqa: S608 - ours
            found.setdefault(row["device"], []).append(row[field])
    return found


def raise_bounds(gate: Gateway) -> None:
    """Register the devices behind a transformer."""
    registry(gate.folder, [{"id": name, "params": {"voltage_max_v": 40_000}} for name in DEVICES])


@pytest.mark.parametrize("running", [pytest.param(True, id="running"), pytest.param(False, id="stopped")])
def test_what_is_written_of_messages_with_several_readings_stands_in_the_database_replayed_too(
    mosquitto: Service, influxdb: Service, tmp_path: Path, *, running: bool
) -> None:
    folder = tmp_path / "gateway"
    registry(folder, [{"id": name} for name in DEVICES])
    (folder / "profiles").mkdir()
    for name, text in {"twice.yaml": TWICE, "listed.yaml": LISTED, "listed.js": CODEC}.items():
        (folder / "profiles" / name).write_text(text)
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        assert gate.command("check").returncode == 0
        gate.wait_subscribed()
        publish_all(client, MESSAGES)
        before = wait_settled(gate, mosquitto)
        assert (before["written"], before["rejected"]) == (5 + 12 + 18, 2 + 7 + 6)
        assert sum(map(len, stored(influxdb).values())) == before["written"]
        if not running:
            assert gate.terminate() == 0
        assert gate.command("rejects", "replay").returncode == 0
        raise_bounds(gate)
        if running:
            gate.send_signal(signal.SIGHUP)
            until(lambda: gate.said("the registry is active: 3 devices"))
        for _ in range(2):
            assert gate.command("rejects", "replay").returncode == 0
        if not running:
            gate.start()
            gate.wait_subscribed()
            assert gate.command("rejects", "replay").returncode == 0, "a codec is called by a gateway that runs"
        until(lambda: not any(gate.ledger()["pending"].values()), what="all is written")
        written = gate.ledger()["written"] + (0 if running else before["written"])
        assert {reject["reason"] for reject in gate.rejects()} == {"time_conflict"}
    found = stored(influxdb)
    assert written == sum(map(len, found.values())) == 5 + 19 + 24
    assert found["m1"] == [7.0] * 5
    assert found["m2"] == [volt for number in range(6) for volt in (230 + number, 22_000, 330 + number)] + [22_000]
    assert found[EUI] == [200.0, 22_000, 200, 300] * 6
