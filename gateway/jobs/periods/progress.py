"""The progress of the period job, as it stands in the file: what is closed, and what must be worked out again.

A closed period is written and confirmed by the database. Hours to work out again are kept by device, as runs of hours.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec

from gateway.reports.store import TimeSpan
from gateway.storage import keyvalue
from gateway.storage.database import Database

_PREFIX: Final = "periods."
_AGAIN: Final = "periods.again."
_HOUR: Final = "periods.hour_ms"
_DAY: Final = "periods.day_ms"
_ASKED: Final = "periods.asked_ms"
_HEARD: Final = "periods.heard_ms"
_COMPLETENESS: Final = "periods.completeness"
_NUMBER_MS: Final = 30_000
"""Time in which the number of a writing grows by one at least. A gateway looks a minute after its start."""
_WRITINGS_MAX: Final = 100
"""Periods whose writings are counted: more days than late readings can reach back."""
_SAVED_TOGETHER: Final = 200
_HOURS_MAX: Final = 10_000
"""Hours to work out again of one device, a year and more: `devices resum` may reach far back."""


class DeviceAgain(msgspec.Struct, omit_defaults=True):
    """The hours of a device to work out again.

    :ivar runs: the first hour of each run and the one behind its last; hours since 1970 in UTC.
    :ivar waits_from: the first hour that ended and was not followed by a reading yet; it is worked out when one comes.
    """

    runs: list[tuple[int, int]] = []
    waits_from: int | None = None


class PeriodProgress:
    """The periods that are closed, and those that wait.

    :ivar hour_ms: end of the last closed hour; 0 before the first.
    :ivar day_ms: end of the last closed day; 0 before the first.
    :ivar asked_ms: the time at which the last hour was asked for: later arrivals may change closed periods.
    :ivar heard_ms: the time until which it is known what came late to other gateways; 0: nobody asked.
    :ivar completeness: domain → the share of readings of the newest closed day that arrived.
    :ivar waits_from: device → the first hour that waits for its next reading.
    """

    def __init__(self, database: Database) -> None:
        """Take up what the run before has left; ``database`` is open."""
        self._database = database
        saved = database.run_here(keyvalue.get_prefix, _PREFIX)
        self.hour_ms = int(saved.get(_HOUR, 0))
        self.day_ms = int(saved.get(_DAY, 0))
        self.asked_ms = int(saved.get(_ASKED, 0))
        self.heard_ms = int(saved.get(_HEARD, 0))
        self.completeness = msgspec.json.decode(saved.get(_COMPLETENESS, "{}"), type=dict[str, float])
        self._writings: dict[TimeSpan, int] = {}
        self.waits_from: dict[str, int] = {}
        self._again: dict[str, set[int]] = {}
        self._taken: dict[str, set[int]] = {}
        self._changed: set[str] = set()
        for name, text in saved.items():
            if name.startswith(_AGAIN):
                self._restore(name.removeprefix(_AGAIN), text)

    def _restore(self, device: str, text: str) -> None:
        kept = msgspec.json.decode(text, type=DeviceAgain)
        if kept.runs:
            self._again[device] = {hour for first, end in kept.runs for hour in range(first, end)}
        if kept.waits_from is not None:
            self.waits_from[device] = kept.waits_from

    def begin_anew(self) -> None:
        """Forget which hours and days are closed: another machine may have closed more."""
        self.hour_ms = self.day_ms = 0

    def begin_at(self, at_ms: int) -> None:
        """Leave out what lies before a time."""
        self.hour_ms, self.day_ms = max(self.hour_ms, at_ms), max(self.day_ms, at_ms)

    def number(self, period: TimeSpan, now_ms: int, *, again: bool) -> int:
        """The number of a writing of a month, or of a day or some of its hours.

        It grows with the time, so that it is greater than all before, whatever was killed meanwhile, or lost with the file.

        :param again: some of it may have been written just now.
        """
        grown = 1 + max(0, now_ms - period.start_ms) // _NUMBER_MS
        number = self._writings[period] = max(self._writings.get(period, 0) + again, grown)
        self._writings = dict(sorted(self._writings.items())[-_WRITINGS_MAX:])
        return number

    async def close_hour(self, end_ms: int, asked_ms: int) -> None:
        """Note that an hour is written, of what stood in the database at a time."""
        self.hour_ms, self.asked_ms = end_ms, asked_ms
        values = {
            _HOUR: str(end_ms),
            _ASKED: str(asked_ms),
            _DAY: str(self.day_ms),
        }  # where days begin is saved with the first hour
        await self._database.run(keyvalue.put_all, values)
        await self.save()

    async def note_heard(self, until_ms: int) -> None:
        """Note that all is known that came late to other gateways until a time, and marked."""
        await self.save()
        self.heard_ms = until_ms
        await self._database.run(keyvalue.put, _HEARD, str(until_ms))

    async def close_day(self, end_ms: int) -> None:
        """Note that a day is written."""
        self.day_ms = end_ms
        await self._database.run(keyvalue.put, _DAY, str(end_ms))

    async def keep_completeness(self, completeness: dict[str, float]) -> None:
        """Keep the figures of the newest day."""
        self.completeness = completeness
        await self._database.run(keyvalue.put, _COMPLETENESS, msgspec.json.encode(completeness).decode())

    def mark(self, device: str, hours: Iterable[int]) -> None:
        """Note hours of a device to work out again."""
        marked = self._again.setdefault(device, set())
        marked.update(hours)
        if len(marked) > _HOURS_MAX:
            self._again[device] = set(sorted(marked)[-_HOURS_MAX:])
        self._changed.add(device)

    def wait(self, device: str, hour: int) -> None:
        """Note that an hour of a device waits for its next reading; what waited before that is to be worked out again."""
        first = self.waits_from.get(device)
        if first != hour:
            if first is not None:
                self.mark(device, range(first, hour))
            self.waits_from[device] = hour
            self._changed.add(device)

    def end_waiting(self, device: str, hour: int) -> None:
        """Note that nothing of a device waits any more: what did, up to an hour, is to be worked out again."""
        first = self.waits_from.pop(device, None)
        if first is not None:
            self.mark(device, range(first, hour))

    def take(self) -> Mapping[str, set[int]]:
        """Take all hours to work out again, by device. What is marked from now on is for the next time."""
        for device, marked in self._again.items():
            self._taken.setdefault(device, set()).update(marked)
        self._again = {}
        return self._taken

    async def settle(self) -> None:
        """Note that what was taken is worked out."""
        self._changed |= self._taken.keys()
        self._taken = {}
        await self.save()

    async def save(self) -> None:
        """Save what changed."""
        while self._changed:
            some = list(islice(self._changed, _SAVED_TOGETHER))
            self._changed.difference_update(some)
            await self._database.run(keyvalue.put_all, {_AGAIN + device: self._text(device) for device in some})

    def _text(self, device: str) -> str | None:
        marked = self._again.get(device, set()) | self._taken.get(device, set())
        kept = DeviceAgain(list(runs_of(marked)), self.waits_from.get(device))
        is_empty = not kept.runs and kept.waits_from is None
        return None if is_empty else msgspec.json.encode(kept).decode()


def runs_of(hours: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The runs of hours that follow each other: the first of each, and the one behind its last."""
    first: int | None = None
    last = 0
    for hour in sorted(hours):
        if first is not None and hour != last + 1:
            yield first, last + 1
            first = hour
        first = hour if first is None else first
        last = hour
    if first is not None:
        yield first, last + 1
