"""Backup, purge, installation, restore, upgrade and rollback on Debian 12 and 13, by the commands of the guide.

Each boots its own systemd, Mosquitto and InfluxDB, without a network. A device sends by TLS, in the end through the upgrade and
the rollback themselves. InfluxDB is away all the time, so the readings wait in the journal while everything is taken down and
put up again. What is compared is read by sha256sum, sqlite3 and curl, and by nothing of the gateway's.
"""

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from gateway.admin.installation.bundle import make_bundle
from tests.admin.installation.booted import Booted
from tests.admin.installation.releases import PYTHONS, release_root
from tests.admin.installation.test_installed import later
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.timeout(1_800)]

ROOT: Final = Path(__file__).parents[3]
HOSTS: Final = "echo '127.0.0.1 ladder' >/etc/hosts; echo ladder >/etc/hostname"
"""A bare Debian does not know localhost."""
GATEWAY: Final = "-c /etc/gateway/gateway.yaml"
BROKER: Final = f"""
sudo gateway setup influxdb {GATEWAY}
sudo gateway setup certificates server broker.example.vn --also 127.0.0.1 --to /root/authority
sudo install -m 644 /root/authority/broker.example.vn.crt /etc/mosquitto/certs/broker.crt
sudo install -m 640 -g mosquitto /root/authority/broker.example.vn.key /etc/mosquitto/certs/broker.key
sudo install -m 644 /root/authority/ca.crt /etc/gateway/ca.crt
sudo gateway setup broker --name 127.0.0.1 {GATEWAY}
sudo systemctl daemon-reload
sudo systemctl restart mosquitto
sudo sed -i 's/tokens_file: null/tokens_file: tokens/' /etc/gateway/gateway.yaml
sudo gateway setup token lan.nguyen technician {GATEWAY}
sudo systemctl restart gateway
sudo -u gateway gateway devices add wm-1 --site s1 --domain water {GATEWAY}
sudo gateway devices enroll wm-1 --csv /root/accounts.csv {GATEWAY}
sudo gateway check --connect {GATEWAY}
"""
BY_TLS: Final = """
password=$(tail -n 1 /root/accounts.csv | cut -d, -f5)
echo "-p 8883 --cafile /root/authority/ca.crt -u wm-1 -P $password" >/root/account
"""
METER: Final = """
number=$(grep -c . /root/sent)
until=$((number + $1))
while [ "$number" -lt "$until" ] && [ ! -e /root/enough ]; do
    number=$((number + 1))
    # A meter repeats what the broker has not confirmed.
    message="{\\"ts\\": $(date +%s%3N), \\"seq\\": $number, \\"volume_m3\\": $number.5}"
    until mosquitto_pub -h 127.0.0.1 $(cat /root/account) -i wm-1 -q 1 -t iot/v1/s1/water/wm-1/readings -m "$message"
    do sleep 0.2; done
    echo $number >>/root/sent
done
"""
QUERY: Final = "curl -sSG 'http://127.0.0.1:8086/query?db=iot' --data-urlencode 'q=select seq, volume_m3 from water'"


class Rung(NamedTuple):
    """The state of the machine at one time."""

    registry: str
    people: str
    broker_accounts: str
    in_journal: int
    audit: list[str]


class Machine:
    """A machine with a meter."""

    def __init__(self, booted: Booted, bundles: str) -> None:
        self._booted = booted
        self._bundles = bundles
        self.sent = 0
        self.run(f"cat >/root/meter.sh <<'TEXT'\n{METER}\nTEXT", ": >/root/sent")

    def run(self, *commands: str) -> str:
        """Give commands as an administrator, each of which succeeds; return what they print."""
        done = self._booted.done("set -e\n" + "\n".join(commands))
        assert done.returncode == 0, f"{commands}\n{done.stdout[-2_000:]}\n{done.stderr[-3_000:]}"
        return done.stdout

    def install_command(self, name: str) -> str:
        """Return the command that installs a bundle."""
        return f"sudo /mnt/bundle/{self._bundles}/{name}/install.sh"

    def has(self, name: str) -> bool:
        """Tell if there is such a bundle."""
        return self.run(f"ls /mnt/bundle/{self._bundles}").split().count(name) > 0

    def send(self, count: int) -> None:
        """Send some readings; each one is confirmed by the broker."""
        self.run(f"sh /root/meter.sh {count}")
        self.sent += count
        assert self.run("wc -l </root/sent").strip() == str(self.sent)

    def while_it_sends(self, *commands: str) -> None:
        """Give commands while the meter goes on."""
        self.run(
            "rm -f /root/enough", "systemd-run --quiet --collect --unit meter sh /root/meter.sh 100000", "sleep 2", *commands
        )
        self.run("sleep 2", "touch /root/enough", "while systemctl is-active --quiet meter; do sleep 0.1; done")
        before, self.sent = self.sent, int(self.run("wc -l </root/sent"))
        assert self.sent > before + 10

    def waits(self) -> int:
        """The readings that wait in the journal."""
        asked = "select cast(total(readings) as integer) from journal"
        return int(self.run(f"sudo -u gateway sqlite3 -readonly /var/lib/gateway/journal.db '{asked}'"))

    def rung(self) -> Rung:
        """Look at the machine, once all that was sent waits in the journal."""
        until(lambda: self.waits() >= self.sent, 60, what=f"{self.sent} readings wait in the journal")
        names = "/etc/gateway/devices.yaml /etc/gateway/tokens /var/lib/mosquitto/dynamic-security.json"
        registry, people, accounts = (line.split()[0] for line in self.run(f"sha256sum {names}").splitlines())
        return Rung(registry, people, accounts, self.waits(), self.run("cat /var/lib/gateway/journal.db.audit").splitlines())


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions for each Python."""
    folder = tmp_path_factory.mktemp("bundles")
    for python in PYTHONS.values():
        (folder / python).mkdir()
        made = make_bundle(folder / python, python, "x86_64")
        (folder / python / "first").symlink_to(made.name)
        later(made, folder / python, "9.0.0")
        old_bundle(folder / python, python)
    return folder


def old_bundle(folder: Path, python: str) -> None:
    """Make the bundle of an old commit as ``old``, where the history of the checkout reaches so far back."""
    words = ["git", "-C", str(ROOT), "archive", "--prefix=old-sources/", OLD]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode != 0:
        return
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    words = [
        sys.executable,
        "-m",
        "gateway.installation.bundle",
        "--python",
        python,
        "--machine",
        "x86_64",
        "--out",
        str(folder),
    ]
    subprocess.run(words, cwd=folder / "old-sources", check=True)
    (packed,) = folder.glob("gateway-*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    (folder / "old").symlink_to(packed.name.removesuffix(".tar.gz"))


@pytest.fixture(params=PYTHONS)
def machine(request: pytest.FixtureRequest, bundles: Path, tmp_path: Path) -> Iterator[Machine]:
    """A bare Debian with Mosquitto and InfluxDB as they come."""
    booted = Booted(tmp_path, bundles, inside=HOSTS, unit="multi-user.target", lower=release_root(request.param))
    try:
        until(lambda: booted.boots("influxdb") and booted.boots("mosquitto"), 120, what="broker and database run")
        yield Machine(booted, PYTHONS[request.param])
    finally:
        booted.end()


def test_nothing_is_lost_on_the_way_down_and_up_again(machine: Machine) -> None:
    machine.run(machine.install_command("first"))
    machine.run(BROKER)
    machine.run(BY_TLS, "sudo systemctl stop influxdb")
    machine.send(20)
    before = machine.rung()
    assert before.in_journal == 20
    assert len(before.audit) >= 3

    told = machine.run(f"sudo gateway backup /root/backup.tar.gz --also /root/authority {GATEWAY}")
    sha256 = machine.run("sha256sum /root/backup.tar.gz").split()[0]
    assert sha256 in told
    audit = machine.run("cat /var/lib/gateway/journal.db.audit").splitlines()
    machine.run("sudo /opt/gateway/install.sh purge --yes", "sudo systemctl stop mosquitto")
    machine.run("rm -r /var/lib/mosquitto/dynamic-security.json /root/authority")  # nor is anything of the broker's there
    machine.run("! ls -d /opt/gateway /etc/gateway /var/lib/gateway 2>/dev/null", "! getent passwd gateway")

    machine.run(machine.install_command("first"))
    machine.run(
        "sudo systemctl stop gateway",
        "sudo gateway restore /root/backup.tar.gz --dry-run --also /root/authority",
        "yes=$(gateway restore --help | grep -o -e --yes | head -n 1)",
        f"sudo gateway restore /root/backup.tar.gz --replace $yes --sha256 {sha256} --also /root/authority",
        "sudo systemctl start mosquitto gateway",
    )
    restored = machine.rung()
    assert restored[:4] == before[:4]
    assert restored.audit[: len(before.audit)] == before.audit == audit[: len(before.audit)]
    assert machine.run("readlink /etc/gateway/devices.yaml") == "registry/devices.yaml\n"
    machine.send(20)  # by the account that it had before

    machine.while_it_sends(machine.install_command("9.0.0"))
    assert machine.run("readlink /opt/gateway/current") == "9.0.0\n"
    upgraded = machine.rung()
    machine.run("sudo truncate -s 0 /opt/gateway/kept/9.0.0/wheels/*.whl /opt/gateway/kept/9.0.0/SHA256SUMS")  # a bad card
    machine.while_it_sends("sudo /opt/gateway/install.sh rollback")
    assert machine.run("readlink /opt/gateway/current") != "9.0.0\n"
    back = machine.rung()
    for rung in (upgraded, back):
        assert rung[:3] == before[:3]
        assert rung.audit[: len(restored.audit)] == restored.audit
    assert back.in_journal == machine.sent

    machine.run("sudo systemctl start influxdb")
    until(lambda: machine.waits() == 0, 120, what="the journal is empty")
    balances(machine)


OLD: Final = "b9be6e9c"
"""A commit that was 900 commits old when this was written."""
SETTINGS: Final = f"""
sudo sed -i 's/level: info/level: debug # as Mr Binh asked/' /etc/gateway/gateway.yaml
printf '\\n# Ours: Binh, extension 12\\n' | sudo tee -a /etc/gateway/gateway.yaml
curl -sS -X POST 'http://127.0.0.1:8086/query' --data-urlencode 'q=create database iot'
sudo systemctl restart gateway
sudo -u gateway gateway devices add wm-1 --site s1 --domain water {GATEWAY}
echo '-p 1883' >/root/account
"""


def test_an_upgrade_from_a_version_of_weeks_ago_and_back_and_forth_loses_nothing(machine: Machine) -> None:
    if not machine.has("old"):
        pytest.skip(f"the checkout's history does not reach back to {OLD}")
    machine.run(machine.install_command("old"))
    machine.run(SETTINGS, "sudo systemctl stop influxdb")
    machine.send(20)
    until(lambda: machine.waits() == 20, 60, what="all wait in the journal")
    files = "sha256sum /etc/gateway/gateway.yaml /etc/gateway/registry/devices.yaml"
    before = machine.run(files)
    machine.while_it_sends(machine.install_command("first"))
    until(lambda: machine.waits() == machine.sent, 60, what="the new version has what waited, and what came")
    new = machine.run("readlink /opt/gateway/current")
    for _ in range(2):
        machine.while_it_sends("sudo /opt/gateway/install.sh rollback")
        assert machine.run(files) == before
    assert machine.run("readlink /opt/gateway/current") == new
    machine.run("sudo systemctl start influxdb")
    balances(machine)


def balances(machine: Machine) -> None:
    """Compare what the database holds with what was sent, and the ledger with itself."""
    machine.run("until curl -sS http://127.0.0.1:8086/ping; do sleep 0.5; done")
    until(lambda: len(points(machine)) >= machine.sent, 60, what="all is in the database")
    assert points(machine) == {number: number + 0.5 for number in range(1, machine.sent + 1)}
    ledger = json.loads(machine.run("curl -sS http://127.0.0.1:8080/api/status"))["ledger"]
    ends = sum(ledger[name] for name in ("written", "duplicate", "rejected", "expired", "lost"))
    assert ledger["received"] == ends + sum(ledger["pending"].values())
    assert (ledger["rejected"], ledger["expired"], ledger["lost"], ledger["imbalance"]) == (0, 0, 0, 0)
    print(f"{machine.sent} readings sent, {len(points(machine))} in InfluxDB; {ledger}")  # noqa: T201 - the figures of the guide
    numbers = [json.loads(line)["number"] for line in machine.run("cat /var/lib/gateway/journal.db.audit").splitlines()]
    assert numbers == [*range(1, len(numbers) + 1)]


def points(machine: Machine) -> dict[int, float]:
    """The readings in InfluxDB: number → register."""
    answer = json.loads(machine.run(QUERY))
    series = answer["results"][0].get("series", [{"values": []}])[0]
    return {int(number): float(value) for _, number, value in series["values"]}
