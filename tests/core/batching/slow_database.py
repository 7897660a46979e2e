"""A database with one worker, and a gateway with a live and a drain lane before it; time goes on in steps of a millisecond."""

from collections import deque
from dataclasses import dataclass, field

from gateway.core.batching.catch_up import DrainShare

_LIVE_EVERY_MS = 10
_MOST_READINGS = 5000


@dataclass
class _Write:
    """Readings on their way: how many, and for live ones when each arrived."""

    readings: int
    live: bool
    began_ms: int
    work_left_ms: float
    arrived_ms: list[int]


@dataclass
class SlowDatabase:
    """The progress of a backlog.

    :ivar per_s: readings that the database can take in a second, one write after the other, in order.
    :ivar away_ms: how long an answer is on its way.
    :ivar live_per_s: live readings.
    :ivar row: readings of a row of the journal; a write holds whole rows.
    """

    per_s: float
    away_ms: int = 0
    live_per_s: int = 1000
    row: int = 10
    each_write_ms: float = 2.0
    live_ms: list[int] = field(default_factory=list)

    def drain(self, backlog: int, within_ms: int) -> int | None:
        """Bring a backlog in; how long that took, None: it is not in yet."""
        share = DrainShare(_MOST_READINGS)
        queue: deque[_Write] = deque()
        answers: list[tuple[int, _Write]] = []
        waiting: list[int] = []
        live_flies, drain_flies = 0, False
        drain_from_ms = live_answer_ms = 0.0
        lately: list[int] = []
        for now_ms in range(within_ms):
            waiting += [now_ms] * (self.live_per_s // 1000)
            if waiting and live_flies < (4 if live_answer_ms > 100 else 1) and now_ms % _LIVE_EVERY_MS == 0:
                queue.append(self._write(waiting, len(waiting), now_ms, live=True))
                waiting, live_flies = [], live_flies + 1
            if backlog > 0 and not drain_flies and now_ms >= drain_from_ms:
                rows = max(1, share.readings // self.row)
                queue.append(self._write([], min(backlog, rows * self.row), now_ms, live=False))
                drain_flies = True
            if queue:
                queue[0].work_left_ms -= 1
                if queue[0].work_left_ms <= 0:
                    answers.append((now_ms + self.away_ms, queue.popleft()))
            while answers and answers[0][0] <= now_ms:
                _, write = answers.pop(0)
                if write.live:
                    live_flies -= 1
                    live_answer_ms += (now_ms - write.began_ms - live_answer_ms) / 8
                    self.live_ms += [now_ms - arrived_ms for arrived_ms in write.arrived_ms]
                    lately.append(now_ms - write.began_ms)
                    continue
                backlog -= write.readings
                share.written((now_ms - write.began_ms) / 1000, sum(lately) / len(lately) / 1000 if lately else None)
                lately, drain_flies, drain_from_ms = [], False, now_ms + share.pause_s * 1000
                if backlog <= 0:
                    return now_ms
        return None

    def _write(self, arrived_ms: list[int], readings: int, now_ms: int, *, live: bool) -> _Write:
        return _Write(readings, live, now_ms, self.each_write_ms + readings / self.per_s * 1000, arrived_ms)

    def live_p99_ms(self) -> int:
        """Of the live readings that were written meanwhile."""
        return sorted(self.live_ms)[len(self.live_ms) * 99 // 100]
