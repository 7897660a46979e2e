"""The words of the gateway to systemd, or whatever speaks its protocol (sd_notify): ready, alive, stopping, a line of status.

Without ``NOTIFY_SOCKET`` nobody listens, and nothing is said.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

_SUBSCRIBED: Final = "subscribed"


class ServiceManager:
    """The one who started the gateway, and watches it for a sign of life within ``watchdog_s``, 0: it wants none."""

    def __init__(self, address: str, watchdog_s: float, runtime_folder: Path | None) -> None:
        self._address = address
        self.watchdog_s = watchdog_s
        self._mark = runtime_folder / _SUBSCRIBED if runtime_folder is not None else None
        self._status = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The manager that the environment names."""
        told_us, for_pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
        is_ours = for_pid in {"", str(os.getpid())}
        folder = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        watchdog_s = int(told_us) / 1e6 if told_us.isdecimal() and is_ours else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), watchdog_s, Path(folder) if folder else None)

    @property
    def listens(self) -> bool:
        """True if somebody wants to be told."""
        return bool(self._address) or self._mark is not None

    def ready(self) -> None:
        """Say that stores and pages are open."""
        self._say("READY=1")

    def alive(self) -> None:
        """Give a sign of life."""
        self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the gateway ends."""
        self._say("STOPPING=1")

    def status(self, sentence: str) -> None:
        """Say how the gateway is, if that has changed."""
        if sentence != self._status:
            self._status = sentence
            self._say(f"STATUS={' '.join(sentence.split())}")

    def mark_subscribed(self, *, is_subscribed: bool) -> None:
        """Leave a file while the broker has confirmed the subscriptions: who upgrades the gateway waits for it."""
        if self._mark is None or self._mark.exists() == is_subscribed:
            return
        with suppress(OSError):
            self._mark.touch() if is_subscribed else self._mark.unlink()

    def _say(self, text: str) -> None:
        """Send a datagram. A manager that does not take it is no fault of the gateway, which goes on."""
        if not self._address:
            return
        name = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)  # noqa: FBT003 - the standard library's call
            channel.sendto(text.encode(), name)
