"""A gateway's session on RabbitMQ as it comes: terms other than those asked for are told, and what is missing is mended."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from gateway.commands.demo.services import Service, free_port
from gateway.ingest.broker.rabbitmq.management import joined, policies, unroutable
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.campaigns.rabbitmq.node import Node, rabbitmq
from tests.campaigns.rabbitmq.wire import KEPT, wire
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """RabbitMQ as it comes but for its queues, for all of these tests; it counts what waits in them each second."""
    settings = {"mqtt.durable_queue_type": "quorum", "collect_statistics_interval": "1000"}
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq"), settings) as node:
        yield node


@pytest.fixture
def minutes_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways of this test look at the broker every second."""
    now_ms = time.time_ns() // 1_000_000
    monkeypatch.setenv(VARIABLE, str(ScaledTime(now_ms, now_ms, 60.0)))


def sharing(folder: Path, broker: Node, influxdb: Service, name: str, *devices: dict[str, str], port: int = 0) -> Gateway:
    """A gateway that has the site of its own name, with registered devices.

    :param port: of the management API, in place of the broker's.
    """
    gate = gateway(folder / name, broker.url, influxdb.url, mqtt={"client_id": name, "shares": "shares.yaml"})
    url = f"http://127.0.0.1:{port or broker.management.port}"
    (gate.folder / "secret").write_text("guest")
    gate.journal.parent.mkdir()
    (gate.journal.parent / PERMIT).touch()
    shares = {
        "gateways": [name],
        "management": {"url": url, "username": "guest", "password_file": "secret"},
        "shares": [{"site": name}],
    }
    (gate.folder / "shares.yaml").write_text(yaml.safe_dump(shares))
    (gate.folder / "devices.yaml").write_text(yaml.safe_dump({"devices": list(devices)}))
    return gate


def test_a_session_that_rabbitmq_keeps_for_a_day_only_is_told(broker: Node, influxdb: Service, tmp_path: Path) -> None:
    with sharing(tmp_path, broker, influxdb, "day") as gate:
        until(lambda: "for 1 d, not for 7 d" in gate.troubles(), what="the running gateway tells it")
        assert "gateway_mqtt_session_expiry_seconds 86400.0" in gate.ask("/metrics")[1]
        done = gate.command("check", "--connect")
        assert done.returncode == 0, done.stderr
        assert "for 1 d, not for 7 d" in done.stderr


def test_retained_states_of_registered_devices_come_and_later_ones_come_once(
    broker: Node, influxdb: Service, tmp_path: Path
) -> None:
    gate = sharing(tmp_path, broker, influxdb, "states", {"id": "m1", "site": "states", "domain": "water"})
    with client_of(broker) as client:
        for device in ("m0", "m1"):
            publish(client, f"iot/v1/states/water/{device}/status", '{"state": "online"}', retain=True)
        with gate:
            until(lambda: heard(gate) == 1, what="the state of m1 came")
            publish(client, "iot/v1/states/water/m1/status", '{"state": "offline"}')
            publish(client, "iot/v1/states/water/m1/readings", '{"pressure_kpa": 300}')
            until(lambda: gate.ledger()["written"] == 1, what="what came after it is written")
            assert heard(gate) == 3, "the retained one, the later one and the reading; a wildcard gets nothing retained"


@pytest.mark.usefixtures("minutes_are_short")
def test_bindings_that_vanish_are_restored_and_strange_ones_are_told(broker: Node, influxdb: Service, tmp_path: Path) -> None:
    queue, lost = "mqtt-subscription-lossygateqos1", "iot.v1.lossygate.*.*.readings"
    with sharing(tmp_path, broker, influxdb, "lossygate") as gate, client_of(broker) as client:
        gate.wait_subscribed()
        until(lambda: "it has 10 messages on their way at once, not 2000" in gate.troubles(), what="the window is told")
        broker.management.bind(queue, "iot.v1.stranger.#")
        broker.management.unbind(queue, lost)
        until(lambda: "(iot/v1/lossygate/+/+/readings)" in gate.troubles(), what="the loss is told")
        until(lambda: (lost, queue) in broker.management.bindings(), what="and mended")
        until(lambda: "(iot.v1.stranger.#)" in gate.troubles(), what="the stranger is told")
        checked = gate.command("check", "--connect")
        assert checked.returncode == 0, checked.stderr
        assert "(iot.v1.stranger.#)" in checked.stderr
        assert "it has 10 messages on their way at once, not 2000" in checked.stderr
        publish(client, "iot/v1/lossygate/water/m1/readings", '{"pressure_kpa": 300}')
        until(lambda: gate.ledger()["written"] == 1, what="readings come again")
        assert "gateway_mqtt_bindings_restored_total 1.0" in gate.ask("/metrics")[1]


@pytest.mark.usefixtures("minutes_are_short")
def test_a_broker_that_cannot_be_asked_is_told_and_readings_go_on(broker: Node, influxdb: Service, tmp_path: Path) -> None:
    with sharing(tmp_path, broker, influxdb, "unseen", port=free_port()) as gate, client_of(broker) as client:
        gate.wait_subscribed()
        until(lambda: "cannot be asked about its queues" in gate.troubles(), what="it is told")
        publish(client, "iot/v1/unseen/water/m1/readings", '{"pressure_kpa": 300}')
        until(lambda: gate.ledger()["written"] == 1, what="the reading is written")
        for asked in (["unroutable"], ["check", "--connect"]):
            done = gate.command(*asked)
            assert done.returncode == 3
            assert "does not answer" in done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("minutes_are_short")
def test_what_no_gateway_reads_is_told_kept_and_replayed(broker: Node, influxdb: Service, tmp_path: Path) -> None:
    gate = sharing(tmp_path, broker, influxdb, "late-site")
    with client_of(broker) as client, gate:
        until(lambda: "does not keep messages that reach no gateway" in gate.troubles(), what="RabbitMQ as it comes is told")
        done = gate.command("unroutable", "--replay")
        assert done.returncode == 3, "what is rejected there would be gone"
        assert "nothing was tried" in done.stderr
        gate.stop()
        kept = unroutable(["iot/v1/+/+/+/readings"])
        broker.management.ask("definitions", "POST", joined([policies(["late-site"]), kept]))
        publish(client, "iot/v1/new-site/water/m1/readings", '{"pressure_kpa": 300}')
        publish(client, "iot/v1/new-site/water/m1/readings", '{"pressure_kpa": 301}')
        publish(client, "iot/v1/nobodys/water/m1/readings", '{"pressure_kpa": 302}')
        gate.start()
        gate.wait_subscribed()
        until(lambda: "3 messages reached no gateway" in gate.troubles(), what="they are told")
        assert gate.command("unroutable").stdout == "3 messages reached no gateway\n"
        add_site(gate, "new-site")
        gate.send_signal(signal.SIGHUP)
        until(lambda: ("iot.v1.new-site.*.*.readings", "mqtt-subscription-late-siteqos1") in broker.management.bindings())
        done = gate.command("unroutable", "--replay")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("3 messages go their way again")
        until(lambda: gate.ledger()["written"] == 2, what="both are written")
        until(lambda: "1 messages reached no gateway" in gate.troubles(), what="what still nobody reads is kept")
    stored = query(influxdb.url, "iot", "SELECT pressure_kpa, quality FROM water")
    assert [row["pressure_kpa"] for row in stored] == [300.0, 301.0]
    assert {row["quality"] for row in stored} == {1 | 64}, "the gateway's time, and a replay may come twice"


@pytest.mark.slow
@pytest.mark.usefixtures("minutes_are_short")
def test_a_session_that_was_ended_is_told_and_what_came_meanwhile_is_replayed(
    broker: Node, influxdb: Service, tmp_path: Path
) -> None:
    kept = unroutable(["iot/v1/+/+/+/readings"])
    broker.management.ask("definitions", "POST", joined([policies(["ended"]), kept]))
    with sharing(tmp_path, broker, influxdb, "ended") as gate:
        gate.wait_subscribed()
        until(lambda: knows_its_session(gate), what="it knows that the broker holds its session")
        gate.stop()
        with wire(broker, "ended", clean=True, expiry_s=0):
            pass
        until(lambda: not broker.management.has_queue("mqtt-subscription-endedqos1"), what="its session is gone")
        with wire(broker, "device", expiry_s=0) as device:
            topic, payload = "iot/v1/ended/water/m1/readings", b'{"pressure_kpa": 300}'
            until(lambda: device.publish(topic, payload) == KEPT, what="what nobody reads is kept")
        gate.start()
        gate.wait_subscribed()
        until(lambda: "had forgotten this gateway's session" in gate.troubles(), what="it is told")
        assert "gateway_mqtt_sessions_lost_total 1.0" in gate.ask("/metrics")[1]
        assert gate.command("unroutable", "--replay").returncode == 0
        until(lambda: gate.ledger()["written"] == 1, what="what came meanwhile is written")


def knows_its_session(gate: Gateway) -> bool:
    """Tell if it has saved what the broker holds for it."""
    with closing(sqlite3.connect(f"file:{gate.journal}?mode=ro", uri=True)) as file:
        return bool(file.execute("SELECT 1 FROM kept WHERE name = 'subscriptions'").fetchall())


def add_site(gate: Gateway, site: str) -> None:
    """Give a gateway another site."""
    path = gate.folder / "shares.yaml"
    shares = yaml.safe_load(path.read_text())
    shares["shares"].append({"site": site})
    path.write_text(yaml.safe_dump(shares))


def heard(gate: Gateway) -> int:
    """The number of its messages."""
    return int(gate.status()["messages"])
