"""The steps of an installation, and the command line of ``install.sh``.

Each step may be interrupted at any point and is simply run again.
"""

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from gateway.admin.installation.machine import (
    UNIT,
    USER,
    FileOwner,
    Layout,
    Machine,
    NotDone,
    in_words,
    instance,
    without_waiting,
)
from gateway.admin.installation.release import (
    SCRIPT,
    Bundle,
    ask_for_room,
    build_environment,
    environment_bytes,
    is_whole,
    keep,
    kept_bytes,
    open_bundle,
    open_kept,
)
from gateway.admin.installation.switch import Services, ServiceStages, Switch
from gateway.support.private_files import as_owner

_READ_BY_GATEWAY: Final = FileOwner("root", USER)
_OF_GATEWAY: Final = FileOwner(USER, USER)
_REGISTRY: Final = Path("registry", "devices.yaml")
"""The registry, below the settings."""
_COPY: Final = ".before-install"
_ASIDE: Final = ".before"
_FLAT: Final = ("bin", "include", "lib", "lib64", "share", "pyvenv.cfg")
"""Names in the folder of the program where an environment without a version was installed."""


class Installer:
    """Installs, and leads back."""

    def __init__(self, layout: Layout, machine: Machine, *, patience_s: float = 60.0) -> None:
        self._layout = layout
        self._machine = machine
        self._services = Services(layout, machine, patience_s)
        self._switch = Switch(layout, machine, self._services)

    def install(self, folder: Path) -> None:
        """Install or upgrade; NotDone if bundle, machine or settings do not allow it, or the new version fails.

        Of one that fails nothing stays.
        """
        bundle = open_bundle(folder)
        bundle.verify()
        self._prune(bundle.version)
        self._ask_for_room(bundle)
        self._user()
        try:
            self._switch_to_new(bundle)
        except (NotDone, OSError, KeyboardInterrupt):
            self._prune()
            raise
        self._prune()
        for name in _FLAT:
            self._machine.remove(self._layout.home / name)

    def _ask_for_room(self, bundle: Bundle) -> None:
        """NotDone if there is none for what this version still lacks."""
        place = self._layout.environment(bundle.version)
        needed_bytes = 0 if is_whole(place, bundle) else environment_bytes(bundle, place)
        ask_for_room(place, needed_bytes + kept_bytes(bundle, self._layout.kept(bundle.version)))

    def _switch_to_new(self, bundle: Bundle) -> None:
        layout, machine = self._layout, self._machine
        kept, place = keep(bundle, layout.kept(bundle.version), machine), layout.environment(bundle.version)
        self._configuration(bundle.folder)
        if layout.current.is_symlink() and layout.current.readlink().name == bundle.version and place.exists():
            self._rebuild(kept, place)
        else:
            build_environment(kept, place, machine)
            self._check(bundle.version)
        machine.write(layout.script, (kept.folder / SCRIPT).read_bytes(), mode=0o755)
        self._switch.to(bundle.version)

    def _rebuild(self, kept: Bundle, place: Path) -> None:
        """Build the version that runs for another Python; the environment of before comes back if that comes not as far."""
        machine, before, aside = self._machine, self._services.stages(), place.with_name(f"{place.name}{_ASIDE}")
        if is_whole(place, kept):
            self._check(kept.version)
            return
        self._services.stop(before)  # it would look for files that are gone
        machine.remove(aside)
        machine.rename(place, aside.name)
        try:
            build_environment(kept, place, machine)
            self._check(kept.version)
            self._come_as_far(kept.version, before)
        except (NotDone, OSError, KeyboardInterrupt):
            machine.remove(place)
            machine.rename(aside, place.name)
            self._services.restart(before)
            raise
        machine.remove(aside)

    def _come_as_far(self, version: str, before: ServiceStages) -> None:
        if not self._services.restart(before):
            raise NotDone(f"{version} did not come as far with this Python as with the one before, with which it runs again")

    def keep(self, folder: Path) -> None:
        """Keep the wheels of a bundle for another Python, before Debian is upgraded to it."""
        bundle = open_bundle(folder)
        place = self._layout.kept(bundle.version)
        bundle.verify()
        ask_for_room(place, kept_bytes(bundle, place))
        keep(bundle, place, self._machine)

    def rollback(self) -> None:
        """Go back to the version before; the present one stays, to be gone back to as well."""
        version = self._switch.way_back()
        if not version:
            raise NotDone("there is no version before this one")
        self.build(version)
        self._check(version)
        self._switch.to(version)

    def repair(self) -> None:
        """Build the current environment again if its Python is gone, as after an upgrade of Debian."""
        link = self._layout.current
        if not link.is_symlink():
            raise NotDone("no version is installed")
        self.build(link.readlink().name)

    def build(self, version: str) -> None:
        """Build the environment of a version that is kept, unless it is whole: then the kept copy is not asked."""
        place = self._layout.environment(version)
        if is_whole(place):
            self._machine.say(f"kept: {place}")
            return
        kept = open_kept(self._layout.kept(version))
        kept.verify(kept.built_from)
        build_environment(kept, place, self._machine)

    def remove(self) -> None:
        """Remove the program and the services. Settings, data and the user stay."""
        self._services.remove_units()
        self._machine.remove(self._layout.command)
        self._machine.remove(self._layout.home)

    def purge(self) -> None:
        """Remove everything, readings that wait and the settings too."""
        self.remove()
        for place in self.lost_by_purge():
            self._machine.remove(place)
        if self._has_user():
            self._machine.run("userdel", USER)

    def lost_by_purge(self) -> list[Path]:
        """The folders that a purge would remove for good."""
        names = self._layout.instances()
        places = [place for name in names for place in (self._layout.data(name), self._layout.settings(name))]
        return [place for place in places if place.exists()]

    def _has_user(self) -> bool:
        return bool(self._machine.answer("getent", "passwd", USER))

    def _user(self) -> None:
        if not self._has_user():
            home = f"/var/lib/{USER}"
            words = ("--system", "--user-group", "--home-dir", home, "--no-create-home", "--shell", "/usr/sbin/nologin")
            self._machine.run("useradd", *words, USER)

    def _configuration(self, bundle: Path) -> None:
        """Give each instance its folders, and the first one the sample. Settings that people wrote are never changed."""
        sample, machine = (bundle / "deploy" / "gateway.yaml").read_bytes(), self._machine
        for name in self._layout.instances():
            settings = self._layout.settings(name)
            for folder in (settings, settings / "profiles", settings / "secrets"):
                machine.folder(folder, 0o750, _READ_BY_GATEWAY)
            for folder in (settings / "registry", self._layout.data(name)):
                machine.folder(folder, 0o750, _OF_GATEWAY)
            self._registry(settings, (bundle / "deploy" / "devices.yaml").read_bytes())
            machine.write(settings / "gateway.yaml.sample", sample)
        first = self._layout.settings() / "gateway.yaml"
        if not os.path.lexists(first):  # a link of root's may lead to where nothing is yet
            machine.write(first, sample, mode=0o640, owner=_READ_BY_GATEWAY)

    def _registry(self, settings: Path, sample: bytes) -> None:
        """Keep the registry in a folder of its own, which the gateway may write, with a link to it in its old place.

        A link that leads elsewhere stays: whoever made it keeps the registry there.
        """
        machine, registry, link = self._machine, settings / _REGISTRY, settings / _REGISTRY.name
        if link.is_symlink() and settings / link.readlink() != registry:
            machine.say(f"{link} leads to {link.readlink()} and not to {_REGISTRY}: the registry stays there")
            return
        if os.path.lexists(link) and not link.is_symlink():
            if not link.is_file():
                raise NotDone(f"{link} is no file and no link: the registry belongs to {registry}. Move away what lies there")
            self._take_over(link, registry)
        elif not os.path.lexists(registry):
            machine.write(registry, sample, mode=0o640, owner=_OF_GATEWAY)
        machine.link(link, _REGISTRY)

    def _take_over(self, file: Path, registry: Path) -> None:
        """Make a file in the place of the link the registry: the gateway reads it. Where another lies, both stay as copies."""
        machine, text = self._machine, file.read_bytes()
        if os.path.lexists(registry) and not _holds(registry, text):
            copy, old = _name_of_copy(file, text), _name_of_copy(registry)
            machine.say(
                f"{file} is a file where a link to {_REGISTRY} belongs, and the two differ. The gateway reads the file, so it "
                f"becomes the registry. Nothing is lost: a copy of it is {copy}, the registry that was there is {old}"
            )
            machine.write(copy, text, mode=0o640, owner=_READ_BY_GATEWAY)
            machine.rename(registry, old.name)
        machine.write(registry, text, mode=0o640, owner=_OF_GATEWAY)

    def _check(self, version: str) -> None:
        """Check each instance's settings as the gateway, who must read its secrets; NotDone, and no switch, at a fault."""
        program = self._layout.environment(version) / "bin" / "gateway"
        for unit in [UNIT, *(unit for unit in self._services.units() if unit != UNIT)]:
            settings = self._layout.settings(instance(unit)) / "gateway.yaml"
            as_user = ("runuser", "-u", USER, "--") if self._machine.owns else ()
            words = (*as_user, program, "check", "-c", settings)
            if self._machine.step(f"run: {' '.join(map(str, words))}") and self._machine.status(*words) != 0:
                raise NotDone(f"{version} does not accept {settings}, see above; nothing was switched")

    def _prune(self, wanted: str = "") -> None:
        """Remove all versions but the current one, the one before, one that is wanted, and whoever a trial would go back to."""
        home, stays = self._layout.home, {wanted, *self._switch.versions()}
        built = [file.parent for file in home.glob("*/pyvenv.cfg")]
        for place in sorted([*built, *home.glob(".*.removed"), *(home / "kept").glob("*")]):
            if place.name not in stays and not place.is_symlink() and not self._machine.dry_run:
                self._machine.remove(place)


def _holds(path: Path, content: bytes) -> bool:
    """Tell if a file holds this; a link or a pipe holds nothing."""
    with suppress(OSError), as_owner(path.parent), open(path, "rb", opener=without_waiting(os.O_NOFOLLOW)) as file:
        return file.read() == content
    return False


def _name_of_copy(path: Path, content: bytes | None = None) -> Path:
    """A free name for a copy of a file; or that of one with this content, which an interrupted installation has made."""
    names = (path.with_name(f"{path.name}{_COPY}{f'-{number}' if number > 1 else ''}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name) or (content is not None and _holds(name, content)))


class _Unasked(NotDone):
    """There is no terminal to ask at."""


_OLDEST: Final = (3, 11)
_HELP: Final = {
    "install": "install, or upgrade from an earlier version (default)",
    "keep": "keep the wheels of this bundle, for a Python that Debian is to be upgraded to",
    "rollback": "go back to the version before",
    "repair": "build the environment again if its Python is gone",
    "remove": "remove the program; settings and data stay",
    "purge": "remove everything; readings that wait are lost",
}


def main(folder: Path, words: Sequence[str]) -> int:
    """Run ``install.sh WORDS`` of the bundle in ``folder``; return the exit status."""
    options = _parser().parse_args(words)
    os.umask(0o022)
    layout = Layout(options.root)
    machine = Machine(dry_run=options.dry_run, owns=options.root == Path("/"))
    installer = Installer(layout, machine, patience_s=options.patience)
    try:
        _look_at_machine(options)
        _hold_signals()
        with _alone(layout, options):
            _act(installer, options, folder)
            if options.action in {"install", "rollback"}:
                machine.remove(layout.failed)
    except (NotDone, OSError) as why:
        told = str(why) if isinstance(why, NotDone) else in_words(why)
        print(f"install.sh: {told}", file=sys.stderr)
        if options.action == "install" and layout.current.is_symlink():
            with suppress(OSError):
                machine.write(layout.failed, f"{(folder / 'VERSION').read_text(encoding='utf-8').strip()}\n{told}\n".encode())
        return 2 if isinstance(why, _Unasked) else 1
    except KeyboardInterrupt:
        print("install.sh: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.sh", description="Installs the gateway as a service.")
    actions = "\n".join(f"{name}: {text}" for name, text in _HELP.items())
    parser.formatter_class = argparse.RawTextHelpFormatter
    parser.add_argument("action", nargs="?", choices=list(_HELP), default="install", help=actions)
    parser.add_argument("--dry-run", action="store_true", help="print what would be done and change nothing")
    parser.add_argument("--yes", action="store_true", help="with purge: do it unasked")
    parser.add_argument("--root", type=Path, default=Path("/"), help="install below this folder, to try it")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds in which a new version must be subscribed (60)")
    return parser


def _look_at_machine(options: argparse.Namespace) -> None:
    if sys.version_info < _OLDEST:
        raise NotDone("Python 3.11 or newer is missing. Debian 12 or later has it: apt-get install python3 python3-venv")
    try:
        import ensurepip  # noqa: F401, PLC0415 - to see if it is there
    except ImportError as error:
        raise NotDone("Python's venv is missing: apt-get install python3-venv") from error
    if not options.dry_run and options.root == Path("/") and os.geteuid() != 0:
        raise NotDone("run it as root: sudo ./install.sh")


def _hold_signals() -> None:
    """End in order on SIGTERM as on Ctrl-C; a lost connection to the administrator's terminal ends nothing."""

    def interrupt(_: int, __: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@contextmanager
def _alone(layout: Layout, options: argparse.Namespace) -> Iterator[None]:
    """Let no second one work at the same time."""
    if options.dry_run:
        yield
        return
    place = layout.root / "run"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "gateway-install.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotDone("another installation is running") from None
        yield


def _act(installer: Installer, options: argparse.Namespace, folder: Path) -> None:
    if options.action in {"install", "keep"}:
        getattr(installer, options.action)(folder)
        if options.action == "install" and not options.dry_run:
            print(f"{open_bundle(folder).version} is installed. What next: {folder}/deploy/README.md")
        return
    if options.action == "purge" and not options.yes and not options.dry_run:
        _ask(f"these would be lost for good: {' '.join(map(str, installer.lost_by_purge()))}")
    getattr(installer, options.action)()


def _ask(lost: str) -> None:
    """Ask before something is lost for good, as commands of the gateway do; NotDone if the answer is not yes."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise _Unasked(f"{lost}; nothing was done: there is no terminal to ask at; --yes does it unasked")
    print(f"{lost}. Do it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
        raise NotDone("nothing was done")
