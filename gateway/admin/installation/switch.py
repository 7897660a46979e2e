"""The services as systemd sees them, and their switch to another version, on trial until it comes as far as the one before.

Theory of operation
-------------------
A note on disk says which version is on trial, which one ran before, and how far each service had come then. It is written
before the link is moved, and removed when the switch is confirmed or taken back. Whoever finds it after an interruption knows
what was going on: the version that is confirmed is the old one of the note, wherever the link leads.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final, Self

from gateway.admin.installation.machine import LOG_LIMITS, TEMPLATE, UNIT, Layout, Machine, NotDone
from gateway.admin.installation.release import UNITS, open_kept

_LOOK_EVERY_S: Final = 0.5


class ServiceStage(IntEnum):
    """The stage that a service has reached; a new version must come as far as the one before."""

    STOPPED = 0
    RUNNING = 1
    SUBSCRIBED = 2


ServiceStages = Mapping[str, ServiceStage]
"""Unit → the stage that it has reached."""


@dataclass(frozen=True, slots=True)
class Services:
    """Starts, stops and watches the units; a new version must have come as far as the old one within ``_patience_s``."""

    _layout: Layout
    _machine: Machine
    _patience_s: float

    def install_units(self, bundle: Path) -> None:
        """Write the units of a bundle, and the limits of the log. Where its copy is damaged those that are there stay."""
        machine, layout, source = self._machine, self._layout, bundle / UNITS
        try:
            if not machine.dry_run:
                open_kept(bundle).verify([f"{UNITS}/{name}" for name in (UNIT, TEMPLATE, LOG_LIMITS)])
        except NotDone as why:
            machine.say(f"the units in {layout.units} stay as they are. {why}")
            return

        def write(path: Path, name: str) -> bool:
            file = source / name
            return machine.write(path, b"" if machine.dry_run and not file.exists() else file.read_bytes())  # none is kept then

        changed = [write(layout.units / name, name) for name in (UNIT, TEMPLATE)]
        log_changed = write(layout.log_limits, LOG_LIMITS)
        if any(changed):
            self._systemctl("daemon-reload")
        if log_changed:
            self._systemctl("try-restart", "systemd-journald.service")

    def remove_units(self) -> None:
        """Stop and disable all, and remove the units."""
        machine, layout = self._machine, self._layout
        for unit in self.units() if layout.has_systemd else ():
            self._systemctl("disable", "--now", unit)
        for path in (layout.units / UNIT, layout.units / TEMPLATE, layout.log_limits):
            machine.remove(path)
        self._systemctl("daemon-reload")

    def _systemctl(self, *words: str) -> None:
        if self._layout.has_systemd:
            self._machine.run("systemctl", *words)

    def units(self) -> list[str]:
        """The units that systemd knows: the one gateway, and the instances of the template."""
        words = ("systemctl", "list-units", "--all", "--plain", "--no-legend", UNIT, "gateway@*.service")
        answer = self._machine.answer(*words) if self._layout.has_systemd else ""
        listed = [line.split()[0] for line in answer.splitlines() if line.strip()]
        enabled = [link.name for link in self._layout.units.glob("*.wants/gateway*.service")]
        return sorted({name for name in (*listed, *enabled) if name == UNIT or name.startswith("gateway@")})

    def stages(self) -> ServiceStages:
        """Return the stage of each unit."""
        return {unit: self._stage(unit) for unit in self.units()} if self._layout.has_systemd else {}

    def start_first(self) -> None:
        """Enable and start the one gateway of a machine that had none."""
        if not self._layout.has_systemd:
            self._machine.say("systemd does not run here: the service is installed, but neither enabled nor started")
            return
        self._systemctl("enable", UNIT)
        self._systemctl("restart", UNIT)

    def stop(self, before: ServiceStages) -> None:
        """Stop those that run, without another start before that."""
        if running := [unit for unit, stage in before.items() if stage > ServiceStage.STOPPED]:
            self._systemctl("stop", *running)

    def restart(self, before: ServiceStages) -> bool:
        """Restart those that ran before, and wait until each has come as far again; tell if all have."""
        running = [unit for unit, stage in before.items() if stage > ServiceStage.STOPPED]
        if not running or not self._machine.step(f"run: systemctl restart {' '.join(running)}"):
            return True
        started = self._machine.status("systemctl", "restart", *running) == 0
        return started and self._wait(before)

    def _wait(self, before: ServiceStages) -> bool:
        deadline_s = time.monotonic() + self._patience_s
        if any(stage is ServiceStage.SUBSCRIBED for stage in before.values()):
            self._machine.say(f"waiting up to {self._patience_s:g} s for the broker to confirm the subscriptions ...")
        while any(self._stage(unit) < stage for unit, stage in before.items()):
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True

    def _stage(self, unit: str) -> ServiceStage:
        if self._machine.status("systemctl", "is-active", "--quiet", unit) != 0:
            return ServiceStage.STOPPED
        return ServiceStage.SUBSCRIBED if self._layout.subscribed(unit).exists() else ServiceStage.RUNNING


@dataclass(frozen=True, slots=True)
class SwitchTrial:
    """A switch that is not confirmed, from the old version, if any, with the stages that the services had before."""

    new: str
    old: str
    before: ServiceStages

    def note(self) -> bytes:
        """The note on disk."""
        before = {unit: stage.name for unit, stage in self.before.items()}
        return json.dumps({"new": self.new, "old": self.old, "before": before}).encode()

    @classmethod
    def read(cls, note: bytes) -> Self:
        """Read a note."""
        found = json.loads(note)
        return cls(found["new"], found["old"], {unit: ServiceStage[name] for unit, name in found["before"].items()})


class Switch:
    """Moves the link, and moves it back."""

    def __init__(self, layout: Layout, machine: Machine, services: Services) -> None:
        self._layout = layout
        self._machine = machine
        self._services = services

    def way_back(self) -> str:
        """The version that a rollback leads to; empty if there is none.

        A switch that was interrupted is taken back, unless it was a rollback, which goes on.
        """
        trial, previous = self._trial(), _target(self._layout.previous)
        return previous if trial is None or trial.new == previous else trial.old

    def versions(self) -> set[str]:
        """Those that run, or that are gone back to."""
        trial = self._trial()
        return {_target(self._layout.current), _target(self._layout.previous), trial.old if trial else ""}

    def to(self, version: str) -> None:
        """Switch to a version that is built; back, with NotDone, if it does not come as far as the one before."""
        machine, trial = self._machine, self._trial()
        if trial is None and _target(self._layout.current) == version:
            self._point_to(version)
            machine.remove(self._layout.trial)
            machine.say(f"{version} is in use already")
            return
        if trial is not None and trial.old == version:
            self._back(trial)
            return
        if trial is None or trial.new != version:
            # Whatever was tried since, the way back leads to the last version that was confirmed: the old one of the note.
            old, before = (trial.old, trial.before) if trial else (_target(self._layout.current), self._services.stages())
            trial = SwitchTrial(version, old, before)
            machine.write(self._layout.trial, trial.note())
        try:
            self._point_to(version)
            self._prove(trial)
        except KeyboardInterrupt:
            self._back(trial)
            raise
        if trial.old:  # this confirms it, even if the note is not removed any more
            machine.link(self._layout.previous, trial.old)
        machine.remove(self._layout.trial)

    def _prove(self, trial: SwitchTrial) -> None:
        if not trial.old:
            self._services.start_first()
        elif not self._services.restart(trial.before):
            self._back(trial)
            raise NotDone(
                f"{trial.new} did not come as far as {trial.old}, which runs again. "
                f"Why: journalctl -u 'gateway*' --since -10min"
            )

    def _back(self, trial: SwitchTrial) -> None:
        if not trial.old:
            return
        self._machine.say(f"going back to {trial.old}")
        self._point_to(trial.old)
        self._services.restart(trial.before)
        self._machine.remove(self._layout.trial)

    def _point_to(self, version: str) -> None:
        """Make a version the one that starts from now on."""
        layout, machine = self._layout, self._machine
        kept = layout.kept(version)
        machine.sync()
        self._services.install_units(kept)
        machine.link(layout.current, version)
        machine.link(layout.command, layout.current / "bin" / "gateway")

    def _trial(self) -> SwitchTrial | None:
        """The switch that is not confirmed. Once the link to the version before leads to the old one it is."""
        try:
            trial = SwitchTrial.read(self._layout.trial.read_bytes())
        except FileNotFoundError:
            return None
        return None if trial.old and trial.old == _target(self._layout.previous) else trial


def _target(link: Path) -> str:
    """The version that a link leads to; empty if there is no link."""
    return link.readlink().name if link.is_symlink() else ""
