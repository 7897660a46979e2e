"""Waiting for a condition with a deadline, never for a span of time."""

import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 30.0
"""For what comes soon, on a machine that is busy with other things: only a failure takes so long."""


def until(condition: Callable[[], object], within_s: float = PATIENCE_S, *, what: str = "") -> None:
    """Return once the condition holds; fail after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what or condition}"
        time.sleep(0.01)
