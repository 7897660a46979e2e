"""Programs of the system that the installer runs, and signals that come meanwhile."""

import os
import signal
from pathlib import Path

import pytest

from gateway.admin.installation.installer import _hold_signals
from gateway.admin.installation.machine import UNIT, Layout, Machine
from gateway.admin.installation.switch import Services, ServiceStage


def test_what_a_program_says_is_an_answer_where_it_was_asked_for_and_shown_elsewhere(
    capfd: pytest.CaptureFixture[str],
) -> None:
    machine = Machine(dry_run=False)
    assert machine.answer("echo", "asked").strip() == "asked"
    assert capfd.readouterr().out == ""
    assert machine.status("echo", "shown") == 0
    assert capfd.readouterr().out == "shown\n"
    assert machine.status("no-such-program") == 127


def test_a_service_has_subscribed_only_while_systemd_says_that_it_is_active(tmp_path: Path) -> None:
    layout, asked = Layout(tmp_path), []
    layout.subscribed(UNIT).parent.mkdir(parents=True)
    layout.subscribed(UNIT).touch()

    class Systemd(Machine):
        """Says of each unit what is set here."""

        result = 3

        def status(self, *command: str | Path) -> int:
            """Answer."""
            asked.append(command)
            return self.result

        def answer(self, *_: str | Path) -> str:
            """Know the unit."""
            return f"{UNIT} loaded\n"

    (tmp_path / "run" / "systemd" / "system").mkdir(parents=True)
    services = Services(layout, machine := Systemd(dry_run=False), 1.0)
    assert services.stages() == {UNIT: ServiceStage.STOPPED}
    machine.result = 0
    assert services.stages() == {UNIT: ServiceStage.SUBSCRIBED}
    layout.subscribed(UNIT).unlink()
    assert services.stages() == {UNIT: ServiceStage.RUNNING}
    assert set(asked) == {("systemctl", "is-active", "--quiet", UNIT)}


def test_a_signal_to_end_ends_it_in_order_and_a_lost_terminal_does_not() -> None:
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    try:
        _hold_signals()
        os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
