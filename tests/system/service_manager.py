"""A parent that plays systemd: it listens at NOTIFY_SOCKET, and restarts a gateway that gives no sign of life in time."""

import os
import signal
import socket
import time
from pathlib import Path
from typing import Self

import pytest

from tests.system.rig import Gateway
from tests.waiting import until


class PlayedSystemd:
    """The socket, and what was said at it.

    :ivar said: all messages; signs of life are counted instead.
    """

    def __init__(self, folder: Path, watchdog_s: float = 0.0) -> None:
        self.watchdog_s = watchdog_s
        self.runtime = folder / "run"
        self.runtime.mkdir()
        self.address = str(folder / "notify")
        self.said: list[str] = []
        self.signs = 0
        self.last_sign_s = time.monotonic()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)  # noqa: FBT003 - the standard library's call

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def set_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give the environment of a service to what is started from now on."""
        monkeypatch.setenv("NOTIFY_SOCKET", self.address)
        monkeypatch.setenv("RUNTIME_DIRECTORY", str(self.runtime))
        if self.watchdog_s:
            monkeypatch.setenv("WATCHDOG_USEC", str(int(self.watchdog_s * 1e6)))

    def listen(self) -> None:
        """Take all that was said."""
        while True:
            try:
                text = self._socket.recv(4096).decode()
            except BlockingIOError:
                return
            if text == "WATCHDOG=1":
                self.signs += 1
                self.last_sign_s = time.monotonic()
            else:
                self.said.append(text)

    def heard(self, text: str) -> bool:
        """Tell if this was said."""
        self.listen()
        return any(text in line for line in self.said)

    def watch(self, gate: Gateway) -> bool:
        """Restart the gateway as systemd does if no sign of life came in time; tell if that was done."""
        self.listen()
        if time.monotonic() - self.last_sign_s < self.watchdog_s:
            return False
        pid = gate.pid
        assert pid is not None, gate.printed()
        os.kill(pid, signal.SIGABRT)
        gate.wait_ended()
        self.last_sign_s = time.monotonic()
        gate.start()
        return True

    def keeps_quiet_about(self, gate: Gateway, seconds: float) -> None:
        """Watch for so long; fail if the gateway would be restarted."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            assert not self.watch(gate), f"restarted\n{gate.printed()}"
            time.sleep(0.05)

    @property
    def is_subscribed(self) -> bool:
        """True while the file is there that the administrator's upgrade waits for."""
        return (self.runtime / "subscribed").exists()


def wait_until_ready(manager: PlayedSystemd) -> None:
    """Return when the gateway said that it is ready."""
    until(lambda: manager.heard("READY=1"), what="READY=1")
