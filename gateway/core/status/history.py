"""The memory from one look to the next: the last hours of the gateway, the progress of workers, the growth of a store.

The hours are for a chart that is full when a page is opened: six hours of minutes, and a day of silence in quarters of an hour
to compare with. They are about 12 KiB as text, which the shell stores now and then. A worker must advance; what it waits for is
never held against it: a broker, a database or a disk that is away is no reason to restart the gateway.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

_MINUTE_MS: Final = 60_000
_DAY_MIN: Final = 24 * 60
MINUTES_KEPT: Final = 360
SHARE_EVERY_MIN: Final = 15
_SHARES_KEPT: Final = (_DAY_MIN + 60) // SHARE_EVERY_MIN
_NEAR_MIN: Final = 2 * SHARE_EVERY_MIN
"""Distance from a day ago within which a share still compares."""
_FORM: Final = 1


class MinuteCounts(NamedTuple):
    """Readings of a minute, counted since 1970."""

    minute: int
    received: int
    written: int


class SilentShare(NamedTuple):
    """Silent devices of those that should be heard, at a minute."""

    minute: int
    silent: int
    expected: int


class _KeptHistory(msgspec.Struct):
    form: int
    minutes: list[MinuteCounts]
    shares: list[SilentShare]


class History:
    """The last hours."""

    def __init__(self) -> None:
        self._minutes: deque[MinuteCounts] = deque(maxlen=MINUTES_KEPT + 2)
        self._shares: deque[SilentShare] = deque(maxlen=_SHARES_KEPT)
        self._before: tuple[int, int] | None = None
        self._first_minute: int | None = None

    def count(self, now_ms: int, received: int, written: int) -> None:
        """Take the counts since the process began, as they are now: what they grew by belongs to this minute."""
        received_before, written_before = self._before or (received, written)
        self._before = received, written
        if self._first_minute is None:
            self._first_minute = now_ms // _MINUTE_MS
        minute, more = now_ms // _MINUTE_MS, (received - received_before, written - written_before)
        if self._minutes and minute <= self._minutes[-1].minute:  # the same minute, or the clock was set back
            last = self._minutes.pop()
            self._minutes.append(MinuteCounts(last.minute, last.received + more[0], last.written + more[1]))
        else:
            self._minutes.append(MinuteCounts(minute, *more))

    def note_silent(self, now_ms: int, silent: int, expected: int) -> None:
        """Take how many devices are silent now."""
        self._shares.append(SilentShare(now_ms // _MINUTE_MS, silent, expected))

    def minutes(self, now_ms: int) -> list[MinuteCounts]:
        """The whole minutes of the last six hours, oldest first; without those in which the gateway did not run throughout."""
        now = now_ms // _MINUTE_MS
        return [row for row in self._whole() if now - MINUTES_KEPT <= row.minute < now]

    def _whole(self) -> list[MinuteCounts]:
        """All but the minute in which this run began, and the one that goes on."""
        return [row for row in self._minutes if row.minute not in {self._first_minute, self._minutes[-1].minute}]

    def silent_a_day_ago(self, now_ms: int) -> SilentShare | None:
        """The share at this time yesterday; None where it is not known."""
        wanted = now_ms // _MINUTE_MS - _DAY_MIN
        near = [share for share in self._shares if abs(share.minute - wanted) <= _NEAR_MIN and share.expected]
        return min(near, key=lambda share: abs(share.minute - wanted), default=None)

    def text(self) -> str:
        """Everything, as it is stored."""
        return msgspec.json.encode(_KeptHistory(_FORM, self._whole(), list(self._shares))).decode()

    def load(self, text: str) -> None:
        """Take what an earlier run stored; text of another form is left out."""
        try:
            kept = msgspec.json.decode(text, type=_KeptHistory)
        except msgspec.MsgspecError:
            return
        if kept.form == _FORM:
            self._minutes.extendleft(reversed(kept.minutes))
            self._shares.extendleft(reversed(kept.shares))


class WorkerSight(NamedTuple):
    """A worker at one look; its progress changes whenever it advances; it waits for a named thing, or (empty) for work."""

    name: str
    has_work: bool
    progress: float
    waits_for: str


class Liveness:
    """Remembers since when each worker has stood still."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._still: dict[str, tuple[float, float]] = {}

    def stuck(self, sights: Iterable[WorkerSight], now_s: float) -> list[str]:
        """Return the names of the workers that have had work for longer than is patient, and neither advanced nor waited."""
        still = {}
        for sight in sights:
            if sight.has_work and not sight.waits_for:
                progress, since_s = self._still.get(sight.name, (sight.progress, now_s))
                still[sight.name] = (sight.progress, since_s if progress == sight.progress else now_s)
        self._still = still
        return [name for name, (_, since_s) in still.items() if now_s - since_s >= self._patience_s]


_WINDOW_S: Final = 300.0
_LEAST_S: Final = 30.0
"""Growth over less time says nothing: a store grows in steps."""


class Filling:
    """Sizes over the last five minutes."""

    def __init__(self) -> None:
        self._sizes: deque[tuple[float, int]] = deque()

    def note(self, now_s: float, size_bytes: int) -> None:
        """Note a size; a store that became smaller has been emptied, and begins again."""
        if self._sizes and size_bytes < self._sizes[-1][1]:
            self._sizes.clear()
        self._sizes.append((now_s, size_bytes))
        while now_s - self._sizes[0][0] > _WINDOW_S:
            self._sizes.popleft()

    def seconds_left(self, room_bytes: int) -> float | None:
        """Seconds until the store has grown by ``room_bytes`` more; None while it does not grow."""
        if not self._sizes:
            return None
        (first_s, first_bytes), (last_s, last_bytes) = self._sizes[0], self._sizes[-1]
        grown_bytes, took_s = last_bytes - first_bytes, last_s - first_s
        if grown_bytes <= 0 or took_s < _LEAST_S:
            return None
        return max(0, room_bytes) * took_s / grown_bytes
