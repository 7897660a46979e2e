"""A message that cannot become data is kept with its reason, delays no good one, and comes in once its cause is repaired."""

import json
import signal
import time
from base64 import b64decode
from collections import Counter
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, post, publish, publish_all, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/{}/readings"
POISON: list[tuple[str, bytes, str]] = [
    (TOPIC.format("bad"), b'{"flow_m3_h": 1.5', "bad_json"),
    (TOPIC.format("bad"), b"online", "bad_json"),
    (TOPIC.format("bad"), b'{"flow_m3_h": 1, "lane": "\xff"}', "not_utf8"),
    (TOPIC.format("bad"), b"[" * 100_000, "bad_json"),
    (TOPIC.format("bad"), b'{"flow_m3_h": {"value": 1}}', "no_quantity"),
    (TOPIC.format("bad"), b'{"flow_m3_h": NaN}', "no_quantity"),
    (TOPIC.format("bad"), b"[]", "bad_payload"),
    (TOPIC.format("bad"), b"17", "bad_payload"),
    ("iot/v1/site/weather/bad/readings", b'{"flow_m3_h": 1}', "unknown_topic"),
]


def test_poison_is_kept_with_its_reason_and_holds_nothing_up(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    poison = (POISON * 3)[:25]
    now_ms = time.time_ns() // 1_000_000
    good = [(TOPIC.format("good"), json.dumps({"ts": now_ms + n, "seq": n, "flow_m3_h": n})) for n in range(100)]
    mixed: list[tuple[str, bytes | str]] = list(good)
    for number, (topic, payload, _) in enumerate(poison):
        mixed.insert(number * 5, (topic, payload))
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, mqtt={"subscriptions": ["iot/#"]}) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        publish_all(client, mixed)
        until(lambda: gate.ledger()["written"] == len(good))
        ledger = wait_settled(gate, mosquitto)
        rejects = gate.rejects()
        until(lambda: gate.status()["mqtt"]["unacknowledged"] == 0)
    assert ledger["received"] == len(mixed)
    assert ledger["rejected"] == len(poison)
    assert [(r["topic"], b64decode(r["payload_base64"]), r["reason"]) for r in rejects] == [
        (topic, payload[:65536], reason) for topic, payload, reason in poison
    ]
    assert all(r["detail"] and r["stage"] and abs(r["arrival_ms"] - now_ms) < 60_000 for r in rejects)
    assert len(query(influxdb.url, "iot", "SELECT flow_m3_h FROM water")) == len(good)


def test_a_flood_of_one_fault_is_counted_but_not_all_kept(gate: Gateway, mosquitto: Service) -> None:
    with client_of(mosquitto) as client:
        publish_all(client, [(TOPIC.format("bad"), b"?")] * 100 + [(TOPIC.format("worse"), b"?")])
        ledger = wait_settled(gate, mosquitto)
    assert ledger["rejected"] == 101
    kept = Counter(reject["device"] for reject in gate.rejects())
    assert kept["worse"] == 1
    assert kept["bad"] in {20, 40}  # 40 where a minute ended meanwhile


@pytest.mark.parametrize("running", [pytest.param(True, id="running"), pytest.param(False, id="stopped")])
def test_all_rejects_are_listed_however_many(gate: Gateway, mosquitto: Service, *, running: bool) -> None:
    with client_of(mosquitto) as client:
        publish_all(client, [(TOPIC.format(f"m{number % 60}"), b"?") for number in range(1200)])
        wait_settled(gate, mosquitto)
    if not running:
        assert gate.terminate() == 0
    assert len({reject["id"] for reject in gate.rejects()}) == 1200


@pytest.mark.parametrize("running", [pytest.param(True, id="running"), pytest.param(False, id="stopped")])
def test_commands_work_on_rejects(gate: Gateway, mosquitto: Service, *, running: bool) -> None:
    with client_of(mosquitto) as client:
        publish(client, TOPIC.format("m1"), b"tr\xc3\xa0n b\xe1\xbb\x93n")
        publish(client, TOPIC.format("m1"), b"[]")
        publish(client, TOPIC.format("m2"), b"\xff")
        wait_settled(gate, mosquitto)
    if not running:
        assert gate.terminate() == 0
    rejects = gate.rejects()
    assert [(r["device"], r["reason"]) for r in rejects] == [("m1", "bad_json"), ("m1", "bad_payload"), ("m2", "not_utf8")]
    assert [r["device"] for r in gate.rejects("--reason", "not_utf8")] == ["m2"]
    assert len(gate.rejects("--device", "m1")) == 2
    text = gate.command("rejects", "list").stdout
    assert all(r["reason"] in text and str(r["id"]) in text for r in rejects)
    shown = gate.command("rejects", "show", str(rejects[0]["id"]))
    assert shown.returncode == 0
    assert "bad_json" in shown.stdout
    assert "tràn bồn" in shown.stdout
    assert gate.command("rejects", "show", "999").returncode == 2
    assert gate.command("rejects", "show").returncode == 2
    named = gate.command("rejects", "show", "W-0001")
    assert named.returncode == 2
    assert "'W-0001' is not a number" in named.stderr
    assert "gateway rejects list --device W-0001" in named.stderr
    assert gate.command("rejects", "list", "--reason", "ugly").returncode == 2
    exported = gate.command("rejects", "export").stdout.splitlines()
    assert sorted(json.loads(row)["id"] for row in exported) == [r["id"] for r in rejects]
    one = str(rejects[0]["id"])
    assert json.loads(gate.command("rejects", "replay", one, "--json").stdout)["messages"] == 1, "this one, not all"
    assert json.loads(gate.command("rejects", "replay", one, "--json").stdout)["messages"] == 0, "it has another number now"
    assert json.loads(gate.command("rejects", "replay", "--reason", "bad_json", "--json").stdout) == {
        "messages": 1,
        "readings": 0,
        "duplicates": 0,
        "rejected_again": 1,
        "waiting": 0,
    }
    assert json.loads(gate.command("rejects", "purge", "--yes", "--device", "m1", "--json").stdout) == {"removed": 2}
    assert [r["device"] for r in gate.rejects()] == ["m2"]
    assert "1 removed" in gate.command("rejects", "purge", "--yes").stdout
    assert "no rejects" in gate.command("rejects", "list").stdout
    if running:
        gate.ledger()


@pytest.mark.parametrize("running", [pytest.param(True, id="running"), pytest.param(False, id="stopped")])
def test_points_come_in_by_replay_once_the_database_takes_them(
    gate: Gateway, mosquitto: Service, influxdb: Service, *, running: bool
) -> None:
    now_ms = time.time_ns() // 1_000_000
    post(influxdb, "/write?db=iot&precision=ms", f'water,device=old ph="sour" {now_ms}')
    with client_of(mosquitto) as client:
        publish(client, TOPIC.format("m1"), json.dumps({"ts": now_ms, "seq": 5, "ph": 7.5, "battery_pct": 80}))
        ledger = wait_settled(gate, mosquitto)
    assert ledger["rejected"] == 1
    query(influxdb.url, "iot", "DROP MEASUREMENT water")
    if not running:
        assert gate.terminate() == 0
    replayed = json.loads(gate.command("rejects", "replay", "--reason", "influxdb_rejected", "--json").stdout)
    assert (replayed["messages"], replayed["readings"], replayed["rejected_again"]) == (1, 1, 0)
    assert gate.rejects() == []
    if not running:
        gate.start()
        gate.wait_subscribed()
    ledger = wait_settled(gate, mosquitto)
    assert ledger["written"] == 1
    (row,) = query(influxdb.url, "iot", "SELECT ph, seq FROM water")
    assert row == {"time": now_ms, "ph": 7.5, "seq": 5}
    (row,) = query(influxdb.url, "iot", "SELECT battery_pct, seq FROM device_health")
    assert row == {"time": now_ms, "battery_pct": 80, "seq": 5}


def test_messages_of_a_device_come_in_by_replay_once_it_is_registered(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """A message without a time of its own is stamped with its arrival, not with the replay."""
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, devices={"unknown": "reject"}) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        for seq in range(3):
            publish(client, TOPIC.format("m1"), json.dumps({"seq": seq, "flow_m3_h": 2}))
        until(lambda: gate.ledger()["rejected"] == 3)
        arrivals = [reject["arrival_ms"] for reject in gate.rejects("--reason", "unknown_device")]
        assert len(arrivals) == 3
        (gate.folder / "devices.yaml").write_text("areas: {x1: Xã Mường Phăng}\ndevices: [{id: m1, area: x1}]\n")
        gate.send_signal(signal.SIGHUP)
        until(lambda: gate.said("the registry is active: 1 devices"))
        assert gate.command("rejects", "replay").returncode == 0
        until(lambda: gate.ledger()["written"] == 3)
        assert 'gateway_readings_received_total{source="replay"} 3.0' in gate.ask("/metrics")[1]
    rows = query(influxdb.url, "iot", "SELECT seq, area, quality FROM water")
    assert [(row["seq"], row["area"], row["quality"]) for row in rows] == [(seq, "x1", 1) for seq in range(3)]
    assert all(0 <= int(str(row["time"])) - arrival < 3 for row, arrival in zip(rows, arrivals, strict=True))
