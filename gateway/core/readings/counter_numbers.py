"""The numbers of a device's counters: what is believed of each, what its sum stands on, and what is usual for it.

They are judged and changed in :mod:`gateway.core.readings.counters`.
"""

from array import array
from collections.abc import Mapping
from functools import lru_cache
from math import isnan
from typing import Final, Literal, Self, cast

from gateway.core.readings.steps import DAY_MS, Doubt
from gateway.core.readings.sums import NO_PAST, CounterPast, FormerOffset, FoundSum, Register, exact, offset_at
from schemas.quantities import GROWTH, Growth

_STATES_MAX: Final = 64
"""Most counters remembered for one device, its lanes and channels included."""

_NONE: Final[Mapping[str, Doubt]] = {}
_UNRATED: Final[Mapping[str, float]] = {}
WIDTH: Final = 6
TIME, OFFSET, BASE, BASE_TIME, SIZE = range(1, WIDTH)
"""The numbers of one counter: value, its time, offset; the sum and time from which its mean rate is worked out; its size."""
_UNKNOWN: Final = Growth(0.0, 0.0, 0.0)
_MEMORY_MS: Final = 14 * DAY_MS
FORGETS_MS: Final = _MEMORY_MS + DAY_MS
"""The mean of a counter older than this forgets a day: so a season or a holiday becomes usual within weeks."""


@lru_cache(maxsize=4096)
def _joined(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Names and one more; devices with the same counters share the tuple."""
    return (*names[-_STATES_MAX + 1 :], name)


class CounterNumbers(array):  # type: ignore[type-arg] # it is its numbers: an object around them would cost every device 100 bytes
    """The last believed values of one device's counters, six numbers of each in turn; ``_names`` says whose.

    :ivar awaits: InfluxDB must say first where the sums stood; until then they are not written. ``"asked"``: it was asked.
    :ivar restored_ms: the newest time of a register that an earlier run saved; what that run read after it is not known here.
    :ivar version: grows with each change that must outlive the process: of two records the one with the greater is newer.
    :ivar rated: counter → what the size of its meter passes in an hour, by the registry.
    """

    __slots__ = ("_doubts", "_names", "awaits", "past", "rated", "restored_ms", "version")
    _names: tuple[str, ...]
    _doubts: Mapping[str, Doubt]
    rated: Mapping[str, float]
    awaits: bool | Literal["asked"]
    past: CounterPast
    restored_ms: float
    version: int

    def __new__(cls, *, awaits: bool = False, version: int = 0, past: CounterPast = NO_PAST) -> Self:
        """Start without counters."""
        state = cast("Self", super().__new__(cls, "d"))
        state._names = ()  # noqa: SLF001 - its own
        state._doubts = _NONE  # noqa: SLF001
        state.rated = _UNRATED
        state.awaits = awaits
        state.past = past
        state.restored_ms = 0.0
        state.version = version
        return state

    def rate(self, rated: Mapping[str, float]) -> None:
        """Take the sizes of meters from the registry: what they pass in an hour, by counter. More that was shown stays."""
        if rated == self.rated:
            return
        before, self.rated = [self._size(name) for name in self._names], rated
        for at, name, size in zip(range(SIZE, len(self), WIDTH), self._names, before, strict=True):
            self[at] = self._size(name) if self[at] <= size else max(self[at], self._size(name))

    def _size(self, name: str, growth: Growth | None = None) -> float:
        """Return what the size of a meter passes in an hour, as long as it has shown nothing."""
        field = name.partition(",")[0]
        growth = growth or GROWTH.get(field, _UNKNOWN)
        return max(self.rated.get(field, growth.usual_per_h), growth.step)

    def note_wrong(self, since_ms: float) -> None:
        """Note that the sums since a time, and what was worked out from them, are wrong."""
        self.past = self.past.since(since_ms)
        self.version += 1

    def worked_out(self, since_ms: float, *, is_written: bool) -> None:
        """Note that the sums since a time were worked out again, and if they were written."""
        self.past = self.past.worked_out(since_ms, is_written=is_written)
        self.version += 1

    def registers(self) -> list[Register]:
        """The whole state, in the order that :meth:`restore` takes."""
        doubts, formers = self._doubts, self.past.formers
        columns = (self[number::WIDTH] for number in range(WIDTH))
        return [
            Register(
                *(name, value, time_ms, doubts.get(name), offset, base, base_ms, formers.get(name, ())),
                size if size > self._size(name) else 0.0,
            )
            for name, value, time_ms, offset, base, base_ms, size in zip(self._names, *columns, strict=True)
        ]

    def believed(self, name: str) -> float | None:
        """The last believed value of a counter; None if there was none."""
        return self[WIDTH * self._names.index(name)] if name in self._names else None

    @property
    def newest_ms(self) -> float:
        """The newest time of a believed value; 0 when there is none."""
        return max(self[TIME::WIDTH], default=0.0)

    def restore(self, register: Register) -> None:
        """Restore the state of a counter that was not read since."""
        if register.name in self._names:
            return
        self._begin(register)
        self.restored_ms = max(self.restored_ms, register.time_ms)
        if register.doubt is not None:
            self._doubts = {**self._doubts, register.name: register.doubt}
        for former in register.formers:
            self._put_former(register.name, former)

    def ask_again(self) -> None:
        """Write no sums before InfluxDB was asked: another gateway may have gone on with them."""
        self.awaits = self.awaits or True

    def _begin(self, register: Register, growth: Growth | None = None) -> None:
        if len(self._names) >= _STATES_MAX:
            self._forget_steps(self._names[0])
            del self[:WIDTH]
        name, value, time_ms, _, offset, base, base_ms, _, size = register
        self._names = _joined(self._names, name)
        if base is None:
            base, base_ms = offset if isnan(value) else value + offset, time_ms
        self.extend((value, time_ms, offset, base, base_ms, max(size, self._size(name, growth))))

    def _replace(self, at: int, name: str, last: FoundSum) -> None:
        self._forget_steps(name)
        self[at : at + SIZE] = array("d", (last.register, last.time_ms, last.offset, last.sum, last.time_ms))

    def _forget_steps(self, name: str) -> None:
        self._forget_doubt(name)
        self.past = self.past.with_formers(name, ())

    def _shift(self, at: int, name: str, by: float) -> None:
        """Raise all sums of a counter."""
        self[at + OFFSET] = exact(self[at + OFFSET] + by)
        self[at + BASE] += by
        self.past = self.past.with_formers(name, tuple(former.raised(by) for former in self.past.formers.get(name, ())))

    def _forget_doubt(self, name: str) -> None:
        if name in self._doubts:
            self._doubts = {other: doubt for other, doubt in self._doubts.items() if other != name}

    def _total(self, at: int) -> float:
        value, offset = float(self[at]), float(self[at + OFFSET])
        return offset if isnan(value) else value + offset

    def _mean(self, at: int) -> float:
        """The mean rate per ms, of a day at least: a burst in the first hour tells nothing of what is usual."""
        grown, age_ms = self._total(at) - float(self[at + BASE]), float(self[at + TIME] - self[at + BASE_TIME])
        return max(0.0, grown) / max(age_ms, DAY_MS)

    def _forget_first_day(self, at: int) -> None:
        """Let the mean of an old counter follow what it uses now; it does not change by this."""
        by_ms = self[at + TIME] - self[at + BASE_TIME] - _MEMORY_MS
        self[at + BASE] += self._mean(at) * by_ms
        self[at + BASE_TIME] += by_ms

    def _known_mean(self, at: int) -> float | None:
        """The mean rate per ms of a counter with a day of history; None: it has less."""
        return self._mean(at) if self[at + TIME] - self[at + BASE_TIME] >= DAY_MS else None

    def _offset_at(self, at: int, name: str, time_ms: float) -> float:
        return offset_at(self.past.formers.get(name, ()), time_ms, self[at + OFFSET])

    def _put_doubt(self, name: str, doubt: Doubt) -> None:
        self.version += 1
        self._doubts = {**self._doubts, name: doubt}

    def _put_former(self, name: str, former: FormerOffset) -> None:
        self.past = self.past.with_former(name, former)

    def _doubt_restored(self, before_ms: float) -> None:
        """Have sums worked out again where a step follows a restored register: the meter may have counted on meanwhile."""
        if before_ms <= self.restored_ms:
            self.note_wrong(before_ms)
