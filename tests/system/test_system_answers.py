"""Any server in InfluxDB's place with any answer: no reading is lost, and none is refused for another's fault."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.door import Deed, Door, Forward, Hang, Reply, Reset
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, points, post, publish, publish_all, wait_settled
from tests.system.rig import Document, Gateway, gateway, until_more
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/m1/readings"
PAGE = "<html>Gói cước của bạn đã hết, vui lòng nạp tiền</html>"
DEEDS: list[Deed] = [
    Reply(200, body=PAGE),
    Reply(302, {"Location": "http://127.0.0.1:9/top-up"}),
    Reply(500, body='{"error":"engine: disk full"}'),
    Reply(404, body='{"error":"not here"}'),
    Reply(429, {"Retry-After": "1"}),
    Reply(413, body='{"error":"Request Entity Too Large"}'),
    Reply(401, body='{"error":"authorization failed"}'),
    Reset(),
    Hang(),
]


def test_no_answer_costs_a_reading(mosquitto: Service, door: Door, influxdb: Service, tmp_path: Path) -> None:
    patience: dict[str, Document] = {"influxdb": {"timeout": "1s"}, "batch": {"stall": "500ms"}}
    with gateway(tmp_path / "gateway", mosquitto.url, door.url, **patience) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=300) as fleet:
            for deed in DEEDS:
                until_more(lambda: gate.ledger()["written"], 30, what=f"live before {deed}")
                door.always(deed)
                # a body that is refused as too large is tried in halves, and the database is in trouble again and again
                until(lambda: gate.pending("journal") and "InfluxDB: " in gate.troubles(), what=f"{deed} noticed")
                door.always(Forward())
                until(lambda: not gate.pending("journal"), what=f"recovered from {deed}")
        ledger = wait_settled(gate, mosquitto)
        assert ledger["written"] == ledger["received"] == len(fleet.acknowledged)
        assert gate.rejects() == []
    assert_each_stands_once(influxdb, fleet)


def test_retry_after_is_kept(gate_behind_door: Gateway, door: Door, mosquitto: Service) -> None:
    gate = gate_behind_door
    with client_of(mosquitto) as client:
        door.always(Reply(429, {"Retry-After": "2"}))
        publish(client, TOPIC, '{"flow_m3_h": 1}')
        until(lambda: any("water," in lines for lines in door.writes))
        refused_s, before = time.monotonic(), len(door.writes)
        door.always(Forward())
        until(lambda: len(door.writes) > before)
    assert time.monotonic() - refused_s >= 1.9
    wait_settled(gate, mosquitto)


@pytest.fixture
def slow_gate(mosquitto: Service, door: Door, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway behind the door that collects messages for long enough to make large bodies of them."""
    with gateway(tmp_path / "gateway", mosquitto.url, door.url, batch={"max_delay": "300ms"}) as gate:
        gate.wait_subscribed()
        yield gate


def test_a_limit_of_the_database_on_bodies_is_remembered(
    slow_gate: Gateway, door: Door, mosquitto: Service, influxdb: Service
) -> None:
    door.deed = lambda lines: Reply(413) if lines.count("water,") > 120 else Forward()
    for burst in range(3):
        door.writes.clear()
        _publish_burst(mosquitto, burst)
        ledger = wait_settled(slow_gate, mosquitto)
    assert ledger["written"] == ledger["received"] == 1200
    assert max(lines.count("water,") for lines in door.writes) <= 120, "the third burst came in sizes that fit"
    assert query(influxdb.url, "iot", "SELECT count(flow_m3_h) FROM water")[0]["count"] == 1200


def test_a_page_that_finds_everything_too_large_teaches_nothing(slow_gate: Gateway, door: Door, mosquitto: Service) -> None:
    door.always(Reply(413))
    _publish_burst(mosquitto, 0)
    until(lambda: "413" in slow_gate.troubles())
    door.always(Forward())
    wait_settled(slow_gate, mosquitto)
    door.writes.clear()
    _publish_burst(mosquitto, 1)
    assert wait_settled(slow_gate, mosquitto)["written"] == 800
    assert max(lines.count("water,") for lines in door.writes) > 120


def test_a_write_that_hangs_alone_holds_nobody_up_and_is_made_again(
    mosquitto: Service, door: Door, influxdb: Service, tmp_path: Path
) -> None:
    """One connection is dead, as behind a router that forgot it; all others are answered."""
    dead = "water,device=dead"
    door.deed = lambda lines: Hang() if dead in lines and sum(dead in write for write in door.writes) == 1 else Forward()
    influx = {"timeout": "4s"}
    with (
        gateway(tmp_path / "gateway", mosquitto.url, door.url, influxdb=influx) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        publish(client, "iot/v1/site/water/dead/readings", '{"flow_m3_h": 1, "seq": 1}')
        until(lambda: gate.pending("journal") == 1)
        until(lambda: gate.status()["influxdb"]["up"])
        publish(client, "iot/v1/site/water/alive/readings", '{"flow_m3_h": 2, "seq": 2}')
        until(lambda: ("alive", 2) in points(influxdb), within_s=1.0, what="the live reading written")
        until(lambda: ("dead", 1) in points(influxdb), within_s=6.0, what="the reading of the dead connection written")
        ledger = wait_settled(gate, mosquitto)
    assert ledger["written"] == 2


@pytest.mark.parametrize(
    ("bucket", "answer", "remedy"),
    [
        pytest.param("late", "404", 'CREATE DATABASE "late"', id="no-database"),
        pytest.param(
            "iot/late", "500", 'CREATE RETENTION POLICY "late" ON "iot" DURATION 52w REPLICATION 1 DEFAULT', id="no-policy"
        ),
    ],
)
def test_a_fault_of_configuration_drops_nothing_and_heals(
    bucket: str, answer: str, remedy: str, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, influxdb={"bucket": bucket}) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        publish(client, TOPIC, _backlog(device_ms=_now_ms(), readings=50))
        until(lambda: gate.pending("journal") == 50)
        assert answer in gate.troubles()
        query(influxdb.url, "", remedy)
        ledger = wait_settled(gate, mosquitto)
        assert ledger["written"] == 50
    found = query(influxdb.url, bucket.partition("/")[0], "SELECT count(flow_m3_h) FROM water")
    assert found[0]["count"] == 50


def test_exactly_the_points_that_conflict_become_rejects(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    now_ms = _now_ms()
    assert post(influxdb, "/write?db=iot&precision=ms", f'water,device=old ph="sour" {now_ms}') == 204
    readings = [
        {"ts": now_ms - 1000 + n, "seq": n, "flow_m3_h": n / 4} | ({"ph": 7} if n % 100 == 7 else {}) for n in range(400)
    ]
    with client_of(mosquitto) as client:
        publish_all(client, [(TOPIC, json.dumps(reading)) for reading in readings])
        ledger = wait_settled(gate, mosquitto)
    assert (ledger["written"], ledger["rejected"]) == (396, 4)
    rejects = gate.rejects()
    assert {reject["reason"] for reject in rejects} == {"influxdb_rejected"}
    assert {reject["device"] for reject in rejects} == {"m1"}
    assert all("field type conflict" in reject["detail"] for reject in rejects)
    found = query(influxdb.url, "iot", "SELECT flow_m3_h, seq FROM water WHERE device = 'm1'")
    assert [(row["seq"], row["flow_m3_h"]) for row in found] == [(n, n / 4) for n in range(400) if n % 100 != 7]


def _publish_burst(broker: Service, burst: int) -> None:
    now_ms = _now_ms()
    with client_of(broker) as client:
        publish_all(client, [(f"iot/v1/site/water/b{burst}/readings", _reading(now_ms + n)) for n in range(400)])


def _reading(device_ms: int) -> str:
    return json.dumps({"ts": device_ms, "flow_m3_h": 1.5})


def _backlog(*, device_ms: int, readings: int) -> str:
    return json.dumps([{"ts": device_ms - number, "flow_m3_h": number / 8} for number in range(readings)])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
