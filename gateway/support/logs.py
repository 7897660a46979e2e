"""Logs: plain lines for people, or a JSON object a line for machines, to standard error; some are written now and then."""

import json
import logging
import sys
import time
from typing import Any, Final

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
