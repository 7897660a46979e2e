"""Counters: a step that cannot be real, or is not usual, is marked, never mended; and the offset of each counter's sum.

A meter's register only grows, and no faster than the pipe or the feeder allows. A step that breaks this is a reset, a roll-
over, an exchanged meter or one garbage frame; one reading cannot tell which. The value is stored unchanged with
quality bit 4, and the state moves to it only when two more messages confirm it: a garbage frame is forgotten, a reset
accepted. Until then its readings have no sum. Where the width of the register is known, a step that rolling over explains is
marked too, and believed at once.

A step forwards that is merely unusual waits in the same way. It counts in full if the counter goes on as the step says; the
size of its meter is then known to be no less. Else the sum goes on from the first reading after it, as behind a step that is
impossible, and the step stands to be confirmed by a person.

What is unusual is of the size of a meter and of its mean (:func:`gateway.core.readings.steps.usual`). The registry tells the
size; where it does not, the meter shows it, in three ways: by a rate that readings after a step confirm, by amounts that are
believed and greater than a part of it, and by steps to confirm of which it takes more than anybody would exchange meters.

A value takes one of these ways, and :meth:`CounterState.judge` is their order: it goes on as ever; it is older than the state
(``_judge_late``); it is usual, a roll-over, or was really used (``_judge_step``); or it is doubted (``_judge_doubt``).
"""

from array import array
from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import isnan, nan
from typing import Final

from gateway.core.readings.counter_numbers import BASE, BASE_TIME, FORGETS_MS, OFFSET, SIZE, TIME, WIDTH, CounterNumbers
from gateway.core.readings.steps import (
    CONFIRMATIONS,
    DAY_MS,
    DOUBTED,
    HOUR_MS,
    SOUND,
    TOO_LATE,
    UNUSUAL,
    CounterRule,
    CounterValue,
    Doubt,
    Judgement,
    RegisterStep,
    StepVerdict,
)
from gateway.core.readings.sums import (
    ExchangeEffect,
    FormerOffset,
    FoundSum,
    Register,
    StepState,
    StepToConfirm,
    StoredExchange,
    ToldExchange,
    exact,
    is_beyond,
    may_lie_behind,
)
from schemas.quantities import GROWTH, Growth

_LATE_RATES: Final = 20
"""A late reading may lie behind the newest by so many times the mean rate: what was judged in between was unusual too."""
_HABIT: Final = 2
"""Steps of a counter that stand to be confirmed, from which on their size is a habit: no meter is exchanged so often."""
_HABIT_SIZES: Final = 4
"""Nor is it a habit of a meter to pass so many times its size."""
_ORDINARY: Final = 1 / 4
"""An amount that is believed and greater than this share of its size, beyond what the mean explains, shows a greater size."""
_GROWS_BY: Final = 2
"""So many times greater at most: one amount may be the step of an exchange that is too small to be noticed."""
_SIZE_SHOWN: Final = 1.25
"""The size of a meter is at least so many times the rate that it has shown: as Q4 of a water meter is of its Q3."""


class CounterState(CounterNumbers):
    """The last believed values of one device's counters, and the judge of the next ones."""

    __slots__ = ()

    def judge(
        self, name: str, growth: Growth, value: float, time_ms: float, rule: CounterRule | None = None, together: object = None
    ) -> Judgement:
        """Check one value, told as a :class:`CounterValue`, and remember it. One older than the state alters nothing."""
        try:
            at = WIDTH * self._names.index(name)
        except ValueError:
            self._begin(Register(name, value, time_ms), growth)
            return SOUND
        grown, gap_ms = value - self[at], time_ms - self[at + TIME]
        # Written out: it is so nearly every time. So much is usual in any time, needs no mean, and tells nothing of its size.
        if (
            gap_ms > 0
            and 0 <= grown <= self[at + SIZE] * _ORDINARY
            and (grown <= growth.step or grown <= growth.most_per_h * gap_ms / HOUR_MS + growth.step)
            and (rule is None or rule.is_usual(grown, gap_ms))
            and (not self._doubts or self._dismiss(at, name, value, time_ms))
        ):
            self[at], self[at + TIME] = value, time_ms
            offset = self[at + OFFSET]
            if time_ms - self[at + BASE_TIME] > FORGETS_MS:
                self._forget_first_day(at)
            return Judgement(suspect=False, offset=offset) if offset else SOUND
        size, is_rated = self[at + SIZE], bool(self.rated) and name.partition(",")[0] in self.rated
        if rule is not None and rule.size_per_h is not None and not is_rated:
            shown = size if size > self._size(name, growth) else 0.0
            size, is_rated = max(rule.size_per_h, shown), True
        if rule is not None and rule.rate_per_h is not None:
            size = min(size, rule.rate_per_h)
        met = CounterValue(name, value, time_ms, growth, rule, together, size, is_rated)
        return self._judge_late(at, met) if gap_ms <= 0 else self._judge_step(at, met)

    def exchange(self, told: ToldExchange) -> ExchangeEffect:
        """Note that the meter was exchanged. Where no reading came since, the next one is the first of its successor."""
        effect = ExchangeEffect([], [])
        for name in [name for name in self._names if told.concerns(name)]:
            at = WIDTH * self._names.index(name)
            doubt = self._doubts.get(name)
            if max(self[at + TIME], doubt.time_ms if doubt is not None else 0) > told.at_ms:
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
        self[at + TIME] = told.at_ms
        if told.register is None:
            self[at], self[at + OFFSET] = nan, total
        else:
            self[at], self[at + OFFSET] = told.register, exact(total - told.register)

    def swap(self, worked: Register, read_ms: float, steps: Iterable[StepToConfirm] | None = None) -> bool:
        """Go on with a counter as worked out again up to ``read_ms``, its open ``steps`` (None: as before); False: read on."""
        if worked.name not in self._names:
            return True
        at = WIDTH * self._names.index(worked.name)
        newer = self[at : at + WIDTH] if self[at + TIME] > read_ms else None
        if newer is not None and (isnan(worked.value) or worked.doubt is not None):
            return False
        by = worked.offset - self._offset_at(at, worked.name, worked.time_ms)
        later = [former for former in self.past.formers.get(worked.name, ()) if former.until_ms > worked.time_ms]
        doubt = self._doubts.get(worked.name)
        if doubt is None or doubt.first_ms <= read_ms:
            doubt = worked.doubt
        self._forget_steps(worked.name)
        base, base_ms = (worked.total, worked.time_ms) if worked.base is None else (worked.base, worked.base_ms)
        self[at : at + SIZE] = array("d", (worked.value, worked.time_ms, worked.offset, base, base_ms))
        for former in worked.formers:
            self._put_former(worked.name, former)
        if newer is not None:
            self[at : at + BASE] = array("d", (newer[0], newer[TIME], exact(newer[OFFSET] + by)))
            for former in later:
                self._put_former(worked.name, former.raised(by))
        if doubt is not None:
            self._put_doubt(worked.name, doubt)
        self._take_steps(worked.name, steps, read_ms)
        self.version += 1
        return True

    def _take_steps(self, name: str, steps: Iterable[StepToConfirm] | None, read_ms: float) -> None:
        """Remember the steps of a counter up to a time as they were worked out; those that readings explained are gone."""
        if steps is None:
            return
        found = {step.key: step for step in steps if not any(map(step.is_explained_by, self.past.told))}
        gone = {one.key for one in self.past.steps if one.name == name and one.first_ms <= read_ms and one.key not in found}
        self.past = self.past._replace(
            steps=tuple(
                one.said(StepState.GONE) if one.key in gone and one.state is StepState.OPEN else one for one in self.past.steps
            )
        )
        for step in found.values():
            if self.past.step(*step.key) is None:  # else what a person said meanwhile holds
                self.past = self.past.with_step(step)

    def say_used(self, step: StepToConfirm, *, is_used: bool) -> None:
        """Note what a person says of a step: it was really used, or that is open again. Its sums must be worked out again."""
        self.past = self.past.with_step(step.said(StepState.USED if is_used else StepState.OPEN))
        at = WIDTH * self._names.index(step.name)
        shown = _SIZE_SHOWN * step.held_out if is_used and step.first_ms - step.from_ms <= DAY_MS else 0.0
        self[at + SIZE] = max(self[at + SIZE] if is_used else self._size(step.name), shown)
        self.note_wrong(step.from_ms)

    def doubt_again(self, name: str, growth: Growth, value: float, time_ms: float) -> Judgement:
        """Doubt a value again that was the first after a step to confirm."""
        at = WIDTH * self._names.index(name)
        self._doubted(at, CounterValue(name, value, time_ms, growth, size_per_h=self[at + SIZE]))
        return DOUBTED

    def steps_told(self) -> list[StepToConfirm]:
        """Return the steps that the database does not have as they are, and take them for told."""
        steps = [step for step in self.past.steps if not step.is_told]
        kept = tuple(step._replace(is_told=True) for step in self.past.steps if step.state)
        self.past, self.version = self.past._replace(steps=kept), self.version + bool(steps)
        return steps

    def take_over(
        self, found: Mapping[str, FoundSum], exchanges: Iterable[StoredExchange] = (), steps: Iterable[StepToConfirm] = ()
    ) -> None:
        """Go on with the sums, and ``exchanges`` from the oldest on, that stand in InfluxDB; a counter without a sum is new."""
        self.awaits = False
        self.version += 1
        for name, last in found.items():
            if name not in self._names:
                self._begin(Register(name, last.register, last.time_ms, None, last.offset))
                continue
            at = WIDTH * self._names.index(name)
            if last.time_ms >= self[at + TIME]:
                self._replace(at, name, last)
            elif last.time_ms >= self[at + BASE_TIME]:
                self._shift(at, name, last.offset - self._offset_at(at, name, last.time_ms))
            else:
                self._follow(at, name, last)
        for exchange in exchanges:
            if exchange.told not in self.past.told:
                self._recall(exchange, found)
        for step in steps:
            if self.past.step(*step.key) is None:
                self.past = self.past.with_step(step)

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
        first_ms, offset = self[at + BASE_TIME], self._offset_at(at, name, self[at + BASE_TIME])
        size = self[at + SIZE]
        met = CounterValue(name, self[at + BASE] - offset, first_ms, GROWTH[name.partition(",")[0]], size_per_h=size)
        has_stepped = not isnan(self[at]) and self[at + OFFSET] != offset
        if has_stepped:  # before it was known what is usual for this counter
            self.note_wrong(last.time_ms)
        if isnan(self[at]):
            self._shift(at, name, last.sum - self[at + BASE])
        elif met.is_usual_after(last.register, last.time_ms, None):
            self._shift(at, name, last.offset - offset)
            self[at + BASE], self[at + BASE_TIME] = last.sum, last.time_ms
        elif has_stepped:  # what confirmed that step is enough to confirm this one
            is_possible = met.is_possible_after(last.register, last.time_ms)
            after = last.offset if is_possible else met.offset_after(last.register, last.time_ms, last.offset, 0.0)
            self._shift(at, name, after - offset)
            self._put_former(name, FormerOffset(first_ms, last.offset, last.sum))
        else:  # as after an exchange that nobody told: doubted like any other step
            doubt = Doubt(self[at], self[at + TIME], 0, met.value, first_ms)
            self._replace(at, name, last)
            self._put_doubt(name, doubt)
            self.note_wrong(first_ms)  # the night judges all readings since then, with those that were doubted before

    def _dismiss(self, at: int, name: str, value: float, time_ms: float) -> bool:
        """Forget a doubt, for a later reading goes on as if there had been no step; False: it goes on from the step."""
        doubt = self._doubts.get(name)
        if doubt is not None and doubt.first_ms <= time_ms:  # one from before the step says nothing of it
            if self[at] <= doubt.first and doubt.value <= value and doubt.time_ms < time_ms:
                return False
            self._forget_doubt(name)
        return True

    def _judge_late(self, at: int, met: CounterValue) -> Judgement:
        """Find the offset of a value that is older than the state; it alters nothing, and what was no reading has no sum."""
        offset = self._offset_at(at, met.name, met.time_ms)
        behind, gap_ms = self._total(at) - met.value - offset, self[at + TIME] - met.time_ms
        if is_beyond(self.past.formers.get(met.name, ()), met.time_ms, met.value):
            self.note_wrong(met.time_ms)
        most = max(met.size_per_h, _LATE_RATES * self._mean(at) * HOUR_MS) * max(gap_ms, HOUR_MS) / HOUR_MS
        if may_lie_behind(behind, most):
            return Judgement(suspect=False, offset=offset) if offset else SOUND
        return TOO_LATE

    def _judge_step(self, at: int, met: CounterValue) -> Judgement:
        """Judge a value that is newer than the state and not usual by the table."""
        name, value, time_ms = met.name, met.value, met.time_ms
        before, before_ms, offset = self[at : at + BASE]
        if met.rule is not None and self.past.rules.get(name) != met.rule:
            self.past = self.past._replace(rules={**self.past.rules, name: met.rule})
        if isnan(before):  # exchanged: the slot holds the whole sum
            return self._move(at, met, exact(offset - value), suspect=False)
        mean = self._known_mean(at)
        if met.is_usual_after(before, before_ms, mean) and self._dismiss(at, name, value, time_ms):
            if mean is not None and not met.is_rated:
                beyond = value - before - UNUSUAL * mean * (time_ms - before_ms)
                self[at + SIZE] = min(max(self[at + SIZE], beyond / _ORDINARY), _GROWS_BY * self[at + SIZE])
            self[at], self[at + TIME] = value, time_ms
            if time_ms - self[at + BASE_TIME] > FORGETS_MS:
                self._forget_first_day(at)
            return Judgement(suspect=False, offset=offset) if offset else SOUND
        if modulus := met.rolled_over(before, before_ms):
            self._doubt_restored(before_ms)
            self._put_former(name, FormerOffset(time_ms, offset, before + offset))
            return self._move(at, met, exact(offset + modulus), suspect=True)
        if (known := self.past.step(name, time_ms)) is not None and known.state is StepState.USED:
            return self._move(at, met, offset, suspect=True)
        doubt = self._doubted(at, met)
        return DOUBTED if doubt is None else self._judge_doubt(at, met, doubt)

    def _judge_doubt(self, at: int, met: CounterValue, doubt: Doubt) -> Judgement:
        """Judge a step by the newest of the readings after it."""
        before, before_ms, offset = self[at : at + BASE]
        mean = self._mean(at)
        verdict = met.verdict_after(before, before_ms, doubt, mean)
        step = RegisterStep.of(before, doubt) if verdict is StepVerdict.STEPPED else None
        if any(told.concerns(met.name) and before_ms <= told.at_ms <= doubt.first_ms for told in self.past.told):
            step = None
        if doubt.confirmations < CONFIRMATIONS or verdict is StepVerdict.OPEN:
            return DOUBTED._replace(step=step)
        first = met._replace(value=doubt.first, time_ms=doubt.first_ms)
        known = self.past.step(met.name, doubt.first_ms)
        if verdict is StepVerdict.EXPLAINED and doubt.first >= before and known is None:
            self[at + SIZE] = max(self[at + SIZE], _SIZE_SHOWN * doubt.rate_since * HOUR_MS)
            if not self.awaits:  # what was usual before tells nothing now
                self[at + BASE], self[at + BASE_TIME] = before + offset, before_ms
            return self._move(at, met, offset, suspect=True)
        after = exact(first.offset_after(before, before_ms, offset, mean))
        if not self.awaits:
            self[at + BASE_TIME] += doubt.first_ms - before_ms  # what is held out lowers no mean
        self._doubt_restored(before_ms)
        self._put_former(met.name, FormerOffset(doubt.first_ms, offset, before + offset))
        if (step or known) is not None and after == exact(offset + before - doubt.first):
            found = StepToConfirm(met.name, before, doubt.first, int(before_ms), int(doubt.first_ms))
            self.past = self.past.with_step(found if known is None else known)
            self._learn_habit(at, found)
        return self._move(at, met, after, suspect=True)._replace(step=step)

    def _learn_habit(self, at: int, newest: StepToConfirm) -> None:
        """Learn the size of a meter that is used in bursts, as a hydrant is: its register only rises."""
        steps = [one for one in self.past.steps if one.name == newest.name and one.first_ms <= newest.first_ms]
        most = max((step.held_out for step in steps[-_HABIT:]), default=0.0)
        is_one = all(earlier.before < earlier.after <= later.before for earlier, later in pairwise(steps))
        if len(steps) >= _HABIT and is_one and most <= _HABIT_SIZES * self[at + SIZE]:
            self[at + SIZE] = max(self[at + SIZE], _GROWS_BY * most)

    def _move(self, at: int, met: CounterValue, offset: float, *, suspect: bool) -> Judgement:
        """Believe a value after a step."""
        self[at : at + BASE] = array("d", (met.value, met.time_ms, offset))
        self._forget_doubt(met.name)
        self.version += 1
        return Judgement(suspect, offset)

    def _doubted(self, at: int, met: CounterValue) -> Doubt | None:
        """Remember a step that is not believed yet; None: this value says nothing of it."""
        doubt = self._doubts.get(met.name)
        if doubt is not None and met.time_ms <= doubt.time_ms:
            return None  # a copy of the same frame, or an older one: it confirms nothing
        doubt = met.doubt_after(doubt, *self[at : at + OFFSET])
        self._put_doubt(met.name, doubt)
        return doubt
