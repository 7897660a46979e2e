"""Refusals of a real Mosquitto, set up by ``gateway setup broker`` with certificates: each is told, and logged once."""

import os
import signal
from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.deploy.guide import Client
from tests.deploy.intruders import INTRUDERS, CertifiedBroker, Intruder, shake
from tests.waiting import until

pytestmark = pytest.mark.real

OWN, OTHERS = "iot/v1/ward-1/water/wm-0001", "iot/v1/ward-1/water/wm-0002"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CertifiedBroker]:
    """With an account for each of two devices."""
    found = CertifiedBroker(tmp_path_factory.mktemp("certified") / "broker")
    with found.service:
        found.command("devices", "enroll", *found.names, "--csv", str(found.folder / "accounts.csv"))
        yield found


@pytest.fixture
def meter(broker: CertifiedBroker) -> Iterator[Client]:
    """An honest device, connected."""
    with broker.knocking("", "", context=broker.context("wm-0001")) as found:
        until(lambda: found.answers == ["Success"])
        yield found


@pytest.mark.parametrize("intruder", INTRUDERS, ids=lambda intruder: intruder.name)
def test_each_intruder_is_refused_told_and_logged_once(broker: CertifiedBroker, meter: Client, intruder: Intruder) -> None:
    before = broker.says(intruder.logged)
    told = intruder.comes(broker)
    assert intruder.told in told
    assert "\\x20\\x02\\x00\\x00" not in told
    until(lambda: broker.says(intruder.logged) > before)
    meter.publish(f"{OWN}/readings", "{}")  # once it is confirmed, all lines of the refusal are there
    assert broker.says(intruder.logged) == before + 1
    assert not meter.ends


def test_a_wrong_topic_goes_nowhere_an_mqtt_5_device_is_told_and_mosquitto_logs_nothing(
    broker: CertifiedBroker, meter: Client
) -> None:
    codes: list[str] = []
    with broker.of_service("node-red") as desk:
        desk.subscribe("iot/v1/#")
        log = broker.service.log.stat().st_size
        modern = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        modern.on_publish = lambda *given: codes.append(str(given[3]))
        meter.publish(f"{OTHERS}/readings", "forged")
        assert broker.service.log.stat().st_size == log, "2.0.21 tells it as debug only, among all packets"
        modern.tls_set_context(broker.context("wm-0002"))
        modern.connect("127.0.0.1", broker.devices_port)
        modern.loop_start()
        modern.publish(f"{OWN}/readings", "forged", qos=1)
        until(lambda: codes)
        modern.disconnect()
        modern.loop_stop()
        meter.publish(f"{OWN}/readings", "own")
        until(lambda: desk.heard)
    assert codes == ["Not authorized"]
    assert desk.heard == [(f"{OWN}/readings", b"own")]


def test_a_revoked_device_with_a_good_certificate_may_connect_and_nothing_else_until_that_is_taken_back_too(
    broker: CertifiedBroker,
) -> None:
    with broker.knocking("", "", context=broker.context("wm-0002")) as connected:
        until(lambda: connected.answers == ["Success"])
        broker.command("devices", "revoke", "--yes", "wm-0002")
        until(lambda: connected.ends)
    assert broker.says("Client wm-0002 been disconnected by administrative action") == 1
    with broker.of_service("node-red") as desk:
        desk.subscribe("iot/v1/#")
        with broker.knocking("", "", context=broker.context("wm-0002")) as again:
            until(lambda: again.answers == ["Success"])
            again.publish(f"{OTHERS}/readings", "stolen")
        desk.publish(f"{OWN}/command", "after it")
        until(lambda: desk.heard)
        assert desk.heard == [(f"{OWN}/command", b"after it")]
    broker.certificates("revoke", "--yes", "wm-0002")
    assert broker.service.pid is not None
    os.kill(broker.service.pid, signal.SIGHUP)
    until(lambda: "CERTIFICATE_REVOKED" in shake(broker, broker.context("wm-0002")))
