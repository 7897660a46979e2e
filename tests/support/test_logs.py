"""Logs: their form, their level, and lines that are written now and then."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from gateway.support.config.model import LogSection
from gateway.support.logs import RareLog, set_up_logging


@pytest.fixture(autouse=True)
def _root() -> Iterator[None]:
    """Put the handlers of the tests back."""
    root, access = logging.getLogger(), logging.getLogger("aiohttp.access")
    before = root.handlers[:], root.level, access.level
    yield
    root.handlers[:], root.level = before[0], before[1]
    access.setLevel(before[2])


def test_logs_go_to_standard_error_in_the_form_and_from_the_level_that_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(LogSection(level="debug"))
    set_up_logging(LogSection(level="warning", format="json"))
    log = logging.getLogger("gateway.test")
    log.info("not told")
    try:
        int("why")
    except ValueError:
        log.exception("told %d", 1)
    logging.getLogger("aiohttp.access").info("GET /")
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["level"], found["logger"], found["text"]) == ("error", "gateway.test", "told 1")
    assert "ValueError: invalid literal" in found["trace"]
    assert found["time"].endswith("Z")
    assert len(found["time"]) == len("2026-10-31T00:00:00.000Z")
    set_up_logging(LogSection())
    log.warning("plain")
    logging.getLogger("aiohttp.access").info("GET /")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" WARNING plain")
    assert logging.getLogger().handlers[0].stream is sys.stderr  # type: ignore[attr-defined]


def test_a_line_of_one_key_is_written_once_a_minute(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    rare = RareLog()
    for key, at_s in (("a", 100.0), ("a", 159.9), ("b", 159.9), ("a", 160.0), ("a", 219.9)):
        now_s[0] = at_s
        rare.say(key, logging.WARNING, "%s at %g", key, at_s)
    assert caplog.messages == ["a at 100", "b at 159.9", "a at 160"]
    for number in range(1000):
        rare.say(f"k{number}", logging.DEBUG, "")
    caplog.clear()
    rare.say("a", logging.ERROR, "again: of so many keys none is remembered")
    assert len(caplog.messages) == 1
