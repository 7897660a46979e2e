"""``gateway devices enroll``, ``revoke`` and the page of a device, on RabbitMQ as ``gateway setup rabbitmq`` sets it up."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.campaigns.rabbitmq.clients import NOBODY, SUCCESS, client
from tests.campaigns.rabbitmq.province import Province, province
from tests.system.rig import run_gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

DEVICE = "ward-1-m1"
TOPIC = f"iot/v1/ward-1/water/{DEVICE}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    """One node for all tests here; its ``gateway.yaml`` enrols by the account that the set-up made."""
    with province(
        tmp_path_factory.mktemp("rabbitmq") / "province", [f"ward-{n}" for n in range(1, 301)], "--names", "gateway-1,gateway-2"
    ) as found:
        enrolment = {
            "url": f"mqtts://localhost:{found.devices_port}",
            "ca": "certs/ca.crt",
            "management": found.node.management.url,
            "password_file": "secrets/administration.password",
        }
        document = {"mqtt": {"url": found.node.url}, "enrolment": enrolment, "devices": {"registry": "devices.yaml"}}
        (found.folder / "gateway.yaml").write_text(yaml.safe_dump(document))
        yield found


def devices(found: Province, *arguments: str | Path) -> tuple[int, str, str]:
    """``gateway devices ...``: status, output, errors."""
    done = run_gateway("devices", *arguments, "-c", found.folder / "gateway.yaml")
    return done.returncode, done.stdout, done.stderr


def enrolled_password(found: Province, *more: str) -> str:
    """Enrol the device; its password."""
    status, out, err = devices(found, "enroll", DEVICE, *more)
    assert (status, err) == (0, "")
    (line,) = [line for line in out.splitlines() if line.strip().startswith("password")]
    return line.split()[1]


def test_an_enrolled_device_comes_over_tls_and_one_enrolled_again_by_its_new_password_alone(shared: Province) -> None:
    ca, port = str(shared.folder / "certs" / "ca.crt"), shared.devices_port
    old = enrolled_password(shared)
    with client(shared.node, DEVICE, old, port=port, tls=ca) as device:
        assert device.publish(f"{TOPIC}/readings") == SUCCESS
    status, _, err = devices(shared, "enroll", DEVICE)
    assert (status, err) == (2, f"{DEVICE}: has an account already; --replace gives it a new one and ends the old one\n")
    new = enrolled_password(shared, "--replace", "--yes")
    with client(shared.node, DEVICE, old, port=port, tls=ca) as device:
        assert device.answer != SUCCESS
    with client(shared.node, DEVICE, new, port=port, tls=ca) as device:
        assert device.publish(f"{TOPIC}/readings") == SUCCESS
    devices(shared, "revoke", "--yes", DEVICE)


def test_a_revoked_device_is_cut_off_and_leaves_neither_session_nor_retained_state(shared: Province) -> None:
    password = enrolled_password(shared)
    with client(shared.node, DEVICE, password, clean=False, expiry_s=3600) as device:
        assert device.subscribe(f"{TOPIC}/command") == "Granted QoS 1"
        assert device.publish(f"{TOPIC}/status", json.dumps({"state": "online"}), retain=True) in {SUCCESS, NOBODY}
        status, out, err = devices(shared, "revoke", "--yes", DEVICE)
        assert (status, out, err) == (0, f"{DEVICE}: revoked; it is cut off\n", "")
        device.wait_ended()
    queues = [queue["name"] for queue in shared.node.management.ask("queues")]
    assert [name for name in queues if DEVICE in name] == []
    with client(shared.node, DEVICE, password) as device:
        assert device.answer != SUCCESS
    with client(shared.node, "guest", "guest", "looker") as looker:
        assert looker.subscribe(f"{TOPIC}/status") == "Granted QoS 1"
        assert looker.publish(f"{TOPIC}/status", "the last") == SUCCESS
        until(lambda: b"the last" in looker.payloads, what="what is sent now comes")
        assert looker.payloads == [b"the last"]
    assert devices(shared, "revoke", "--yes", DEVICE) == (0, f"{DEVICE}: has no account on the broker\n", "")


def test_hundreds_get_their_accounts_and_each_may_use_its_own_topics(shared: Province) -> None:
    table = shared.folder / "accounts.csv"
    status, _, err = devices(shared, "enroll", "--all", "--csv", table)
    assert (status, err) == (0, "")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 300
    for row in (rows[0], rows[-1]):
        with client(shared.node, row["username"], row["password"]) as device:
            assert device.publish(row["topic"]) == SUCCESS
            assert device.publish("iot/v1/ward-150/water/ward-150-m1/readings").startswith("ended: ")


def test_no_device_gets_or_ends_the_account_of_a_gateway_or_a_service(shared: Province) -> None:
    registry = shared.folder / "devices.yaml"
    before = registry.read_text()
    users = shared.node.management.ask("definitions")["users"]
    for name in ("gateway-2", "gateway-watch", "administration", "guest"):
        registry.write_text(yaml.safe_dump({"devices": [{"id": name, "site": "ward-1", "domain": "water"}]}))
        said = f"{name} is the account of a gateway or a service, not of a device; rename the device\n"
        assert devices(shared, "enroll", name, "--replace", "--yes")[::2] == (3, said)
        assert devices(shared, "revoke", "--yes", name)[::2] == (3, said)
    registry.write_text(before)
    assert shared.node.management.ask("definitions")["users"] == users


def test_a_wrong_password_of_the_administration_is_told(shared: Province, tmp_path: Path) -> None:
    document = yaml.safe_load((shared.folder / "gateway.yaml").read_text())
    (tmp_path / "wrong").write_text("wrong\n")
    document["enrolment"] |= {"password_file": str(tmp_path / "wrong"), "ca": str(shared.folder / "certs" / "ca.crt")}
    document["devices"]["registry"] = str(shared.folder / "devices.yaml")
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(document))
    done = run_gateway("devices", "enroll", DEVICE, "-c", tmp_path / "gateway.yaml")
    assert (done.returncode, "user or password are wrong" in done.stderr, done.stderr.count("\n")) == (3, True, 1)
