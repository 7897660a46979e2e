"""The commands that root gives on a machine whose folders of data, registry and accounts are others', each with its words.

A new command gets a line in ``COMMANDS``.
"""

import grp
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final
from unittest.mock import patch

import yaml

from gateway.admin.installation import installer
from gateway.admin.installation.installer import Installer
from gateway.admin.installation.machine import FileOwner, Layout, NotDone
from gateway.admin.installation.machine import Machine as InstalledMachine
from gateway.admin.installation.release import build_tag
from gateway.commands.cli import main
from gateway.commands.setup.broker import PLUGIN
from gateway.ingest.storage import alarms
from gateway.ingest.storage.database import Database
from gateway.monitoring.exports.open_files import OpenFiles
from gateway.support.audit.forgotten import forgotten_beside
from tests.admin.backup.machine import AT_MS, HIS, OTHER, Machine
from tests.admin.installation.stand_ins import PlayedMachine
from tests.admin.installation.stand_ins import Province as StandIns
from tests.commands.hostile import SERVICE, Outside

CHECKOUT: Final = Path(__file__).parents[2]
_ACTIONS: Final = ("install", "keep", "rollback", "repair", "remove")
_SHARES: Final = """\
gateways: [gateway-1, gateway-2]
shares: [{site: a, gateway: gateway-1}]
management: {url: "http://127.0.0.1:9", username: administration, password_file: administration.password}
"""
AWAY: Final = "mqtt://127.0.0.1:9"
SERVICE_GROUP: Final = grp.getgrgid(SERVICE.pw_gid).gr_name
SERVICE_OWNS, SERVICE_READS = FileOwner(SERVICE.pw_name, SERVICE_GROUP), FileOwner("root", SERVICE_GROUP)
"""Users and groups that there are on every machine, in place of those that ``install.sh`` makes."""


class Province:
    """A machine as ``install.sh`` makes it, below a folder: settings of root's, data, registry and accounts of others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "etc" / "gateway"
        self.data = folder / "var" / "lib" / "gateway"
        self.broker = folder / "var" / "lib" / "broker"
        self.registry = self.settings / "registry"
        self.root = folder / "root"
        self.bundles = folder / "bundles"
        self.outside = Outside(folder / "outside")

    @property
    def theirs(self) -> tuple[Path, ...]:
        """The folders of the service and the broker."""
        return self.data, self.registry, self.broker

    def make(self, influxdb_url: str) -> None:
        """Make it, with two devices."""
        self.outside.make()
        machine = Machine(self.settings)
        machine.fill(HIS, OTHER, influxdb_url=influxdb_url)
        sections = json.loads(machine.config_file.read_text())
        sections |= {
            "mqtt": {"url": AWAY, "client_id": "gateway-1"},
            "enrolment": {"url": "mqtts://broker.example.vn:8883"},
            "journal": {"path": "../../var/lib/gateway/journal.db"},
        }
        sections["influxdb"] |= {"token_file": "secrets/influx.token"}
        (self.settings / "secrets").mkdir(mode=0o750)
        (self.settings / "influx.token").rename(self.settings / "secrets" / "influx.token").chmod(0o600)
        machine.config_file.write_text(json.dumps(sections))
        machine.config_file.chmod(0o640)
        sections["influxdb"]["bucket"] = "other"
        shared = {"mqtt": sections["mqtt"] | {"shares": "registry/shares.yaml"}}
        shared["enrolment"] = sections["enrolment"] | {"password_file": str(self.data / "administration.password")}
        (self.settings / "shared.yaml").write_text(json.dumps(sections | shared))
        (self.settings / "other.yaml").write_text(json.dumps(sections | {"http": {"tokens_file": str(self.data / "tokens")}}))
        database = Database(machine.journal)
        database.open()
        assert database.run_here(alarms.plan, alarms.PlannedWork(AT_MS, 2 * AT_MS, "lan", "valve", device=HIS)) == 3
        database.close()
        self.data.parent.mkdir(parents=True)
        machine.journal.parent.rename(self.data)
        machine.accounts.parent.rename(self.broker)
        self.registry.mkdir()
        (self.settings / "devices.yaml").rename(self.registry / "devices.yaml")
        (self.settings / "devices.yaml").symlink_to("registry/devices.yaml")
        (self.registry / "shares.yaml").write_text(_SHARES)
        for folder in (self.data, self.registry):
            (folder / "administration.password").write_text("secret\n")
        for folder in self.theirs:
            subprocess.run(["chown", "-R", f"{SERVICE.pw_uid}:{SERVICE.pw_gid}", folder], check=True)
        (self.root / "plugins").mkdir(parents=True)
        (self.root / "plugins" / "mosquitto_dynamic_security.so").touch()
        (self.root / "devices.csv").write_text("id,site,domain\nwm-new,s1,water\n")
        words = ("--accounts", self.broker / "accounts.json", "--also", self.settings / "authority", "-c", machine.config_file)
        assert main(["backup", str(self.root / "g.tar.gz"), *map(str, words)]) == 0
        forgotten = forgotten_beside(self.data / "journal.db")
        forgotten.add(OTHER, 2 * AT_MS)
        shutil.copy(forgotten.path, self.root / "list.forgotten")
        forgotten.path.rename(self.data / "list.forgotten")
        shutil.copy(self.root / "g.tar.gz", self.data)
        (self.data / "payload.json").write_text('{"volume_m3": 1}')
        recorded = {
            "topic": "homeassistant/sensor/a/config",
            "payload": '{"name": "a", "state_topic": "a/s", "device_class": "water", "unit_of_measurement": "m³"}',
        }
        heard = {"topic": "a/s", "payload": "12.5"}
        (self.data / "recording.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (recorded, heard)))
        assert certificates("client", OTHER)(self) == 0
        subprocess.run(["chown", "-R", f"{SERVICE.pw_uid}:{SERVICE.pw_gid}", self.data], check=True)
        self.install_twice()

    def install_twice(self) -> None:
        """Install a version and the next one; a third one lies ready."""
        made = StandIns(self.bundles)
        for version in ("1.0.0", "1.1.0"):
            machine = WalkedMachine(self.folder, dry_run=False)
            with (
                patch.object(installer, "_OF_GATEWAY", SERVICE_OWNS),
                patch.object(installer, "_READ_BY_GATEWAY", SERVICE_READS),
            ):
                Installer(Layout(self.folder), machine, patience_s=0.0).install(made.bundle(version))
        made.bundle("2.0.0")

    def command(self, *words: str | Path) -> int:
        """``gateway WORDS -c FILE``."""
        return main([*map(str, words), "-c", str(self.settings / "gateway.yaml")])

    def install(self) -> int:
        """The part of ``install.sh`` that is about settings and data; the rest is about /opt, which is root's alone."""
        try:
            Installer(Layout(self.folder), InstalledMachine(lambda _: None))._configuration(CHECKOUT)  # noqa: SLF001
        except (OSError, NotDone) as fault:
            print(fault)  # noqa: T201 - as it would be told
            return 1
        return 0


Command = Callable[[Province], int]


def given(*words: str, config: str = "gateway.yaml") -> Command:
    """A command line; ``{data}`` and so on stand for folders."""

    def command(one: Province) -> int:
        places = {"data": one.data, "root": one.root, "broker": one.broker, "settings": one.settings}
        return main([*(word.format(**places) for word in words), "-c", str(one.settings / config)])

    return command


def certificates(*words: str) -> Command:
    """An authority in a folder of the service."""
    return lambda one: main(["setup", "certificates", *words, "--to", str(one.data / "authority")])


class WalkedMachine(PlayedMachine):
    """Programs are played; files are root's and the service's."""

    def __init__(self, root: Path, *, dry_run: bool) -> None:
        super().__init__(root, dry_run=dry_run)
        self.owns = self.has_user = True

    def _play(self, words: Sequence[str]) -> int:
        return super()._play(words[4:] if words[0] == "runuser" else words)


def install_sh(*words: str) -> Command:
    """``install.sh WORDS`` of a bundle that is newer than what is installed, which has lost its Python."""

    def command(one: Province) -> int:
        (one.folder / "opt" / "gateway" / "current" / "bin" / "python").unlink()
        (one.folder / "run" / "systemd" / "system").mkdir(parents=True)
        machine = WalkedMachine(one.folder, dry_run="--dry-run" in words)
        with patch.object(installer, "Machine", return_value=machine):
            status = installer.main(one.bundles / f"gateway-2.0.0-{build_tag()}", [*words, "--root", str(one.folder)])
        print(*machine.said, sep="\n")  # noqa: T201 - as it would be told
        return status

    return command


def without_registry(one: Province) -> int:
    (one.registry / "devices.yaml").unlink()
    return one.install()


def over_a_file(one: Province) -> int:
    (one.settings / "devices.yaml").unlink()
    (one.settings / "devices.yaml").write_text("devices: []\n")
    return one.install()


def keep_open_data(one: Province) -> int:
    files = OpenFiles(one.data / "journal.db")
    try:
        files.keep([files.write("2026-10-01", "water", [], 0)], date(2026, 1, 1))
        files.keep([], date(2026, 12, 1))
    except OSError as fault:
        print(fault)  # noqa: T201 - as it would be told
        return 1
    return 0


def nothing_there(one: Province) -> int:
    one.data.rename(one.root / "was")
    return given(*RESTORE)(one)


def whole_machine(one: Province) -> int:
    """All of a machine in one command; the broker's state is where Debian has it."""
    plugins = one.folder / "usr" / "lib" / "x86_64-linux-gnu"
    plugins.mkdir(parents=True)
    (plugins / PLUGIN).touch()
    one.broker.rename(one.broker.with_name("mosquitto"))
    one.broker.symlink_to("mosquitto")
    file = one.settings / "gateway.yaml"
    file.write_text(yaml.safe_dump(json.loads(file.read_text())))
    return one.command("setup", "--root", one.folder, "--name", "broker.example.vn")


RESTORE: Final = ("restore", "{root}/g.tar.gz", "--data", "{data}", "--accounts", "{broker}/accounts.json")
TOLD: Final = (
    *(HIS, "--from", "2026-10-11", "--to", "2026-10-12", "--amount", "1"),
    *("--by", "lan", "--note", "frozen"),
)
ENROL: Final = ("devices", "enroll", "--all", "--file", "{broker}/accounts.json", "--replace", "--yes")
COMMANDS: Final[dict[str, Command]] = {
    "backup": given("backup", "{root}/new.tar.gz", "--accounts", "{broker}/accounts.json", "--also", "{data}"),
    "backup into their folder": given("backup", "{data}/new.tar.gz", "--accounts", "{broker}/accounts.json"),
    "restore": given(*RESTORE, "--replace", "--yes"),
    "restore --dry-run": given(*RESTORE, "--dry-run"),
    "restore --without-journal": given(*RESTORE, "--replace", "--yes", "--without-journal"),
    "restore --forgotten": given(*RESTORE, "--replace", "--yes", "--forgotten", "{root}/list.forgotten"),
    "restore with a list of theirs": given(*RESTORE, "--replace", "--yes", "--forgotten", "{data}/list.forgotten"),
    "restore over what is there": given(*RESTORE),
    "restore --also": given("restore", "{root}/g.tar.gz", "--replace", "--yes", "--also", "{data}", "--also", "{broker}"),
    "restore of an archive of theirs": given("restore", "{data}/g.tar.gz", *RESTORE[2:], "--replace", "--yes"),
    "restore where no data is": nothing_there,
    "devices list": given("devices", "list"),
    "devices add": given("devices", "add", "wm-1", "--site", "s1", "--domain", "water"),
    "devices edit": given("devices", "edit", HIS, "--serial", "7"),
    "devices retire": given("devices", "retire", HIS),
    "devices import": given("devices", "import", "{root}/devices.csv"),
    "devices exchange": given("devices", "exchange", HIS),
    "devices enroll": given(*ENROL, "--csv", "{root}/accounts.csv"),
    "devices enroll into their folder": given(*ENROL, "--csv", "{data}/accounts.csv", "--sheet", "{data}/sheet.html"),
    "devices export": given("devices", "export", HIS, "--out", "{root}/his.zip"),
    "devices export into their folder": given("devices", "export", HIS, "--out", "{data}/his.zip"),
    "devices forget": given("devices", "forget", HIS, "--yes"),
    "devices forget --check": given("devices", "forget", HIS, "--check"),
    "rejects list": given("rejects", "list"),
    "rejects replay": given("rejects", "replay"),
    "rejects purge": given("rejects", "purge", "--yes"),
    "journal status": given("journal", "status"),
    "journal export": given("journal", "export", "{root}/waiting.lp"),
    "journal export into their folder": given("journal", "export", "{data}/waiting.lp"),
    "journal acknowledge": given("journal", "acknowledge"),
    "journal drop": given("journal", "drop", "--yes"),
    "alarms list": given("alarms", "list"),
    "audit list": given("audit", "list"),
    "audit verify": given("audit", "verify"),
    "check": given("check"),
    "status": given("status"),
    "export open": given("export", "open", "--day", "2026-10-31"),
    "the files of open data": keep_open_data,
    "decode": given("decode", "{data}/payload.json", "--topic", f"iot/v1/s1/water/{HIS}/readings", "--sums"),
    "move": given("move", "a", "--to", "gateway-2", "--no-wait", config="shared.yaml"),
    "standby": given("standby", "gone", "gateway-2"),
    "unroutable": given("unroutable", "--replay", config="shared.yaml"),
    "profiles propose": given("profiles", "propose", "--jsonl", "{data}/recording.jsonl", "--out", "{data}/proposed.yaml"),
    "profiles template": lambda _: main(["profiles", "template"]),
    "devices revoke": given("devices", "revoke", HIS, "--yes", config="shared.yaml"),
    "devices resum": given("devices", "resum", HIS, "--from", "40d"),
    "devices steps": given("devices", "steps"),
    "devices used": given("devices", "used", HIS, "--at", "2026-10-31 12:00"),
    "devices estimate": given("devices", "estimate", *TOLD),
    "devices correct": given("devices", "correct", *TOLD),
    "devices coverage": given("devices", "coverage"),
    "alarms rules": given("alarms", "rules"),
    "alarms history": given("alarms", "history"),
    "alarms ack": given("alarms", "ack", f"leak@{HIS}", "--by", "lan"),
    "alarms silence": given("alarms", "silence", "--by", "lan", "--device", HIS, "--until", "2h", "--note", "valve"),
    "alarms silences": given("alarms", "silences"),
    "alarms unsilence": given("alarms", "unsilence", "3"),
    "report": given("report", "consumption", "--from", "2026-10-01", "--to", "2026-10-31", "--xlsx", "{data}/report.xlsx"),
    "report billing": given("report", "billing", "--month", "2026-10", "--close", "--by", "lan"),
    "rollups": given("rollups", "again", "--from", "2026-11-01"),
    "capacity": lambda _: main(["capacity", "--devices", "100"]),
    "setup grafana": given("setup", "grafana", "--store", "influxdb", "--pages", "https://g.vn", "--out", "{data}/grafana"),
    "setup": whole_machine,
    "setup token": given("setup", "token", "lan.nguyen", "technician"),
    "setup token in their folder": lambda one: main(
        ["setup", "token", "lan.nguyen", "technician", "-c", str(one.settings / "other.yaml")]
    ),
    "setup access": given("setup", "access", "so-xay-dung", "--domain", "water", "--vmauth", "{data}/vmauth.yaml"),
    "setup broker": given(
        *("setup", "broker", "--conf", "{root}/conf.d", "--state", "{broker}", "--secrets", "{data}"),
        *("--plugins", "{root}/plugins", "--replace", "--yes", "--unit", "{root}/unit"),
    ),
    "setup accounts": given("setup", "accounts", "--accounts", "{broker}/accounts.json"),
    "setup influxdb": given("setup", "influxdb", "--secrets", "{data}/secrets", "--keep", "forever", "--replace", "--yes"),
    "setup copy": given("setup", "copy", "--to", "{settings}/other.yaml", "--since", "2026-10-01"),
    "setup rabbitmq": given(
        *("setup", "rabbitmq", "--gateways", "2", "--secrets", "{data}/secrets", "--conf", "{root}/rabbitmq.conf")
    ),
    "setup certificates": certificates("client", HIS),
    "setup certificates server": certificates("server", "broker.example.vn", "--also", "192.0.2.1"),
    "setup certificates service": certificates("service", "gateway"),
    "setup certificates renew": certificates("renew", OTHER),
    "setup certificates revoke": certificates("revoke", OTHER, "--yes"),
    **{
        f"install.sh {' '.join(words)}": install_sh(*words)
        for action in (*_ACTIONS, "purge --yes")
        for words in (tuple(action.split()), (*action.split(), "--dry-run"))
    },
    "install.sh purge, not confirmed": install_sh("purge"),
    "the settings of install.sh": Province.install,
    "install.sh without a registry": without_registry,
    "install.sh over a file": over_a_file,
}


STATUS: Final = {
    **dict.fromkeys(("devices forget --check", "status"), 1),
    **dict.fromkeys(
        ("devices revoke", "unroutable", "devices estimate", "devices correct"), 3
    ),  # they ask a broker, or a gateway that runs
    **dict.fromkeys(("devices used", "install.sh purge, not confirmed", "alarms ack", "rollups", "standby"), 2),
    "restore over what is there": 2,
}
"""Of commands that say something by it, or come as far as they do without a gateway that runs."""
NOT_PLAYED: Final = ("restore where no data is", "install.sh without a registry", "the settings of install.sh")
"""What the test itself does beforehand it does as root."""
NOT_WALKED: Final = {
    "run": "a gateway that root runs becomes the owner of its data for good, before it opens a file (tests/support)",
    "demo": "it makes a gateway of its own in a folder of its own",
}
