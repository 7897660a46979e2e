"""Words of others that would steer a terminal or begin a line of their own: escaped wherever the gateway repeats them."""

import json
from pathlib import Path

import mqtt5
import pytest

from gateway.commands.demo.services import Service
from tests.system.door import Door, Reply
from tests.system.rig import Gateway, gateway
from tests.system.talker import Talker
from tests.system.visitor import Browser, status_of
from tests.waiting import until

pytestmark = pytest.mark.real

STEERING = "\x1b]0;owned\x07\x9b2J\u202e\u2028\n2026-11-25 19:00:00 INFO forged"
QOS = mqtt5.QoS.AT_LEAST_ONCE
TOPIC = "iot/v1/site/water/m1/readings"


def assert_clean(said: str) -> None:
    """Nothing in it steers, and no line is one that another wrote."""
    assert [letter for letter in said if not letter.isprintable() and letter not in "\n\t"] == []
    assert not any(line.startswith("2026-11-25 19:00:00") for line in said.splitlines())


def shown(gate: Gateway) -> str:
    """Return all that pages and scripts are sent."""
    paths = ("/api/status", "/api/devices", "/api/rejects?payloads=1", "/api/quarantine", "/metrics")
    return "\n".join(gate.ask(path)[1] for path in paths) + gate.shown()


def test_a_broker_s_reason_steers_neither_log_nor_lists(influxdb: Service, tmp_path: Path) -> None:
    with Talker(STEERING) as broker, gateway(tmp_path / "gateway", broker.url, influxdb.url) as gate:
        until(lambda: "owned" in gate.troubles())
        assert_clean(shown(gate))
        done = gate.command("check", "--connect")
        assert "owned" in done.stderr
        proposed = gate.command("profiles", "propose", "--seconds", "1")
        assert_clean(done.stdout + done.stderr + proposed.stdout + proposed.stderr)
        assert gate.said("\\u001b]0;owned") == 1
        assert_clean(gate.printed())


def test_a_database_s_answer_steers_neither_log_nor_lists(mosquitto: Service, door: Door, tmp_path: Path) -> None:
    door.always(Reply(401, body=STEERING))
    with gateway(tmp_path / "gateway", mosquitto.url, door.url) as gate:
        until(lambda: "owned" in gate.troubles())
        done = gate.command("check", "--connect")
        assert "owned" in done.stderr
        assert_clean(shown(gate) + done.stdout + done.stderr + gate.printed())


def test_topics_and_user_properties_steer_neither_log_nor_lists(influxdb: Service, tmp_path: Path) -> None:
    shouted = mqtt5.PublishPacket(
        TOPIC,
        json.dumps({STEERING: 1}).encode(),
        packet_id=1,
        qos=QOS,
        user_properties=[("profile", STEERING), (STEERING, "x")],
    )
    read = mqtt5.PublishPacket(TOPIC, b'{"ph": 7}', packet_id=2, qos=QOS, user_properties=[("model", STEERING)])
    lost = mqtt5.PublishPacket(f"plant/{STEERING}", b"owned?", packet_id=3, qos=QOS)
    with Talker(messages=shouted.write() + read.write() + lost.write()) as broker:
        gate = gateway(tmp_path / "gateway", broker.url, influxdb.url, mqtt={"subscriptions": ["#"]})
        with gate:
            until(lambda: len(gate.rejects()) == 2, what="two are rejects")
            page = gate.ask("/api/devices/m1")[1]
            assert "owned" in page
            assert_clean(shown(gate) + page)
            for words in (("list",), ("list", "--json"), ("show", "1"), ("show", "2"), ("export",)):
                done = gate.command("rejects", *words)
                assert done.returncode == 0
                assert_clean(done.stdout + done.stderr)
            devices = gate.command("devices", "list")
            assert_clean(devices.stdout + gate.printed())
            assert gate.said("\\u001b]0;owned")


def test_what_a_client_asks_for_wrongly_steers_neither_answer_nor_log(gate: Gateway) -> None:
    browser = Browser(gate)
    asked = "%1B%5D0%3Bowned%07%C2%9B2J%E2%80%AE%0A2026-11-25%2019:00:00"
    for path in (
        f"/{asked}",
        f"/devices/{asked}",
        f"/api/devices/{asked}",
        f"/api/rejects?reason={asked}",
        f"/api/rejects?id={asked}",
        f"/api/rejects?before={asked}",
        f"/?language={asked}",
    ):
        answer = browser.ask("GET", path)
        assert_clean(answer.body + json.dumps(answer.headers, ensure_ascii=False))
    exchange = browser.ask("POST", f"/api/devices/{asked}/exchange", Authorization=f"Bearer {gate.token()}")
    assert_clean(exchange.body)
    done = gate.command("devices", "exchange", "\x1b[2Jowned\x9b")
    assert_clean(done.stdout + done.stderr)
    for line in (b"Host: \x1b[2J\x9b", b"\x1b: x", b"Host: localhost\r\nAuthorization: Bearer \x1b[2J\xc2\x9b"):
        request = b"POST /api/rejects/purge HTTP/1.1\r\nConnection: close\r\n" + line + b"\r\n\r\n"
        assert status_of(gate, request) in {400, 401, 421}, line
    assert_clean(gate.printed())
