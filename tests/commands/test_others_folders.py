"""No command that root gives reaches, through the folders of the service, anything that the service may not."""

import itertools
import json
import os
import pkgutil
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from gateway import commands
from gateway.admin.backup import restoring
from gateway.admin.installation import installer
from gateway.admin.installation.installer import _HELP
from gateway.commands.cli import parser
from tests.admin.backup.machine import AT_MS, HIS, OTHER, line
from tests.commands.hostile import HIDDEN, SERVICE, THINGS, Attack, Attacked, Thing, attacked, link, squash_root
from tests.commands.test_arguments import ends
from tests.commands.walked_commands import COMMANDS, NOT_PLAYED, NOT_WALKED, SERVICE_OWNS, SERVICE_READS, STATUS, Province
from tests.monitoring.reports.conftest import started

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders of others to fear"),
    pytest.mark.real,
]

_DAY_MS: Final = 86_400_000

SQUASHED: Final = ("backup", "restore", "devices add", "audit list")
SWAPPED: Final = (
    *("backup", "backup into their folder", "restore", "restore with a list of theirs", "devices add", "devices retire"),
    *("devices enroll into their folder", "devices export into their folder", "devices forget", "rejects purge"),
    *("journal export into their folder", "alarms silence", "report", "report billing", "export open", "setup", "setup broker"),
    *("setup token in their folder", "setup certificates", "setup rabbitmq", "install.sh install"),
)
DONE: Final = (
    *SWAPPED,
    *("restore where no data is", "devices edit", "devices import", "devices exchange", "journal drop", "profiles propose"),
    *("rollups", "check", "setup copy", "setup influxdb", "setup grafana", "install.sh rollback", "install.sh purge --yes"),
)


def quick(names: Sequence[str]) -> list[object]:
    """All commands; but for these their tests are for test-all."""
    return [name if name in names else pytest.param(name, marks=pytest.mark.slow) for name in COMMANDS]


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
        ask(url, "CREATE DATABASE other")

        def again() -> Province:
            shutil.rmtree(one.folder)
            subprocess.run(["cp", "-a", copy / "machine", one.folder], check=True)
            for name, *_ in ask(url, "SHOW USERS"):
                ask(url, f'DROP USER "{name}"')
            lines = [line(name, at_ms) for name in (HIS, OTHER) for at_ms in (AT_MS, AT_MS - _DAY_MS, AT_MS - 33 * _DAY_MS)]
            found.write(lines)
            return one

        yield again


def ask(url: str, words: str) -> list[list[object]]:
    """Ask the database; the rows of its answer."""
    with urlopen(f"{url}/query?{urlencode({'q': words})}", b"") as answer:  # noqa: S310 - our own service
        series = json.load(answer)["results"][0].get("series", [{}])
    return list(series[0].get("values", []))


@pytest.fixture(autouse=True)
def _users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "_SERVICE", SERVICE.pw_name)
    monkeypatch.setattr(installer, "_OF_GATEWAY", SERVICE_OWNS)
    monkeypatch.setattr(installer, "_READ_BY_GATEWAY", SERVICE_READS)


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


def test_each_command_is_walked() -> None:
    names = {command.prog.removeprefix("gateway ") for command in ends(parser())} | {f"install.sh {name}" for name in _HELP}
    walked = {name for name in names if any(key == name or key.startswith(f"{name} ") for key in COMMANDS)}
    assert names - walked == NOT_WALKED.keys(), "write a line of it into COMMANDS"


@pytest.mark.parametrize("name", quick(DONE))
def test_a_command_does_in_folders_of_others_what_it_is_for(made: Callable[[], Province], name: str) -> None:
    one = made()
    before = one.outside.seen()
    done = attacked(partial(COMMANDS[name], one), one.theirs, Attack(link, one.outside, -1))
    assert (done.fault, done.status, harm(one, before)) == ("", STATUS.get(name, 0), []), done.said


@pytest.mark.parametrize("name", quick(SQUASHED))
def test_where_root_has_no_rights_as_on_a_share_that_squashes_it_a_command_works_or_says_so(
    made: Callable[[], Province], name: str
) -> None:
    one = made()
    for folder in one.theirs:
        for kind, mode in (("d", "700"), ("f", "600")):
            subprocess.run(["find", folder, "-type", kind, "-exec", "chmod", mode, "{}", "+"], check=True)
    before = one.outside.seen()
    done = attacked(partial(COMMANDS[name], one), one.theirs, Attack(link, one.outside, -1), first=squash_root)
    works = name in SQUASHED or not re.search("[Pp]ermission denied|may not be|not for you", done.said)
    assert (done.fault, harm(one, before)) == ("", []), done.said
    assert done.status in {STATUS.get(name, 0), *([] if works else [1, 2])}, done.said
    assert "Traceback" not in done.said or name in NOT_PLAYED


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


@pytest.mark.parametrize("name", quick(SWAPPED))
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
