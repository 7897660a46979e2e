"""Waiting for a condition with a deadline, never for a span of time."""

import time
from collections.abc import Callable
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
