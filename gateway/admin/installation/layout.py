"""Places of an installation, below a root: ``/``, or a folder of a test."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

UNIT: Final = "gateway.service"
TEMPLATE: Final = "gateway@.service"
LOG_LIMITS: Final = "journald.conf"
USER: Final = "gateway"


@dataclass(frozen=True, slots=True)
class Layout:
    """The places."""

    root: Path = Path("/")

    @property
    def home(self) -> Path:
        """The folder of the program, one environment for each version."""
        return self.root / "opt" / "gateway"

    def environment(self, version: str) -> Path:
        """The virtual environment of a version."""
        return self.home / version

    def kept(self, version: str) -> Path:
        """The bundle of a version, from which its environment is built."""
        return self.home / "kept" / version

    @property
    def current(self) -> Path:
        """The link to the environment that the service runs."""
        return self.home / "current"

    @property
    def previous(self) -> Path:
        """The link to the environment that a rollback leads to."""
        return self.home / "previous"

    @property
    def trial(self) -> Path:
        """The note of a switch that is not confirmed yet."""
        return self.home / "trial.json"

    @property
    def script(self) -> Path:
        """The link to the script of the current version."""
        return self.home / "install.sh"

    @property
    def command(self) -> Path:
        """The link to the command ``gateway``."""
        return self.root / "usr" / "local" / "bin" / "gateway"

    @property
    def units(self) -> Path:
        """The folder of the administrator's units."""
        return self.root / "etc" / "systemd" / "system"

    @property
    def log_limits(self) -> Path:
        """The limits of the system's log."""
        return self.root / "etc" / "systemd" / "journald.conf.d" / "gateway.conf"

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
