"""Counters: a step that cannot be real, or is not usual, is marked, never mended; and the offset of each counter's sum.

A meter's register only grows, and no faster than the pipe or the feeder allows. A step that breaks this is a reset, a roll-
over, an exchanged meter or one garbage frame; one reading cannot tell which. The value is stored unchanged with
quality bit 4, and the state moves to it only when two more messages confirm it: a garbage frame is forgotten, a reset
accepted. Until then its readings have no sum. Where the width of the register is known, a step that rolling over explains is
marked too, and believed at once.

A step forwards that is merely unusual waits in the same way and then counts in full. One that is impossible never counts: the
sum goes on from the first reading after it.
"""

from array import array
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import isnan, nan
from typing import Final, Literal, Self, cast

from gateway.core.readings.exchanges import NO_PAST, CounterPast, ExchangeEffect, StoredExchange, ToldExchange
from gateway.core.readings.steps import (
    CONFIRMATIONS,
    DAY_MS,
    DOUBTED,
    HOUR_MS,
    SOUND,
    TOO_LATE,
    CounterRule,
    CounterValue,
    Doubt,
    Judgement,
    usual,
)
from gateway.core.readings.sums import FormerOffset, FoundSum, Register, exact, is_beyond, may_lie_behind, offset_at
from schemas.quantities import GROWTH, Growth

_STATES_MAX: Final = 64
"""Most counters remembered for one device, its lanes and channels included."""

_NONE: Final[Mapping[str, Doubt]] = {}
_WIDTH: Final = 5
_TIME, _OFFSET, _BASE, _BASE_TIME = range(1, _WIDTH)
"""The numbers of one counter: value, its time, offset, and the sum and time from which the mean rate is worked out."""


@lru_cache(maxsize=4096)
def _joined(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Names and one more; devices with the same counters share the tuple."""
    return (*names[-_STATES_MAX + 1 :], name)


class CounterState(array):  # type: ignore[type-arg] # it is its numbers: an object around them would cost every device 100 bytes
    """The last believed values of one device's counters, five numbers of each in turn; ``_names`` says whose.

    :ivar awaits: InfluxDB must say first where the sums stood; until then they are not written. ``"asked"``: it was asked.
    :ivar restored_ms: the newest time of a register that an earlier run saved; what that run read after it is not known here.
    :ivar version: grows with each change that must outlive the process: of two records the one with the greater is newer.
    :ivar past: the history needed to work sums out again.
    """

    __slots__ = ("_doubts", "_names", "awaits", "past", "restored_ms", "version")
    _names: tuple[str, ...]
    _doubts: Mapping[str, Doubt]
    awaits: bool | Literal["asked"]
    past: CounterPast
    restored_ms: float
    version: int

    def __new__(cls, *, awaits: bool = False, version: int = 0, past: CounterPast = NO_PAST) -> Self:
        """Start without counters."""
        state = cast("Self", super().__new__(cls, "d"))
        state._names = ()  # noqa: SLF001 - its own
        state._doubts = _NONE  # noqa: SLF001
        state.awaits = awaits
        state.past = past
        state.restored_ms = 0.0
        state.version = version
        return state

    def judge(
        self, name: str, growth: Growth, value: float, time_ms: float, rule: CounterRule | None = None, together: object = None
    ) -> Judgement:
        """Check one value, told as a :class:`CounterValue`, and remember it. One older than the state alters nothing."""
        try:
            at = _WIDTH * self._names.index(name)
        except ValueError:
            self._begin(Register(name, value, time_ms))
            return SOUND
        grown, gap_ms = value - self[at], time_ms - self[at + _TIME]
        # Written out: it is so nearly every time, and what is usual by the table needs no mean.
        if (
            gap_ms > 0
            and 0 <= grown <= growth.usual_per_h * gap_ms / HOUR_MS + growth.step
            and (rule is None or rule.rate_per_h is None or grown <= rule.rate_per_h * gap_ms / HOUR_MS)
            and (not self._doubts or self._dismiss(at, name, value, time_ms))
        ):
            self[at], self[at + _TIME] = value, time_ms
            offset = self[at + _OFFSET]
            return Judgement(suspect=False, offset=offset) if offset else SOUND
        met = CounterValue(name, value, time_ms, growth, rule, together)
        return self._judge_late(at, met) if gap_ms <= 0 else self._judge_step(at, met)

    def exchange(self, told: ToldExchange) -> ExchangeEffect:
        """Note that the meter was exchanged. Where no reading came since, the next one is the first of its successor."""
        effect = ExchangeEffect([], [])
        for name in [name for name in self._names if told.concerns(name)]:
            at = _WIDTH * self._names.index(name)
            doubt = self._doubts.get(name)
            if max(self[at + _TIME], doubt.time_ms if doubt is not None else 0) > told.at_ms:
                effect.later.append(name)  # the successor's readings were judged as a step: work the sums out again
            else:
                self._exchange_now(at, name, told)
                effect.at_once.append(name)
        if effect.names:
            self.past = self.past.with_told(told)
            self.version += 1
        if effect.later:
            self.past = self.past.since(told.at_ms)
        return effect

    def _exchange_now(self, at: int, name: str, told: ToldExchange) -> None:
        offset = self._offset_at(at, name, told.at_ms)
        total = self._total(at) if told.final is None else exact(told.final + offset)
        if not any(former.until_ms == told.at_ms + 1 for former in self.past.formers.get(name, ())):
            self._put_former(name, FormerOffset(told.at_ms + 1, offset, total))
        self._forget_doubt(name)
        self[at + _TIME] = told.at_ms
        if told.register is None:
            self[at], self[at + _OFFSET] = nan, total
        else:
            self[at], self[at + _OFFSET] = told.register, exact(total - told.register)

    def swap(self, worked: Register, read_ms: float) -> bool:
        """Go on with a counter as it was worked out again from readings up to ``read_ms``; False: more must be read first."""
        if worked.name not in self._names:
            return True
        at = _WIDTH * self._names.index(worked.name)
        newer = self[at : at + _WIDTH] if self[at + _TIME] > read_ms else None
        if newer is not None and (isnan(worked.value) or worked.doubt is not None):
            return False
        by = worked.offset - self._offset_at(at, worked.name, worked.time_ms)
        later = [former for former in self.past.formers.get(worked.name, ()) if former.until_ms > worked.time_ms]
        doubt = self._doubts.get(worked.name)
        if doubt is None or doubt.first_ms <= read_ms:
            doubt = worked.doubt
        self._forget_steps(worked.name)
        base, base_ms = (worked.total, worked.time_ms) if worked.base is None else (worked.base, worked.base_ms)
        self[at : at + _WIDTH] = array("d", (worked.value, worked.time_ms, worked.offset, base, base_ms))
        for former in worked.formers:
            self._put_former(worked.name, former)
        if newer is not None:
            self[at : at + _BASE] = array("d", (newer[0], newer[_TIME], exact(newer[_OFFSET] + by)))
            for former in later:
                self._put_former(worked.name, former.raised(by))
        if doubt is not None:
            self._put_doubt(worked.name, doubt)
        self.version += 1
        return True

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
        columns = (self[number::_WIDTH] for number in range(_WIDTH))
        return [
            Register(name, value, time_ms, doubts.get(name), offset, base, base_ms, formers.get(name, ()))
            for name, value, time_ms, offset, base, base_ms in zip(self._names, *columns, strict=True)
        ]

    def believed(self, name: str) -> float | None:
        """The last believed value of a counter; None if there was none."""
        return self[_WIDTH * self._names.index(name)] if name in self._names else None

    @property
    def newest_ms(self) -> float:
        """The newest time of a believed value; 0 when there is none."""
        return max(self[_TIME::_WIDTH], default=0.0)

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

    def take_over(self, found: Mapping[str, FoundSum], exchanges: Iterable[StoredExchange] = ()) -> None:
        """Go on with the sums, and ``exchanges`` from the oldest on, that stand in InfluxDB; a counter without a sum is new."""
        self.awaits = False
        self.version += 1
        for name, last in found.items():
            if name not in self._names:
                self._begin(Register(name, last.register, last.time_ms, None, last.offset))
                continue
            at = _WIDTH * self._names.index(name)
            if last.time_ms >= self[at + _TIME]:
                self._replace(at, name, last)
            elif last.time_ms >= self[at + _BASE_TIME]:
                self._shift(at, name, last.offset - self._offset_at(at, name, last.time_ms))
            else:
                self._follow(at, name, last)
        for exchange in exchanges:
            if exchange.told not in self.past.told:
                self._recall(exchange, found)

    def _recall(self, exchange: StoredExchange, found: Mapping[str, FoundSum]) -> None:
        """Remember an exchange that stands in InfluxDB; where the sums there do not go on from it yet, let it take effect."""
        told = exchange.told
        goes_on = any(last.time_ms > told.at_ms for name, last in found.items() if told.concerns(name))
        if goes_on and not exchange.is_late:
            self.past = self.past.with_told(told)
            return
        self.exchange(told)
        if exchange.is_late:  # readings that were doubted have no sum, but stand there
            self.note_wrong(told.at_ms)

    def _follow(self, at: int, name: str, last: FoundSum) -> None:
        """Judge the first value that was met of a counter by a sum that is older than it."""
        first_ms, offset = self[at + _BASE_TIME], self._offset_at(at, name, self[at + _BASE_TIME])
        met = CounterValue(name, self[at + _BASE] - offset, first_ms, GROWTH[name.partition(",")[0]])
        has_stepped = not isnan(self[at]) and self[at + _OFFSET] != offset
        if has_stepped:  # before it was known what is usual for this counter
            self.note_wrong(last.time_ms)
        if isnan(self[at]):
            self._shift(at, name, last.sum - self[at + _BASE])
        elif met.is_usual_after(last.register, last.time_ms, 0.0):
            self._shift(at, name, last.offset - offset)
            self[at + _BASE], self[at + _BASE_TIME] = last.sum, last.time_ms
        elif has_stepped:  # what confirmed that step is enough to confirm this one
            self._shift(at, name, met.offset_after(last.register, last.time_ms, last.offset, 0.0) - offset)
            self._put_former(name, FormerOffset(first_ms, last.offset, last.sum))
        else:  # as after an exchange that nobody told: doubted like any other step
            doubt = Doubt(self[at], self[at + _TIME], 0, met.value, first_ms)
            self._replace(at, name, last)
            self._put_doubt(name, doubt)

    def _begin(self, register: Register) -> None:
        if len(self._names) >= _STATES_MAX:
            self._forget_steps(self._names[0])
            del self[:_WIDTH]
        name, value, time_ms, _, offset, base, base_ms, _ = register
        self._names = _joined(self._names, name)
        if base is None:
            base, base_ms = offset if isnan(value) else value + offset, time_ms
        self.extend((value, time_ms, offset, base, base_ms))

    def _replace(self, at: int, name: str, last: FoundSum) -> None:
        self._forget_steps(name)
        self[at : at + _WIDTH] = array("d", (last.register, last.time_ms, last.offset, last.sum, last.time_ms))

    def _forget_steps(self, name: str) -> None:
        self._forget_doubt(name)
        self.past = self.past.with_formers(name, ())

    def _shift(self, at: int, name: str, by: float) -> None:
        """Raise all sums of a counter."""
        self[at + _OFFSET] = exact(self[at + _OFFSET] + by)
        self[at + _BASE] += by
        self.past = self.past.with_formers(name, tuple(former.raised(by) for former in self.past.formers.get(name, ())))

    def _dismiss(self, at: int, name: str, value: float, time_ms: float) -> bool:
        """Forget a doubt, for a later reading goes on as if there had been no step; False: it goes on from the step."""
        doubt = self._doubts.get(name)
        if doubt is not None and doubt.first_ms <= time_ms:  # one from before the step says nothing of it
            if self[at] <= doubt.first and doubt.value <= value and doubt.time_ms < time_ms:
                return False
            self._forget_doubt(name)
        return True

    def _forget_doubt(self, name: str) -> None:
        if name in self._doubts:
            self._doubts = {other: doubt for other, doubt in self._doubts.items() if other != name}

    def _total(self, at: int) -> float:
        """The newest sum of a counter."""
        value, offset = float(self[at]), float(self[at + _OFFSET])
        return offset if isnan(value) else value + offset

    def _mean(self, at: int) -> float:
        """The mean rate per ms, of a day at least: a burst in the first hour tells nothing of what is usual."""
        grown, age_ms = self._total(at) - float(self[at + _BASE]), float(self[at + _TIME] - self[at + _BASE_TIME])
        return max(0.0, grown) / max(age_ms, DAY_MS)

    def _offset_at(self, at: int, name: str, time_ms: float) -> float:
        return offset_at(self.past.formers.get(name, ()), time_ms, self[at + _OFFSET])

    def _put_doubt(self, name: str, doubt: Doubt) -> None:
        self.version += 1
        self._doubts = {**self._doubts, name: doubt}

    def _put_former(self, name: str, former: FormerOffset) -> None:
        self.past = self.past.with_former(name, former)

    def _judge_late(self, at: int, met: CounterValue) -> Judgement:
        """Find the offset of a value that is older than the state; it alters nothing, and what was no reading has no sum."""
        offset = self._offset_at(at, met.name, met.time_ms)
        behind, gap_ms = self._total(at) - met.value - offset, self[at + _TIME] - met.time_ms
        if is_beyond(self.past.formers.get(met.name, ()), met.time_ms, met.value):
            self.note_wrong(met.time_ms)
        if may_lie_behind(behind, usual(met.growth, self._mean(at), gap_ms)):
            return Judgement(suspect=False, offset=offset) if offset else SOUND
        return TOO_LATE

    def _judge_step(self, at: int, met: CounterValue) -> Judgement:
        """Judge a value that is newer than the state and not usual by the table."""
        name, value, time_ms = met.name, met.value, met.time_ms
        before, before_ms, offset = self[at : at + _BASE]
        if met.rule is not None and self.past.rules.get(name) != met.rule:
            self.past = self.past._replace(rules={**self.past.rules, name: met.rule})
        if isnan(before):  # exchanged: the slot holds the whole sum
            return self._move(at, met, exact(offset - value), suspect=False)
        if met.is_usual_after(before, before_ms, self._mean(at)) and self._dismiss(at, name, value, time_ms):
            self[at], self[at + _TIME] = value, time_ms
            return Judgement(suspect=False, offset=offset) if offset else SOUND
        if modulus := met.rolled_over(before, before_ms):
            self._doubt_restored(before_ms)
            self._put_former(name, FormerOffset(time_ms, offset, before + offset))
            return self._move(at, met, exact(offset + modulus), suspect=True)
        doubt = self._doubted(at, met)
        if doubt is None:
            return DOUBTED
        is_told = any(told.concerns(name) and before_ms <= told.at_ms <= doubt.first_ms for told in self.past.told)
        step = None if is_told else met.step_after(before, before_ms, doubt)
        if doubt.confirmations < CONFIRMATIONS:
            return DOUBTED._replace(step=step)
        first = met._replace(value=doubt.first, time_ms=doubt.first_ms)
        after = exact(first.offset_after(before, before_ms, offset, self._mean(at)))
        if after != offset:
            self._doubt_restored(before_ms)
            self._put_former(name, FormerOffset(doubt.first_ms, offset, before + offset))
        return self._move(at, met, after, suspect=True)._replace(step=step)

    def _doubt_restored(self, before_ms: float) -> None:
        """Have sums worked out again where a step follows a restored register: the meter may have counted on meanwhile."""
        if before_ms <= self.restored_ms:
            self.note_wrong(before_ms)

    def _move(self, at: int, met: CounterValue, offset: float, *, suspect: bool) -> Judgement:
        """Believe a value after a step."""
        self[at : at + _BASE] = array("d", (met.value, met.time_ms, offset))
        self._forget_doubt(met.name)
        self.version += 1
        return Judgement(suspect, offset)

    def _doubted(self, at: int, met: CounterValue) -> Doubt | None:
        """Remember a step that is not believed yet; None: this value says nothing of it."""
        doubt = self._doubts.get(met.name)
        if doubt is not None and met.time_ms <= doubt.time_ms:
            return None  # a copy of the same frame, or an older one: it confirms nothing
        doubt = met.doubt_after(doubt, *self[at : at + _OFFSET])
        self._put_doubt(met.name, doubt)
        return doubt
