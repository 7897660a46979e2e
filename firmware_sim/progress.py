"""Progress of a run: one line that refreshes itself on a terminal, else a line now and then."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from firmware_sim.publish import FateTally, Link

WATCHED_S: Final = 1.0
UNWATCHED_S: Final = 5.0
CLEAR_LINE: Final = "\r\x1b[K"


@dataclass(slots=True)
class TallyDisplay:
    """The tally as text on standard error.

    :ivar share: tells how much of the run is over, from 0 to 1; None: nobody knows.
    """

    tally: FateTally
    links: Sequence[Link]
    share: Callable[[], float] | None = None
    began_s: float = field(default_factory=time.monotonic)
    _shown_s: float = 0.0
    _shown: int = 0

    async def show(self) -> None:
        """Show it until cancelled."""
        watched = sys.stderr.isatty()
        start, end = (CLEAR_LINE, "") if watched else ("", "\n")
        while True:
            await asyncio.sleep(WATCHED_S if watched else UNWATCHED_S)
            sys.stderr.write(start + self.line() + end)
            sys.stderr.flush()

    def end(self, measured_s: float) -> None:
        """The last word of a run."""
        if sys.stderr.isatty():
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()
        sys.stdout.write(self.summary(measured_s) + "\n")

    def line(self) -> str:
        """Format the progress, with the rate since the line before."""
        run_s = time.monotonic() - self.began_s
        acknowledged = self.tally.acknowledged
        rate = (acknowledged - self._shown) / max(run_s - self._shown_s, 1e-3)
        self._shown_s, self._shown = run_s, acknowledged
        connected = sum(link.connected.is_set() for link in self.links)
        domains = " ".join(f"{domain} {number:,}" for domain, number in sorted(self.tally.by_domain.items()))
        parts = [
            f"{run_s:,.0f} s{self._estimate(run_s)}",
            f"sent {self.tally.measured - self.tally.lost:,}",
            f"acknowledged {acknowledged:,} ({domains or 'none'})",
            f"{rate:,.1f}/s",
            f"waiting {self.tally.waiting:,}",
            f"connected {connected}/{len(self.links)}",
        ]
        if self.tally.lost:
            parts.append(f"lost {self.tally.lost:,}")
        if self.tally.waiting and (trouble := next((link.trouble for link in self.links if not link.connected.is_set()), "")):
            parts.append(trouble)
        return "  ".join(parts)

    def _estimate(self, run_s: float) -> str:
        """The part of the run that is over, and the seconds that the rest takes at this pace."""
        share = self.share() if self.share is not None else 0.0
        return f" ({share:.0%}, {run_s * (1 - share) / share:,.0f} s left)" if 0 < share < 1 else ""

    def summary(self, measured_s: float) -> str:
        """The last word of a run that measured for ``measured_s``."""
        tally = self.tally
        text = f"{tally.measured:,} readings in {measured_s:,.1f} s, {tally.acknowledged:,} acknowledged"
        if tally.lost:
            text += f", {tally.lost:,} lost in devices whose memory was full"
        if tally.refused:
            text += f", {tally.refused:,} refused by the broker"
        if tally.waiting:
            text += f", {tally.waiting:,} not acknowledged and not in the ledger"
        return text


@dataclass(slots=True)
class ShareProgress:
    """The progress of work whose size is known: how much is done, how fast, how long the rest takes.

    :ivar what: the unit, as it stands behind the number.
    """

    total: int
    what: str
    began_s: float = field(default_factory=time.monotonic)
    _shown_s: float = field(default_factory=time.monotonic)

    def reach(self, done: int) -> None:
        """So much is done; show it now and then."""
        now_s = time.monotonic()
        watched = sys.stderr.isatty()
        if now_s - self._shown_s < (WATCHED_S if watched else UNWATCHED_S):
            return
        self._shown_s = now_s
        sys.stderr.write(f"{CLEAR_LINE}{self.line(done, now_s)}" if watched else f"{self.line(done, now_s)}\n")
        sys.stderr.flush()

    def line(self, done: int, now_s: float) -> str:
        """Format the progress."""
        rate = done / max(now_s - self.began_s, 1e-3)
        left = f", {(self.total - done) / rate:,.0f} s left" if rate else ""
        return f"{done:,} of {self.total:,} {self.what} ({done / max(self.total, 1):.0%}), {rate:,.0f}/s{left}"

    def end(self) -> None:
        """Clear the line."""
        if sys.stderr.isatty():
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()
