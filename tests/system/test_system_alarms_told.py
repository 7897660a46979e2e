"""Those who are told of alarms: Alertmanager, a webhook, MQTT; each may be away, and the gateway may be killed meanwhile."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.demo.services import Service
from tests.firmware_sim.listener import listening
from tests.monitoring.alarms.receiver import ToldServer
from tests.system.alarming import active, alarm_gateway, leaking
from tests.system.alertmanager import alertmanager
from tests.system.fleet import client_of, publish
from tests.waiting import until

pytestmark = pytest.mark.real

OWN = "iot/v1/q1/water/own/readings"
OTHER = "iot/v1/q1/water/other/readings"
LIST = "iot/v1/q1/water/own/alarms"


@pytest.fixture
def receiver() -> Iterator[ToldServer]:
    with ToldServer() as found:
        yield found


def alerts(service: Service) -> list[str]:
    """The rules and devices of the alerts that Alertmanager holds as active."""
    with closing(HTTPConnection(service.host, service.port, timeout=10)) as connection:
        connection.request("GET", "/api/v2/alerts?active=true")
        found = json.loads(connection.getresponse().read())
    return sorted(f"{alert['labels']['alertname']}@{alert['labels']['device']}" for alert in found)


def notified(receiver: ToldServer) -> list[tuple[str, str]]:
    """Status, rule and device of each alert that Alertmanager has passed on, in order."""
    found = [(alert["status"], alert["labels"]) for body in receiver.taken for alert in body["alerts"]]
    return [(status, f"{labels['alertname']}@{labels['device']}") for status, labels in found]


def test_alertmanager_hears_of_each_alarm_and_of_all_again_when_it_comes_back(
    mosquitto: Service, influxdb: Service, receiver: ToldServer, tmp_path: Path
) -> None:
    manager = alertmanager(tmp_path, receiver_url=receiver.url)
    told = {"alertmanager": manager.url}
    with (
        manager,
        alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url, alarms=told) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        publish(client, OWN, leaking())
        until(lambda: notified(receiver) == [("firing", "leak@own")], what="it is passed on")
        (labels,) = (alert["labels"] for body in receiver.taken for alert in body["alerts"])
        assert labels == {
            "alertname": "leak", "area": "p1", "device": "own", "domain": "water", "severity": "warning", "site": "q1"
        }  # fmt: skip
        manager.kill()
        publish(client, OTHER, leaking())
        until(lambda: "alarms.alertmanager" in gate.troubles(), what="it is said that nobody is told")
        manager.start()
        manager.wait_ready()
        until(lambda: alerts(manager) == ["leak@other", "leak@own"], what="it knows of both again")
        until(lambda: "alarms.alertmanager" not in gate.troubles())
        publish(client, OWN, leaking(leaks=False))
        until(lambda: ("resolved", "leak@own") in notified(receiver), what="the end is passed on")
        assert alerts(manager) == ["leak@other"]
        assert (
            gate.command("alarms", "silence", "--device", "other", "--until", "1h", "--by", "Lan", "--note", "x").returncode
            == 0
        )
        until(lambda: alerts(manager) == [], what="what is silenced is resolved there")
        publish(client, OWN, leaking())
        until(lambda: alerts(manager) == ["leak@own"], what="it fires once more")
        assert gate.command("alarms", "unsilence", "1").returncode == 0
        until(lambda: alerts(manager) == ["leak@other", "leak@own"], what="the work is over, and it still leaks")


def test_a_webhook_gets_each_change_once_in_order_whatever_happens(
    mosquitto: Service, influxdb: Service, receiver: ToldServer, tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "token").write_text("s3cret")
    (folder / "token").chmod(0o600)
    told = {"webhook": receiver.url, "webhook_token_file": "token"}
    with alarm_gateway(folder, mosquitto, influxdb.url, alarms=told) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        receiver.answers = [503, 401]
        publish(client, OWN, leaking())
        until(lambda: receiver.taken, what="it is taken the third time")
        (raised,) = receiver.taken
        assert (raised["change"], raised["id"], raised["severity"], raised["active"]) == ("raised", "leak@own", "warning", True)
        assert receiver.bodies == [raised] * 3
        assert set(receiver.tokens) == {"Bearer s3cret"}
        receiver.answers = [503] * 50
        assert gate.command("alarms", "ack", "leak@own", "--by", "Lan").returncode == 0
        publish(client, OWN, leaking(leaks=False))
        until(lambda: "alarms.webhook" in gate.troubles(), what="it is said that nobody is told")
        until(lambda: len(changes(gate)) == 3, what="all is on disk")
        gate.kill()
        receiver.answers = []
        gate.start()
        gate.wait_ready()
        until(lambda: len(receiver.taken) == 2, what="the others are told by the next run")
        assert [body["change"] for body in receiver.taken] == ["raised", "cleared"]
        assert (receiver.taken[1]["changes"], receiver.taken[1]["acknowledged"]["by"]) == (2, "Lan"), "both waited as one"
        assert "alarms.webhook" not in gate.troubles()


def changes(gate: Any) -> list[Any]:  # noqa: ANN401
    return list(gate.document("/api/alarms/history")["history"])


def test_a_notice_that_is_refused_for_good_does_not_hold_up_the_next(
    mosquitto: Service, influxdb: Service, receiver: ToldServer, tmp_path: Path
) -> None:
    told = {"webhook": receiver.url}
    with alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url, alarms=told) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        receiver.answers = [422]
        publish(client, OWN, leaking())
        publish(client, OWN, leaking(leaks=False))
        until(lambda: receiver.taken, what="the second is taken")
        assert [body["change"] for body in receiver.taken] == ["cleared"]
        assert gate.said("alarms.webhook refuses 1 changes of alarms, which are left out: 422") == 1


def test_the_list_of_a_device_is_retained_and_is_empty_at_the_end(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with (
        alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url, alarms={"mqtt": True}) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        publish(client, OWN, leaking())
        until(lambda: active(gate), what="the alarm is shown")
        with listening(mosquitto.host, mosquitto.port, "iot/v1/+/+/+/alarms") as device:
            until(lambda: ids(device.last(LIST)) == ["leak@own"], what="it stands in the list")
        with listening(mosquitto.host, mosquitto.port, LIST) as device:
            until(lambda: ids(device.last(LIST)) == ["leak@own"], what="a device that comes later gets it too: it is retained")
            assert gate.command("alarms", "ack", "leak@own", "--by", "Lan").returncode == 0
            until(lambda: json.loads(device.last(LIST) or b"[]")[0]["acknowledged"], what="the acknowledgement is in it")
            gate.kill()
            gate.config.with_name("devices.yaml").unlink()
            gate.start()
            gate.wait_subscribed()
            until(lambda: device.last(LIST) == b"[]", what="an alarm that ended at the start leaves an empty list")


def ids(payload: bytes | None) -> list[str]:
    return [alarm["id"] for alarm in json.loads(payload or b"[]")]
