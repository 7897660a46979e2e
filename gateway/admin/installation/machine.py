"""Places of an installation, below a root: ``/``, or a folder of a test; and changes of the machine there.

Each change is whole or not there when it is interrupted, and does nothing where it was done before.
"""

import errno
import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from gateway.support.private_files import as_owner, placed

UNIT: Final = "gateway.service"
TEMPLATE: Final = "gateway@.service"
LOG_LIMITS: Final = "journald.conf"
USER: Final = "gateway"


class Layout:
    """The places.

    :ivar home: the folder of the program, one environment for each version.
    :ivar current: the link to the environment that the service runs; ``previous``: to that which a rollback leads to.
    :ivar trial: the note of a switch that is not confirmed yet.
    :ivar failed: the note of an upgrade that failed, of which the page of the version that runs tells.
    :ivar script: the script, a file of its own; ``command``: the link to the command ``gateway``.
    :ivar units: the folder of the administrator's units; ``log_limits``: the limits of the system's log.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.home = root / "opt" / "gateway"
        self.current, self.previous = self.home / "current", self.home / "previous"
        self.failed = self.home / "failed-upgrade"
        self.trial, self.script = self.home / "trial.json", self.home / "install.sh"
        self.command = root / "usr" / "local" / "bin" / "gateway"
        systemd = root / "etc" / "systemd"
        self.units, self.log_limits = systemd / "system", systemd / "journald.conf.d" / "gateway.conf"

    def environment(self, version: str) -> Path:
        """The virtual environment of a version."""
        return self.home / version

    def kept(self, version: str) -> Path:
        """The bundle of a version, from which its environment is built."""
        return self.home / "kept" / version

    def settings(self, unit: str = UNIT) -> Path:
        """The folder of the configuration of a unit."""
        return self.root / "etc" / instance(unit)

    def data(self, unit: str = UNIT) -> Path:
        """The folder of the data of a unit."""
        return self.root / "var" / "lib" / instance(unit)

    def subscribed(self, unit: str) -> Path:
        """The file that a running gateway makes when the broker has confirmed its subscriptions."""
        return self.root / "run" / instance(unit) / "subscribed"

    def instances(self) -> list[str]:
        """The names of all that have settings or data: ``gateway``, ``gateway-NAME``."""
        folders = (self.root / "etc", self.root / "var" / "lib")
        found = {place.name for folder in folders for place in folder.glob("gateway-*") if place.is_dir()}
        return ["gateway", *sorted(found)]

    @property
    def has_systemd(self) -> bool:
        """True where systemd runs."""
        return (self.root / "run" / "systemd" / "system").is_dir()


def instance(unit: str) -> str:
    """Return the name under which a unit has its folders: ``gateway@north.service`` has ``gateway-north``."""
    return unit.removesuffix(".service").replace("@", "-")


_PROGRAMS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class FileOwner(NamedTuple):
    """The user and the group that a file belongs to."""

    user: str
    group: str


ROOT: Final = FileOwner("root", "root")


class NotDone(Exception):  # noqa: N818 - says what it is
    """A step failed; the text says which, and what to do."""


class Machine:
    """Makes changes, or says them with ``dry_run``; ``owns``: false below a test's folder, where no user ``gateway`` is."""

    def __init__(self, say: Callable[[str], None] = print, *, dry_run: bool = False, owns: bool = True) -> None:
        self.say = say
        self.dry_run = dry_run
        self.owns = owns

    def step(self, what: str) -> bool:
        """Tell if a change is to be made now, and say it if not."""
        if self.dry_run:
            self.say(f"would {what}")
        return not self.dry_run

    def run(self, *command: str | Path) -> None:
        """Run a program; NotDone if it failed."""
        words = " ".join(map(str, command))
        if self.step(f"run: {words}") and (status := self.status(*command)):
            raise NotDone(f"this failed with status {status}: {words}")

    def build(self, place: Path, *command: str | Path) -> None:
        """Run a program that builds an environment; NotDone, in words of people, if it failed."""
        if self.step(f"run: {' '.join(map(str, command))}") and self.status(*command):
            free = shutil.disk_usage(place.parent).free // 10**6
            raise NotDone(
                f"the program could not be built in {place}: why stands above ({place.parent} has {free} MB left). "
                f"Nothing was switched, and what was built of it is removed"
            )

    def status(self, *command: str | Path) -> int:
        """Run a program that changes nothing, or whose failure has a meaning; return its exit status."""
        return _run(command).returncode

    def answer(self, *command: str | Path) -> str:
        """Return what a program prints."""
        return _run(command, capture=True).stdout

    def write(self, path: Path, content: bytes, *, mode: int = 0o644, owner: FileOwner = ROOT) -> bool:
        """Write a file, whole or not at all; tell if it is another one than before."""
        with as_owner(path.parent):
            with suppress(OSError), open(path, "rb", opener=without_waiting(os.O_NOFOLLOW)) as file:
                if file.read() == content:
                    return False
            if self.step(f"write: {path}"):
                path.parent.mkdir(parents=True, exist_ok=True)
                with placed(path, mode) as file:
                    self._own(file.fileno(), owner)
                    file.write(content)
        return True

    def link(self, path: Path, target: str | Path) -> None:
        """Let a link lead to ``target``, from one moment to the next."""
        if os.path.islink(path) and os.readlink(path) == str(target):  # noqa: PTH114, PTH115 - the text of the link
            return
        if self.step(f"link: {path} -> {target}"):
            with as_owner(path.parent):
                path.parent.mkdir(parents=True, exist_ok=True)
                new = path.with_name(path.name + ".new")
                new.unlink(missing_ok=True)
                new.symlink_to(target)
                new.replace(path)

    def rename(self, path: Path, name: str) -> None:
        """Give a file another name in its folder."""
        if self.step(f"rename: {path} -> {name}"):
            with as_owner(path.parent):
                path.rename(path.with_name(name))

    def folder(self, path: Path, mode: int, owner: FileOwner = ROOT) -> None:
        """Make a folder in one of root's, and give it to its owner; NotDone if others made a link at its place."""
        if path.is_symlink() and path.lstat().st_uid not in {0, os.geteuid()}:
            raise NotDone(f"{path} is a link that is not root's, to {path.readlink()}: remove it")
        with as_owner(path.parent):
            if not path.is_dir() and self.step(f"make: {path}/"):
                path.mkdir(mode=mode, parents=True, exist_ok=True)
            if not self.dry_run:
                descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
                os.fchmod(descriptor, mode)
                self._own(descriptor, owner)
                os.close(descriptor)

    def _own(self, descriptor: int, owner: FileOwner) -> None:
        """Give a file or folder to its owner, where there is a user ``gateway``; in a folder of others it is theirs already."""
        if self.owns and os.geteuid() == 0:
            os.fchown(descriptor, pwd.getpwnam(owner.user).pw_uid, grp.getgrnam(owner.group).gr_gid)

    def remove(self, path: Path) -> None:
        """Remove a file, a link or a folder with all that is in it. A folder is renamed first: none is ever half there."""
        old = path.with_name(f".{path.name}.removed")  # a name that no copy of a person's has, as gateway.old might be one
        if not os.path.lexists(path) and not old.exists():
            return
        if self.step(f"remove: {path}"):
            if path.is_symlink() or path.is_file():
                with as_owner(path.parent):
                    path.unlink()
                return
            if old.exists():
                shutil.rmtree(old)
            if path.exists():
                path.rename(old)
                shutil.rmtree(old)

    def sync(self) -> None:
        """Wait until all that was written is on disk: what follows says that it is there."""
        if not self.dry_run:
            os.sync()


def in_words(error: OSError) -> str:
    """Return what the system refused, with the file and, where the disk is full, what is left of it."""
    place = Path(error.filename2 or error.filename or "/")
    if error.errno != errno.ENOSPC:
        return f"{place}: {error.strerror}"
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    return f"the disk of {place} is full: {shutil.disk_usage(there).free // 10**6} MB are left (df -h {there}). Make room first"


def without_waiting(more: int = 0) -> Callable[[str, int], int]:
    """An opener of files with more flags; a pipe in the place of one is empty, and holds nobody up."""
    return lambda path, flags: os.open(path, flags | os.O_NONBLOCK | more)


def _run(command: tuple[str | Path, ...], *, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a program of the system; one that is missing has the exit status that a shell gives it."""
    path = f"{os.environ.get('PATH', '')}:{_PROGRAMS}"
    try:
        return subprocess.run(  # noqa: S603 - words of our own
            [str(word) for word in command],
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE if capture else None,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", "")
