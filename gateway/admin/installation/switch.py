"""The switch to another version, which is on trial until it has come as far as the one before.

Theory of operation
-------------------
A note on disk says which version is on trial, which one ran before, and how far each service had come then. It is written
before the link is moved, and removed when the switch is confirmed or taken back. Whoever finds it after an interruption knows
what was going on: the version that is confirmed is the old one of the note, wherever the link leads.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gateway.admin.installation.layout import Layout
from gateway.admin.installation.machine import Machine, NotDone
from gateway.admin.installation.release import SCRIPT
from gateway.admin.installation.services import Services, ServiceStage, ServiceStages


@dataclass(frozen=True, slots=True)
class SwitchTrial:
    """A switch that is not confirmed.

    :ivar old: the version before; empty if there was none.
    :ivar before: the stages that the services had reached with it.
    """

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
            old, before = (trial.old, trial.before) if trial else (_target(self._layout.current), self._services.stages())
            trial = SwitchTrial(version, old, before)
            machine.write(self._layout.trial, trial.note())
        try:
            self._point_to(version)
            self._prove(trial)
        except KeyboardInterrupt:
            self._back(trial)
            raise
        if trial.old:
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
        machine.link(layout.script, kept.relative_to(layout.home) / SCRIPT)
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
