"""Places of an installation, below a root: ``/``, or a folder of a test."""

from pathlib import Path
from typing import Final

UNIT: Final = "gateway.service"
TEMPLATE: Final = "gateway@.service"
LOG_LIMITS: Final = "journald.conf"
USER: Final = "gateway"


class Layout:
    """The places.

    :ivar home: the folder of the program, one environment for each version.
    :ivar current: the link to the environment that the service runs; ``previous``: to that which a rollback leads to.
    :ivar trial: the note of a switch that is not confirmed yet.
    :ivar script: the link to the script of the current version; ``command``: to the command ``gateway``.
    :ivar units: the folder of the administrator's units; ``log_limits``: the limits of the system's log.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.home = root / "opt" / "gateway"
        self.current, self.previous = self.home / "current", self.home / "previous"
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
