"""All targets for a bounded time, side by side on the cores there are; what each did, and what was found."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaigns.fuzz.engines import CHECKOUT, folder_of

TELL_EVERY_S = 10.0
TURN_MIN_S = 5
START_S = 3
"""What a target takes to begin."""
OVERTIME_S = 300
LINES_KEPT = 25
LINE_MAX = 300
QUIET = {"RUST_BACKTRACE": "0"}
"""The MQTT codec panics at text that is not UTF-8, and to tell where takes it longer than all else."""

_PROGRESS = re.compile(rb"#(\d+)\t.*?cov: (\d+)")
_OF_NO_USE = (b"INFO: ", b"WARNING: ", b"stat::", b"Dictionary: ", b"#", b"\t", b"0x", b"Base64: ")
_TOTAL = re.compile(rb"number_of_executed_units: (\d+)")


@dataclass(slots=True)
class Turn:
    """The result of fuzzing one target.

    :ivar edges: branches, or with our own loop lines, that were reached.
    :ivar found: inputs that hit a fault.
    :ivar last: the last lines it said, when it failed.
    """

    target: str
    executions: int = 0
    edges: int = 0
    found: list[Path] = field(default_factory=list)
    status: int | None = None
    last: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Tell if it found anything or did not end as it should."""
        return bool(self.found) or self.status not in {0, None}

    def hear(self, line: bytes) -> None:
        """Take in a line of the engine."""
        if (seen := _PROGRESS.match(line)) is not None:
            self.executions, self.edges = int(seen[1]), int(seen[2])
        elif (total := _TOTAL.search(line)) is not None:
            self.executions = int(total[1])
        elif not line.startswith(_OF_NO_USE):
            self.last = [*self.last[1 - LINES_KEPT :], line.decode(errors="replace").rstrip()[:LINE_MAX]]


class Turns:
    """Gives each target its turn."""

    def __init__(self, targets: Sequence[str], seconds: int, say: Callable[[str], None]) -> None:
        self.turns = [Turn(target) for target in targets]
        self._cores = min(os.cpu_count() or 1, len(targets))
        self._each_s = max(TURN_MIN_S, seconds * self._cores // len(targets) - START_S)
        self._say = say
        self._under_way: dict[str, subprocess.Popen[bytes]] = {}
        self._over = threading.Event()
        self._environment: dict[str, str] = {}

    def run(self) -> list[Turn]:
        """All of them; telling now and then how far they are."""
        rounds = -(-len(self.turns) // self._cores)
        end_s = time.monotonic() + rounds * (self._each_s + START_S)
        with TemporaryDirectory(prefix="gateway-fuzz-") as folder, ThreadPoolExecutor(self._cores) as pool:
            self._environment = os.environ | QUIET | {"TMPDIR": folder}
            done = [pool.submit(self._turn, turn) for turn in self.turns]
            try:
                while not all(one.done() for one in done):
                    self._over.wait(TELL_EVERY_S)
                    self._tell(max(0, round(end_s - time.monotonic())))
            except KeyboardInterrupt:
                self._say("stopped; what was done so far:")
            finally:
                self._over.set()
                for process in list(self._under_way.values()):
                    process.terminate()
        for one in done:
            one.result()
        return self.turns

    def _tell(self, left_s: int) -> None:
        for turn in self.turns:
            if turn.target in self._under_way:
                self._say(f"{turn.target:20} {turn.executions:>10,} inputs {turn.edges:>6,} edges   {left_s} s left in all")

    def _turn(self, turn: Turn) -> None:
        if self._over.is_set():
            return
        folder = folder_of(turn.target)
        before = set(folder.found.glob("*"))
        command = [sys.executable, "-m", "tests.campaigns.fuzz", "one", turn.target, str(self._each_s)]
        with subprocess.Popen(
            command, cwd=CHECKOUT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            self._under_way[turn.target] = process
            watch = threading.Timer(self._each_s + OVERTIME_S, process.kill)
            watch.start()
            assert process.stdout is not None
            for line in process.stdout:
                turn.hear(line)
            turn.status = None if self._over.is_set() else process.wait()
            watch.cancel()
        del self._under_way[turn.target]
        turn.found = sorted(set(folder.found.glob("*")) - before)
        if turn.failed:
            self._say("\n".join([f"{turn.target} FAILED:", *(f"    {line}" for line in turn.last)]))


def table(turns: Sequence[Turn]) -> str:
    """Format the results, a line for each target."""
    lines = [f"{'target':20} {'inputs':>12} {'edges':>8}  found"]
    lines += [
        f"{turn.target:20} {turn.executions:>12,} {turn.edges:>8,}  {len(turn.found) or ('failed' if turn.failed else '-')}"
        for turn in turns
    ]
    return "\n".join([*lines, f"{'all':20} {sum(turn.executions for turn in turns):>12,}"])
