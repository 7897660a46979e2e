"""``gateway setup broker``: Mosquitto's files, and the accounts of those who are no devices."""

import json
import re
import stat

import pytest
import yaml

from gateway.commands.cli import main
from tests.site import Site


class Broker:
    """The folders of a Mosquitto in which the command is given."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        (site.folder / "gateway.yaml").write_text("# of a person\nlanguage: vi\n")
        self.folder, self._capsys = site.folder, capsys
        self.plugins = site.folder / "plugins"
        self.plugins.mkdir()
        (self.plugins / "mosquitto_dynamic_security.so").touch()
        self.conf, self.state, self.secrets, self.unit = (site.folder / name for name in ("conf", "state", "secrets", "unit"))

    def command(self, *words: str, status: int = 0) -> str:
        """Give the command; return what it prints."""
        places = {
            "--conf": self.conf,
            "--state": self.state,
            "--secrets": self.secrets,
            "--plugins": self.plugins,
            "--unit": self.unit,
        }
        given = [str(word) for place in places.items() for word in place]
        assert main(["setup", "broker", "-c", str(self.folder / "gateway.yaml"), *given, *words]) == status
        said = self._capsys.readouterr()
        return said.out if status == 0 else said.err

    def written(self) -> dict[str, int]:
        """The files that were written, with their modes."""
        folders = [folder for folder in (self.conf, self.state, self.secrets, self.unit) if folder.exists()]
        return {file.name: stat.S_IMODE(file.stat().st_mode) for folder in folders for file in folder.iterdir()}


@pytest.fixture
def broker(site: Site, capsys: pytest.CaptureFixture[str]) -> Broker:
    return Broker(site, capsys)


SECRET = {"administration.password": 0o640, "gateway.password": 0o640, "gateway.session": 0o640, "dynamic-security.json": 0o640}
PLAIN = dict.fromkeys(["province.conf", "listeners.conf", "gateway.conf", "gateway_broker.nft"], 0o644)


def test_it_writes_listeners_limits_and_an_account_each(broker: Broker) -> None:
    said = broker.command("--port", "8884", "--services-port", "1884", "--service", "node-red", "--name", "broker.example.vn")
    assert broker.written() == {**SECRET, **PLAIN, "node-red.password": 0o640}
    assert f"{broker.conf}/listeners.conf: written\n" in said
    settings = yaml.safe_load((broker.folder / "gateway.yaml").read_text())
    assert settings["mqtt"] == {
        "url": "mqtt://localhost:1884",
        "username": "gateway",
        "password_file": "secrets/gateway.password",
        "client_id_file": "secrets/gateway.session",
    }
    assert settings["enrolment"] == {
        "url": "mqtts://broker.example.vn:8884",
        "password_file": "secrets/administration.password",
    }
    listeners = (broker.conf / "listeners.conf").read_text().splitlines()
    assert {"listener 1884 127.0.0.1", "listener 8884"} <= set(listeners)
    limit = broker.conf / "gateway_broker.nft"
    assert "define devices_port = 8884\n" in limit.read_text()
    assert f'ExecStartPre=-+/usr/sbin/nft -f "{limit}"\n' in (broker.unit / "gateway.conf").read_text()
    assert f"plugin {broker.plugins}/mosquitto_dynamic_security.so" in listeners
    assert "require_certificate true" not in listeners
    accounts = json.loads((broker.state / "dynamic-security.json").read_text())
    assert {one["username"] for one in accounts["clients"]} == {"gateway", "administration", "node-red"}
    passwords = {file.read_text() for file in broker.secrets.iterdir()}
    assert (len(passwords), {len(one) for one in passwords}) == (4, {33})


def test_certificates_of_devices_take_the_place_of_their_passwords(broker: Broker) -> None:
    broker.command("--mosquitto", "2.1", "--client-certificates", "/ca.crt", "--revoked", "/ca.crl", "--key", "/own.key")
    listeners = (broker.conf / "listeners.conf").read_text().splitlines()
    assert {"cafile /ca.crt", "crlfile /ca.crl", "require_certificate true", "keyfile /own.key"} <= set(listeners)
    assert f"global_plugin {broker.plugins}/mosquitto_dynamic_security.so" in listeners
    assert "plugin_opt_sync full" in (broker.conf / "province.conf").read_text()


def test_what_is_there_is_written_anew_only_when_that_is_said(broker: Broker) -> None:
    broker.command()
    before = (broker.secrets / "gateway.password").read_text()
    refused = broker.command(status=2).splitlines()
    assert len(refused) == len(SECRET) + len(PLAIN)
    assert (
        f"{broker.conf}/province.conf: is there already; --replace writes it anew, and all accounts of devices with it"
        in refused
    )
    assert (broker.secrets / "gateway.password").read_text() == before
    broker.command("--replace", "--yes")
    assert (broker.secrets / "gateway.password").read_text() != before


def test_an_upgrade_adds_what_is_missing_and_leaves_accounts_and_what_a_person_wrote_alone(broker: Broker) -> None:
    broker.command()
    before = {file: file.read_bytes() for folder in (broker.conf, broker.state, broker.secrets) for file in folder.iterdir()}
    added = broker.unit / "gateway.conf"
    written = added.read_text()
    assert "\nLimitNOFILE=12000\n" in written
    assert f'--accounts "{broker.state}/dynamic-security.json" -c "{broker.folder}/gateway.yaml"\n' in written
    added.write_text(written.partition("[Service]")[0])
    assert "systemctl daemon-reload" in broker.command("--upgrade")
    assert added.read_text() == written
    assert {file: file.read_bytes() for file in before} == before
    added.write_text("[Service]\nLimitNOFILE=65536\n")
    assert "gateway.conf: is not of this command: rename it" in broker.command("--upgrade", status=2)
    added.unlink()
    assert f"# {added}\n# What Mosquitto's service needs" in broker.command("--upgrade", "--dry-run")
    assert not added.exists()


def test_an_upgrade_gives_the_gateway_a_secret_client_id_and_keeps_one_that_it_has(broker: Broker) -> None:
    broker.command()
    secret, config = broker.secrets / "gateway.session", broker.folder / "gateway.yaml"
    secret.unlink()
    config.write_text(re.sub(r"^ +client_id_file: .*\n", "", config.read_text(), flags=re.MULTILINE))
    broker.command("--upgrade")
    made = secret.read_text()
    assert re.fullmatch(r"[0-9a-f]{32}\n", made)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o640
    assert yaml.safe_load(config.read_text())["mqtt"]["client_id_file"] == "secrets/gateway.session"
    broker.command("--upgrade")
    assert secret.read_text() == made


def test_a_dry_run_shows_what_is_no_secret_and_writes_nothing(broker: Broker) -> None:
    shown = broker.command("--dry-run")
    assert f"# {broker.conf}/listeners.conf\n# Who may connect" in shown
    assert f"# {broker.secrets}/gateway.password\n# (secret)\n" in shown
    assert broker.written() == {}


def test_what_cannot_be_written_or_is_missing_is_said(broker: Broker) -> None:
    broker.secrets.write_text("no folder")
    assert ": cannot be written: " in broker.command(status=2)
    (broker.plugins / "mosquitto_dynamic_security.so").unlink()
    said = broker.command(status=2)
    assert said.startswith(f"{broker.plugins}: mosquitto_dynamic_security.so is not there; it comes with Mosquitto 2")
