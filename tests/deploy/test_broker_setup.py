"""``gateway setup broker``, ``setup certificates`` and ``devices enroll`` on a real Mosquitto: who gets in, and how far."""

import csv
import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from socket import create_connection
from typing import Any

import pytest

from gateway.commands.demo.services import Service
from schemas.enrolment import parse_enrolment
from tests.deploy.set_up import HOST, SetUpBroker
from tests.system.rig import Gateway, gateway, run_gateway
from tests.waiting import until

pytestmark = pytest.mark.real

OWN = "iot/v1/ward-1/water/wm-0001"
OTHERS = "iot/v1/ward-1/water/wm-0002"
REFUSED = "Not authorized"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SetUpBroker]:
    """With two devices that are registered and have no account yet."""
    found = SetUpBroker(tmp_path_factory.mktemp("set-up"), 2, "--replace", "--yes")
    with found.service:
        yield found


def enrolled(broker: SetUpBroker, *names: str) -> dict[str, str]:
    """New passwords of devices."""
    file = broker.folder / f"{'-'.join(names)}.csv"
    file.unlink(missing_ok=True)
    broker.command("devices", "enroll", *names, "--csv", str(file), "--replace", "--yes")
    with file.open(encoding="utf-8") as opened:
        return {row["device"]: row["password"] for row in csv.DictReader(opened)}


def test_an_enrolled_device_writes_under_its_own_name_reads_its_own_commands_and_nothing_else(broker: SetUpBroker) -> None:
    passwords = enrolled(broker, "wm-0001", "wm-0002")
    with (
        broker.of_service("gateway") as reader,
        broker.of_service("node-red") as desk,
        broker.device("wm-0001", passwords["wm-0001"]) as meter,
        broker.device("wm-0002", passwords["wm-0002"]) as spy,
    ):
        reader.subscribe("#")
        everything = ("#", "iot/v1/#", f"{OWN}/readings", f"{OWN}/command", f"{OWN}/alarms", f"{OTHERS}/command", "$SYS/#")
        spy.subscribe(*everything, "$CONTROL/#")
        meter.subscribe(*everything)
        for topic in (f"{OTHERS}/readings", f"{OWN}/command", OWN.replace("ward-1", "ward-2"), "application/1/x"):
            meter.publish(topic, "forged")
        desk.publish(f"{OWN}/command", "close the valve")
        desk.publish(f"{OTHERS}/command", "nothing")
        meter.publish(f"{OWN}/status", "own")
        meter.publish(f"{OWN}/readings", "own")
        until(lambda: spy.heard and meter.heard and sum(payload == b"own" for _, payload in reader.heard) == 2)
        assert set(spy.heard) == {(f"{OTHERS}/command", b"nothing")}
        assert set(meter.heard) == {(f"{OWN}/command", b"close the valve")}
        assert not [heard for heard in reader.heard if heard[1] == b"forged"]


def test_a_revoked_device_is_cut_off_at_once_and_leaves_neither_session_nor_retained_messages(broker: SetUpBroker) -> None:
    password = enrolled(broker, "wm-0001")["wm-0001"]
    with broker.device("wm-0001", password) as meter:
        meter.paho.publish(f"{OWN}/status", "online", qos=1, retain=True).wait_for_publish(10)
        said = broker.command("devices", "revoke", "--yes", "wm-0001")
        until(lambda: meter.ends)
    with broker.device("wm-0001", password) as again, broker.of_service("gateway") as reader:
        assert again.answers == [REFUSED]
        reader.subscribe("iot/v1/+/+/+/status")
        with broker.device("wm-0002", enrolled(broker, "wm-0002")["wm-0002"]) as other:
            other.publish(f"{OTHERS}/status", "online")
        until(lambda: reader.heard)
        assert [topic for topic, _ in reader.heard] == [f"{OTHERS}/status"]
    assert said == "wm-0001: revoked; it is cut off\n"
    assert broker.command("devices", "revoke", "--yes", "wm-0001") == "wm-0001: has no account on the broker\n"
    assert "device revoked" in broker.command("audit", "list")


def test_nobody_takes_over_the_gateways_session_whatever_a_device_calls_itself(broker: SetUpBroker) -> None:
    password = enrolled(broker, "wm-0001")["wm-0001"]
    with broker.of_service("gateway", "gateway-1") as gate, broker.device("wm-0001", password, "gateway-1") as attacker:
        assert attacker.answers == ["Success"]
        assert broker.says("as wm-0001 ") >= 1
        assert not gate.ends
        with broker.of_service("gateway", "wm-0001"):  # the gateway's account may; no device has it
            until(lambda: attacker.ends)


@pytest.mark.parametrize(
    ("account", "password"), [("wm-0001", "wrong"), ("wm-0009", "any"), ("", ""), ("administration", "wrong")]
)
def test_who_has_no_account_or_another_password_is_refused(broker: SetUpBroker, account: str, password: str) -> None:
    with broker.device(account, password) as stranger:
        assert stranger.answers == [REFUSED]


def test_a_device_with_an_old_tls_or_another_authority_does_not_get_in(broker: SetUpBroker) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    for context, why in ((old, "(?i)protocol|alert"), (ssl.create_default_context(), "certificate verify failed")):
        with create_connection((HOST, broker.devices_port)) as plain, pytest.raises(ssl.SSLError, match=why):
            context.wrap_socket(plain, server_hostname=HOST)


def test_a_reading_of_an_enrolled_device_reaches_influxdb_by_the_line_of_its_qr_code(
    broker: SetUpBroker, influxdb: Service
) -> None:
    sections = json.loads(broker.config.read_text())
    found = gateway(broker.config.parent, sections["mqtt"]["url"], influxdb.url, **sections)
    said = broker.command("devices", "enroll", "wm-0001", "--replace", "--yes")
    (line,) = re.findall(r"^mqtts://.*$", said, re.MULTILINE)
    one = parse_enrolment(line)
    with found as gate, broker.device(one.username, one.password) as meter:
        gate.wait_subscribed()
        meter.publish(one.topic, '{"flow_m3_h": 1}')
        until(lambda: gate.ledger()["written"] == 1)
        assert "connected and subscribed" in broker.command("check", "--connect")
        check_enrolment_over_http(broker, gate)
        check_another_address(broker, sections)


def check_another_address(broker: SetUpBroker, sections: dict[str, Any]) -> None:
    """Check that an address at which the broker answers, and which its certificate does not name, is a fault."""
    sections["enrolment"]["url"] = sections["enrolment"]["url"].replace("127.0.0.1", "127.0.0.2")
    other = broker.config.with_name("other.yaml")
    other.write_text(json.dumps(sections))
    done = run_gateway("check", "--connect", "-c", other)
    assert done.returncode == 3
    assert (
        "enrolment.url: 127.0.0.2: the broker's certificate is for localhost, 127.0.0.1, and not for 127.0.0.2" in done.stderr
    )


def check_enrolment_over_http(broker: SetUpBroker, gate: Gateway) -> None:
    """Check what the page's buttons do, and what they are refused."""
    status, said = gate.ask("/api/devices/wm-0002/enroll", "POST", token=gate.token())
    account = json.loads(said)
    assert (status, parse_enrolment(account["enrolment"]).topic) == (200, f"{OTHERS}/readings")
    with broker.device("wm-0002", account["password"]) as meter:
        status, page = gate.ask("/register/wm-0002/enroll", "POST", token=gate.token(), form="")
        until(lambda: meter.ends, what="the account that was replaced is cut off")
    assert (status, page.count("<svg"), page.count("iot/v1/ward-1/water/wm-0002/readings")) == (200, 1, 1)
    assert json.loads(gate.ask("/api/devices/wm-0002/revoke", "POST", token=gate.token())[1])["had_account"]
    assert gate.ask("/api/devices/wm-0002/enroll", "POST")[0] == 401
    assert gate.ask("/api/devices/wm-9/enroll", "POST", token=gate.token())[0] == 409
    assert "wm-9 chưa có trong danh sách đăng ký" in gate.ask("/register/wm-9/enroll", "POST", token=gate.token(), form="")[1]


def test_many_get_accounts_and_labels_in_the_file_of_a_broker_that_is_stopped(tmp_path: Path) -> None:
    many = SetUpBroker(tmp_path / "many", 60, "--replace", "--yes")
    sheet, table, accounts = (
        tmp_path / "labels.html",
        tmp_path / "accounts.csv",
        many.folder / "state" / "dynamic-security.json",
    )
    words = ["devices", "enroll", "--all", "--file", str(accounts), "--sheet", str(sheet), "--csv", str(table)]
    said = many.command(*words)
    sheet.rename(tmp_path / "printed.html")
    with table.open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    table.unlink()
    with many.service:
        running = run_gateway(*words, "--replace", "--yes", "-c", many.config)
        with many.device("wm-0060", rows[-1]["password"]) as last:
            assert last.answers == ["Success"]
        again = run_gateway("devices", "enroll", "wm-0007", "-c", many.config)
        several = run_gateway("devices", "enroll", "wm-0007", "wm-0008", "-c", many.config)
        assert "enrolled; its password" in many.command("devices", "enroll", "wm-0007", "--replace", "--yes")
        many.service.kill()
    assert len(json.loads(accounts.read_text())["clients"]) == 63
    assert "60 of 60 devices have their account; start the broker" in said
    assert (tmp_path / "printed.html").read_text(encoding="utf-8").count("<article>") == 60
    assert [parse_enrolment(row["enrolment"]).password for row in rows] == [row["password"] for row in rows]
    assert (tmp_path / "printed.html").stat().st_mode & 0o077 == 0
    assert (running.returncode, again.returncode, several.returncode) == (2, 2, 2)
    assert "runs and would overwrite it: stop the broker first" in running.stderr
    assert "wm-0007: has an account already; --replace" in again.stderr
    assert "--sheet FILE.html" in several.stderr


def test_no_device_gets_or_ends_the_account_of_a_service(broker: SetUpBroker) -> None:
    registry = broker.config.with_name("devices.yaml")
    before = registry.read_text()
    for name in ("administration", "node-red"):
        registry.write_text(json.dumps({"devices": [{"id": name, "site": "ward-1", "domain": "water"}]}))
        for words in (("enroll", name, "--replace", "--yes"), ("revoke", name, "--yes")):
            done = run_gateway("devices", *words, "-c", broker.config)
            said = f"{name} is the account of a gateway or a service, not of a device; rename the device\n"
            assert (done.returncode, done.stderr) == (3, said)
    registry.write_text(before)
    assert enrolled(broker, "wm-0001")


def test_what_cannot_be_enrolled_is_named_with_what_to_do(broker: SetUpBroker) -> None:
    unknown = run_gateway("devices", "enroll", "wm-9", "-c", broker.config)
    nobody = run_gateway("devices", "enroll", "-c", broker.config)
    away = json.loads(broker.config.read_text())
    away["mqtt"]["url"] = "mqtt://127.0.0.1:1"
    elsewhere = broker.folder / "gateway" / "away.yaml"
    elsewhere.write_text(json.dumps(away))
    unreachable = run_gateway("devices", "enroll", "wm-0001", "-c", elsewhere)
    assert (unknown.returncode, nobody.returncode, unreachable.returncode) == (2, 2, 3)
    assert unknown.stderr == "wm-9: is not registered; `gateway devices add wm-9 --site S --domain D` registers it\n"
    assert "name the devices to enrol" in nobody.stderr
    assert unreachable.stderr.startswith("mqtt://127.0.0.1:1: ")


def test_setting_up_twice_keeps_all_accounts_unless_told(broker: SetUpBroker) -> None:
    words: list[str | Path] = ["--conf", broker.folder / "conf.d", "--state", broker.folder / "state"]
    words += ["--secrets", broker.folder / "gateway"]
    plugins = Path(re.findall(r"^plugin (.*)/", (broker.folder / "conf.d" / "listeners.conf").read_text(), re.MULTILINE)[0])
    before = (broker.folder / "state" / "dynamic-security.json").read_bytes()
    twice = run_gateway("setup", "broker", *words, "--plugins", plugins, "-c", broker.config)
    lacking = run_gateway("setup", "broker", *words, "--plugins", broker.folder, "-c", broker.config)
    assert (twice.returncode, lacking.returncode) == (2, 2)
    assert "dynamic-security.json: is there already; --replace" in twice.stderr
    assert "comes with Mosquitto 2" in lacking.stderr
    assert (broker.folder / "state" / "dynamic-security.json").read_bytes() == before
