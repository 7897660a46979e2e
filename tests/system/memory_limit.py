"""A control group with a limit of memory, in which the kernel ends what takes more; where this machine lets us make one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import Program
from tests.system.rig import Gateway
from tests.waiting import until

_ROOT: Final = Path("/sys/fs/cgroup")


class NoLimit(Exception):  # noqa: N818 - it reads as the sentence it carries
    """This machine lets us make no such group; the text says why."""


@dataclass(frozen=True)
class MemoryLimit:
    """One group.

    :ivar peak: names the file with the most that it held, page cache included.
    :ivar events: names the file that counts what was ended.
    """

    folder: Path
    peak: str
    events: str

    def put(self, gate: Gateway) -> None:
        """Let a gateway that is not started yet begin in it, with all its children."""
        then = [str(self.folder / "cgroup.procs"), str(gate.program.path), *gate.arguments]
        gate.arguments = ["-c", 'echo $$ > "$0" && exec "$@"', *then]
        gate.program = Program(Path("/bin/sh"))

    @property
    def ended(self) -> int:
        """Processes that the kernel ended for want of memory."""
        counts = dict(line.split() for line in (self.folder / self.events).read_text().splitlines())
        return int(counts["oom_kill"])

    @property
    def peak_bytes(self) -> int:
        """The most that it held."""
        return int((self.folder / self.peak).read_text())


@contextmanager
def memory_limit(limit_bytes: int) -> Iterator[MemoryLimit]:
    """A group below our own (version 1) or beside it (version 2), removed in the end.

    :raises NoLimit: it cannot be made.
    """
    paths = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    first = next((_ROOT / "memory" / path.lstrip("/") for _, kinds, path in paths if "memory" in kinds.split(",")), None)
    second = next((_ROOT / path.lstrip("/") for number, _, path in paths if number == "0"), None)
    if first is not None:
        made, limit = MemoryLimit(first / _name(), "memory.max_usage_in_bytes", "memory.oom_control"), "memory.limit_in_bytes"
    elif second is not None:  # a group with processes in it gives its children no limits
        made, limit = MemoryLimit(second.parent / _name(), "memory.peak", "memory.events"), "memory.max"
    else:
        raise NoLimit("there are no control groups here")
    try:
        made.folder.mkdir()
    except OSError as error:
        raise NoLimit(f"{made.folder}: {error.strerror}; root may") from error
    try:
        try:
            (made.folder / limit).write_text(str(limit_bytes))
        except OSError as error:
            raise NoLimit(f"{made.folder / limit}: {error.strerror}") from error
        yield made
    finally:
        until(lambda: not (made.folder / "cgroup.procs").read_text(), what="nobody is in the group any more")
        made.folder.rmdir()


def _name() -> str:
    return f"gateway-siege-{os.getpid()}"


def held_bytes(pids: list[int]) -> int:
    """The memory of processes, what several share counted once (PSS)."""
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(rollup.partition("\nPss:")[2].split()[0]) * 1024
    return total
