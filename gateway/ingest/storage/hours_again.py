"""The hours to work out again, by device, as they stand in the file.

Whoever closes hours works them out (:mod:`gateway.runtime.jobs.periods.job`); one of several gateways that does not tells them
to the one that does (:mod:`gateway.runtime.jobs.periods.progress`). Either way they stand here until then, through restarts and
changes of roles.

What was noted of readings that come late is saved each minute. What was noted of rows of the journal is saved before those are
removed: after a kill they are written, and judged, once more.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from math import inf
from typing import Final

import msgspec

from gateway.core.batching.batch import Body, text_of
from gateway.core.readings.replay import AGAIN_MAX, HourRun, LateReadings, merged, runs_of
from gateway.core.readings.steps import HOUR_MS
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database

_AGAIN: Final = "periods.again."
_SAVED_TOGETHER: Final = 200


class DeviceAgain(msgspec.Struct, omit_defaults=True):
    """The hours of a device to work out again; from ``waits_from`` on they are, once a reading comes that follows them."""

    runs: list[HourRun] = []
    waits_from: int | None = None


class HoursAgain:
    """The hours to work out again.

    :ivar waits_from: device → the first hour that waits for its next reading.
    :ivar closed_s: the time of the event loop at which an hour was closed last: what came before and was written afterwards is
        judged once more.
    """

    def __init__(self, database: Database, late: LateReadings, is_registered: Callable[[str], bool]) -> None:
        """Take up what the run before has left in the open database; ``is_registered`` tells which devices have hours."""
        self._database = database
        self._late = late
        self._is_registered = is_registered
        self.closed_s = -inf
        self.waits_from: dict[str, int] = {}
        self._again: dict[str, list[HourRun]] = {}
        self._taken: dict[str, list[HourRun]] = {}
        self._changed: set[str] = set()
        self._saving = asyncio.Lock()
        for name, text in database.run_here(keyvalue.get_prefix, _AGAIN).items():
            device, kept = name.removeprefix(_AGAIN), msgspec.json.decode(text, type=DeviceAgain)
            if kept.runs:
                self._again[device] = kept.runs
            if kept.waits_from is not None:
                self.waits_from[device] = kept.waits_from

    def close(self, until_ms: int) -> None:
        """Take what lies before ``until_ms`` for worked out: a reading of it that comes from now on is late."""
        if until_ms > self._late.closed_ms:
            self._late.close(until_ms)
            self.closed_s = asyncio.get_running_loop().time()

    def wrote(self, body: Body) -> None:
        """Judge once more what had waited and was written just now."""
        if self._late.closed_ms:
            self._late.note_written(text_of(body).split("\n"))

    def mark(self, device: str, runs: Iterable[HourRun]) -> None:
        """Note hours of a device to work out again."""
        marked = merged([*self._again.get(device, ()), *runs])
        if marked:
            oldest = marked[-1][1] - AGAIN_MAX
            self._again[device] = [(max(first, oldest), end) for first, end in marked if end > oldest]
            self._changed.add(device)

    def mark_all(self, devices: Iterable[str], from_ms: int, end_ms: int) -> int:
        """Note all hours of devices between two times, as far back as any is worked out again; return their number."""
        first, end = max(from_ms // HOUR_MS, end_ms // HOUR_MS - AGAIN_MAX), end_ms // HOUR_MS
        for device in devices if first < end else ():
            self.mark(device, [(first, end)])
        return max(0, end - first)

    def wait(self, device: str, hour: int) -> None:
        """Note that an hour of a device waits for its next reading; what waited before that is to be worked out again."""
        first = self.waits_from.get(device)
        if first != hour:
            if first is not None and first < hour:
                self.mark(device, [(first, hour)])
            self.waits_from[device] = hour
            self._changed.add(device)

    def end_waiting(self, device: str, hour: int) -> None:
        """Note that nothing of a device waits any more: what did, up to an hour, is to be worked out again."""
        first = self.waits_from.pop(device, None)
        if first is not None:
            self._changed.add(device)
            if first < hour:
                self.mark(device, [(first, hour)])

    def take(self, closed: int = sys.maxsize) -> Mapping[str, list[HourRun]]:
        """Take the hours before one to work out again, by device. Later ones, and what is marked from now on, wait."""
        again, self._again = self._again, {}
        for device, marked in again.items():
            if taken := [(first, min(end, closed)) for first, end in marked if first < closed]:
                self._taken[device] = merged([*self._taken.get(device, ()), *taken])
            if later := [(max(first, closed), end) for first, end in marked if end > closed]:
                self._again[device] = later
        return self._taken

    async def settle(self) -> None:
        """Note that what was taken is worked out, or told."""
        self._changed |= self._taken.keys()
        self._taken = {}
        await self.save()

    async def save(self) -> None:
        """Save what changed, and what was noted since the last time; :class:`DatabaseFault` if it is not saved."""
        async with self._saving:
            for device, hours in self._late.drain().items():
                if self._is_registered(device):
                    self.mark(device, runs_of(hours))
            while some := list(islice(self._changed, _SAVED_TOGETHER)):
                texts = {_AGAIN + device: self._text(device) for device in some}
                self._changed.difference_update(some)
                is_saved = False
                try:
                    await self._database.run(keyvalue.put_all, texts)
                    is_saved = True
                finally:
                    if not is_saved:
                        self._changed.update(some)

    def _text(self, device: str) -> str | None:
        runs = merged([*self._again.get(device, ()), *self._taken.get(device, ())])
        kept = DeviceAgain(runs, self.waits_from.get(device))
        is_empty = not kept.runs and kept.waits_from is None
        return None if is_empty else msgspec.json.encode(kept).decode()
