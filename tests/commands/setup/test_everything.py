"""``gateway setup``: one command for the machine, given below a folder; what a person wrote stays, and twice is once."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from gateway.commands.cli import main
from gateway.commands.demo import services
from gateway.commands.setup import broker
from gateway.support.config.files import load

pytestmark = pytest.mark.real
DEPLOY = Path(__file__).parents[3] / "deploy"
NAME = "broker.example.vn"


class BareMachine:
    """The folders of a machine on which Mosquitto and an empty InfluxDB 1 are installed, and install.sh has run."""

    def __init__(self, root: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys = root, capsys
        self.settings = root / "etc" / "gateway"
        self.conf, self.state = root / "etc" / "mosquitto" / "conf.d", root / "var" / "lib" / "mosquitto"
        for folder in (
            self.settings / "secrets",
            self.conf,
            self.state,
            root / "usr" / "bin",
            root / "usr/lib/x86_64-linux-gnu",
        ):
            folder.mkdir(parents=True)
        (root / "usr" / "bin" / "influxd").touch()
        (root / "usr" / "lib" / "x86_64-linux-gnu" / broker.PLUGIN).touch()
        (self.settings / "profiles").mkdir()
        (self.settings / "devices.yaml").write_text((DEPLOY / "devices.yaml").read_text())
        self.file = self.settings / "gateway.yaml"
        sample = (DEPLOY / "gateway.yaml").read_text()
        self.file.write_text(sample.replace("/var/lib/gateway", str(root / "data")).replace("http://127.0.0.1:8086", url))

    def setup(self, *words: str, status: int = 0) -> str:
        """Give the command; what it said."""
        given = ["setup", "--root", str(self.root), "--name", NAME, "-c", str(self.file), *words]
        assert main(given) == status
        said = self._capsys.readouterr()
        return said.out + said.err

    def seen(self) -> dict[str, tuple[bytes, int]]:
        """All files, with the times at which they were written."""
        files = (path for path in self.root.rglob("*") if path.is_file() and "data" not in path.relative_to(self.root).parts)
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    def lets_in(self) -> set[str]:
        """The accounts of the broker that the passwords beside gateway.yaml open, worked out by themselves."""
        found = set()
        for client in json.loads((self.state / "dynamic-security.json").read_text())["clients"]:
            password = (self.settings / "secrets" / f"{client['username']}.password").read_bytes().strip()
            salt = b64decode(client["salt"])
            if hashlib.pbkdf2_hmac("sha512", password, salt, client["iterations"]) == b64decode(client["password"]):
                found.add(client["username"])
        return found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real InfluxDB 1."""
    with services.influxdb(tmp_path_factory.mktemp("influxdb")) as service:
        yield service.url


@pytest.fixture
def machine(tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]) -> BareMachine:
    for statement in ("DROP DATABASE iot", "DROP USER gateway", "DROP USER grafana"):
        ask(url, statement)
    return BareMachine(tmp_path, url, capsys)


def ask(url: str, statement: str) -> str:
    """Ask InfluxDB by plain HTTP."""
    with urlopen(f"{url}/query", urlencode({"q": statement}).encode()) as answer:  # noqa: S310 - our own service
        return str(answer.read().decode())


def test_one_command_sets_up_the_machine_and_a_second_one_changes_nothing(machine: BareMachine, url: str) -> None:
    said = machine.setup()
    assert [line for line in said.splitlines() if line.startswith(("✓", "✗"))] == [
        *("✓ certificates", "✓ broker", "✓ database", "✓ pages", "✓ gateway, as it was")
    ]
    settings = yaml.safe_load(machine.file.read_text())
    assert settings["mqtt"] | {"username": "gateway", "password_file": "secrets/gateway.password"} == settings["mqtt"]
    assert settings["enrolment"] == {
        "url": f"mqtts://{NAME}:8883",
        "ca": "ca.crt",
        "management": None,
        "username": "administration",
        "password_file": "secrets/administration.password",
    }
    assert settings["influxdb"]["username"] == "gateway"
    assert settings["http"]["tokens_file"] == "tokens"
    assert machine.lets_in() == {"gateway", "administration"}
    assert '"iot"' in ask(url, "SHOW DATABASES")
    assert "BIND_ADDRESS=127.0.0.1" in (machine.root / "etc/systemd/system/influxdb.service.d/gateway.conf").read_text()
    certificate = (machine.root / "etc/mosquitto/certs/broker.crt").read_bytes()
    assert certificate == (machine.root / f"root/authority/{NAME}.crt").read_bytes()
    assert load(machine.file).enrolment.url == f"mqtts://{NAME}:8883"
    before = machine.seen()
    again = machine.setup()
    assert again.endswith("\nNothing was changed.\n")
    assert machine.seen() == before


def test_a_dry_run_says_what_would_be_done_and_does_nothing(machine: BareMachine, url: str) -> None:
    before = machine.seen()
    said = machine.setup("--dry-run")
    assert "would be written: mqtt.username" in said
    assert f"would make: a certificate for {NAME}" in said
    assert machine.seen() == before
    assert '"iot"' not in ask(url, "SHOW DATABASES")


def test_lines_of_a_person_stay_and_what_is_to_be_written_there_is_told(machine: BareMachine) -> None:
    sections = machine.file.read_text()
    mine = "  username: lan # mine\n  password_file: lan.password\n"
    machine.file.write_text(sections.replace("  username: null\n", mine, 1).replace("  password_file: null #", "  #", 1))
    (machine.settings / "lan.password").write_text("of a person\n")
    machine.setup()
    assert mine in machine.file.read_text()
    accounts = json.loads((machine.state / "dynamic-security.json").read_text())["clients"]
    assert {one["username"] for one in accounts} == {"lan", "administration"}

    assert (machine.settings / "lan.password").read_text() == "of a person\n"

    account = "mqtt: {username: lan, password_file: lan.password}"
    text = f"{account}\nenrolment: {{}}\njournal: {{path: {machine.root}/data/journal.db}}\n"
    machine.file.write_text(text)
    said = machine.setup(status=1)
    assert f"  enrolment:\n        url: mqtts://{NAME}:8883" in said
    assert "lacks lines that stand above" in said
    assert machine.file.read_text().startswith(text)


def test_what_a_broker_of_an_earlier_version_lacks_is_added_and_its_accounts_stay(machine: BareMachine) -> None:
    machine.setup()
    accounts = (machine.state / "dynamic-security.json").read_bytes()
    unit = machine.root / "etc/systemd/system/mosquitto.service.d/gateway.conf"
    unit.unlink()
    assert f"{unit}: written" in machine.setup()
    assert (machine.state / "dynamic-security.json").read_bytes() == accounts
    (machine.conf / "listeners.conf").unlink()
    unit.unlink()
    machine.setup()
    assert not unit.exists(), "a broker that is not ours stays as it is"


def test_accounts_whose_passwords_are_gone_are_told_and_stay(machine: BareMachine) -> None:
    machine.setup()
    accounts = (machine.state / "dynamic-security.json").read_bytes()
    (machine.settings / "secrets" / "gateway.password").unlink()
    machine.file.write_text(f"journal: {{path: {machine.root}/data/journal.db}}\n")
    said = machine.setup(status=1)
    assert "secrets/gateway.password: is not there: copy it from where it was" in said
    assert (machine.state / "dynamic-security.json").read_bytes() == accounts


def test_a_broker_that_a_person_set_up_stays(machine: BareMachine) -> None:
    own = machine.conf / "own.conf"
    own.write_text("listener 1883\n")
    said = machine.setup(status=1)
    assert f"{own}: is there" in said
    assert "✗ broker" in said
    assert "✓ database" in said, "the other steps are taken"
    assert [path.name for path in machine.conf.iterdir()] == ["own.conf"]
    assert not (machine.state / "dynamic-security.json").exists()
    own.unlink()
    (machine.conf / "listeners.conf").write_text("# of a person\n")
    machine.setup(status=1)
    assert (machine.conf / "listeners.conf").read_text() == "# of a person\n"


def test_what_is_not_installed_is_named_with_the_package(machine: BareMachine) -> None:
    next(machine.root.glob("usr/lib/*/*.so")).unlink()
    (machine.root / "usr" / "bin" / "influxd").unlink()
    machine.file.write_text(f"influxdb: {{url: 'http://127.0.0.1:9'}}\njournal: {{path: {machine.root}/data/journal.db}}\n")
    said = machine.setup(status=1)
    assert "apt-get install mosquitto" in said
    assert "apt-get install influxdb" in said


@pytest.mark.parametrize(
    "number", [pytest.param(number, marks=[] if number in {0, 4, 9} else pytest.mark.slow) for number in range(10)]
)
def test_a_kill_at_any_file_is_made_good_by_the_next_command(
    machine: BareMachine, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, real = [number], broker.write_file

    def killed(file: broker.SetupFile) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        real(file)

    with monkeypatch.context() as patched:
        patched.setattr(broker, "write_file", killed)
        machine.setup(status=1)
    machine.setup()
    assert machine.lets_in() == {"gateway", "administration"}
    assert load(machine.file).enrolment.url == f"mqtts://{NAME}:8883"
    assert machine.setup().endswith("\nNothing was changed.\n")


def test_another_than_root_is_told_to_be_root(machine: BareMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert main(["setup", "-c", str(machine.file)]) == 2
