"""The composition: its form, its secrets, its broker on a real Mosquitto. Nothing here starts a container."""

import re
import shutil
import stat
import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gateway.commands.cli import main
from gateway.commands.demo import services
from gateway.support.config.files import load
from tests.deploy.compose_rules import COMPOSE
from tests.deploy.guide import Client
from tests.system.brokers import listens, password_entry
from tests.waiting import until

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
COMPOSITION: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSITION["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


def test_the_composition_has_the_form_of_the_specification() -> None:
    jsonschema.validate(COMPOSITION, COMPOSE)


@each_service
def test_a_service_names_only_what_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= set(COMPOSITION["secrets"])
    assert set(service.get("depends_on", ())) <= set(SERVICES)
    for source, *_ in (volume.split(":") for volume in service.get("volumes", ())):
        assert (FOLDER / source).exists() if source.startswith(".") else source in COMPOSITION["volumes"], source
    used = set(
        re.findall(r"/run/secrets/(\w+)", f"{service} {(FOLDER / 'gateway.yaml').read_text() if name == 'gateway' else ''}")
    )
    assert used <= set(service.get("secrets", ()))


@each_service
def test_a_secret_is_never_a_variable_and_a_process_of_ours_has_no_rights(name: str) -> None:
    service = SERVICES[name]
    for key, value in service.get("environment", {}).items():
        assert not re.search(r"PASSWORD|TOKEN|SECRET", key) or value.startswith("/run/secrets/"), key
    if "GATEWAY_IMAGE" in service["image"]:
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_the_network_has_addresses_of_ipv6() -> None:
    (config,) = COMPOSITION["networks"]["default"]["ipam"]["config"]
    assert ip_network(config["subnet"]).version == 6
    assert ip_network(config["subnet"]).is_private


def test_the_image_names_no_registry_and_runs_without_a_name() -> None:
    lines = (FOLDER / "Containerfile").read_text(encoding="utf-8").splitlines()
    assert {line.split()[1] for line in lines if line.startswith("FROM ")} == {"${BASE}"}
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]


def test_secrets_are_made_once_and_the_folder_is_for_its_owner(tmp_path: Path) -> None:
    script = Path(shutil.copy(FOLDER / "secrets.sh", tmp_path))

    def made() -> dict[str, str]:
        subprocess.run(["sh", str(script)], check=True)
        return {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    first = made()
    assert set(first) == {Path(one["file"]).name for one in COMPOSITION["secrets"].values()}
    assert len(set(first.values())) == len(first)
    assert min(map(len, first.values())) >= 32
    assert made() == first
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_the_gateway_takes_its_settings(tmp_path: Path) -> None:
    text = (FOLDER / "gateway.yaml").read_text(encoding="utf-8")
    for place in re.findall(r": (/(?:run|var)/\S+)", text):
        (tmp_path / place[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place[1:]).write_text("a secret of more than sixteen letters\n")
        text = text.replace(place, f"{tmp_path}{place}")
    (tmp_path / "gateway.yaml").write_text(text)
    config = load(tmp_path / "gateway.yaml", {})
    broker, database = SERVICES["mosquitto"], SERVICES["influxdb"]["environment"]
    assert config.mqtt.url == "mqtt://mosquitto:1883"
    assert f"for account in {config.mqtt.username} fleet" in broker["command"][0]
    assert (config.influxdb.org, config.influxdb.bucket) == (
        database["DOCKER_INFLUXDB_INIT_ORG"],
        database["DOCKER_INFLUXDB_INIT_BUCKET"],
    )
    assert SERVICES["grafana"]["environment"]["INFLUXDB_DATABASE"] == config.influxdb.bucket


def test_grafana_finds_the_dashboards_that_are_written_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maker, grafana = SERVICES["dashboards"], SERVICES["grafana"]
    assert maker["volumes"] == ["dashboards:/srv/grafana"]
    assert f"{maker['volumes'][0]}:ro" in grafana["volumes"]
    script = maker["command"][0].replace("--out /srv/grafana", f"--out {tmp_path}").replace("\\\n", " ")
    monkeypatch.chdir(tmp_path)
    assert main(script.split()[2:]) == 0
    (provider,) = yaml.safe_load((tmp_path / "provisioning/dashboards/province.yaml").read_text(encoding="utf-8"))["providers"]
    assert provider["options"]["path"] == "/srv/grafana/dashboards"
    sources = (tmp_path / "provisioning/datasources/influxdb.yaml").read_text(encoding="utf-8")
    given = {*grafana["environment"], *re.findall(r"export (\w+)", grafana["command"][0])}
    assert set(re.findall(r"\$\{(\w+)\}", sources)) <= given
    place = grafana["environment"]["GF_PATHS_PROVISIONING"]
    assert re.search(rf"cp -r /srv/grafana/provisioning/dashboards /srv/grafana/\S+ {place}/", grafana["command"][0])


@pytest.mark.real
def test_the_broker_lets_gateway_and_fleet_do_their_work_and_nobody_else_in(tmp_path: Path) -> None:
    service = services.mosquitto(tmp_path)
    places = {
        "/mosquitto/config/rights.acl": FOLDER / "rights.acl",
        "/mosquitto/config/conf.d": FOLDER.parent / "mosquitto" / "none",
        "/mosquitto/data/": f"{tmp_path}/mosquitto-data/",
        "/run/mosquitto/passwords": tmp_path / "passwords",
        "listener 1883": f"listener {service.port} 127.0.0.1",
    }
    text = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8")
    for place, ours in places.items():
        assert place in text
        text = text.replace(place, str(ours))
    text = re.sub(r"^include_dir .*$", (FOLDER.parent / "mosquitto" / "province.conf").read_text(), text, flags=re.MULTILINE)
    (tmp_path / "passwords").write_text(password_entry("gateway", "g") + password_entry("fleet", "f"))
    (tmp_path / "mosquitto.conf").write_text(f"{text}\nuser root\n")
    service.answers = lambda: listens(service.port)
    with service, _client(service, "gateway", "g") as gateway, _client(service, "fleet", "f") as fleet:
        gateway.subscribe("iot/v1/+/+/+/readings", "iot/v1/+/+/+/alarms")
        for topic in ("iot/v1/s/water/d/alarms", "gateway/v1/x/audit", "iot/v1/s/water/d/readings"):
            fleet.publish(topic, "from the fleet")
        gateway.publish("iot/v1/s/water/d/alarms", "from the gateway")
        until(lambda: len(gateway.heard) == 2)
        assert gateway.heard == [
            ("iot/v1/s/water/d/readings", b"from the fleet"),
            ("iot/v1/s/water/d/alarms", b"from the gateway"),
        ]
        with _client(service, "fleet", "wrong") as guess, _client(service, None, "") as nobody:
            assert guess.answers == nobody.answers == ["Not authorized"]


def _client(service: services.Service, account: str | None, password: str) -> Client:
    client = Client()
    if account is not None:
        client.paho.username_pw_set(account, password)
    client.begin(service.port)
    until(lambda: client.answers)
    return client
