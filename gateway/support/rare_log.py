"""Log lines that would come with every message: each is written now and then."""

import logging
import time
from typing import Final

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
