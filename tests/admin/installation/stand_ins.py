"""A machine on which programs are played: an administrator's steps without root, systemd, pip or a network."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.admin.installation.bundle import write_sums
from gateway.admin.installation.installer import Installer
from gateway.admin.installation.machine import UNIT, Layout, Machine
from gateway.admin.installation.release import build_tag

DEPLOY = Path(__file__).parents[3] / "deploy"


class PowerCut(BaseException):
    """The power fails: nothing of the program goes on."""


class PlayedMachine(Machine):
    """Plays the programs that an installation runs.

    :ivar broken: versions that do not start.
    :ivar deaf: versions that start and are never subscribed.
    :ivar strict: versions that refuse the settings.
    :ivar unbuilt: versions whose building ends half-way.
    :ivar running: the version that runs now.
    :ivar cut_at: number of the step at which the power fails.
    """

    def __init__(self, root: Path, *, dry_run: bool = False) -> None:
        self.said: list[str] = []
        super().__init__(self.said.append, dry_run=dry_run, owns=False)
        self.layout = Layout(root)
        self.broken: set[str] = set()
        self.deaf: set[str] = set()
        self.strict: set[str] = set()
        self.unbuilt: set[str] = set()
        self.running = ""
        self.has_user = self.is_enabled = False
        self.ran: list[str] = []
        self.steps = 0
        self.cut_at = -1

    def step(self, what: str) -> bool:
        """Count; at one of them the power fails."""
        self._count()
        return super().step(what)

    def sync(self) -> None:
        """Take no time."""

    def _count(self) -> None:
        self.steps += 1
        if self.steps == self.cut_at:
            raise PowerCut

    def status(self, *command: str | Path) -> int:
        """Play a program."""
        words = [str(word) for word in command]
        self.ran.append(" ".join(words))
        return self._play(words)

    def answer(self, *command: str | Path) -> str:
        """Play a program that is asked something."""
        if command[0] == "getent":
            return "gateway:x:999:999::/var/lib/gateway:/usr/sbin/nologin" if self.has_user else ""
        assert command[:2] == ("systemctl", "list-units")
        return f"{UNIT} loaded active running Province gateway\n" if self.running else ""

    def _play(self, words: Sequence[str]) -> int:
        if words[1:3] == ["-m", "venv"]:
            return self._make_environment(Path(words[-1]))
        if "check" in words:
            return 2 if Path(words[0]).parents[1].name in self.strict else 0
        if words[0] == "systemctl":
            return self._systemctl(words[1])
        self.has_user = {"useradd": True, "userdel": False}.get(words[0], self.has_user)
        return 0

    def _make_environment(self, place: Path) -> int:
        (place / "bin").mkdir(parents=True, exist_ok=True)
        self._count()  # half of it is there
        python = place / "bin" / "python"
        python.unlink(missing_ok=True)
        python.symlink_to(sys.executable)
        for name in ("pyvenv.cfg", "bin/gateway"):
            (place / name).touch()
        return int(place.name in self.unbuilt)

    def _systemctl(self, action: str) -> int:
        if action == "is-active":
            return 0 if self.running else 3
        if action == "enable":
            self.is_enabled = True
        if action == "restart":
            return self.boot()
        if action == "disable":
            self.is_enabled, self.running = False, ""
            self.layout.subscribed(UNIT).unlink(missing_ok=True)
        return 0

    def boot(self) -> int:
        """Start the service, as systemd does; return the exit status of ``systemctl restart``."""
        link, mark = self.layout.current, self.layout.subscribed(UNIT)
        version = link.readlink().name if link.is_symlink() and (link / "bin" / "gateway").exists() else ""
        self.running = "" if version in self.broken else version
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.unlink(missing_ok=True)
        if self.running and version not in self.deaf:
            mark.touch()
        return 0 if self.running else 1


class Province:
    """A throw-away root, with the bundles that come to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        (self.root / "run" / "systemd" / "system").mkdir(parents=True)
        self.machine = PlayedMachine(self.root)
        self.layout = Layout(self.root)

    @property
    def installer(self) -> Installer:
        """An installer that has little patience."""
        return Installer(self.layout, self.machine, patience_s=0.0)

    def bundle(self, version: str, *, tag: str = build_tag(), program: str = "") -> Path:
        """Make a bundle of a version."""
        made = self.folder / f"gateway-{version}-{tag}"
        (made / "wheels" / tag).mkdir(parents=True)
        (made / "wheels" / tag / f"some-{tag}.whl").write_text(tag)
        (made / "wheels" / "province_gateway-0.1.0-py3-none-any.whl").write_text(program or version)
        for name in (
            "gateway.yaml",
            "devices.yaml",
            "systemd/gateway.service",
            "systemd/gateway@.service",
            "systemd/journald.conf",
        ):
            (made / "deploy" / name).parent.mkdir(parents=True, exist_ok=True)
            (made / "deploy" / name).write_bytes((DEPLOY / name).read_bytes())
        (made / "VERSION").write_text(f"{version}\n")
        (made / "install.sh").write_bytes((DEPLOY / "install.sh").read_bytes())
        (made / "requirements-runtime.lock").touch()
        write_sums(made)
        return made

    @property
    def current(self) -> str:
        """The version that the link leads to."""
        return self.layout.current.readlink().name

    def tree(self) -> dict[str, str]:
        """Everything below the root, to be compared: path → content or target."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            for name in (*folders, *files):
                path = Path(folder, name)
                told = f"-> {path.readlink()}" if path.is_symlink() else "/" if path.is_dir() else path.read_text()
                found[str(path.relative_to(self.root))] = told
        return found
