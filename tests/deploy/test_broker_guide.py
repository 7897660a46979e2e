"""The guide's chapter on the broker on a real Mosquitto: its steps, and each attack on what they set up."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.admin.broker.configuration import service_conf
from gateway.commands.demo.services import Service
from tests.deploy.guide import DEPLOY, GUIDE, Province, blocks
from tests.system.brokers import listens
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real

OWN = "iot/v1/ward-1/water/wm-0001"
READING = '{"flow_m3_h": 1}'
REFUSED = "Not authorized"


@pytest.fixture
def province(tmp_path: Path) -> Iterator[Province]:
    """The broker, with a second device of whom the rights say nothing."""
    found = Province(tmp_path / "province")
    with found.service:
        yield found


def gateway_settings(folder: Path) -> dict[str, object]:
    """Return the parts of ``gateway.yaml`` that the guide shows."""
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets" / "broker.password").write_text("password of gateway\n")
    (said,) = re.findall(r"`username: (\w+)` and `password_file: ([\w./]+)`", GUIDE)
    return dict(zip(("username", "password_file"), said, strict=True))


def test_no_device_takes_the_gateways_session_whatever_it_calls_itself(
    province: Province, influxdb: Service, tmp_path: Path
) -> None:
    """Readings wait for a gateway that is away. A client of its name that begins a clean session would wipe them out."""
    folder = tmp_path / "gateway"
    url = f"mqtt://127.0.0.1:{province.services_port}"
    with gateway(folder, url, influxdb.url, mqtt=gateway_settings(folder)) as gate:
        gate.wait_subscribed()
        assert gate.troubles() == ""
        gate.terminate()
        with province.device("wm-0001") as meter:
            for number in range(20):
                meter.publish(f"{OWN}/readings", json.dumps({"seq": number, "flow_m3_h": 1}))
        for _ in range(3):
            with province.device("wm-0002", "gateway-1") as attacker:
                assert attacker.answers == ["Success"]
        gate.start()
        gate.wait_subscribed()
        until(lambda: gate.ledger()["written"] == 20)
        assert gate.said("session resumed") == 1


def test_a_device_writes_under_its_own_name_site_and_domain_and_nowhere_else(province: Province) -> None:
    with province.of_service("gateway") as reader, province.device("wm-0001") as meter, province.device("wm-0002") as other:
        reader.subscribe("iot/v1/#")
        foreign = [f"{OWN}/readings", "iot/v1/ward-1/water/wm-0002/readings", "application/1/device/a/event/up"]
        for topic in foreign:
            other.publish(topic, "forged")
        for topic in (OWN.replace("ward-1", "ward-2"), OWN.replace("water", "power"), "iot/v1/ward-1/water/wm-0002"):
            meter.publish(f"{topic}/readings", "forged")
        for last in ("command", "alarms", "x"):
            meter.publish(f"{OWN}/{last}", "forged")
        meter.publish(f"{OWN}/status", "own")
        meter.publish(f"{OWN}/readings", "own")
        until(lambda: len(reader.heard) >= 2)
        assert [payload for _, payload in reader.heard] == [b"own"] * 2


def test_a_device_reads_its_own_commands_and_nothing_of_others(province: Province) -> None:
    with (
        province.of_service("node-red") as desk,
        province.device("wm-0001") as meter,
        province.device("wm-0002") as spy,
    ):
        everything = ("#", "iot/v1/#", f"{OWN}/readings", f"{OWN}/command", f"{OWN}/alarms", "application/#", "$SYS/#")
        spy.subscribe(*everything)
        meter.subscribe(*everything)
        desk.publish(f"{OWN}/command", "close the valve")
        meter.publish(f"{OWN}/readings", READING)
        desk.publish("iot/v1/ward-1/water/wm-0002/command", "nothing")
        until(lambda: spy.heard)
        assert set(spy.heard) == {("iot/v1/ward-1/water/wm-0002/command", b"nothing")}
        assert set(meter.heard) == {(f"{OWN}/command", b"close the valve")}


def test_no_account_of_one_listener_is_worth_anything_on_the_other(province: Province) -> None:
    for account, password in (("wm-0001", "any"), ("wm-0001", ""), ("gateway", "wrong"), ("", "")):
        with province.of_service(account, password) as stranger:
            assert stranger.answers[0] == REFUSED
    with province.knocking(None) as stranger:
        until(lambda: "peer did not return a certificate" in province.service.log.read_text())
        assert not stranger.answers


def test_a_certificate_with_the_gateways_name_could_be_the_gateway_and_check_refuses_to_register_it(
    province: Province,
) -> None:
    """On the devices' listener only the name in the certificate counts; hence the guide's warning."""
    with province.device("gateway-1", "x") as meter:
        until(lambda: re.search(r"New client connected from \S+ as gateway-1 ", province.service.log.read_text()))
        assert meter.answers == ["Success"]
    assert "`gateway check` refuses a registered device of such a name" in GUIDE


def test_a_second_connection_of_one_certificate_takes_the_first_ones_place_and_the_broker_says_so(province: Province) -> None:
    (said,) = re.findall(r"The broker's log says `([^`]+)`", GUIDE)
    with province.device("wm-0001", "one") as first, province.device("wm-0001", "another") as second:
        until(lambda: first.ends)
        until(lambda: said in province.service.log.read_text())
        second.publish(f"{OWN}/readings", READING)


def test_the_rights_of_all_devices_are_made_from_the_registry(province: Province) -> None:
    """The command of the guide, for two devices; the third one's place is not known."""
    (command,) = [block for block in blocks("The broker, by hand") if block.startswith("gateway devices list")]
    devices = [
        {"id": "wm-0001", "site": "ward-1", "domain": "water"},
        {"id": "wm-0002", "site": "ward-1", "domain": "water"},
        {"id": "wm-0003"},
    ]
    settings = province.folder / "etc" / "gateway"
    settings.mkdir()
    (settings / "devices.yaml").write_text(json.dumps({"devices": devices}))
    (settings / "gateway.yaml").write_text("{}")
    lines = province.run(command).splitlines()
    shipped = (DEPLOY / "mosquitto" / "rights.acl").read_text(encoding="utf-8").splitlines()
    of_first = [line for line in shipped if "wm-0001" in line]
    assert lines == [*of_first, *(line.replace("wm-0001", "wm-0002") for line in of_first)]


def test_devices_leave_room_among_the_open_files_for_services() -> None:
    (most,) = re.findall(r"^max_connections (\d+)", (DEPLOY / "mosquitto" / "listeners.conf").read_text(), re.MULTILINE)
    written = service_conf(Path("/accounts.json"), Path("/gateway.yaml"), Path("/limit.nft"))
    (files,) = set(re.findall(r"LimitNOFILE=(\d+)", GUIDE + written))
    assert int(files) >= int(most) + 1000


def test_a_gateway_elsewhere_has_a_listener_on_which_no_certificate_of_a_device_is_worth_anything(tmp_path: Path) -> None:
    province = Province(tmp_path / "province")
    port = province.add_listener()
    province.run(
        blocks("The broker, by hand")[0].replace("ca.crt", "services-ca.crt").replace("issue wm-0001", "issue gateway")
    )
    province.run("sudo install -m 644 services-ca.crt /etc/mosquitto/ca_certificates/")
    with province.service:
        until(lambda: listens(port))
        with province.device("gateway", port=port) as service:
            assert service.answers == ["Success"]
        with province.knocking("wm-0001", port=port) as device:
            until(lambda: "certificate verify failed" in province.service.log.read_text())
            assert not device.answers
