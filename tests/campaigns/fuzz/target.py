"""Targets of fuzzing: each takes any bytes, and raises only when a bug must be fixed.

A target knows nothing of the engine that feeds it. Of what a parser promises it checks all that can be checked for any input:
which errors it may raise, what its result may hold, that two ways to one thing agree, and that no input takes long.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

Run = Callable[[bytes], object]

FOUND = Path(__file__).parent / "found"
"""Inputs that once hit a fault, by target."""
REPEATS = 3


@dataclass(frozen=True, slots=True)
class Target:
    """One parser and what it promises.

    :ivar make: makes ready, which may take long, and gives what takes the inputs.
    :ivar seeds: inputs as they should be, to begin with.
    :ivar slowest_s: the most CPU time that an input may take, three times in a row.
    :ivar longest_bytes: of an input.
    """

    name: str
    make: Callable[[], Run]
    seeds: Callable[[], Iterable[bytes]]
    slowest_s: float = 0.05
    longest_bytes: int = 16384

    def found(self) -> list[bytes]:
        """Inputs that once hit a fault."""
        return [file.read_bytes() for file in sorted((FOUND / self.name).glob("*"))]


class TooSlow(AssertionError):  # noqa: N818 - it says what the input is
    """An input takes longer than any should: more than linear time, most likely."""


def judged(target: Target) -> Run:
    """Wrap a target so that the time of each input is judged too."""
    run = target.make()

    def one(data: bytes) -> None:
        took_s = _timed(run, data)
        if took_s > target.slowest_s:
            took_s = min(_timed(run, data) for _ in range(REPEATS))
        if took_s > target.slowest_s:
            raise TooSlow(f"{took_s * 1000:.0f} ms for {len(data)} bytes; at most {target.slowest_s * 1000:.0f} ms")

    return one


def _timed(run: Run, data: bytes) -> float:
    begun_s = time.thread_time()
    run(data)
    return time.thread_time() - begun_s
