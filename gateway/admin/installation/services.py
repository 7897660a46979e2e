"""The services of the gateway, as systemd sees them."""

import time
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Final

from gateway.admin.installation.layout import LOG_LIMITS, TEMPLATE, UNIT, Layout
from gateway.admin.installation.machine import Machine

_LOOK_EVERY_S: Final = 0.5


class ServiceStage(IntEnum):
    """The stage that a service has reached; a new version must come as far as the one before."""

    STOPPED = 0
    RUNNING = 1
    SUBSCRIBED = 2


ServiceStages = Mapping[str, ServiceStage]
"""Unit → the stage that it has reached."""


class Services:
    """Starts, stops and watches the units."""

    def __init__(self, layout: Layout, machine: Machine, patience_s: float) -> None:
        """Begin; ``patience_s``: in which a new version must have come as far as the old one."""
        self._layout = layout
        self._machine = machine
        self._patience_s = patience_s

    def install_units(self, bundle: Path) -> None:
        """Write the units of a bundle, and the limits of the log."""
        machine, layout, source = self._machine, self._layout, bundle / "deploy" / "systemd"

        def write(path: Path, name: str) -> bool:
            file = source / name
            return machine.write(path, b"" if machine.dry_run and not file.exists() else file.read_bytes())  # none is kept then

        changed = [write(layout.units / name, name) for name in (UNIT, TEMPLATE)]
        log_changed = write(layout.log_limits, LOG_LIMITS)
        if layout.has_systemd and any(changed):
            machine.run("systemctl", "daemon-reload")
        if layout.has_systemd and log_changed:
            machine.run("systemctl", "try-restart", "systemd-journald.service")

    def remove_units(self) -> None:
        """Stop and disable all, and remove the units."""
        machine, layout = self._machine, self._layout
        if layout.has_systemd:
            for unit in self.units():
                machine.run("systemctl", "disable", "--now", unit)
        for path in (layout.units / UNIT, layout.units / TEMPLATE, layout.log_limits):
            machine.remove(path)
        if layout.has_systemd:
            machine.run("systemctl", "daemon-reload")

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
        self._machine.run("systemctl", "enable", UNIT)
        self._machine.run("systemctl", "restart", UNIT)

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
