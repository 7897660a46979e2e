"""No command that root gives reaches, through the folders of the service, anything that the service may not."""

import grp
import itertools
import json
import os
import pkgutil
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import pytest
import yaml

from gateway import commands
from gateway.admin.backup import restoring
from gateway.admin.installation import installer
from gateway.admin.installation.installer import Installer
from gateway.admin.installation.machine import FileOwner, Layout, NotDone
from gateway.admin.installation.machine import Machine as InstalledMachine
from gateway.commands.cli import main
from gateway.commands.setup.broker import PLUGIN
from gateway.monitoring.exports.open_files import OpenFiles
from gateway.support.audit.forgotten import forgotten_beside
from tests.admin.backup.machine import AT_MS, HIS, OTHER, Machine, line
from tests.commands.hostile import HIDDEN, SERVICE, THINGS, Attack, Attacked, Outside, Thing, attacked, link
from tests.monitoring.reports.conftest import started

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders of others to fear"),
    pytest.mark.real,
]

CHECKOUT: Final = Path(__file__).parents[2]
AWAY: Final = "mqtt://127.0.0.1:9"
SERVICE_GROUP: Final = grp.getgrgid(SERVICE.pw_gid).gr_name


class Province:
    """A machine as ``install.sh`` makes it, below a folder: settings of root's, data, registry and accounts of others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "etc" / "gateway"
        self.data = folder / "var" / "lib" / "gateway"
        self.broker = folder / "var" / "lib" / "broker"
        self.registry = self.settings / "registry"
        self.root = folder / "root"
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
        (self.settings / "other.yaml").write_text(json.dumps(sections | {"http": {"tokens_file": str(self.data / "tokens")}}))
        self.data.parent.mkdir(parents=True)
        machine.journal.parent.rename(self.data)
        machine.accounts.parent.rename(self.broker)
        self.registry.mkdir()
        (self.settings / "devices.yaml").rename(self.registry / "devices.yaml")
        (self.settings / "devices.yaml").symlink_to("registry/devices.yaml")
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
        shutil.chown(self.data / "g.tar.gz", SERVICE.pw_uid, SERVICE.pw_gid)

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


def given(*words: str) -> Command:
    """A command line; ``{data}`` and so on stand for folders."""

    def command(one: Province) -> int:
        places = {"data": one.data, "root": one.root, "broker": one.broker, "settings": one.settings}
        return one.command(*(word.format(**places) for word in words))

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
    "setup certificates": lambda one: main(["setup", "certificates", "client", HIS, "--to", str(one.data / "authority")]),
    "install.sh": Province.install,
    "install.sh without a registry": without_registry,
    "install.sh over a file": over_a_file,
}


PLACES: Final = (
    *("journal.db", "journal.db-wal", "journal.db-journal", "journal.db.lock", "journal.db.tally", "journal.db.token"),
    *(
        "journal.db.audit",
        "journal.db.audit-details",
        "journal.db.forgotten",
        "journal.db.forgotten-key",
        "journal.db.damaged-1",
        "journal.db.accounts",
        "journal.db.stands-session_lost",
    ),
    *("photos.db", "photos.db-journal", "copy.json", "journal.db.audit.restoring", "devices.yaml", "devices.yaml.bak"),
)
LATER: Final = ("backup", "restore", "devices export", "devices forget", "rejects list", "setup copy")
STATUS: Final = {"devices forget --check": 1, "status": 1, "restore over what is there": 2}
"""Of commands that say something by it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Province]]:
    """A machine beside a database; called, it is as it was."""
    for module in pkgutil.walk_packages(commands.__path__, "gateway.commands."):
        import_module(module.name)  # or each process would
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder, started("influxdb", tmp_path_factory.mktemp("db")) as found:
        url, copy = found.service.url, Path(folder) / "copy"
        one = Province(Path(folder) / "machine")
        Path(folder).chmod(0o755)
        one.make(url)
        copy.mkdir(mode=0o700)
        subprocess.run(["cp", "-a", one.folder, copy], check=True)
        urlopen(f"{url}/query?q=CREATE%20DATABASE%20other", b"").close()  # noqa: S310 - our own service

        def again() -> Province:
            shutil.rmtree(one.folder)
            subprocess.run(["cp", "-a", copy / "machine", one.folder], check=True)
            found.write([line(name, at_ms) for name in (HIS, OTHER) for at_ms in (AT_MS, AT_MS - 86_400_000)])
            return one

        yield again


@pytest.fixture(autouse=True)
def _users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users and groups that there are on every machine."""
    monkeypatch.setattr(restoring, "_SERVICE", SERVICE.pw_name)
    monkeypatch.setattr(installer, "_OF_GATEWAY", FileOwner(SERVICE.pw_name, SERVICE_GROUP))
    monkeypatch.setattr(installer, "_READ_BY_GATEWAY", FileOwner("root", SERVICE_GROUP))


def harm(one: Province, before: dict[str, tuple[object, ...]]) -> list[str]:
    """Changes outside; and in their folders, files that are not theirs or tell them what they may not read."""
    now = one.outside.seen()
    names = (name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    found = [f"{name}: {before.get(name)} → {now.get(name)}" for name in names]
    for path in (path for folder in one.theirs for path in folder.rglob("*")):
        own = path.lstat()
        if own.st_nlink > 1 and not path.is_dir():
            continue
        if own.st_uid != SERVICE.pw_uid:
            found.append(f"{path}: is of the user {own.st_uid}")
        if stat.S_ISREG(own.st_mode) and HIDDEN.encode() in path.read_bytes():
            found.append(f"{path}: holds what only root may read")
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_does_in_folders_of_others_what_it_is_for(made: Callable[[], Province], name: str) -> None:
    one = made()
    before = one.outside.seen()
    done = attacked(partial(COMMANDS[name], one), one.theirs, Attack(link, one.outside, -1))
    assert (done.fault, done.status, harm(one, before)) == ("", STATUS.get(name, 0), []), done.said


def check_swaps(made: Callable[[], Province], name: str, things: Iterable[Thing], every: int) -> None:
    """Attack a command at each step, or at some."""
    for at, thing in zip(itertools.count(0, every), itertools.cycle(things), strict=False):
        done, harmed = swapped(made(), name, thing, at)
        assert (done.fault, harmed) == ("", []), f"{thing.__name__} at step {at}: {done.said}"
        if at >= done.steps:
            return


def swapped(one: Province, name: str, thing: Thing, at: int) -> tuple[Attacked, list[str]]:
    """Attack a command at one step; return what came of it, and the harm."""
    before = one.outside.seen()
    done = attacked(partial(COMMANDS[name], one), one.theirs, Attack(thing, one.outside, at))
    return done, harm(one, before)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_name_that_the_service_swaps_leads_no_command_outside(made: Callable[[], Province], name: str) -> None:
    check_swaps(made, name, THINGS, every=25)


def check_laid(made: Callable[[], Province], name: str, laid: Iterable[tuple[str, Thing]]) -> None:
    """Let a command find something at a place of the service's, once for each."""
    for place, thing in laid:
        one = made()
        path = (one.registry if place.startswith("devices.yaml") else one.data) / place
        before = one.outside.seen()
        Attack(thing, one.outside, 0).on(path)
        done = attacked(partial(COMMANDS[name], one), one.theirs, Attack(link, one.outside, -1))
        assert (done.fault, harm(one, before)) == ("", []), f"{thing.__name__} at {path}: {done.said}"


def test_what_the_service_lays_there_beforehand_leads_no_command_outside(made: Callable[[], Province]) -> None:
    """One thing at each place; the others are for test-all."""
    check_laid(made, "devices retire", zip(PLACES, itertools.cycle(THINGS), strict=False))


@pytest.mark.slow
@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("name", ["devices retire", *LATER])
def test_nothing_that_the_service_lays_there_beforehand_leads_a_command_outside(
    made: Callable[[], Province], name: str, thing: Thing
) -> None:
    check_laid(made, name, ((place, thing) for place in PLACES))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_that_the_service_swaps_at_any_step_leads_a_command_outside(
    made: Callable[[], Province], name: str, first: int
) -> None:
    check_swaps(made, name, THINGS[first:] + THINGS[:first], every=1)
