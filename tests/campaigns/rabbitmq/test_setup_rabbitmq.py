"""``gateway setup rabbitmq`` on a real node: what it writes is in force, and accounts may do what they must and no more."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.ingest.broker.rabbitmq.accounts import device_account
from gateway.ingest.broker.rabbitmq.management import ManagementApi, ManagementFault, joined
from gateway.ingest.broker.rights import NativeTopics
from tests.campaigns.rabbitmq.clients import NOBODY, REFUSED, SUCCESS, Client, client
from tests.campaigns.rabbitmq.province import Province, province
from tests.system.rig import gateway, run_gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

SITES = ("ward-1", "ward-2", "ward-3", "ward-4")
SESSION = "mqtt-subscription-gateway-1qos1"
WEEK_S = 7 * 86400


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    """One node for all tests here; each leaves it as it was."""
    with province(
        tmp_path_factory.mktemp("rabbitmq") / "province", SITES, "--names", "gateway-1,gateway-2", "--service", "chirpstack"
    ) as found:
        yield found


@pytest.fixture
def gateway_1(shared: Province) -> Iterator[Client]:
    """A new session of a gateway, open and bound to a site."""
    name = "gateway-1"
    with client(shared.node, name, shared.password(name), clean=True, expiry_s=WEEK_S) as found:
        assert found.subscribe("iot/v1/ward-1/+/+/readings") == "Granted QoS 1"
        yield found


@pytest.fixture
def m1(shared: Province) -> Iterator[str]:
    """The password of a device's account."""
    account = device_account(NativeTopics("ward-1", "water", "m1"), "secret")
    shared.node.management.ask("definitions", "POST", joined([account.definitions()]))
    yield account.password
    shared.node.management.ask("users/m1", "DELETE")


@pytest.mark.parametrize(
    ("application", "key", "value"),
    [
        ("rabbitmq_mqtt", "durable_queue_type", "{ok,quorum}"),
        ("rabbitmq_mqtt", "max_session_expiry_interval_seconds", "{ok,604800}"),
        ("rabbitmq_mqtt", "prefetch", "{ok,2000}"),
        ("rabbitmq_mqtt", "sparkplug", "{ok,true}"),
        ("rabbitmq_mqtt", "max_packet_size_authenticated", "{ok,393216}"),
        ("rabbit", "quorum_membership_reconciliation_enabled", "{ok,true}"),
        ("rabbit", "quorum_membership_reconciliation_target_group_size", "{ok,3}"),
        ("rabbit", "quorum_membership_reconciliation_interval", "{ok,300000}"),
        ("rabbit", "anonymous_login_user", "{ok,none}"),
        ("rabbit", "loopback_users", '{ok,[<<"guest">>]}'),
        ("rabbit", "cluster_partition_handling", "{ok,pause_minority}"),
        ("rabbit", "disk_free_limit", '{ok,"2GB"}'),
    ],
)
def test_each_setting_of_the_file_is_in_force(shared: Province, application: str, key: str, value: str) -> None:
    assert shared.node.ctl("eval", f"application:get_env({application}, {key}).").stdout.strip() == value


def test_a_second_run_finds_all_as_it_should_be_and_changes_nothing(shared: Province) -> None:
    before = shared.node.management.ask("definitions")
    done = shared.setup()
    assert (done.returncode, done.stderr) == (0, "")
    assert "all is as it should be" in done.stdout
    assert shared.node.management.ask("definitions") == before


def test_the_account_that_makes_accounts_may_repeat_the_set_up_so_that_guest_is_not_needed(shared: Province) -> None:
    shared.node.management.ask("policies/%2F/gateway-topics", "DELETE")
    password = str(shared.folder / "secrets" / "administration.password")
    done = shared.setup("--admin", "administration", "--admin-password-file", password)
    assert (done.returncode, "policies: gateway-topics: is missing; set" in done.stdout, done.stderr) == (0, True, "")


def test_what_somebody_changed_is_named_and_set_again(shared: Province) -> None:
    api = shared.node.management
    api.ask("policies/%2F/gateway-sessions", "DELETE")
    api.ask("topic-permissions/%2F/gateway-2", "DELETE")
    api.ask("users/gateway-1", "PUT", {"password": "other", "tags": ""})
    faults = [
        "users: gateway-1: password_hash: is not as it should be",
        "topic_permissions: gateway-2 amq.topic: is missing",
        "policies: gateway-sessions: is missing",
    ]
    told = shared.setup("--dry-run")
    assert [line for line in told.stdout.splitlines() if line in faults] == faults
    done = shared.setup()
    assert [line for line in done.stdout.splitlines() if line.endswith("; set")] == [f"{fault}; set" for fault in faults]
    assert "all is as it should be" in shared.setup().stdout


def test_a_queue_of_another_kind_in_the_way_is_a_fault_not_a_success(shared: Province) -> None:
    api = shared.node.management
    api.ask("queues/%2F/gateway.unroutable", "DELETE")
    api.ask("queues/%2F/gateway.unroutable", "PUT", {"durable": True, "arguments": {"x-queue-type": "classic"}})
    done = shared.setup()
    assert (done.returncode, "did not take" in done.stderr) == (3, True)
    api.ask("queues/%2F/gateway.unroutable", "DELETE")
    assert shared.setup().returncode == 0


def test_the_session_of_a_gateway_is_a_quorum_queue_that_gives_up_no_message_for_a_week(
    shared: Province, gateway_1: Client
) -> None:
    assert gateway_1.answer == SUCCESS

    def queue() -> dict[str, object]:
        found: dict[str, object] = shared.node.management.ask(f"queues/%2F/{SESSION}")
        return found

    until(lambda: queue().get("policy") == "gateway-sessions", what="its policy is told")
    found = queue()
    assert (found["type"], found["arguments"]) == ("quorum", {"x-expires": WEEK_S * 1000, "x-queue-type": "quorum"})
    assert found["effective_policy_definition"] == {"delivery-limit": -1, "overflow": "reject-publish"}
    assert found["delivery_limit"] == "unlimited"
    assert shared.node.management.bindings() == {("iot.v1.ward-1.*.*.readings", SESSION)}


@pytest.mark.parametrize(
    "topic",
    ["iot/v1/ward-9/water/m1/readings", "iot/v1/ward-1/water/m.1/readings", "iot/v1/ward-9/water/m1/status"],
)
def test_a_message_that_no_gateway_reads_waits_beside(shared: Province, gateway_1: Client, topic: str) -> None:
    shared.node.management.ask("queues/%2F/gateway.unroutable/contents", "DELETE")
    with client(shared.node, "guest", "guest", "tester") as device:
        assert device.publish("iot/v1/ward-1/water/m1/readings") == SUCCESS
        assert device.publish(topic) == SUCCESS
        assert device.publish("iot/v1/ward-1/water/m1/alarms") == NOBODY
    until(lambda: gateway_1.received == ["iot/v1/ward-1/water/m1/readings"], what="its own site's message came")
    until(lambda: shared.node.management.depth("gateway.unroutable") > 0, what="the other waits")
    waiting = shared.node.management.ask(
        "queues/%2F/gateway.unroutable/get", "POST", {"count": 9, "ackmode": "ack_requeue_false", "encoding": "auto"}
    )
    assert [message["routing_key"] for message in waiting] == [topic.replace("/", ".")]


# Accounts.


def test_nobody_comes_without_an_account(shared: Province) -> None:
    with client(shared.node, "nobody", "wrong") as found:
        assert found.answer in {"Bad user name or password", REFUSED}


def test_a_device_publishes_under_its_own_name_and_reads_what_is_meant_for_it_over_tls(shared: Province, m1: str) -> None:
    ca = str(shared.folder / "certs" / "ca.crt")
    with client(shared.node, "m1", m1, port=shared.devices_port, tls=ca) as device:
        assert device.answer == SUCCESS
        assert device.subscribe("iot/v1/ward-1/water/m1/command") == "Granted QoS 1"
        assert device.publish("iot/v1/ward-1/water/m1/readings") == SUCCESS
        assert device.publish("iot/v1/ward-1/water/m1/status") == SUCCESS


@pytest.mark.parametrize(
    "topic",
    [
        "iot/v1/ward-1/water/m2/readings",
        "iot/v1/ward-2/water/m1/readings",
        "iot/v1/ward-1/water/m1/command",
        "iot/v1/ward-1/water/m1/readings/more",
        "application/7/device/1/event/up",
    ],
)
def test_a_device_that_publishes_under_another_topic_is_cut_off(shared: Province, m1: str, topic: str) -> None:
    with client(shared.node, "m1", m1) as device:
        assert device.publish(topic).startswith("ended: ")


@pytest.mark.parametrize(
    "pattern", ["#", "iot/v1/ward-1/+/+/readings", "iot/v1/ward-1/water/m1/readings", "iot/v1/ward-1/water/+/command"]
)
def test_a_device_reads_no_readings_and_nothing_of_others(shared: Province, m1: str, pattern: str) -> None:
    with client(shared.node, "m1", m1) as device:
        assert device.subscribe(pattern) in {REFUSED, "ended: Unspecified error"}


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
def test_no_device_and_no_other_gateway_gets_a_gateways_session_or_ends_it(
    shared: Province, gateway_1: Client, m1: str, *, clean: bool, is_there: bool
) -> None:
    """Neither while it is connected, whose connection is closed by that, nor while it is away."""
    if not is_there:
        gateway_1.close()
    for thief, password in (
        ("m1", m1),
        ("gateway-2", shared.password("gateway-2")),
        ("chirpstack", shared.password("chirpstack")),
    ):
        with client(shared.node, thief, password, "gateway-1", clean=clean, expiry_s=WEEK_S) as found:
            assert found.answer == REFUSED
    if is_there:
        assert gateway_1.wait_ended() == "Session taken over"
    assert shared.node.management.bindings() == {("iot.v1.ward-1.*.*.readings", SESSION)}
    with client(shared.node, "gateway-1", shared.password("gateway-1"), clean=False, expiry_s=WEEK_S) as back:
        assert (back.answer, back.session_present) == (SUCCESS, True)


def test_a_gateway_publishes_alarms_and_asks_for_births_and_publishes_no_readings(gateway_1: Client) -> None:
    assert gateway_1.publish("iot/v1/ward-1/water/m1/alarms") == NOBODY
    assert gateway_1.publish("gateway/v1/gateway-1/audit") == NOBODY
    assert gateway_1.publish("spBv1.0/xa-tan-an/NCMD/edge-1") == NOBODY
    assert gateway_1.publish("iot/v1/ward-1/water/m1/readings").startswith("ended: ")


def test_a_service_publishes_its_own_topics_under_any_client_id_that_begins_with_its_name(shared: Province) -> None:
    with client(shared.node, "chirpstack", shared.password("chirpstack"), "chirpstack-eu868") as service:
        assert service.subscribe("application/+/device/+/command/down") == "Granted QoS 1"
        assert service.publish("application/7/device/1/event/up") == NOBODY


def test_the_watching_account_sees_bindings_and_what_no_gateway_reads_and_changes_nothing(
    shared: Province, gateway_1: Client
) -> None:
    assert gateway_1.answer == SUCCESS
    shared.node.management.ask("queues/%2F/gateway.unroutable/contents", "DELETE")
    api = ManagementApi(shared.node.management.url, "gateway-watch", shared.password("gateway-watch"))
    (binding,) = api.ask("exchanges", "/", "amq.topic", "bindings", "source")
    assert binding["routing_key"] == "iot.v1.ward-1.*.*.readings"
    with client(shared.node, "guest", "guest", "tester") as device:
        assert device.publish("iot/v1/ward-8/water/m1/readings") == SUCCESS
    until(lambda: shared.node.management.depth("gateway.unroutable") > 0, what="it waits")
    wanted = {"count": 9, "ackmode": "ack_requeue_false", "encoding": "auto"}
    (message,) = api.ask("queues", "/", "gateway.unroutable", "get", method="POST", body=wanted)
    assert message["routing_key"] == "iot.v1.ward-8.water.m1.readings"
    for path, body in ((("users", "gateway-1"), {"password": "x", "tags": ""}), (("policies", "/", "gateway-sessions"), {})):
        with pytest.raises(ManagementFault) as fault:
            api.ask(*path, method="PUT", body=body)
        assert fault.value.status in {401, 403}
    with pytest.raises(ManagementFault):
        api.ask("queues", "/", SESSION, "get", method="POST", body=wanted)


@pytest.mark.parametrize("exchange", ["amq.topic", "gateway.unroutable", "amq.default"])
def test_the_watching_account_publishes_nothing_and_makes_and_removes_no_queue(shared: Province, exchange: str) -> None:
    """Whoever reads its password, which each gateway has, cannot forge a reading."""
    api = ManagementApi(shared.node.management.url, "gateway-watch", shared.password("gateway-watch"))
    sent = {"properties": {}, "routing_key": "iot.v1.ward-8.water.m1.readings", "payload": "{}", "payload_encoding": "string"}
    made = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
    tried = (
        (("exchanges", "/", exchange, "publish"), "POST", sent),
        (("queues", "/", "gateway.unroutable"), "DELETE", None),
        (("queues", "/", "mine"), "PUT", made),
    )
    for path, method, body in tried:
        with pytest.raises(ManagementFault):
            api.ask(*path, method=method, body=body)
    with client(shared.node, "gateway-watch", shared.password("gateway-watch")) as watch:
        assert watch.answer != SUCCESS or watch.publish("iot/v1/ward-8/water/m1/readings").startswith("ended: ")


def test_a_gateways_commands_connect_beside_it_with_its_account(shared: Province, influxdb: Service, tmp_path: Path) -> None:
    with gateway(tmp_path / "gateway", shared.node.url, influxdb.url, mqtt=shared.mqtt("gateway-1")) as gate:
        gate.wait_subscribed()
        done = gate.command("check", "--connect")
        assert (done.returncode, "connected and subscribed" in done.stdout) == (0, True), done.stderr
        assert gate.status()["mqtt"]["connected"]


def test_the_watching_account_is_enough_to_look_at_a_gateways_queue_and_to_replay(
    shared: Province, gateway_1: Client, tmp_path: Path
) -> None:
    assert gateway_1.subscribe("iot/v1/ward-8/+/+/readings") == "Granted QoS 1"
    shared.node.management.ask("queues/%2F/gateway.unroutable/contents", "DELETE")
    with client(shared.node, "guest", "guest", "tester") as device:
        assert device.publish("iot/v1/ward-9/water/m1/readings") == SUCCESS
    mqtt = shared.mqtt("gateway-1") | {"url": shared.node.url}
    (tmp_path / "gateway.yaml").write_text(json.dumps({"mqtt": mqtt}))
    done = run_gateway("unroutable", "--replay", "-c", tmp_path / "gateway.yaml")
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["1"]), done.stderr
    checked = run_gateway("check", "--connect", "-c", tmp_path / "gateway.yaml")
    assert f"{SESSION}: 2 bindings" in checked.stdout
    assert "iot.v1.ward-8.*.*.readings" in checked.stderr


# Wrong use.


def test_a_wrong_password_or_port_is_told_in_a_sentence(shared: Province, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong\n")
    done = shared.setup("--admin-password-file", str(tmp_path / "wrong"))
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "user or password are wrong" in done.stderr
    done = shared.setup("--apply", "http://127.0.0.1:1")
    assert (done.returncode, done.stderr) == (3, "http://127.0.0.1:1 does not answer: Connection refused\n")
    done = shared.setup("--apply", f"http://127.0.0.1:{shared.node.port}")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)


def test_the_definitions_file_holds_no_password_and_is_what_the_broker_has(shared: Province) -> None:
    text = (shared.folder / "secrets" / "rabbitmq-definitions.json").read_text()
    assert not [name for name in ("gateway-1", "gateway-2", "gateway-watch", "chirpstack") if shared.password(name) in text]
    shared.node.management.ask("policies/%2F/gateway-topics", "DELETE")
    shared.node.ctl("import_definitions", str(shared.folder / "secrets" / "rabbitmq-definitions.json"))
    assert "all is as it should be" in shared.setup().stdout
    assert json.loads(text)["policies"]
