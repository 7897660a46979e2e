"""The gateway's words to the machine it runs on: logs, and whether it is well to systemd, or whatever speaks sd_notify.

Logs go to standard error as plain lines for people, or a JSON object a line for machines; some are written now and then.
Without ``NOTIFY_SOCKET`` nobody listens to the others, and nothing is said.
"""

import json
import logging
import os
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from gateway.support.config.model import LogSection
from schemas.printable import printable


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, text."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        document: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        if record.exc_info:
            document["trace"] = self.formatException(record.exc_info)
        return printable(json.dumps(document, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """One line a record, whatever is in a name; a trace below it, indented so that no line of it looks like a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the base class
        """The line of a record."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - as the base class has it
        """The trace of a record."""
        return "  " + printable(super().formatException(ei), layout=True).replace("\n", "\n  ")


def set_up_logging(config: LogSection) -> None:
    """Send all logs to standard error in the configured form."""
    handler = logging.StreamHandler(sys.stderr)
    text = TextFormatter("%(asctime)s %(levelname)-7s %(message)s")
    handler.setFormatter(JsonFormatter() if config.format == "json" else text)
    logging.basicConfig(level=config.level.upper(), handlers=[handler], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


log = logging.getLogger("gateway")

_EVERY_S: Final = 60.0
_KEYS_MAX: Final = 1000


class RareLog:
    """Writes a line at most once a minute for the same key."""

    def __init__(self) -> None:
        self._last_said_s: dict[str, float] = {}

    def say(self, key: str, level: int, text: str, *args: object) -> None:
        """Log a line, unless one of this key was logged within the last minute."""
        now_s = time.monotonic()
        if now_s - self._last_said_s.get(key, -_EVERY_S) < _EVERY_S:
            return
        if len(self._last_said_s) > _KEYS_MAX:
            self._last_said_s.clear()
        self._last_said_s[key] = now_s
        log.log(level, text, *args)


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
