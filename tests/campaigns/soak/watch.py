"""Samples of a gateway from outside, each second: what it holds, what it owes, and if its ledger balances."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.system.rig import Gateway

EVERY_S = 1.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """One look.

    :ivar at_s: seconds since the watch began.
    :ivar fault: the name of the fault that is on; empty while there is none.
    :ivar file_bytes: the database file, without its WAL.
    :ivar used_bytes: what the gateway itself says that its journal takes: pages in use and WAL.
    :ivar journaled: readings that wait in the journal.
    :ivar cpu_share: of one core, since the look before.
    """

    at_s: float
    fault: str
    rss_bytes: int
    descriptors: int
    threads: int
    file_bytes: int
    wal_bytes: int
    used_bytes: int
    journaled: int
    cpu_share: float
    pending: int
    received: int
    written: int
    rejected: int
    missing: int

    @property
    def at_rest(self) -> bool:
        """Nothing is wrong and nothing waits."""
        return not self.fault and not self.journaled


@dataclass(frozen=True)
class HeldResources:
    """Resources of a process as the kernel reports them."""

    rss_bytes: int
    descriptors: int
    threads: int
    cpu_s: float


def held_by(pid: int) -> HeldResources:
    """Look into ``/proc``.

    :raises OSError: there is no such process.
    """
    folder = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    if "VmRSS" not in status:
        raise ProcessLookupError(f"process {pid} has just ended")
    ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
    return HeldResources(
        rss_bytes=int(status["VmRSS"].split()[0]) * 1024,
        descriptors=sum(1 for _ in (folder / "fd").iterdir()),
        threads=int(status["Threads"]),
        cpu_s=sum(map(int, ticks)) / _TICKS_PER_S,
    )


def size_of(path: Path) -> int:
    """Bytes of a file, 0 while it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@dataclass
class Watch:
    """Looks each second, in a thread of its own, until it is left.

    :ivar fault: what is on now; who causes it says so here.
    :ivar may_be_away: the gateway itself is being stopped and started.
    :ivar faults: those that are over, each with the seconds at which it began and ended.
    :ivar samples: all that was seen.
    :ivar troubles: what must never be seen, each with its second.
    """

    gate: Gateway
    tell: Callable[[Sample], None] = lambda _: None
    fault: str = ""
    may_be_away: bool = False
    faults: list[tuple[str, float, float]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    _last: tuple[int, float, float] = (0, 0.0, 0.0)

    def __enter__(self) -> Self:
        self.began_s = time.monotonic()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join()

    @property
    def now_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began_s

    def _work(self) -> None:
        while not self._leaving.wait(EVERY_S):
            try:
                sample = self._look()
            except (AssertionError, OSError) as error:
                if not self.may_be_away:
                    self.troubles.append(f"{self.now_s:.0f} s: {str(error).splitlines()[0]}")
            else:
                self.samples.append(sample)
                self.tell(sample)

    def _look(self) -> Sample:
        """One sample.

        :raises AssertionError: the gateway does not answer, or its ledger does not balance.
        """
        pid = self.gate.pid
        assert pid is not None, "the gateway does not run"
        held = held_by(pid)
        cpu_share = self._cpu_share(pid, held.cpu_s)
        ledger = self.gate.ledger()
        return Sample(
            at_s=self.now_s,
            fault=self.fault,
            rss_bytes=held.rss_bytes,
            descriptors=held.descriptors,
            threads=held.threads,
            file_bytes=size_of(self.gate.journal),
            wal_bytes=size_of(self.gate.journal.with_name("journal.db-wal")),
            used_bytes=self.gate.status()["journal"]["bytes"],
            journaled=ledger["pending"]["journal"],
            cpu_share=cpu_share,
            pending=sum(ledger["pending"].values()),
            received=ledger["received"],
            written=ledger["written"],
            rejected=ledger["rejected"],
            missing=ledger["lost"] + ledger["expired"],
        )

    def _cpu_share(self, pid: int, cpu_s: float) -> float:
        before, self._last = self._last, (pid, cpu_s, time.monotonic())
        same = before[0] == pid
        return (cpu_s - before[1]) / (self._last[2] - before[2]) if same else 0.0
