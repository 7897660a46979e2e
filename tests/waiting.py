"""Waiting for a condition with a deadline, never for a span of time; and time as it would be on an idle machine."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 30.0
"""For what comes soon, on a machine that is busy with other things: only a failure takes so long."""

_STEP_S: Final = 0.01


def until(condition: Callable[..., object], within_s: float = PATIENCE_S, *, what: str = "") -> None:
    """Return once the condition holds; fail after ``within_s``.

    It is the looks that are counted, so that a busy machine, on which each takes longer, gets as much more time.

    :param condition: called without arguments; it may have defaults, as a lambda in a loop.
    """
    for _ in range(round(within_s / _STEP_S)):
        if condition():
            return
        time.sleep(_STEP_S)
    raise AssertionError(f"not within {within_s:g} s: {what or condition}")


class Stopwatch:
    """The time since it was made, without what this thread stood ready for work while others had the processor."""

    def __init__(self) -> None:
        self._began_s = _undisturbed_s()

    @property
    def took_s(self) -> float:
        """In seconds; on an idle machine what a clock shows."""
        return _undisturbed_s() - self._began_s


def _undisturbed_s() -> float:
    stood_by_ns = int(Path("/proc/thread-self/schedstat").read_text().split()[1])
    return time.monotonic() - stood_by_ns / 1e9
