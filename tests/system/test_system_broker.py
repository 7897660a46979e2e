"""Brokers as they are found: with passwords, certificates and access lists, on IPv6, with other members and old sessions."""

import json
import re
import signal
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.brokers import Authority, guarded, only_subscribe, password_entry
from tests.system.fleet import client_of, points, publish, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/m1/readings"


def test_a_wrong_password_is_said_and_tried_again_until_it_is_right(influxdb: Service, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(password_entry("gateway", "right"))
    (tmp_path / "password").write_text("mới\n")
    broker = guarded(tmp_path / "broker", "allow_anonymous false", f"password_file {passwords}")
    mqtt = {"username": "gateway", "password_file": "../password"}
    with broker.service, gateway(tmp_path / "gateway", broker.service.url, influxdb.url, mqtt=mqtt) as gate:
        until(lambda: "not authorized" in gate.troubles())
        until(lambda: broker.service.log.read_text().count("not authorised") > 2)
        assert gate.said("refused the connection: not authorized") == 1, "said once, however often it is tried"
        assert gate.command("check", "--connect").returncode == 3
        passwords.write_text(password_entry("gateway", "mới"))
        assert broker.service.pid is not None
        broker.service._signal(signal.SIGHUP)  # noqa: SLF001 - a broker reads its passwords again
        gate.wait_subscribed()
        with client_of(broker.devices) as client:
            publish(client, TOPIC, '{"flow_m3_h": 1}')
            assert wait_settled(gate, broker.devices)["written"] == 1
        assert gate.troubles() == ""
        assert gate.command("check", "--connect").returncode == 0


def test_a_gateway_that_starts_before_its_broker_waits_for_it(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    mosquitto.stop()
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
        until(lambda: f"{mosquitto.url}: " in gate.troubles())
        assert gate.ask("/readyz")[0] == 200
        mosquitto.start()
        gate.wait_subscribed()
        assert gate.troubles() == ""


@pytest.mark.parametrize("hangs", [pytest.param(False, id="away"), pytest.param(True, id="hanging")])
def test_a_gateway_without_a_broker_stops_in_order(gate: Gateway, mosquitto: Service, *, hangs: bool) -> None:
    if hangs:
        mosquitto.pause()
    else:
        mosquitto.stop()
        until(lambda: not gate.status()["mqtt"]["connected"])
    assert gate.terminate(within_s=5.0) == 0


def test_a_gateway_whose_session_another_took_over_says_so_and_leaves_it_there(
    gate: Gateway, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """Two of one name must not throw each other out all the time."""
    with gateway(tmp_path / "twin", mosquitto.url, influxdb.url):
        until(lambda: "another client connected under this gateway's client id" in gate.printed())
        (wait_s, *_) = re.findall(r"tried again in (\d+) s", gate.printed())
        assert int(wait_s) <= 5, "one that took it by mistake is gone by then"
        until(lambda: len(re.findall(r"tried again in (\d+) s", gate.printed())) > 1, 30)
        assert int(re.findall(r"tried again in (\d+) s", gate.printed())[1]) >= 11


def test_one_who_took_the_session_for_a_moment_costs_five_seconds_and_stands_until_a_person_has_seen_it(
    gate: Gateway, mosquitto: Service
) -> None:
    stranger = paho.Client(CallbackAPIVersion.VERSION2, "gateway-1", clean_session=True)
    stranger.connect("127.0.0.1", mosquitto.port)
    began_s = time.monotonic()
    stranger.loop_start()
    until(lambda: gate.said("another client connected under this gateway's client id"))
    stranger.disconnect()
    stranger.loop_stop()
    until(lambda: gate.said("subscribed to") == 2)
    assert time.monotonic() - began_s <= 5.5
    taken, lost = "took its session", "had forgotten this gateway's session"
    assert taken in gate.troubles()
    assert lost in gate.troubles(), "he came with a clean start"
    gate.terminate()
    gate.start()
    gate.wait_subscribed()
    assert taken in gate.troubles()
    assert lost in gate.troubles()
    said = gate.command("journal", "acknowledge").stdout
    assert said == "session_lost acknowledged\nsession_taken acknowledged\n0 lost readings acknowledged\n"
    assert gate.troubles() == ""
    (entry, *_) = json.loads(f"[{gate.command('audit', 'list', '--json').stdout.splitlines()[0]}]")
    assert (entry["action"], entry["before"]["findings"]) == ("lost readings acknowledged", ["session_lost", "session_taken"])
    assert entry["name"], "and who it was"


def test_tls_with_a_private_authority_and_a_client_certificate(influxdb: Service, tmp_path: Path) -> None:
    ours, stranger = Authority(tmp_path / "ours"), Authority(tmp_path / "stranger")
    certificate, key = ours.issue("server")
    lines = [f"cafile {ours.certificate}", f"certfile {certificate}", f"keyfile {key}", "require_certificate true"]
    broker = guarded(tmp_path / "broker", *lines, "use_identity_as_username true", "allow_anonymous false")
    url = f"mqtts://127.0.0.1:{broker.service.port}"
    certificate, key = ours.issue("gateway-1")
    member = {"cert": str(certificate), "key": str(key)}
    with broker.service:
        with gateway(tmp_path / "a", url, influxdb.url, mqtt={"tls": {"ca": str(stranger.certificate)} | member}) as gate:
            until(lambda: "certificate verify failed" in gate.troubles())
        with gateway(tmp_path / "b", url, influxdb.url, mqtt={"tls": {"ca": str(ours.certificate)}}) as gate:
            until(lambda: "certificate required" in gate.troubles().lower())
        with gateway(tmp_path / "c", url, influxdb.url, mqtt={"tls": {"ca": str(ours.certificate)} | member}) as gate:
            gate.wait_subscribed()
            with client_of(broker.devices) as client:
                publish(client, TOPIC, '{"flow_m3_h": 1}')
                assert wait_settled(gate, broker.devices)["written"] == 1


def test_tls_towards_a_plain_port_and_the_other_way_round_is_asked_about(influxdb: Service, tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ours")
    certificate, key = ours.issue("server")
    broker = guarded(tmp_path / "broker", f"cafile {ours.certificate}", f"certfile {certificate}", f"keyfile {key}")
    urls = {
        f"mqtts://127.0.0.1:{broker.devices.port}": "is this a TLS port?",
        f"mqtt://127.0.0.1:{broker.service.port}": "is this a port without TLS?",
    }
    with broker.service:
        for number, (url, asked) in enumerate(urls.items()):
            with gateway(tmp_path / str(number), url, influxdb.url) as gate:
                until(lambda gate=gate, asked=asked: asked in gate.troubles())
                checked = gate.command("check", "--connect")
            assert checked.returncode == 3
            assert asked in checked.stderr


def test_broker_and_pages_on_ipv6(influxdb: Service, tmp_path: Path) -> None:
    with services.mosquitto(tmp_path, ipv6=True) as broker:
        gate = gateway(tmp_path / "gateway", broker.url, influxdb.url, http={"host": "::1"})
        gate.host = "::1"
        with gate, client_of(broker) as client:
            gate.wait_subscribed()
            publish(client, TOPIC, '{"flow_m3_h": 1}')
            assert wait_settled(gate, broker)["written"] == 1
            assert gate.command("rejects", "purge", "--yes").returncode == 0


def test_a_refused_subscription_is_told_and_stops_nothing_else(influxdb: Service, tmp_path: Path) -> None:
    wanted = "iot/v1/+/+/+/readings"
    broker = guarded(tmp_path / "broker", *only_subscribe(tmp_path, wanted))
    mqtt = {"subscriptions": ["ward/+/secret", wanted, "ward/+/hidden"]}
    with broker.service, gateway(tmp_path / "gateway", broker.service.url, influxdb.url, mqtt=mqtt) as gate:
        until(lambda: "subscription" in gate.troubles())
        with client_of(broker.devices) as client:
            publish(client, TOPIC, '{"flow_m3_h": 1}')
        until(lambda: gate.ledger()["written"] == 1)
        troubles = gate.troubles()
        assert "ward/+/secret" in troubles
        assert "ward/+/hidden" in troubles
        assert wanted not in troubles
        assert gate.said("refused the subscription ward/+/secret") == 1
        assert gate.ask("/readyz")[0] == 200


@pytest.mark.parametrize("killed", [pytest.param(False, id="stopped"), pytest.param(True, id="killed")])
def test_what_is_no_longer_configured_is_unsubscribed(
    mosquitto: Service, influxdb: Service, tmp_path: Path, *, killed: bool
) -> None:
    """The broker keeps the session and with it all subscriptions of before."""
    before = {"subscriptions": ["iot/v1/+/+/+/readings", "iot/v1/+/+/+/status", "old/#"]}
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, mqtt=before)
    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish(client, "old/x", "?")
        until(lambda: gate.ledger()["rejected"] == 1)
        if killed:
            gate.kill()
        else:
            assert gate.terminate() == 0
        document = json.loads(gate.config.read_text())
        document["mqtt"]["subscriptions"].remove("old/#")
        gate.config.write_text(json.dumps(document))
        gate.start()
        gate.wait_subscribed()
        until(lambda: not _hears_of(gate, mosquitto, "old/x"))
        publish(client, TOPIC, '{"flow_m3_h": 1}')
        assert wait_settled(gate, mosquitto)["written"] == 1


def _hears_of(gate: Gateway, broker: Service, topic: str) -> bool:
    """Tell if a message of this topic, which holds no data, reaches the gateway."""
    before = gate.ledger()["rejected"]
    with client_of(broker) as client:
        publish(client, topic, "?")
    return bool(wait_settled(gate, broker)["rejected"] > before)


def test_retained_messages_tell_states_and_only_readings_that_have_a_time(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    now_ms = time.time_ns() // 1_000_000
    with client_of(mosquitto) as client:
        publish(client, "iot/v1/site/water/old/readings", '{"flow_m3_h": 1}', retain=True)
        publish(client, "iot/v1/site/water/dated/readings", json.dumps({"ts": now_ms, "seq": 0, "flow_m3_h": 2}), retain=True)
        publish(client, "iot/v1/site/water/gone/status", '{"state": "offline"}', retain=True)
        with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
            gate.wait_subscribed()
            assert wait_settled(gate, mosquitto)["received"] == 1
            assert gate.status()["ignored"] == {"retained": 1, "status": 2}
            assert {d["id"]: d["online"] for d in gate.document("/api/devices")["devices"]}["gone"] is False
            publish(client, "iot/v1/site/water/live/readings", '{"seq": 0, "flow_m3_h": 3}', retain=True)
            assert wait_settled(gate, mosquitto)["written"] == 2, "a device that always sets retain is live all the same"
    assert set(points(influxdb)) == {("dated", 0), ("live", 0)}
    assert query(influxdb.url, "iot", "SELECT flow_m3_h FROM water WHERE device = 'dated'")[0]["time"] == now_ms
