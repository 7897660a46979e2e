"""A meter is exchanged: its successor begins at nearly nothing, and an operator says so, or not."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from gateway.commands.demo.services import Service
from schemas.quantities import Quality
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

OLD = {-120: 12345.5, -60: 12345.6}
NEW = {1: 0.9, 2: 1.0, 3: 1.1, 4: 1.2}
"""What a meter and its successor count, by seconds from now."""


@pytest.fixture
def client(mosquitto: Service) -> Iterator[paho.Client]:
    with client_of(mosquitto) as found:
        yield found


@pytest.fixture
def site(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that knows a water meter by its EUI, in capitals, and has heard it."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text("devices: [{id: ACE48000000A0010, site: s1, domain: water}, {id: never}]\n")
    with gateway(folder, mosquitto.url, influxdb.url, devices={"registry": "devices.yaml"}) as found:
        found.wait_subscribed()
        yield found


def counts(gate: Gateway, client: paho.Client, volumes: dict[int, float], device: str = "m1", **more: float) -> None:
    """A meter sends what it counts; return when that is written."""
    written, now_ms = gate.ledger()["written"] + len(volumes), time.time_ns() // 1_000_000
    for seconds, volume in volumes.items():
        sent = {"ts": now_ms + 1000 * seconds, "volume_m3": volume, **more}
        publish(client, f"iot/v1/s1/water/{device}/readings", json.dumps(sent))
    until(lambda: gate.ledger()["written"] == written, what="written")


def marked(influxdb: Service) -> list[float]:
    """The volumes whose step is suspect."""
    rows = query(influxdb.url, "iot", "SELECT volume_m3, quality FROM water WHERE device = 'm1'")
    assert [row["volume_m3"] for row in rows] == [*OLD.values(), *NEW.values()]
    return [float(str(row["volume_m3"])) for row in rows if int(str(row["quality"])) & Quality.COUNTER_SUSPECT]


def counters(gate: Gateway, device: str) -> dict[str, float | None]:
    found: Document = gate.document(f"/api/devices/{device}")
    return {counter["name"]: counter["value"] for counter in found["counters"]}


def test_of_an_exchange_that_was_said_no_step_is_marked(gate: Gateway, influxdb: Service, client: paho.Client) -> None:
    counts(gate, client, OLD)
    done = gate.command("devices", "exchange", "m1")
    assert (done.returncode, done.stdout) == (0, "m1: counters that start again with the next reading: volume_m3\n")
    assert counters(gate, "m1") == {"volume_m3": None}
    assert gate.said("the meter of m1 was exchanged; counters that start again: volume_m3") == 1
    counts(gate, client, NEW)
    assert marked(influxdb) == []
    assert counters(gate, "m1") == {"volume_m3": NEW[4]}


def test_of_an_exchange_that_nobody_said_the_first_steps_are_marked_and_then_believed(
    gate: Gateway, influxdb: Service, client: paho.Client
) -> None:
    """The first is doubted and two confirm it; these three are marked."""
    counts(gate, client, OLD)
    counts(gate, client, NEW)
    assert marked(influxdb) == [NEW[1], NEW[2], NEW[3]]
    assert counters(gate, "m1") == {"volume_m3": NEW[4]}


def test_an_exchange_outlives_a_gateway_that_dies_right_after(gate: Gateway, influxdb: Service, client: paho.Client) -> None:
    counts(gate, client, OLD)
    assert gate.command("devices", "exchange", "m1").returncode == 0
    gate.kill_at_rest()
    gate.start()
    gate.wait_ready()
    gate.wait_subscribed()
    counts(gate, client, NEW)
    assert marked(influxdb) == []


def test_an_exchange_can_be_said_before_the_meter_is_heard_again(gate: Gateway, influxdb: Service, client: paho.Client) -> None:
    """After a restart what is remembered of a meter is taken up only when it is met."""
    counts(gate, client, OLD)
    assert gate.terminate() == 0
    gate.start()
    gate.wait_ready()
    gate.wait_subscribed()
    assert "volume_m3" in gate.command("devices", "exchange", "m1").stdout
    counts(gate, client, NEW)
    assert marked(influxdb) == []


def test_one_register_is_exchanged_and_the_device_named_in_any_writing(site: Gateway, client: paho.Client) -> None:
    counts(site, client, OLD, "ace48000000a0010", volume_reverse_m3=7)
    done = site.command("devices", "exchange", "AC-E4-80-00-00-0A-00-10", "--field", "volume_m3")
    assert done.stdout == "ace48000000a0010: counters that start again with the next reading: volume_m3\n"
    assert counters(site, "ace48000000a0010") == {"volume_m3": None, "volume_reverse_m3": 7}


def test_what_cannot_be_exchanged_is_said_and_what_to_do(site: Gateway, client: paho.Client) -> None:
    counts(site, client, OLD)

    def told(*arguments: str) -> str:
        done = site.command("devices", "exchange", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), done
        (line,) = done.stderr.splitlines()
        return line

    assert "'m2' was never heard and is not registered; check its id" in told("m2")
    assert "m1 has no register 'volume'; it has volume_m3" in told("m1", "--field", "volume")
    assert "never has no register 'volume_m3'; it has none" in told("never", "--field", "volume_m3")
    assert site.command("devices", "exchange", "never").stdout.endswith(": none known\n")
    assert counters(site, "m1") == {"volume_m3": OLD[-60]}
    assert site.ask("/api/devices/m1/exchange", "POST")[0] == 401
    assert "this time has not come yet" in told("m1", "--at", "2999-01-01")
    assert "'soon' is no time; write" in told("m1", "--at", "soon")
    assert "--register: -1 is no register; volume_m3 lies between 0 and" in told("m1", "--register", "-1")
    low = told("m1", "--final", "12345")
    assert "12345 is less than the last register that was read, 12345.6; if it is right, repeat with --force" in low
    assert "--source: 'm1' is not in" in told("m1", "--source", "other")
    assert "--source: ACE48000000A0010 has the name 'ace48000000a0010' already" in told("never", "--source", "ace48000000a0010")
    assert site.terminate() == 0
    assert "this time has not come yet" in told("m1", "--at", "2999-01-01")
    assert "repeat with --force" in told("m1", "--final", "12345")
    assert "'m2' was never heard" in told("m2")


def test_an_exchange_is_told_while_the_gateway_stands(gate: Gateway, influxdb: Service, client: paho.Client) -> None:
    counts(gate, client, OLD)
    until(lambda: gate.document("/api/devices/m1")["counters"][0]["sum"] is not None, what="its sums were asked for")
    assert gate.terminate() == 0
    done = gate.command("devices", "exchange", "m1", "--at", "30s", "--final", "12345.8", "--register", "0.5")
    assert done.stdout == "m1: counters that start again with the next reading: volume_m3\n", done.stderr
    gate.start()
    gate.wait_ready()
    gate.wait_subscribed()
    counts(gate, client, NEW)
    assert marked(influxdb) == []
    rows = query(influxdb.url, "iot", "SELECT last(volume_sum_m3) AS total FROM water WHERE device = 'm1'")
    assert rows[0]["total"] == pytest.approx(12345.8 + 1.2 - 0.5)


def test_the_name_of_the_new_meter_is_written_into_the_registry(site: Gateway, client: paho.Client) -> None:
    """Its EUI stays the id as the database has it."""
    counts(site, client, OLD, "ace48000000a0010")
    done = site.command("devices", "exchange", "ACE48000000A0010", "--source", "24E124136D000001", "--final", "12345.7")
    assert done.returncode == 0, done.stderr
    assert "devices.yaml: written" in done.stdout
    registry = (site.config.parent / "devices.yaml").read_text()
    assert registry == 'devices: [{id: ace48000000a0010, source: "24E124136D000001", site: s1, domain: water}, {id: never}]\n'
